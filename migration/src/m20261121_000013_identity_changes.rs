//! A log of what happens to those who are signed in, so that an instance may remember them: it reads what has changed since it
//! last asked, in one small statement for everybody. Triggers write it, so that nothing that changes a session, whatever
//! its version, goes past it.
//!
//! Only committed changes can be read, and none may be missed: on PostgreSQL, where a transaction that began earlier may
//! commit later, a change stands under its transaction's id, and readers go back to the oldest transaction that was still
//! under way when they last asked. SQLite has one writer, so that the numbers of its rows are the order of commits.
//!
//! The view tells a reader from where to read next time, from where on no position has been given yet, and by a name that
//! changes, whether it is still the same server: another one may give the same positions again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

const TABLE: &str = "identity_changes";
/// What does not matter to who is signed in: `last_used_at` and `expires_at` change with every refresh.
const OF_SESSIONS: &str = "revoked_at, user_id, application_id, user_agent, ip_address, amr, custom_claims, \
                           token_transport, authenticated_at, created_at, ends_at";
/// Table, change, the column of the log, and what goes into it.
const TRIGGERS: [(&str, &str, &str, &str); 13] = [
    ("sessions", "UPDATE", "session_id", "OLD.id"),
    ("sessions", "DELETE", "session_id", "OLD.id"),
    ("users", "UPDATE", "user_id", "OLD.id"),
    ("users", "DELETE", "user_id", "OLD.id"),
    ("tenant_members", "INSERT", "user_id", "NEW.user_id"),
    ("tenant_members", "DELETE", "user_id", "OLD.user_id"),
    ("tenant_members", "UPDATE", EVERYBODY, "NULL"),
    ("applications", "UPDATE", EVERYBODY, "NULL"),
    ("applications", "DELETE", EVERYBODY, "NULL"),
    ("connections", "UPDATE", EVERYBODY, "NULL"),
    ("connections", "DELETE", EVERYBODY, "NULL"),
    ("application_connections", "UPDATE", EVERYBODY, "NULL"),
    ("application_connections", "DELETE", EVERYBODY, "NULL"),
];
/// A row that names nobody is about everybody.
const EVERYBODY: &str = "session_id";
/// In the order in which a sign-in touches them: whoever is under way ends before this begins.
const TABLES: &str =
    "users, tenant_members, sessions, application_connections, applications, connections";

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
    create(manager, &mut big_integer_null("position")).await?;
    let db = manager.get_connection();
    db.execute_unprepared(&format!(
        "CREATE TRIGGER {TABLE}_position AFTER INSERT ON {TABLE} FOR EACH ROW BEGIN \
         UPDATE {TABLE} SET position = NEW.id WHERE id = NEW.id; END"
    ))
    .await?;
    for (table, change, column, value) in TRIGGERS {
        let (name, event) = (name_of(table, change), event(table, change));
        db.execute_unprepared(&format!(
            "CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW BEGIN \
             INSERT INTO {TABLE} ({column}) VALUES ({value}); END"
        ))
        .await?;
    }
    let next = format!("(SELECT coalesce(max(position), 0) + 1 FROM {TABLE})");
    horizon(manager, &next, &next, "'sqlite'").await
}

async fn on_postgres(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if !has_snapshots(db).await? {
        create(manager, &mut big_integer_null("position")).await?;
        // Nobody writes the log: nothing is remembered there.
        let none = "CAST(NULL AS bigint)";
        return horizon(manager, none, none, "CAST(NULL AS text)").await;
    }
    // All at once and not for long: while this waits, so does whoever comes to write.
    db.execute_unprepared(&format!(
        "SET LOCAL lock_timeout = '20s'; LOCK TABLE {TABLES} IN SHARE ROW EXCLUSIVE MODE; SET LOCAL lock_timeout = 0"
    ))
    .await?;
    let transaction = Expr::cust("pg_current_xact_id()::text::bigint");
    create(manager, big_integer_null("position").default(transaction)).await?;
    let schema: String = ask(db, "quote_ident(current_schema())").await?;
    for (table, change, column, value) in TRIGGERS {
        let (name, event) = (name_of(table, change), event(table, change));
        function(db, &schema, &name, column, value).await?;
        db.execute_unprepared(&format!(
            "CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        ))
        .await?;
    }
    function(db, &schema, "truncate_identity", EVERYBODY, "NULL").await?;
    for table in TABLES.split(", ") {
        db.execute_unprepared(&format!(
            "CREATE TRIGGER {table}_truncate_identity AFTER TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION truncate_identity()"
        ))
        .await?;
    }
    horizon(
        manager,
        "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
        "pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
        &format!("pg_postmaster_start_time()::text || '{TABLE}'::regclass::oid"),
    )
    .await
}

/// As whoever migrates: another role that may write the table need not know of the log. Under no path of the caller's, who could
/// put another table into the place of the log.
async fn function(
    db: &impl ConnectionTrait,
    schema: &str,
    name: &str,
    column: &str,
    value: &str,
) -> Result<(), DbErr> {
    db.execute_unprepared(&format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp \
         AS $$ BEGIN INSERT INTO {schema}.{TABLE} ({column}) VALUES ({value}); RETURN NULL; END $$"
    ))
    .await?;
    Ok(())
}

/// Whether this is PostgreSQL itself and nothing else that speaks its protocol.
pub async fn is_postgres_itself(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let version: String = ask(db, "version()").await?;
    Ok(version.starts_with("PostgreSQL ") && !version.contains("-YB-"))
}

/// Whether this is PostgreSQL 13 or later: others that speak its protocol have no such snapshots, or triggers, or mean
/// something else by them.
async fn has_snapshots(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    if !is_postgres_itself(db).await? {
        return Ok(false);
    }
    let number: String = ask(db, "current_setting('server_version_num')").await?;
    Ok(number.parse().is_ok_and(|number: u32| number >= 130_000))
}

/// What an expression says, as text.
pub async fn ask(db: &impl ConnectionTrait, expression: &'static str) -> Result<String, DbErr> {
    let asked = Query::select()
        .expr_as(Expr::cust(expression), "answer")
        .to_owned();
    match db.query_one(&asked).await? {
        Some(row) => row.try_get("", "answer"),
        None => Ok(String::new()),
    }
}

async fn create(manager: &SchemaManager<'_>, position: &mut ColumnDef) -> Result<(), DbErr> {
    let table = Table::create()
        .table(TABLE)
        .col(big_integer("id").primary_key().auto_increment())
        .col(position)
        // Of everybody, where both are null.
        .col(uuid_null("session_id"))
        .col(uuid_null("user_id"))
        .to_owned();
    manager.create_table(table).await?;
    let index = Index::create()
        .name("identity_changes_position")
        .table(TABLE)
        .col("position")
        .to_owned();
    manager.create_index(index).await
}

async fn horizon(
    manager: &SchemaManager<'_>,
    position: &str,
    next: &str,
    server: &str,
) -> Result<(), DbErr> {
    let view = format!(
        "CREATE VIEW identity_horizon AS SELECT {position} AS position, {next} AS next, {server} AS server"
    );
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
