//! Forward-only migrations, the truth about the schema. They name tables by strings, never by entities: history
//! must not change when an entity does. A change expands first and contracts in a later release, so that the
//! previous version's statements keep working.

mod m20261120_000001_realm;
mod m20261120_000002_account;
mod m20261120_000003_session;
mod m20261120_000004_house;
mod m20261121_000005_ownership;
mod m20261121_000006_administration;
mod m20261121_000007_upkeep;
mod m20261121_000008_transport;
mod m20261121_000009_job_user;
mod m20261121_000010_attempt;
mod m20261121_000011_key_rotation;
mod m20261121_000012_hand_off;
mod m20261121_000013_identity_changes;
mod m20261121_000014_session_due;
mod m20261121_000015_refresh_digest;
mod m20261121_000016_last_sign_in;
mod m20261122_000017_job_verification;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait,
    IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::seaql_migrations;

/// Any number serves, as long as no other program takes the same advisory lock in this database.
const ADVISORY_LOCK: i64 = 0x7665_7374_6962_756c;

/// For the lock, and for each statement of a migration or an epoch on PostgreSQL.
const PATIENCE: &str = "10min";

/// Between two statements, where a key is made. No longer: the tables of whoever fell silent stay locked as long.
const PAUSE: &str = "1min";

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_realm::Migration),
            Box::new(m20261120_000002_account::Migration),
            Box::new(m20261120_000003_session::Migration),
            Box::new(m20261120_000004_house::Migration),
            Box::new(m20261121_000005_ownership::Migration),
            Box::new(m20261121_000006_administration::Migration),
            Box::new(m20261121_000007_upkeep::Migration),
            Box::new(m20261121_000008_transport::Migration),
            Box::new(m20261121_000009_job_user::Migration),
            Box::new(m20261121_000010_attempt::Migration),
            Box::new(m20261121_000011_key_rotation::Migration),
            Box::new(m20261121_000012_hand_off::Migration),
            Box::new(m20261121_000013_identity_changes::Migration),
            Box::new(m20261121_000014_session_due::Migration),
            Box::new(m20261121_000015_refresh_digest::Migration),
            Box::new(m20261121_000016_last_sign_in::Migration),
            Box::new(m20261122_000017_job_verification::Migration),
        ]
    }
}

/// Begins a transaction that only one instance can hold at a time: the others wait for its end. For migrations, and for
/// what nobody may do before they are applied; see [`begin_patiently`] for what is long alone.
///
/// The framework itself takes no lock, so that two instances on an empty database would both create the tables.
///
/// # Errors
/// When the database cannot be reached, or (on SQLite) another writer does not end within the busy timeout.
pub async fn begin_alone(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let tx = begin_patiently(db).await?;
    if db.get_database_backend() == DbBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})");
        tx.execute_unprepared(&lock).await?;
    }
    Ok(tx)
}

/// Begins a transaction whose statements have ten minutes each, for what goes through whole tables; of SQLite it is the
/// one that writes.
///
/// # Errors
/// When the database cannot be reached, or (on SQLite) another writer does not end within the busy timeout.
pub async fn begin_patiently(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        // Whatever the server's default: a stricter one would see, after the lock, what was there before it.
        isolation_level: postgres.then_some(IsolationLevel::ReadCommitted),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    if postgres {
        // Waiting for another's migration, and one of a large table, may take longer than a request's statement.
        tx.execute_unprepared(&format!(
            "SET LOCAL statement_timeout = '{PATIENCE}'; \
             SET LOCAL idle_in_transaction_session_timeout = '{PAUSE}'"
        ))
        .await?;
    }
    Ok(tx)
}

/// Applies what is missing, inside a transaction from [`begin_alone`]. Where a newer program has been here already, nothing
/// is: its schema carries the statements of the version before.
///
/// # Errors
/// When a statement fails; the caller's transaction is then to be dropped, and nothing has changed.
pub async fn apply(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    // The framework refuses a database that holds a migration which it does not know.
    if holds_ours(&Migrator::get_migration_models(tx).await?) {
        return Ok(());
    }
    Migrator::up(tx, None).await
}

/// Whether this is a database of ours: one that holds a migration of ours. A newer program may have applied others.
///
/// # Errors
/// When the database cannot be reached.
pub async fn is_ours(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(false);
    }
    // Not through the framework, which refuses a database that holds a migration which it does not know.
    let applied = seaql_migrations::Entity::find().all(db).await?;
    Ok(applied.iter().any(is_known))
}

/// Whether a newer program has been here: one that applied a migration which this program does not know.
///
/// # Errors
/// When the database cannot be reached, or has never been migrated.
pub async fn is_newer(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let applied = seaql_migrations::Entity::find().all(db).await?;
    Ok(!applied.iter().all(is_known))
}

fn is_known(applied: &seaql_migrations::Model) -> bool {
    let known = Migrator::migrations();
    known.iter().any(|known| known.name() == applied.version)
}

/// Whether every migration that this program knows has been applied; a newer program may have applied more.
///
/// # Errors
/// When the database cannot be reached, or has never been migrated.
pub async fn is_current(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let applied = seaql_migrations::Entity::find().all(db).await?;
    Ok(holds_ours(&applied))
}

fn holds_ours(applied: &[seaql_migrations::Model]) -> bool {
    let is_applied = |name: &str| applied.iter().any(|applied| applied.version == name);
    Migrator::migrations()
        .iter()
        .all(|migration| is_applied(migration.name()))
}
