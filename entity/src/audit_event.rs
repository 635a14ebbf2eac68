//! Who changed which credential, session, role or setting, when and from where. Append-only.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: DateTimeUtc,
    pub kind: String,
    /// `anonymous`, `user` or `administrator`.
    pub actor: String,
    /// The user who acted, where that is not (or not only) the user whom it befell.
    pub actor_id: Option<Uuid>,
    /// Whom it befell.
    pub user_id: Option<Uuid>,
    pub session_id: Option<Uuid>,
    pub application_id: Option<Uuid>,
    pub connection_id: Option<Uuid>,
    pub tenant_id: Option<Uuid>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Json,
}

impl ActiveModelBehavior for ActiveModel {}
