//! `GET /metrics`: what the house has counted, and how it stands now, in the words of Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use crate::app::App;
use crate::error::Result;
use crate::job::{self, Backlog};
use crate::key::{KeyState, SigningKey};
use crate::locksmith;
use crate::metrics::{self, Levels};
use crate::telemetry;

/// A database that is slower is told as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

pub async fn show(State(app): State<App>) -> Response {
    let found = tokio::time::timeout(PATIENCE, look(&app)).await;
    let mut levels = Levels::default();
    of_process(&app, &mut levels);
    let answers = matches!(found, Ok(Ok(_)));
    levels.add(
        "vestibule_database_up",
        "Whether the database answered within a second",
        f64::from(u8::from(answers)),
    );
    if let Ok(Ok((backlog, keys))) = found {
        of_mail(&backlog, app.now(), &mut levels);
        of_keys(&keys, &mut levels);
    }
    match app.metrics.text(levels) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn look(app: &App) -> Result<(Backlog, Vec<SigningKey>)> {
    let backlog = job::backlog(app.db.read()).await?;
    Ok((backlog, locksmith::list(app).await?))
}

fn of_process(app: &App, levels: &mut Levels) {
    levels.add(
        "process_start_time_seconds",
        "When the house was opened, in seconds since 1970",
        seconds(app.opened_at),
    );
    let version = [("version", env!("CARGO_PKG_VERSION").to_owned())];
    levels.add_all(
        "vestibule_build_info",
        "The version that runs",
        [(version, 1.0)],
    );
    levels.count(
        "vestibule_log_lines_lost",
        "Lines of the log that were not read in time",
        telemetry::lost_lines(),
    );
    levels.add(
        "vestibule_passwords_waiting",
        "Passwords that wait for a worker",
        app.hasher.waiting() as f64,
    );
    levels.add(
        "vestibule_passwords_running",
        "Passwords that are being hashed",
        app.hasher.running() as f64,
    );
    levels.add(
        "vestibule_verifications_awaited",
        "Devices that wait until somebody answers a mail",
        app.waiting.len() as f64,
    );
    let pools = app.db.pools();
    let of = |state: &str, count: fn(&crate::db::Pool) -> usize| {
        let state = state.to_owned();
        pools
            .iter()
            .map(move |pool| {
                let labels = [("pool", pool.name.to_owned()), ("state", state.clone())];
                (labels, count(pool) as f64)
            })
            .collect::<Vec<_>>()
    };
    let used = of("used", |pool| pool.open.saturating_sub(pool.idle));
    levels.add_all(
        "vestibule_database_connections",
        "Connections to the database by pool and state",
        [used, of("idle", |pool| pool.idle)].concat(),
    );
}

fn of_mail(backlog: &Backlog, now: DateTime<Utc>, levels: &mut Levels) {
    levels.add(
        "vestibule_mails_waiting",
        "Mails that are neither sent nor given up, of all instances",
        backlog.waiting as f64,
    );
    let age = backlog.oldest.map_or(0.0, |oldest| {
        (now - oldest).num_milliseconds().max(0) as f64 / 1_000.0
    });
    levels.add(
        "vestibule_mails_oldest_seconds",
        "How long the oldest of them has waited",
        age,
    );
}

fn of_keys(keys: &[SigningKey], levels: &mut Levels) {
    let signing = keys.iter().filter(|key| key.state == KeyState::Signing);
    let since = signing.map(|key| {
        let algorithm = key.algorithm.as_str().to_owned();
        let labels = [("kid", key.kid.clone()), ("algorithm", algorithm)];
        (labels, seconds(key.signs_from))
    });
    levels.add_all(
        "vestibule_signing_key_since_timestamp_seconds",
        "Since when the key signs that signs now, in seconds since 1970",
        since,
    );
    let open = keys.iter().filter(|key| key.state != KeyState::Retired);
    levels.add(
        "vestibule_signing_keys",
        "Keys that are published",
        open.count() as f64,
    );
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1_000.0
}
