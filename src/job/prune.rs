//! Deletes what has had its time, and notes when to look at a session again, in small statements: none of them holds up
//! a request for long, and each one is served by an index. Each repeats its condition: what was used again after it had
//! been found stays.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attempt_counter, audit_event, identity_change, job, limit_counter, refresh_token, session,
    verification,
};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, IntoCondition, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use uuid::Uuid;

use super::restored;
use crate::error::{Error, Result};
use crate::event::earliest_id;

/// Rows that one statement deletes.
const BATCH: u64 = 500;
/// Statements in a row; then whoever waits for the database comes first.
const STATEMENTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);
/// Sessions stay at least so long after they have ended or run out, with their refresh tokens: a used one that comes
/// back is told from an unknown one.
const SESSIONS: TimeDelta = TimeDelta::days(30);
/// Requests for a mail stay so long after their link has run out, redeemed or not.
const VERIFICATIONS: TimeDelta = TimeDelta::days(7);
/// Mails stay so long after they were sent. One that was given up stays until somebody tries it again or discards it, and no
/// longer than the request that it was for.
const JOBS: TimeDelta = TimeDelta::days(30);

/// Changes of identities that are left alone: shortening their log makes every instance look everybody up again.
const LOG: u64 = 1_000;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    /// Rows.
    pub(super) gone: u64,
    /// The first, where something could not be deleted.
    pub(super) failure: Option<Error>,
}

impl Pruned {
    fn note(&mut self, kind: &'static str, gone: Result<u64>) {
        match gone {
            Ok(gone) => self.gone += gone,
            Err(error) => {
                let cause = error.cause();
                tracing::warn!(
                    kind,
                    cause,
                    "rows that have had their time cannot be deleted"
                );
                self.failure.get_or_insert(error);
            }
        }
    }
}

/// Goes on until nothing is left of what has had its time now; what fails with one kind of rows keeps none of the others.
/// Events of the audit trail stay for so many days; for ever with 0.
pub(super) async fn prune(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    audit_days: u32,
) -> Pruned {
    let mut pruned = Pruned::default();
    pruned.note("verifications", old_verifications(db, now).await);
    pruned.note("revoked sessions", revoked_sessions(db, now).await);
    pruned.note("expired sessions", expired_sessions(db, now).await);
    let done = job::Column::DoneAt.lte(now - JOBS);
    let gone = delete::<job::Entity>(db, job::Column::Id, done).await;
    pruned.note("jobs", gone);
    let run_out = limit_counter::Column::WindowEndsAt.lte(now);
    let gone = delete::<limit_counter::Entity>(db, limit_counter::Column::Key, run_out).await;
    pruned.note("counters of limits", gone);
    let forgotten = attempt_counter::Column::ExpiresAt.lte(now);
    let gone = delete::<attempt_counter::Entity>(db, attempt_counter::Column::Key, forgotten).await;
    pruned.note("counters of attempts", gone);
    pruned.note("changes of identities", shorten_log(db, now).await);
    // Last: whoever has just shortened its days has the most of these.
    if audit_days > 0 {
        let oldest = earliest_id(now - TimeDelta::days(audit_days.into()));
        let old = audit_event::Column::Id.lt(oldest);
        let gone = delete::<audit_event::Entity>(db, audit_event::Column::Id, old).await;
        pruned.note("events", gone);
    }
    pruned
}

/// Between a statement and the next.
async fn rest_after(statements: u32) {
    if statements.is_multiple_of(STATEMENTS) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// With the mails for them that were given up: those can never leave any more, and nobody could tell later whose address is in
/// the answer of the mail server.
async fn old_verifications(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    use verification::{Column, Entity};
    let over = Column::ExpiresAt.lte(now - VERIFICATIONS);
    let mut gone = 0;
    for number in 1.. {
        let some: Vec<Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(over.clone())
            .limit(BATCH)
            .into_tuple()
            .all(db)
            .await?;
        if some.is_empty() {
            break;
        }
        gone += super::forget_unsent(db, &some).await?;
        let is_last = some.len() < BATCH as usize;
        let old = Entity::delete_many()
            .filter(Column::Id.is_in(some))
            .filter(over.clone());
        gone += old.exec(db).await?.rows_affected;
        if is_last {
            break;
        }
        rest_after(number).await;
    }
    Ok(gone)
}

async fn revoked_sessions(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    use session::{Column, Entity};
    let over = Column::RevokedAt.lte(now - SESSIONS);
    let mut gone = 0;
    for number in 1.. {
        let some: Vec<Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(over.clone())
            .limit(BATCH)
            .into_tuple()
            .all(db)
            .await?;
        let is_last = some.len() < BATCH as usize;
        gone += delete_sessions(db, &some, over.clone()).await?;
        if is_last {
            break;
        }
        rest_after(number).await;
    }
    Ok(gone)
}

/// Sessions that may have expired: of those that were refreshed meanwhile is noted when to look again. No index can stand on
/// the end itself, or every refresh would move its entry.
async fn expired_sessions(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    use session::{Column, Entity};
    let long_ago = now - SESSIONS;
    let mut gone = 0;
    for number in 1.. {
        let due: Vec<(Uuid, DateTime<Utc>)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::ExpiresAt])
            .filter(Column::DueAt.lte(long_ago))
            .limit(BATCH)
            .into_tuple()
            .all(db)
            .await?;
        if due.is_empty() {
            break;
        }
        let is_last = due.len() < BATCH as usize;
        let expired = due.iter().filter(|(_, expires_at)| *expires_at <= long_ago);
        let expired = Vec::from_iter(expired.map(|(id, _)| *id));
        gone += delete_sessions(db, &expired, Column::ExpiresAt.lte(long_ago)).await?;
        Entity::update_many()
            .col_expr(Column::DueAt, Expr::col(Column::ExpiresAt))
            .filter(Column::Id.is_in(due.into_iter().map(|(id, _)| id)))
            .exec(db)
            .await?;
        if is_last {
            break;
        }
        rest_after(number).await;
    }
    Ok(gone)
}

/// Those of a batch that are still over. Before them go the refresh tokens that versions before kept in rows of their own,
/// thousands for a session: left to the session's own end, they would go with the whole batch in one statement.
async fn delete_sessions(
    db: &impl ConnectionTrait,
    some: &[Uuid],
    over: impl IntoCondition,
) -> Result<u64> {
    if some.is_empty() {
        return Ok(0);
    }
    let theirs = refresh_token::Column::SessionId.is_in(some.iter().copied());
    let gone = delete::<refresh_token::Entity>(db, refresh_token::Column::Id, theirs).await?;
    let sessions = session::Entity::delete_many()
        .filter(session::Column::Id.is_in(some.iter().copied()))
        .filter(over.into_condition());
    Ok(gone + sessions.exec(db).await?.rows_affected)
}

/// Changes that every reader knows by now or is told of as a whole: an instance that has not looked for long finds a change
/// of everybody, which was there before the first row went.
async fn shorten_log(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    use identity_change::{Column, Entity};
    // Before the rows that tell of it go.
    if restored::came_without_epoch(db, now).await? {
        tracing::warn!(
            "this database came from another server, and no epoch has begun since: where a copy was restored, what was \
             revoked after it lives again, until `vestibule epoch next`"
        );
    }
    let mut gone = delete::<Entity>(db, Column::Id, restored::foreign()).await?;
    let horizon: Option<i64> = match db.query_one(&restored::of_horizon("position")).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => None,
    };
    let Some(horizon) = horizon else {
        return Ok(gone);
    };
    let settled = Column::Position.lt(horizon);
    let past = Entity::find()
        .filter(settled.clone())
        .order_by_asc(Column::Position)
        .offset(LOG)
        .limit(1);
    if past.all(db).await?.is_empty() {
        return Ok(gone);
    }
    let everybody = identity_change::ActiveModel {
        id: NotSet,
        position: NotSet,
        session_id: Set(None),
        user_id: Set(None),
    };
    Entity::insert(everybody).exec_without_returning(db).await?;
    gone += delete::<Entity>(db, Column::Id, settled).await?;
    Ok(gone)
}

async fn delete<E: EntityTrait>(
    db: &impl ConnectionTrait,
    key: E::Column,
    which: impl IntoCondition,
) -> Result<u64> {
    let which: Condition = which.into_condition();
    let some = Query::select()
        .column(key)
        .from(E::default())
        .cond_where(which.clone())
        .limit(BATCH)
        .to_owned();
    let mut gone = 0;
    for number in 1.. {
        let deleted = E::delete_many()
            .filter(key.in_subquery(some.clone()))
            .filter(which.clone())
            .exec(db)
            .await?;
        gone += deleted.rows_affected;
        // Not a batch that is not full: some of it may have been used again meanwhile, with more behind it.
        if deleted.rows_affected == 0 {
            break;
        }
        rest_after(number).await;
    }
    Ok(gone)
}
