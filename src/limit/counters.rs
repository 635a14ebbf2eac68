//! Counters that many ask for at the same time: they go to the database together.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::limit_counter::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::Backoff;
use crate::clock::Clock;
use crate::db::{Db, Together, padded};
use crate::error::Result;

/// Guesses that are counted in one statement: so many fail where it fails, and stay counted where its answer is lost.
const TAKEN_TOGETHER: usize = 12;

/// The counters of the house.
#[derive(Debug)]
pub struct Counters {
    db: Db,
    clock: Clock,
    looks: Together<String, Option<Model>>,
    takes: Together<Backoff, Option<bool>>,
}

impl Counters {
    pub fn new(db: &Db, clock: Clock) -> Self {
        Self {
            db: db.clone(),
            clock,
            looks: Together::on(db.read()),
            takes: Together::on(db.write()).at_most(TAKEN_TOGETHER),
        }
    }

    /// The counter of this key, as it stands.
    pub(super) async fn look(&self, key: &str) -> Result<Option<Model>> {
        let db = self.db.read().clone();
        let work = move |keys: Vec<String>| {
            let db = db.clone();
            async move { look_all(&db, &keys).await }
        };
        self.looks.ask(key.to_owned(), work).await
    }

    /// Takes one guess, or says how long to wait for the next one.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub async fn take(&self, guesses: &Backoff) -> Result<()> {
        let (db, clock) = (self.db.write().clone(), self.clock.clone());
        let work = move |all: Vec<Backoff>| {
            let (db, clock) = (db.clone(), clock.clone());
            async move { take_all(&db, &all, clock.now()).await }
        };
        let db = self.db.write();
        let is_taken = match self.takes.ask(guesses.clone(), work).await? {
            Some(is_taken) => is_taken,
            None => {
                take_all(db, std::slice::from_ref(guesses), self.clock.now()).await? == [Some(true)]
            }
        };
        if is_taken {
            return Ok(());
        }
        Err(guesses.refusal(db, self.clock.now()).await?)
    }
}

async fn look_all(db: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<Option<Model>>> {
    let distinct: HashSet<&str> = keys.iter().map(String::as_str).collect();
    let rows = Entity::find()
        .filter(Column::Key.is_in(padded(&Vec::from_iter(distinct))))
        .all(db)
        .await?;
    let found: HashMap<_, _> = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
    Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
}

/// Whether each was taken; nothing for the further ones of a key that is there more than once: one statement counts a row once.
async fn take_all(
    db: &impl ConnectionTrait,
    guesses: &[Backoff],
    now: DateTime<Utc>,
) -> Result<Vec<Option<bool>>> {
    // In the order of the keys: two statements at once lock their rows in the same order.
    let distinct: BTreeMap<&str, &Backoff> = guesses
        .iter()
        .rev()
        .map(|one| (one.key.as_str(), one))
        .collect();
    let mut open: HashSet<&str> = distinct.keys().copied().collect();
    let distinct = Vec::from_iter(distinct.into_values());
    let taken = Backoff::take_all(db, &distinct, now).await?;
    let verdict = |one: &Backoff| {
        open.remove(one.key.as_str())
            .then(|| taken.contains(&one.key))
    };
    Ok(guesses.iter().map(verdict).collect())
}
