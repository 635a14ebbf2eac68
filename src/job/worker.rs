//! Does what the outbox says, and once an hour deletes what has had its time. Any number of instances may run one: a
//! conditional update decides who does a job.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::job::{Column, Entity, Model};
use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use super::task::Desk;
use super::{Task, prune};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::limit::Limit;
use crate::mail::{MailError, Mailer};
use crate::metrics::{MailOutcome, Metrics};
use crate::telemetry::TRACED;

/// Jobs done at once.
const BATCH: u64 = 8;
/// Longer than any delivery may take; a worker that died is forgotten after it.
const CLAIM: TimeDelta = TimeDelta::minutes(5);
/// A delivery ends so long before somebody else may take the mail over: clocks differ.
const HAND_OVER: Duration = Duration::from_secs(30);
/// How often to look without being woken: for retries, and for what another instance left.
const LOOK: Duration = Duration::from_secs(1);
/// How often to ask whether it is time to clean up.
const LOOK_FOR_OLD: Duration = Duration::from_secs(10 * 60);
/// The counter by which instances take turns at that.
const CLEAN_UP: &str = "clean-up";
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(5);
const LAST_RETRY: TimeDelta = TimeDelta::hours(1);

/// The worker and what it needs; clones share the wake-up call.
#[derive(Clone, Debug)]
pub struct Worker {
    db: Db,
    clock: Clock,
    mailer: Mailer,
    desk: Desk,
    /// A job that failed so often is buried.
    attempts: i32,
    /// How long the audit trail is kept; for ever with 0.
    audit_days: u32,
    /// Whether the clean-up is this instance's turn, and something of it is still to be done.
    unfinished: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    wake: Arc<Notify>,
}

impl Worker {
    pub fn new(
        db: Db,
        clock: Clock,
        mailer: Mailer,
        desk: Desk,
        attempts: i32,
        audit_days: u32,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            db,
            clock,
            mailer,
            desk,
            attempts,
            audit_days,
            unfinished: Arc::default(),
            metrics,
            wake: Arc::default(),
        }
    }

    /// There is something to do: call it after a commit.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Works until told to stop; mail that is under way then is finished.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        join(self.send(stop.clone()), self.clean_up(stop)).await;
    }

    /// A mail that ends makes room for the next one: a recipient whose server is slow holds up nobody else's.
    async fn send(&self, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        let mut well = true;
        while !*stop.borrow() {
            if well {
                well = self.look(&mut under_way, &stop).await;
            }
            tokio::select! {
                // After a failure this is no reason to look again: the next one would fail as quickly.
                Some(noted) = some_end(&mut under_way), if well => well = noted,
                () = self.wake.notified() => well = true,
                () = tokio::time::sleep(LOOK) => well = true,
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        while some_end(&mut under_way).await.is_some() {}
    }

    /// Begins what is due, and says whether that went well. It may find nothing, or only what others have claimed: who looks
    /// again waits for a reason to.
    async fn look(
        &self,
        under_way: &mut JoinSet<Result<()>>,
        stop: &watch::Receiver<bool>,
    ) -> bool {
        // A defect must not end the worker: mail would stop until somebody notices.
        let begun = AssertUnwindSafe(self.begin(under_way, stop)).catch_unwind();
        match begun.await {
            Ok(Ok(())) => return true,
            Err(_) => tracing::error!("the worker panicked; trying again"),
            Ok(Err(error)) => tracing::warn!(
                cause = error.cause(),
                "the outbox cannot be read; trying again"
            ),
        }
        false
    }

    /// Each mail is a task of its own: while the next ones are looked for, it may hold the one connection that writes.
    async fn begin(
        &self,
        under_way: &mut JoinSet<Result<()>>,
        stop: &watch::Receiver<bool>,
    ) -> Result<()> {
        let room = BATCH.saturating_sub(under_way.len() as u64);
        if room == 0 {
            return Ok(());
        }
        let now = self.clock.now();
        let due = self.due(now, room).await?;
        if *stop.borrow() {
            return Ok(());
        }
        for job in self.claim_all(due, now).await? {
            let worker = self.clone();
            under_way.spawn(async move { worker.attempt(job, now).await });
        }
        Ok(())
    }

    /// Stops in the middle, too: each statement is whole by itself.
    async fn clean_up(&self, mut stop: watch::Receiver<bool>) {
        let forever = async {
            loop {
                match AssertUnwindSafe(self.prune()).catch_unwind().await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => tracing::warn!(
                        cause = error.cause(),
                        "not everything that has had its time could be deleted; trying again"
                    ),
                    Err(_) => tracing::error!("the clean-up panicked; trying again"),
                }
                tokio::time::sleep(LOOK_FOR_OLD).await;
            }
        };
        tokio::select! {
            () = forever => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Deletes what has had its time, at most once an hour among all instances, and says how many rows went. Where something
    /// of it fails, the turn stays here: the next call tries again.
    ///
    /// # Errors
    /// When something could not be deleted, after everything that could.
    pub async fn prune(&self) -> Result<u64> {
        let now = self.clock.now();
        if !self.is_to_prune(now).await? {
            return Ok(0);
        }
        self.unfinished.store(true, Ordering::Relaxed);
        let pruned = prune::prune(self.db.write(), now, self.audit_days).await;
        if pruned.gone > 0 {
            tracing::info!(rows = pruned.gone, "deleted what has had its time");
        }
        if let Some(error) = pruned.failure {
            return Err(error);
        }
        self.unfinished.store(false, Ordering::Relaxed);
        Ok(pruned.gone)
    }

    async fn is_to_prune(&self, now: DateTime<Utc>) -> Result<bool> {
        if self.unfinished.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let turn = Limit::per_hour(1);
        Ok(turn.count(self.db.write(), CLEAN_UP, now).await?.allowed)
    }

    /// Does one batch of what is due now, and says how many jobs it tried.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn run_due(&self) -> Result<usize> {
        let now = self.clock.now();
        let due = self.due(now, BATCH).await?;
        let claimed = self.claim_all(due, now).await?;
        let tried = join_all(claimed.into_iter().map(|job| self.attempt(job, now))).await;
        tried
            .into_iter()
            .try_fold(0, |sum, tried| tried.map(|()| sum + 1))
    }

    /// The oldest of what is due.
    async fn due(&self, now: DateTime<Utc>, many: u64) -> Result<Vec<Model>> {
        let due = Entity::find()
            .filter(open(now))
            .order_by_asc(Column::RunAt)
            .limit(many);
        Ok(due.all(self.db.read()).await?)
    }

    /// Those of them that nobody else does now.
    async fn claim_all(&self, due: Vec<Model>, now: DateTime<Utc>) -> Result<Vec<Model>> {
        let claims = due.into_iter().map(|job| self.claim(job, now));
        let (mut claimed, mut failure) = (Vec::new(), None);
        for claim in join_all(claims).await {
            match claim {
                Ok(ours) => claimed.extend(ours),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if claimed.is_empty() => Err(error),
            // What is claimed is done, whatever became of the rest: nobody else takes it up before the claim has run out.
            _ => Ok(claimed),
        }
    }

    async fn claim(&self, job: Model, now: DateTime<Utc>) -> Result<Option<Model>> {
        let claimed = Entity::update_many()
            .col_expr(Column::ClaimedUntil, (now + CLAIM).into())
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .filter(Column::Id.eq(job.id))
            .filter(open(now))
            .exec(self.db.write())
            .await?;
        Ok((claimed.rows_affected > 0).then_some(job))
    }

    /// Does what was claimed at that time, and writes down what became of it.
    async fn attempt(&self, job: Model, now: DateTime<Utc>) -> Result<()> {
        let attempt = job.attempts + 1;
        // Somebody else takes it up soon, where the claim was long on its way.
        let left = (now + CLAIM - self.clock.now())
            .to_std()
            .unwrap_or_default();
        let Some(left) = left.checked_sub(HAND_OVER) else {
            return Ok(());
        };
        // Caught here, so that the job counts this attempt and is buried in the end.
        let delivery = AssertUnwindSafe(self.deliver(&job, now)).catch_unwind();
        let defect = |_| Err(MailError::NotTaken("a defect; the log says where".into()));
        let outcome = match tokio::time::timeout(left, delivery).await {
            Ok(delivered) => delivered.unwrap_or_else(defect),
            Err(_) => Err(MailError::NotTaken("it took too long".into())),
        };
        let ended = self.clock.now();
        let update = Entity::update_many()
            .filter(Column::Id.eq(job.id))
            .filter(Column::ClaimedUntil.eq(now + CLAIM));
        let update = match outcome {
            Ok(()) => {
                self.metrics.mail(MailOutcome::Sent);
                update
                    .col_expr(Column::DoneAt, ended.into())
                    .col_expr(Column::LastError, Option::<String>::None.into())
            }
            Err(error) => {
                let refused = matches!(error, MailError::Refused(_));
                let reason: String = error.to_string().chars().take(500).collect();
                if refused || attempt >= self.attempts {
                    self.metrics.mail(MailOutcome::GivenUp);
                    tracing::error!(job = %job.id, attempt, reason, "a mail is given up");
                    update.col_expr(Column::BuriedAt, ended.into())
                } else {
                    self.metrics.mail(MailOutcome::Retried);
                    tracing::warn!(job = %job.id, attempt, reason, "a mail is not taken; trying again later");
                    update.col_expr(Column::RunAt, (ended + pause_after(attempt)).into())
                }
                .col_expr(Column::LastError, reason.into())
            }
        };
        update
            .col_expr(Column::ClaimedUntil, Option::<DateTime<Utc>>::None.into())
            .exec(self.db.write())
            .await?;
        Ok(())
    }

    async fn deliver(&self, job: &Model, now: DateTime<Utc>) -> Result<(), MailError> {
        // While instances are upgraded one after the other: a newer one knows it.
        let task: Task = serde_json::from_value(job.task.clone())
            .map_err(|error| MailError::NotTaken(format!("an unknown task: {error}")))?;
        let mail = task
            .mail(&self.desk, self.db.write(), now)
            .await
            .map_err(|error| not_made(&error))?;
        match mail {
            Some(mail) => {
                let purpose = mail.content.purpose;
                let traced = tracing::trace_span!(target: TRACED, parent: None, "mail", purpose);
                self.mailer.send(mail, job.id, now).instrument(traced).await
            }
            None => Ok(()),
        }
    }
}

/// Waits for a mail to end, and says whether what became of it, and of all others that have ended, could be written down.
/// Nothing is said where no mail is under way. May be broken off.
async fn some_end(under_way: &mut JoinSet<Result<()>>) -> Option<bool> {
    let mut noted = is_noted(under_way.join_next().await?);
    while let Some(ended) = under_way.try_join_next() {
        noted &= is_noted(ended);
    }
    Some(noted)
}

fn is_noted(ended: Result<Result<()>, JoinError>) -> bool {
    match ended {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => tracing::warn!(
            cause = error.cause(),
            "what became of a mail cannot be written down; it is tried again in some minutes"
        ),
        Err(_) => tracing::error!("a mail panicked; it is tried again in some minutes"),
    }
    false
}

fn not_made(error: &Error) -> MailError {
    tracing::error!(cause = error.cause(), "a mail cannot be made");
    MailError::NotTaken("the mail cannot be made; the log says why".into())
}

/// What nobody has done, buried or claimed, and whose time has come.
fn open(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::DoneAt.is_null())
        .add(Column::BuriedAt.is_null())
        .add(Column::RunAt.lte(now))
        .add(
            Condition::any()
                .add(Column::ClaimedUntil.is_null())
                .add(Column::ClaimedUntil.lte(now)),
        )
}

/// Doubles from five seconds to an hour.
fn pause_after(attempt: i32) -> TimeDelta {
    let doublings = u32::try_from((attempt - 1).clamp(0, 16)).unwrap_or_default();
    (FIRST_RETRY * 2_i32.pow(doublings)).clamp(FIRST_RETRY, LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let seconds: Vec<_> = [1, 2, 3, 10, 11, 100]
            .map(|attempt| pause_after(attempt).num_seconds())
            .into();
        assert_eq!(seconds, [5, 10, 20, 2560, 3600, 3600]);
    }
}
