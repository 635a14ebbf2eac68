//! A refresh moves the end of its session, and an index on that end makes every refresh write into each index of the table.
//! The clean-up walks along a column of its own instead, which only itself moves; and pages keep room for what changes. The
//! clean-up of the version before works on, and looks through all sessions where it used to take that index.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::m20261121_000013_identity_changes::is_postgres_itself;

/// Percent of a page that rows fill at first. A row of a session is written anew with each refresh, a token's once, with
/// another third of its size.
const FILLED: [(&str, u8); 2] = [("sessions", 80), ("refresh_tokens", 65)];

/// Whoever comes waits behind what waits for a lock.
const PATIENT: &str = "SET LOCAL lock_timeout = '20s'";

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres && is_postgres_itself(db).await? {
            for (table, percent) in FILLED {
                let filled = format!("ALTER TABLE {table} SET (fillfactor = {percent})");
                db.execute_unprepared(&format!("{PATIENT}; {filled}"))
                    .await?;
            }
            // In the order of a sign-in; a later migration changes users.
            let lock = format!("{PATIENT}; LOCK TABLE users, sessions; SET LOCAL lock_timeout = 0");
            db.execute_unprepared(&lock).await?;
        }
        // For sessions that were there before, and for those that the version before opens: the clean-up looks at them soon.
        let due = ColumnDef::new("due_at")
            .timestamp_with_time_zone()
            .not_null()
            .default("1970-01-01 00:00:00+00:00")
            .to_owned();
        let table = Table::alter().table("sessions").add_column(due).to_owned();
        manager.alter_table(table).await?;
        let by_due = Index::create()
            .name("sessions_due")
            .table("sessions")
            .col("due_at")
            .to_owned();
        manager.create_index(by_due).await?;
        let by_end = Index::drop()
            .name("sessions_expires")
            .table("sessions")
            .to_owned();
        manager.drop_index(by_end).await
    }
}
