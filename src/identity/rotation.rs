//! The exchange of refresh tokens for their successors, many at a time.

use std::collections::HashSet;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use entity::session::{Column, Entity};
use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, IntoIden, IntoValueTuple, Query, TableRef, Value,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

use crate::db::{LENGTHS, padded};
use crate::error::Result;

/// One token on its way to its successor.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub session: Uuid,
    /// Of the token.
    pub digest: Vec<u8>,
    /// The successor's digest.
    pub successor: Vec<u8>,
    /// The successor under the token.
    pub sealed: Vec<u8>,
    /// When the successor expires, and the session with it.
    pub expires_at: DateTime<Utc>,
}

/// Exchanges each token that is the newest one of a session that is alive; answers the digests of the successors that count.
/// Where one token is there twice, one of its successors does. 64 tokens at most, in one statement, which needs no
/// transaction around it.
///
/// # Errors
/// When the database refuses.
pub async fn rotate_all(
    db: &impl ConnectionTrait,
    rotations: &[&Rotation],
    now: DateTime<Utc>,
) -> Result<HashSet<Vec<u8>>> {
    if rotations.is_empty() {
        return Ok(HashSet::new());
    }
    // In the order of the sessions, which the plan need not keep: a deadlock is run again.
    let mut ordered = rotations.to_vec();
    ordered.sort_unstable_by_key(|rotation| rotation.session);
    let rows = padded(&ordered);
    let backend = db.get_database_backend();
    let texts = &TEXTS[usize::from(backend == DbBackend::Postgres)];
    let text = texts[rows.len().ilog2() as usize].get_or_init(|| text(backend, rows.len()));
    let mut values = vec![Value::from(now)];
    for rotation in rows {
        let Rotation {
            session,
            digest,
            successor,
            sealed,
            expires_at,
        } = rotation.clone();
        values.extend((session, digest, successor, sealed, expires_at).into_value_tuple());
    }
    values.push(now.into());
    let statement = Statement::from_sql_and_values(backend, text, values);
    let rows = db.query_all_raw(statement).await?.into_iter();
    Ok(rows
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?)
}

/// The statement for one token, two, four and so on; on SQLite, and on PostgreSQL.
static TEXTS: [[OnceLock<String>; LENGTHS]; 2] =
    [const { [const { OnceLock::new() }; LENGTHS] }; 2];

/// The values are the time, then those of so many tokens, and the time again.
fn text(backend: DbBackend, places: usize) -> String {
    let (now, nothing) = (DateTime::<Utc>::default(), Vec::<u8>::new);
    let row = || (Uuid::nil(), nothing(), nothing(), nothing(), now).into_value_tuple();
    let rows = std::iter::repeat_with(row).take(places).collect();
    let given = |number, type_of| given(backend, number, type_of);
    let of = |column| Expr::col((Entity, column));
    // Told by itself that a session is not revoked, PostgreSQL takes a table that it has not looked at yet for one in which
    // most are: it expects one session, and reads all of them against all tokens, a hundred times as long as it need be.
    let ends: Expr = Expr::case(of(Column::RevokedAt).is_null(), of(Column::ExpiresAt)).into();
    let mut update = Query::update();
    update
        .table(Entity)
        .value(Column::LastUsedAt, now)
        .value(Column::RefreshDigest, given(3, "bytea"))
        .value(Column::SealedSuccessor, given(4, "bytea"))
        .value(Column::ExpiresAt, given(5, "timestamptz"))
        .from(TableRef::ValuesList(rows, GIVEN.into_iden()))
        .and_where(of(Column::Id).eq(given(1, "uuid")))
        .and_where(of(Column::RefreshDigest).eq(given(2, "bytea")))
        .and_where(ends.gt(now))
        .returning_col((Entity, Column::RefreshDigest));
    backend.build(&update).sql
}

const GIVEN: &str = "given";

/// A column of the list of values. PostgreSQL is told its type, so that the statement says all by itself; SQLite compares
/// values as they were bound.
fn given(backend: DbBackend, number: u32, type_of: &'static str) -> Expr {
    let column = Expr::col((GIVEN, Alias::new(format!("column{number}"))));
    match backend {
        DbBackend::Postgres => column.cast_as(type_of),
        _ => column,
    }
}
