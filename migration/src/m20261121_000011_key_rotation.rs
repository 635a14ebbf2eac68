//! Signing keys that are published before they sign, and kept until the last token of theirs has expired.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Two statements: SQLite adds one column at a time.
        let signs_from = Table::alter()
            .table("signing_keys")
            .add_column(timestamp_with_time_zone_null("signs_from"))
            .to_owned();
        manager.alter_table(signs_from).await?;
        let longest_ttl = Table::alter()
            .table("signing_keys")
            .add_column(integer("longest_ttl").default(0))
            .to_owned();
        manager.alter_table(longest_ttl).await
    }
}
