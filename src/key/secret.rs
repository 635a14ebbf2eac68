//! The secrets of the installation that rest sealed in the database.

use chrono::{DateTime, Utc};
use entity::sealed_secret;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::seal::Sealer;
use super::store::{SIGNING_KEY, open_rows};
use crate::clock::Rng;
use crate::config::MasterKey;
use crate::error::{Error, Result};
use crate::ticket::TicketKey;

const TICKET_KEY: &str = "ticket key";

/// Opens the key that tickets and codes are derived from, or makes it; call it while no other instance can.
///
/// # Errors
/// When the database refuses, or the key was sealed with another master key.
pub async fn ensure_ticket_key(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    rng: &Rng,
    now: DateTime<Utc>,
) -> Result<TicketKey> {
    if let Some(row) = sealed_secret::Entity::find_by_id(TICKET_KEY)
        .one(db)
        .await?
    {
        let key = sealer.open(TICKET_KEY, &row.sealed)?;
        let key = key.as_slice().try_into().map_err(Error::internal)?;
        return Ok(TicketKey::new(key));
    }
    let key = rng.bytes();
    let row = sealed_secret::ActiveModel {
        name: Set(TICKET_KEY.to_owned()),
        sealed: Set(sealer.seal(TICKET_KEY, &key)?),
        created_at: Set(now),
    };
    sealed_secret::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(TicketKey::new(&key))
}

/// Has whoever else changes this installation's keys, or opens it, wait until the transaction ends. It is an update that changes nothing: a lock on every engine that speaks PostgreSQL's
/// protocol, and one that a stricter isolation than *read committed* answers with a failed transaction, to be run again,
/// instead of with what was there before the wait. Before the first start there are no keys, and nothing is held.
///
/// # Errors
/// When the database refuses.
pub async fn hold(tx: &DatabaseTransaction) -> Result<()> {
    sealed_secret::Entity::update_many()
        .col_expr(
            sealed_secret::Column::CreatedAt,
            Expr::col(sealed_secret::Column::CreatedAt),
        )
        .filter(sealed_secret::Column::Name.eq(TICKET_KEY))
        .exec(tx)
        .await?;
    Ok(())
}

/// Opens everything that is sealed in the database, and says how much that is. Makes nothing, no master key either.
///
/// # Errors
/// When the master key is not there or not the one that sealed, or the database does not answer.
pub async fn check_master_key(
    db: &impl ConnectionTrait,
    master_key: &MasterKey,
    rng: &Rng,
) -> Result<usize> {
    let keys = open_rows(db).await?.into_iter();
    let mut sealed: Vec<_> = keys
        .map(|row| (SIGNING_KEY.to_owned(), row.sealed_private_key))
        .collect();
    let secrets = sealed_secret::Entity::find().all(db).await?;
    sealed.extend(secrets.into_iter().map(|row| (row.name, row.sealed)));
    if sealed.is_empty() {
        return Ok(0);
    }
    if let MasterKey::KeptIn(path) = master_key
        && !path.exists()
    {
        let said = format!("the master key is not there: {}", path.display());
        return Err(Error::internal(said));
    }
    let sealer = Sealer::new(master_key, rng.clone())?;
    for (purpose, sealed) in &sealed {
        sealer.open(purpose, sealed)?;
    }
    Ok(sealed.len())
}
