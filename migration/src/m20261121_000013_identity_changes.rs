//! A log of what happens to those who are signed in, so that an instance may remember them: it reads what has changed since it
//! last asked, in one small statement for everybody. Triggers write it, so that nothing that changes a session, whatever
//! its version, goes past it.
//!
//! Only committed changes can be read, and none may be missed: on PostgreSQL, where a transaction that began earlier may
//! commit later, a change stands under its transaction's id, and readers go back to the oldest transaction that was still
//! under way when they last asked. SQLite has one writer, so that the numbers of its rows are the order of commits.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

const TABLE: &str = "identity_changes";
/// What does not matter to who is signed in: `last_used_at` and `expires_at` change with every refresh.
const OF_SESSIONS: &str = "revoked_at, user_id, application_id, user_agent, ip_address, amr, custom_claims, \
                           token_transport, authenticated_at, created_at, ends_at";
/// Table, change, the column of the log, and what goes into it.
const TRIGGERS: [(&str, &str, Option<&str>, &str); 11] = [
    ("sessions", "UPDATE", Some("session_id"), "OLD.id"),
    ("sessions", "DELETE", Some("session_id"), "OLD.id"),
    ("users", "UPDATE", Some("user_id"), "OLD.id"),
    ("users", "DELETE", Some("user_id"), "OLD.id"),
    ("tenant_members", "INSERT", Some("user_id"), "NEW.user_id"),
    ("tenant_members", "DELETE", Some("user_id"), "OLD.user_id"),
    // Of everybody.
    ("applications", "UPDATE", None, "NULL"),
    ("connections", "UPDATE", None, "NULL"),
    ("application_connections", "DELETE", None, "NULL"),
    ("applications", "DELETE", None, "NULL"),
    ("connections", "DELETE", None, "NULL"),
];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DbBackend::Postgres => on_postgres(manager).await,
            _ => on_sqlite(manager).await,
        }
    }
}

async fn on_sqlite(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut position = big_integer("position");
    create(manager, position.primary_key().auto_increment()).await?;
    let db = manager.get_connection();
    for (table, change, column, value) in TRIGGERS {
        let (name, event) = (name_of(table, change), event(table, change));
        let column = column.unwrap_or("session_id");
        db.execute_unprepared(&format!(
            "CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW BEGIN \
             INSERT INTO {TABLE} ({column}) VALUES ({value}); END"
        ))
        .await?;
    }
    horizon(
        manager,
        &format!("SELECT coalesce(max(position), 0) + 1 AS position FROM {TABLE}"),
    )
    .await
}

async fn on_postgres(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let mut position = big_integer("position");
    if !has_snapshots(db).await? {
        create(manager, &mut position).await?;
        // Nobody writes the log: nothing is remembered there.
        return horizon(manager, "SELECT CAST(NULL AS bigint) AS position").await;
    }
    let transaction = Expr::cust("pg_current_xact_id()::text::bigint");
    create(manager, position.default(transaction)).await?;
    // One transaction may have several changes: there is no key, and a table without one takes no part in logical replication
    // unless it is told how.
    db.execute_unprepared(&format!("ALTER TABLE {TABLE} REPLICA IDENTITY FULL"))
        .await?;
    let index = Index::create()
        .name("identity_changes_position")
        .table(TABLE)
        .col("position")
        .to_owned();
    manager.create_index(index).await?;
    for (table, change, column, value) in TRIGGERS {
        let (name, event) = (name_of(table, change), event(table, change));
        let column = column.unwrap_or("session_id");
        // The path: a restore runs with another one.
        db.execute_unprepared(&format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN \
             INSERT INTO {TABLE} ({column}) VALUES ({value}); RETURN NULL; END $$; \
             CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        ))
        .await?;
    }
    horizon(
        manager,
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS position",
    )
    .await
}

/// Whether this is PostgreSQL itself: others that speak its protocol have no such snapshots, or triggers, or mean
/// something else by them.
async fn has_snapshots(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let asked = Query::select()
        .expr_as(Expr::cust("version()"), "version")
        .to_owned();
    let version: String = match db.query_one(&asked).await? {
        Some(row) => row.try_get("", "version")?,
        None => String::new(),
    };
    Ok(version.starts_with("PostgreSQL ") && !version.contains("-YB-"))
}

async fn create(manager: &SchemaManager<'_>, position: &mut ColumnDef) -> Result<(), DbErr> {
    let table = Table::create()
        .table(TABLE)
        .col(position)
        // Of everybody, where both are null.
        .col(uuid_null("session_id"))
        .col(uuid_null("user_id"))
        .to_owned();
    manager.create_table(table).await
}

/// From where the next question has to read.
async fn horizon(manager: &SchemaManager<'_>, query: &str) -> Result<(), DbErr> {
    let view = format!("CREATE VIEW identity_horizon AS {query}");
    manager.get_connection().execute_unprepared(&view).await?;
    Ok(())
}

fn name_of(table: &str, change: &str) -> String {
    format!("{table}_{}_identity", change.to_lowercase())
}

fn event(table: &str, change: &str) -> String {
    if (table, change) == ("sessions", "UPDATE") {
        format!("UPDATE OF {OF_SESSIONS}")
    } else {
        change.to_owned()
    }
}
