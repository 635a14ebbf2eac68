//! `TestApp`: the whole house in this process, on a database of its own, with a clock that the test moves.
//!
//! Every test written inside `on_both_databases!` runs twice: on SQLite and on a real PostgreSQL.

mod client;
mod database;
mod postgres;
pub mod program;
mod proxy;
mod server;
mod unique;
pub mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
pub use client::{Answer, Client};
pub use database::{Backend, Database};
pub use postgres::{Own as OwnPostgres, program as postgres_program};
pub use proxy::Proxy;
use serde_json::json;
pub use server::Server;
pub use unique::{free_port, run_name};
use vestibule::app::App;
use vestibule::clock::{Clock, Rng};
use vestibule::config::{Config, Environment, load};
use vestibule::http::Front;
use vestibule::mail::Received;

pub const ADMIN_SECRET: &str = "an admin secret of the tests";
pub const MASTER_KEY: &str = "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=";
/// What the clock says when it is told to panic: nothing for a client's eyes.
pub const PANIC: &str = "a panic of the tests' own";
pub const PASSWORD: &str = "correct horse battery staple";

/// Declares tests that run on SQLite and on PostgreSQL: `async fn name(backend: Backend) { … }`.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($backend:ident: Backend) $body:block)+) => {
        $(
            $(#[$meta])*
            mod $name {
                use super::*;

                async fn run($backend: $crate::harness::Backend) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    run($crate::harness::Backend::Sqlite).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    run($crate::harness::Backend::Postgres).await;
                }
            }
        )+
    };
}

/// A clock that stands still until it is told to move.
#[derive(Clone)]
pub struct HeldClock {
    millis: Arc<AtomicI64>,
    fuse: Arc<AtomicI64>,
}

impl HeldClock {
    fn start() -> Self {
        // 2026-11-20T12:00:00.123Z
        Self::at(1_795_176_000_123)
    }

    /// Stands still at the system's time.
    fn now() -> Self {
        let now = Clock::system().now().timestamp_millis();
        Self::at(now)
    }

    fn at(millis: i64) -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(millis)),
            fuse: Arc::default(),
        }
    }

    /// The house panics when it looks at the clock for the `nth` time from now. The clock is the one thing that a test
    /// hands in and every part of the house asks.
    pub fn panic_at(&self, nth: i64) {
        self.fuse.store(nth, Ordering::SeqCst);
    }

    /// Whether the panic is over.
    pub fn has_panicked(&self) -> bool {
        self.fuse.load(Ordering::SeqCst) <= 0
    }

    pub fn advance(&self, by: TimeDelta) {
        self.millis
            .fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let (millis, fuse) = (Arc::clone(&self.millis), Arc::clone(&self.fuse));
        Clock::from_fn(move || {
            if fuse.load(Ordering::SeqCst) > 0 && fuse.fetch_sub(1, Ordering::SeqCst) == 1 {
                panic!("{}", PANIC);
            }
            DateTime::from_timestamp_millis(millis.load(Ordering::SeqCst)).unwrap_or_default()
        })
    }
}

pub struct TestApp {
    pub app: App,
    pub front: Front,
    pub clock: HeldClock,
    pub database: Database,
}

impl TestApp {
    /// A house with the defaults of development, but without limits (tests of limits switch them on).
    pub async fn start(backend: Backend) -> Self {
        Self::with(backend, &[]).await
    }

    /// A house whose clock stands still at the system's time: for what other processes do to its database.
    pub async fn start_now(backend: Backend) -> Self {
        Self::with_clock(Database::fresh(backend).await, &[], HeldClock::now()).await
    }

    /// A house on a database that another process used, so much later.
    pub async fn later(database: Database, settings: &[(&str, &str)], by: TimeDelta) -> Self {
        let clock = HeldClock::now();
        clock.advance(by);
        Self::with_clock(database, settings, clock).await
    }

    /// A house with these settings on top: `("VESTIBULE_RATE_LIMITS", "on")`.
    pub async fn with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        Self::on(Database::fresh(backend).await, settings).await
    }

    /// A house on a database that is there already; two houses on one database are two instances.
    pub async fn on(database: Database, settings: &[(&str, &str)]) -> Self {
        let clock = HeldClock::start();
        Self::with_clock(database, settings, clock).await
    }

    pub async fn with_clock(
        database: Database,
        settings: &[(&str, &str)],
        clock: HeldClock,
    ) -> Self {
        crate::plans::note_if_asked();
        let config = config(&database, settings);
        let app = App::open(config, clock.clock(), Rng::system())
            .await
            .expect("the house opens");
        let front = vestibule::http::front(app.clone());
        Self {
            app,
            front,
            clock,
            database,
        }
    }

    /// Another instance on the same database, with the same clock.
    pub async fn second_instance(&self) -> Self {
        self.second_instance_with(&[]).await
    }

    /// The same, with settings of its own.
    pub async fn second_instance_with(&self, settings: &[(&str, &str)]) -> Self {
        Self::with_clock(self.database.clone(), settings, self.clock.clone()).await
    }

    /// Someone who is not signed in.
    pub fn anon(&self) -> Client {
        Client::new(self.front.clone())
    }

    /// Someone with the admin secret.
    pub fn admin(&self) -> Client {
        self.anon().header("x-vestibule-admin-secret", ADMIN_SECRET)
    }

    /// `name@example.org`, signed up with [`PASSWORD`], verified by code, and signed in. The client holds the tokens.
    pub async fn user(&self, name: &str) -> Client {
        let email = format!("{name}@example.org");
        let pending = self.anon().sign_up(&email).await;
        let id = pending.text("/data/signUp/verificationId");
        let code = self.mail_to(&email).await.code();
        let answer = self.anon().run("verify_email", by_code(&id, &code)).await;
        self.anon().signed_in(&answer.at("/data/verifyEmail"))
    }

    /// Switches e-mail verification of the default connection off or on.
    pub async fn require_verification(&self, required: bool) {
        let input = json!({ "name": "default", "emailVerificationRequired": required });
        self.admin()
            .run("admin_update_connection", json!({ "input": input }))
            .await
            .ok();
    }

    /// Does what waits in the outbox, until nothing is due.
    pub async fn run_jobs(&self) {
        while self
            .app
            .worker
            .run_due()
            .await
            .expect("the outbox can be read")
            > 0
        {}
    }

    /// Every mail so far, newest first, after doing what waits in the outbox.
    pub async fn mails(&self) -> Vec<Received> {
        self.run_jobs().await;
        self.app
            .inbox
            .as_ref()
            .expect("mail stays in the inbox")
            .list()
    }

    /// The newest mail to an address. Behind a real socket a worker of its own may have it in hand: then this waits.
    pub async fn mail_to(&self, email: &str) -> Letter {
        for _ in 0..100 {
            let mails = self.mails().await;
            if let Some(newest) = mails.into_iter().find(|received| received.mail.to == email) {
                return Letter(newest);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no mail to {email}");
    }

    /// How many mails went to an address.
    pub async fn mails_to(&self, email: &str) -> usize {
        self.mails()
            .await
            .iter()
            .filter(|received| received.mail.to == email)
            .count()
    }
}

/// A mail that arrived.
pub struct Letter(pub Received);

impl Letter {
    pub fn purpose(&self) -> &'static str {
        self.0.mail.content.purpose
    }

    pub fn text(&self) -> &str {
        &self.0.mail.content.text
    }

    pub fn ticket(&self) -> String {
        self.proof().ticket.expose().to_owned()
    }

    pub fn code(&self) -> String {
        self.proof()
            .code
            .as_ref()
            .expect("the mail holds a code")
            .expose()
            .to_owned()
    }

    pub fn link(&self) -> String {
        self.proof().link.clone()
    }

    fn proof(&self) -> &vestibule::mail::Proof {
        self.0
            .mail
            .content
            .proof
            .as_ref()
            .expect("the mail holds a link and a code")
    }
}

/// The settings of a test's house.
pub fn config(database: &Database, settings: &[(&str, &str)]) -> Config {
    let mut variables = vec![
        ("VESTIBULE_DATABASE_URL".to_owned(), database.url()),
        ("VESTIBULE_ADMIN_SECRET".to_owned(), ADMIN_SECRET.to_owned()),
        ("VESTIBULE_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
        ("VESTIBULE_RATE_LIMITS".to_owned(), "off".to_owned()),
        ("VESTIBULE_DATABASE_TIMEOUT".to_owned(), "10000".to_owned()),
        ("VESTIBULE_DATABASE_CONNECTIONS".to_owned(), "6".to_owned()),
    ];
    // Who waits for the answer to a mail that never comes need not wait for long.
    variables.push(("VESTIBULE_VERIFICATION_WAIT".to_owned(), "300".to_owned()));
    // Tests write into the database without waiting for anybody.
    variables.push(("VESTIBULE_REVOCATION_LEASE".to_owned(), "0".to_owned()));
    // Races of fifty share the machine with other tests: none of them is about the deadline of the queue or of a request.
    variables.push(("VESTIBULE_PASSWORD_WAIT".to_owned(), "30000".to_owned()));
    variables.push(("VESTIBULE_REQUEST_TIMEOUT".to_owned(), "120000".to_owned()));
    variables.retain(|(name, _)| !settings.iter().any(|(given, _)| given == name));
    variables.extend(
        settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    load(&Environment::of(variables)).expect("the settings are fine")
}

/// Variables of `verify_email.graphql` with a code.
pub fn by_code(verification_id: &str, code: &str) -> serde_json::Value {
    json!({ "input": { "proof": { "code": { "verificationId": verification_id, "code": code } } } })
}

/// Variables of `verify_email.graphql` with a ticket.
pub fn by_ticket(ticket: &str) -> serde_json::Value {
    json!({ "input": { "proof": { "ticket": ticket } } })
}

/// Runs `many` futures at once, released together, and gathers what they answer.
pub async fn race<T, F>(many: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(tokio::sync::Barrier::new(many));
    let runners: Vec<_> = (0..many)
        .map(|number| {
            let (gate, task) = (Arc::clone(&gate), task(number));
            tokio::spawn(async move {
                gate.wait().await;
                task.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for runner in runners {
        answers.push(runner.await.expect("a racer does not panic"));
    }
    answers
}
