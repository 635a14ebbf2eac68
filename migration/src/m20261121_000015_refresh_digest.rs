//! A session's newest refresh token stands with the session: an exchange changes that one row, instead of changing two and
//! inserting a third. Tokens of the versions before stay where they are until they are exchanged.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::m20261121_000013_identity_changes::is_postgres_itself;

/// In the order of a sign-in, for this migration and those after it; whoever comes waits behind what waits for a lock. Who only
/// reads takes them the other way round, for the moment of one statement: a deadlock with it ends one of the two, and either can be
/// run again.
const LOCK: &str =
    "SET LOCAL lock_timeout = '20s'; LOCK TABLE users, sessions; SET LOCAL lock_timeout = 0";

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres && is_postgres_itself(db).await? {
            db.execute_unprepared(LOCK).await?;
        }
        let columns = [
            blob_null("refresh_digest"),
            blob_null("sealed_successor"),
            timestamp_with_time_zone_null("retired_at"),
        ];
        // One by one: SQLite adds no more at once.
        for column in columns {
            let table = Table::alter()
                .table("sessions")
                .add_column(column)
                .to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
