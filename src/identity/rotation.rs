//! The exchange of refresh tokens for their successors, many at a time.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{refresh_token, session};
use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, IntoIden, IntoValueTuple, OnConflict, Query, TableRef,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait};
use uuid::Uuid;

use super::padded;
use crate::error::{Error, Result};

/// One token on its way to its successor.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub token: Uuid,
    pub session: Uuid,
    pub successor: Uuid,
    /// Of the successor.
    pub digest: Vec<u8>,
    /// The successor under the token.
    pub sealed: Vec<u8>,
    /// When the successor expires, and the session with it.
    pub expires_at: DateTime<Utc>,
}

/// Exchanges each token whose session is alive, and that nobody has exchanged before; answers the successors that count.
/// Where one token is there twice, one of its successors does.
///
/// # Errors
/// When the database refuses.
pub async fn rotate_all(
    tx: &impl ConnectionTrait,
    rotations: &[Rotation],
    now: DateTime<Utc>,
) -> Result<HashSet<Uuid>> {
    // Sessions first: a revocation that runs beside this is either seen here or sees what is done here. In their order, which
    // the plan need not keep: a deadlock is run again.
    let mut ordered: Vec<&Rotation> = rotations.iter().collect();
    ordered.sort_unstable_by_key(|rotation| rotation.session);
    let alive = touch_sessions(tx, &ordered, now).await?;
    ordered.retain(|rotation| alive.contains(&rotation.session));
    let made = exchange(tx, &ordered, now).await?;
    ordered.retain(|rotation| made.contains(&rotation.successor));
    store(tx, &ordered, now).await?;
    Ok(made)
}

async fn touch_sessions(
    tx: &impl ConnectionTrait,
    rotations: &[&Rotation],
    now: DateTime<Utc>,
) -> Result<HashSet<Uuid>> {
    use session::{Column, Entity};
    let rows = padded(rotations).into_iter();
    let rows = rows.map(|rotation| (rotation.session, rotation.expires_at).into_value_tuple());
    let mut update = Query::update();
    update
        .table(Entity)
        .value(Column::LastUsedAt, now)
        .value(Column::ExpiresAt, given(tx, 2, "timestamptz"))
        .from(TableRef::ValuesList(rows.collect(), GIVEN.into_iden()))
        .and_where(Expr::col((Entity, Column::Id)).eq(given(tx, 1, "uuid")))
        .and_where(Expr::col((Entity, Column::RevokedAt)).is_null())
        .returning_col((Entity, Column::Id));
    let rows = tx.query_all(&update).await?.into_iter();
    Ok(rows
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?)
}

/// Answers the successors that count.
async fn exchange(
    tx: &impl ConnectionTrait,
    rotations: &[&Rotation],
    now: DateTime<Utc>,
) -> Result<HashSet<Uuid>> {
    use refresh_token::{Column, Entity};
    if rotations.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = padded(rotations).into_iter();
    let rows = rows.map(|rotation| {
        (rotation.token, rotation.successor, rotation.sealed.clone()).into_value_tuple()
    });
    let mut update = Query::update();
    update
        .table(Entity)
        .value(Column::RotatedAt, now)
        .value(Column::SuccessorId, given(tx, 2, "uuid"))
        .value(Column::SealedSuccessor, given(tx, 3, "bytea"))
        .from(TableRef::ValuesList(rows.collect(), GIVEN.into_iden()))
        .and_where(Expr::col((Entity, Column::Id)).eq(given(tx, 1, "uuid")))
        .and_where(Expr::col((Entity, Column::RotatedAt)).is_null())
        .returning_col((Entity, Column::SuccessorId));
    let rows = tx.query_all(&update).await?.into_iter();
    Ok(rows
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?)
}

async fn store(
    tx: &impl ConnectionTrait,
    rotations: &[&Rotation],
    now: DateTime<Utc>,
) -> Result<()> {
    use refresh_token::{ActiveModel, Column, Entity};
    if rotations.is_empty() {
        return Ok(());
    }
    let rows = padded(rotations).into_iter();
    let rows = rows.map(|rotation| ActiveModel {
        id: Set(rotation.successor),
        session_id: Set(rotation.session),
        digest: Set(rotation.digest.clone()),
        created_at: Set(now),
        expires_at: Set(rotation.expires_at),
        rotated_at: Set(None),
        successor_id: Set(None),
        sealed_successor: Set(None),
    });
    let stored = Entity::insert_many(rows)
        // Those that fill the list up.
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let all = u64::try_from(rotations.len()).map_err(Error::internal)?;
    if stored == all {
        Ok(())
    } else {
        Err(Error::internal("a new refresh token was there already"))
    }
}

const GIVEN: &str = "given";

/// A column of the list of values. PostgreSQL is told its type, so that the statement says all by itself; SQLite compares
/// values as they were bound.
fn given(tx: &impl ConnectionTrait, number: u32, type_of: &'static str) -> Expr {
    let column = Expr::col((GIVEN, Alias::new(format!("column{number}"))));
    match tx.get_database_backend() {
        DbBackend::Postgres => column.cast_as(type_of),
        _ => column,
    }
}
