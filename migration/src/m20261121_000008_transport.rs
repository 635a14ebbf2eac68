//! How a session's refresh token travels: in the body, or in a cookie.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let transport = string("token_transport").default("BODY").to_owned();
        manager
            .alter_table(
                Table::alter()
                    .table("sessions")
                    .add_column(transport)
                    .to_owned(),
            )
            .await
    }
}
