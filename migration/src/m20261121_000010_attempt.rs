//! How often in a row a password was guessed wrong, and when the next guess is looked at.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let attempts = Table::create()
            .table("attempt_counters")
            .col(string("key").primary_key())
            .col(integer("failures"))
            .col(timestamp_with_time_zone("next_at"))
            .col(timestamp_with_time_zone_null("expires_at"))
            .to_owned();
        manager.create_table(attempts).await?;
        let by_end = Index::create()
            .name("attempt_counters_expires_at")
            .table("attempt_counters")
            .col("expires_at")
            .to_owned();
        manager.create_index(by_end).await
    }
}
