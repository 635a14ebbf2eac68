//! Guesses in a row: each one is counted before it is looked at, so that a thousand at once are no more than one after the
//! other, and the next one waits longer and longer.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::attempt_counter::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::db::padded;
use crate::error::{Error, Result};

/// Wrong guesses in a row that are ever looked at; only a mailed reset goes on from there (NIST SP 800-63B-4
/// section 3.2.2: no more than 100).
pub const FAILURES: i32 = 100;
/// Typing errors that cost no wait.
const FREE: i32 = 5;
/// The wait doubles from a second to this.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// When the next guess is free. Not the present: of two at once, the later one may come first.
const ANY_TIME: DateTime<Utc> = DateTime::UNIX_EPOCH;
/// Nothing waits until later by an honest clock: what does was written by one that was far ahead.
const FAR_AHEAD: TimeDelta = TimeDelta::minutes(30);
/// How long a login that is nobody's is remembered after its last guess.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

/// One row of guesses.
#[derive(Clone, Debug)]
pub struct Backoff {
    pub key: String,
    /// Whether it is an account's, which is remembered until the right password comes.
    pub kept: bool,
}

impl Backoff {
    /// Takes a guess of each, where it may be; answers the keys of those that were taken. One statement decides. No key may be there
    /// twice.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn take_all(
        db: &impl ConnectionTrait,
        all: &[&Self],
        now: DateTime<Utc>,
    ) -> Result<HashSet<String>> {
        let rows = all.iter().map(|one| ActiveModel {
            key: Set(one.key.clone()),
            failures: Set(1),
            next_at: Set(ANY_TIME),
            expires_at: Set((!one.kept).then_some(now + REMEMBERED)),
        });
        let failures = || Expr::col((Entity, Column::Failures));
        let next = || Expr::col((Entity, Column::NextAt));
        let on_conflict = OnConflict::column(Column::Key)
            .value(Column::Failures, failures().add(1))
            .value(Column::NextAt, next_at(now))
            .update_column(Column::ExpiresAt)
            .action_and_where(next().lte(now).or(next().gt(now + FAR_AHEAD)))
            .action_and_where(failures().lt(FAILURES))
            .to_owned();
        let taken = Entity::insert_many(rows)
            .on_conflict(on_conflict)
            .exec_with_returning_keys(db)
            .await?;
        Ok(taken.into_iter().collect())
    }

    /// Why a guess was not taken.
    pub(super) async fn refusal(
        &self,
        db: &impl ConnectionTrait,
        now: DateTime<Utc>,
    ) -> Result<Error> {
        let row = Entity::find_by_id(&self.key).one(db).await?;
        let wait = match row {
            Some(row) if row.failures >= FAILURES => TimeDelta::days(1),
            Some(row) => row.next_at - now,
            None => TimeDelta::zero(),
        };
        Ok(Error::rate_limited(wait))
    }

    /// Takes a guess back that was not looked at. Where it was the only one, the next clean-up takes the row: whoever leaves in
    /// time would fill the table.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn give_back(&self, db: &impl ConnectionTrait) -> Result<()> {
        let expires = CaseStatement::new()
            .case(Expr::col(Column::Failures).eq(1), Expr::val(ANY_TIME))
            .finally(Expr::col(Column::ExpiresAt));
        Entity::update_many()
            .col_expr(Column::ExpiresAt, expires.into())
            .col_expr(Column::Failures, Expr::col(Column::Failures).sub(1))
            .col_expr(Column::NextAt, ANY_TIME.into())
            .filter(Column::Key.eq(&self.key))
            .filter(Column::Failures.gt(0))
            .exec(db)
            .await?;
        Ok(())
    }

    /// Forgets every wrong guess: the right one came.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn forget(&self, db: &impl ConnectionTrait) -> Result<()> {
        Self::forget_all(db, [self.key.clone()]).await
    }

    /// As [`Backoff::forget`], for many.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn forget_all(
        db: &impl ConnectionTrait,
        keys: impl IntoIterator<Item = String>,
    ) -> Result<()> {
        let mut keys = Vec::from_iter(keys);
        if keys.len() > 1 {
            // In the order of the keys, as guesses are taken: a deletion would hold them in any.
            let held = Entity::find()
                .filter(Column::Key.is_in(padded(&keys)))
                .order_by_asc(Column::Key)
                .lock(LockType::Update)
                .all(db)
                .await?;
            keys = held.into_iter().map(|row| row.key).collect();
        }
        if !keys.is_empty() {
            Entity::delete_many()
                .filter(Column::Key.is_in(padded(&keys)))
                .exec(db)
                .await?;
        }
        Ok(())
    }
}

/// By the failures before this one.
fn next_at(now: DateTime<Utc>) -> CaseStatement {
    let mut case = CaseStatement::new().case(
        Expr::col((Entity, Column::Failures)).lt(FREE - 1),
        Expr::col((Entity, Column::NextAt)),
    );
    let mut wait = TimeDelta::seconds(1);
    let mut failures = FREE - 1;
    while wait < LONGEST {
        let count = Expr::col((Entity, Column::Failures)).eq(failures);
        case = case.case(count, Expr::val(now + wait));
        wait = wait * 2;
        failures += 1;
    }
    case.finally(Expr::val(now + LONGEST))
}
