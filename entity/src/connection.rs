//! A database connection (Auth0's term): a set of accounts and the rules for them.

use sea_orm::entity::prelude::*;

use crate::StringList;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub name: String,
    pub sign_up_enabled: bool,
    pub email_verification_required: bool,
    pub username_required: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_email_domains: StringList,
    #[sea_orm(column_type = "JsonBinary")]
    pub blocked_email_domains: StringList,
    /// `NONE`, `LOW`, `FAIR`, `GOOD` or `EXCELLENT`.
    pub password_strength: String,
    /// Unicode code points.
    pub password_min_length: i32,
    pub password_history: i32,
    pub password_reject_common: bool,
    pub password_reject_personal_data: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub password_dictionary: StringList,
    /// None of its accounts works from then on.
    pub disabled_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
