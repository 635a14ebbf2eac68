//! An account: it lives in one connection, and its address is unique there.

use sea_orm::entity::prelude::*;

use crate::StringList;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connection_id: Uuid,
    /// As given by its owner.
    pub email: String,
    /// As compared: lower case, the domain in its ASCII form.
    pub email_key: String,
    pub email_verified_at: Option<DateTimeUtc>,
    pub username: Option<String>,
    pub username_key: Option<String>,
    pub phone_number: Option<String>,
    pub phone_number_verified_at: Option<DateTimeUtc>,
    pub display_name: String,
    pub given_name: Option<String>,
    pub middle_name: Option<String>,
    pub family_name: Option<String>,
    pub avatar_url: Option<String>,
    pub locale: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub app_metadata: Json,
    pub default_role: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: StringList,
    /// A PHC string; none while an invited user has not chosen one.
    pub password_hash: Option<String>,
    pub disabled_at: Option<DateTimeUtc>,
    pub last_sign_in_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
