//! The house with everything that its rooms use.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{application, connection, user};
use sea_orm::ConnectionTrait;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use crate::breach::Breaches;
use crate::clock::{Clock, Rng};
use crate::config::{Config, TokenAlgorithm};
use crate::db::{Db, Together};
use crate::error::{Error, Result};
use crate::event::{self, Event, Kind, Origin};
use crate::hasher::{Hasher, HasherOptions};
use crate::identity::{Arrival, Arrived, Exchange, Identities, Offer};
use crate::job::{self, Desk, Task, Worker};
use crate::key::{self, KeyRing, Sealer};
use crate::limit::{Counters, UnderWay};
use crate::mail::{Inbox, Mailer, SmtpOptions};
use crate::metrics::Metrics;
use crate::text::Texts;
use crate::ticket::TicketKey;
use crate::waiting::WaitingRoom;

/// A key to the house. Every request is handed several, so a copy is one count of an `Arc`; all open the same house.
#[derive(Clone, Debug)]
pub struct App(Arc<Fittings>);

/// A client id, and the name of a connection.
pub type Asked = (String, Option<String>);

/// An open application, and a connection that it enables.
pub type Found = (application::Model, connection::Model);

/// An account of a connection by one of its two logins, in its form for comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    pub connection: Uuid,
    pub kind: LoginKind,
    pub key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginKind {
    Email,
    Username,
}

/// Sign-ins in one transaction: as many as the workers tell at once.
const WRITTEN_TOGETHER: usize = 12;

/// What the house holds.
#[derive(Debug)]
pub struct Fittings {
    pub config: Arc<Config>,
    pub db: Db,
    /// Finds out who asks.
    pub identities: Identities,
    /// Refresh tokens that are exchanged at the same time.
    pub exchanges: Together<Offer, Result<Exchange>>,
    /// Where requests that come at the same time belong, by client id and the name of a connection.
    pub places: Together<Asked, Option<Found>>,
    /// Accounts that are signed in to at the same time.
    pub logins: Together<Login, Option<user::Model>>,
    /// Sign-ins whose passwords were found to be right at the same time.
    pub arrivals: Together<Arrival, Option<Arrived>>,
    pub clock: Clock,
    pub rng: Rng,
    pub hasher: Hasher,
    /// Of limits.
    pub counters: Counters,
    /// Passwords that are looked at, by the network they come from.
    pub guesses: UnderWay,
    pub breaches: Breaches,
    pub keys: KeyRing,
    pub tickets: TicketKey,
    pub worker: Worker,
    /// What links and mails are made with.
    pub desk: Desk,
    pub texts: Texts,
    /// What is counted for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// When the house was opened.
    pub opened_at: DateTime<Utc>,
    /// Where mail stays when no mail server is set (development only).
    pub inbox: Option<Inbox>,
    /// Devices that wait for somebody to answer a mail.
    pub waiting: WaitingRoom,
    leaving: watch::Sender<bool>,
}

impl Deref for App {
    type Target = Fittings;

    fn deref(&self) -> &Fittings {
        &self.0
    }
}

impl App {
    /// Opens the house: connects, migrates, makes the keys that are missing, starts the password workers. Several
    /// instances may do this at once on an empty database: one does the work, the others wait for it.
    ///
    /// # Errors
    /// When a setting is unusable, a text of the operator is broken, or the database cannot be reached.
    pub async fn open(config: Config, clock: Clock, rng: Rng) -> Result<Self> {
        let config = Arc::new(config);
        let settings = &config.settings;
        let timeout = Duration::from_millis(settings.database_timeout);
        // First, because a broken text is found without a database.
        let texts = Texts::load(settings.templates.as_deref()).map_err(Error::internal)?;
        let metrics = Arc::<Metrics>::default();
        metrics.expect_events(Kind::ALL.iter().map(|kind| kind.as_str()));
        let sealer = Arc::new(Sealer::new(&config.master_key, rng.clone())?);
        let db = Db::connect(
            &settings.database_url,
            settings.database_connections,
            timeout,
            rng.clone(),
        )
        .await?
        .measured_by(&metrics);
        let tickets = furnish(&db, &sealer, settings.token_algorithm, (&clock, &rng)).await?;
        let keys = KeyRing::load(db.read(), sealer, config.issuer()).await?;
        let hasher = Hasher::start(&hasher_options(&config), rng.clone(), Arc::clone(&metrics))?;
        let patience = Duration::from_millis(settings.breach_timeout);
        let breaches = Breaches::new(settings.breach_url.as_ref(), patience)?;
        let (mailer, inbox) = mailer(&config)?;
        let desk = Desk {
            config: Arc::clone(&config),
            tickets: tickets.clone(),
            texts: texts.clone(),
        };
        let worker = Worker::new(
            db.clone(),
            clock.clone(),
            mailer,
            desk.clone(),
            settings.mail_attempts,
            settings.audit_days,
            Arc::clone(&metrics),
        );
        let lease = Duration::from_millis(settings.revocation_lease);
        // Whoever waits holds a connection: as many again are left for everybody else, where there is more than one.
        let half = (settings.http_connections / 2).max(1);
        let seats = settings.verification_waits.min(half);
        let waiting = WaitingRoom::new(seats as usize);
        Ok(Self(Arc::new(Fittings {
            config,
            identities: Identities::new(db.read().clone(), clock.clone(), lease),
            exchanges: Together::on(db.write()),
            places: Together::on(db.read()),
            logins: Together::on(db.read()),
            arrivals: Together::on(db.write()).at_most(WRITTEN_TOGETHER),
            counters: Counters::new(&db, clock.clone()),
            db,
            opened_at: clock.now(),
            clock,
            rng,
            hasher,
            guesses: UnderWay::default(),
            breaches,
            keys,
            tickets,
            worker,
            desk,
            texts,
            metrics,
            inbox,
            waiting,
            leaving: watch::Sender::default(),
        })))
    }

    /// Closes every connection. What was changed before counts on every instance by then.
    pub async fn close(&self) {
        self.identities.settle().await;
        self.db.close().await;
    }

    /// The house will stop soon: load balancers are to send nobody any more, and connections are not kept open.
    pub fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// Whether the house will stop soon.
    pub fn is_leaving(&self) -> bool {
        *self.leaving.borrow()
    }

    /// Ends when the house will stop soon, for who waits for something else meanwhile.
    pub async fn left(&self) {
        let mut leaving = self.leaving.subscribe();
        // The sender lives as long as the house.
        let _ = leaving.wait_for(|leaving| *leaving).await;
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new UUIDv7.
    pub fn id(&self) -> Uuid {
        self.rng.id(self.clock.now())
    }

    /// Writes an event into the audit trail, in the transaction of the change that it tells of.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record(
        &self,
        db: &impl ConnectionTrait,
        origin: &Origin,
        event: Event,
    ) -> Result<()> {
        let now = self.now();
        self.metrics.event(event.kind.as_str());
        event.record(db, self.rng.id(now), now, origin).await
    }

    /// As [`App::record`], for many events at once.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record_all(
        &self,
        db: &impl ConnectionTrait,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<()> {
        let now = self.now();
        let events = events.into_iter().map(|event| {
            self.metrics.event(event.kind.as_str());
            (self.rng.id(now), event)
        });
        event::record_all(db, events, now, origin).await
    }

    /// Writes a task into the outbox, in the transaction of the change that asks for it. Wake the worker afterwards.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn enqueue(&self, db: &impl ConnectionTrait, task: &Task) -> Result<()> {
        job::enqueue(db, self.id(), task, self.now()).await
    }
}

/// Migrates, and makes the keys that are missing, alone.
async fn furnish(
    db: &Db,
    sealer: &Sealer,
    algorithm: TokenAlgorithm,
    (clock, rng): (&Clock, &Rng),
) -> Result<TicketKey> {
    let furnished = db.transact(|| async {
        let tx = migration::begin_alone(db.write()).await?;
        migration::apply(&tx).await?;
        // Where keys are being changed, or an epoch begins, nobody comes in before that.
        key::hold(&tx).await?;
        let now = clock.now();
        let added = key::ensure_signing_key(&tx, sealer, algorithm, rng.id(now), now).await?;
        if let Some(key) = added {
            let details = json!({ "kid": key.kid, "algorithm": key.algorithm.as_str() });
            let event = Event {
                details,
                ..Event::by_house(Kind::SigningKeyAdded)
            };
            event
                .record(&tx, rng.id(now), now, &Origin::default())
                .await?;
        }
        let tickets = key::ensure_ticket_key(&tx, sealer, rng, now).await?;
        tx.commit().await?;
        Ok(tickets)
    });
    let tickets = furnished.await?;
    db.forget().await;
    Ok(tickets)
}

fn hasher_options(config: &Config) -> HasherOptions {
    let settings = &config.settings;
    HasherOptions {
        memory: settings.password_memory,
        passes: settings.password_passes,
        lanes: settings.password_lanes,
        workers: settings
            .password_workers
            .map_or(usize::MAX, |workers| workers as usize),
        queue: settings.password_queue as usize,
        wait: Duration::from_millis(settings.password_wait),
    }
}

fn mailer(config: &Config) -> Result<(Mailer, Option<Inbox>)> {
    let settings = &config.settings;
    let Some(url) = &settings.smtp_url else {
        let inbox = Inbox::default();
        return Ok((Mailer::Inbox(inbox.clone()), Some(inbox)));
    };
    let timeout = Duration::from_millis(settings.smtp_timeout);
    let options = SmtpOptions {
        url,
        authority: settings.smtp_ca.as_deref(),
        timeout,
    };
    Ok((Mailer::smtp(&options, settings.mail_from.clone())?, None))
}
