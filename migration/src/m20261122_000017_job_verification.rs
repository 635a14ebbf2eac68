//! Finds the mails of verifications that go with their user.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The very expression of the statement that looks for them.
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE INDEX jobs_verification ON jobs ((task ->> 'verification'))",
            )
            .await?;
        Ok(())
    }
}
