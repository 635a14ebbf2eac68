//! How often something happened in the current window of one key; shared by all instances, kept over restarts.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "limit_counters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub count: i32,
    pub window_ends_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
