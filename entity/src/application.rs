//! An application: one client of the front door, named by its client id (RFC 6749 section 2.2).

use sea_orm::entity::prelude::*;

use crate::StringList;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "applications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub client_id: String,
    pub name: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_redirect_urls: StringList,
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_origins: StringList,
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: StringList,
    #[sea_orm(column_type = "JsonBinary")]
    pub sign_up_roles: StringList,
    pub default_role: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_custom_claims: StringList,
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_template_options: StringList,
    pub password_in_reset_request_allowed: bool,
    /// Seconds.
    pub access_token_ttl: i32,
    /// Seconds, sliding.
    pub refresh_token_ttl: i32,
    /// Nobody comes in through it, and its tokens work nowhere, from then on.
    pub disabled_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
