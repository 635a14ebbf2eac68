//! Something happened to somebody who may be signed in. Triggers write these rows: see the migration.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_changes")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Given by the database: on PostgreSQL the id of the transaction, on SQLite the number of the row.
    pub position: Option<i64>,
    pub session_id: Option<Uuid>,
    /// Everybody, where this and `session_id` are null.
    pub user_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
