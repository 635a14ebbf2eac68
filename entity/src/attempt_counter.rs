//! Wrong passwords in a row, for one account or one login that is nobody's; shared by all instances, kept over restarts.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt_counters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Evaluated since the last right one.
    pub failures: i32,
    /// No guess is looked at before.
    pub next_at: DateTimeUtc,
    /// Forgotten then; an account's is kept until a right password or a reset.
    pub expires_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
