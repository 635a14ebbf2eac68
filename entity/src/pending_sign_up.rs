//! What one sign-up asked for, kept until its mail is answered. No user exists before that.

use sea_orm::entity::prelude::*;

use crate::StringList;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_sign_ups")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub verification_id: Uuid,
    pub password_hash: String,
    /// As wished; it is reserved for nobody before the mail is answered.
    pub username: Option<String>,
    pub phone_number: Option<String>,
    pub display_name: String,
    pub given_name: Option<String>,
    pub middle_name: Option<String>,
    pub family_name: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    pub default_role: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: StringList,
}

impl ActiveModelBehavior for ActiveModel {}
