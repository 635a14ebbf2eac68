//! What becomes of the hand-off of a verification to the device that waits for it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A statement each: SQLite adds one column at a time.
        for mut column in [
            timestamp_with_time_zone_null("handoff_approved_at"),
            timestamp_with_time_zone_null("handoff_closed_at"),
            uuid_null("handoff_event_id"),
        ] {
            let add = Table::alter()
                .table("verifications")
                .add_column(&mut column)
                .to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
