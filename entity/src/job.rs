//! The outbox: work that a committed change asks for, written in the same transaction as that change.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The sentence, with ids only: no address, no ticket, no code.
    #[sea_orm(column_type = "JsonBinary")]
    pub task: Json,
    pub attempts: i32,
    /// Not before this time; pushed back after a failure.
    pub run_at: DateTimeUtc,
    /// Some worker holds it until then; after that it counts as abandoned.
    pub claimed_until: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub done_at: Option<DateTimeUtc>,
    /// Given up: `last_error` says why.
    pub buried_at: Option<DateTimeUtc>,
    pub last_error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
