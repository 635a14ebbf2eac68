//! Whether the database is there, up to date and of the same time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::audit_event::{Column, Entity};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder, QuerySelect, Statement};

use super::{Finding, Level};
use crate::clock::Rng;
use crate::config::Config;
use crate::db::{self, Db};
use crate::error::{Error, Result};
use crate::job;

const AREA: &str = "database";
/// For all that is asked of it.
const LONGEST: Duration = Duration::from_secs(30);
/// What ends statements and transactions that nobody waits for any more: set as a connection is opened.
const LIMITS: [&str; 2] = ["statement_timeout", "idle_in_transaction_session_timeout"];
/// Seconds by which the clocks may differ without a word, and at all: tokens bear a minute.
const CLOCKS: (i64, i64) = (5, 60);

/// The database, where it can be looked into.
pub async fn look(
    config: &Config,
    (now, rng): (DateTime<Utc>, &Rng),
    findings: &mut Vec<Finding>,
) -> Option<Db> {
    let settings = &config.settings;
    let file = db::sqlite_file(&settings.database_url);
    if let Some(file) = file.filter(|file| !file.exists()) {
        let said = format!("there is none yet in {}", file.display());
        findings.push(Finding::warning(
            AREA,
            said,
            "the first start makes it, or `vestibule migrate`",
        ));
        return None;
    }
    if db::is_unguarded(&settings.database_url) {
        findings.push(Finding::warning(
            AREA,
            "it is on another machine, and nobody checks its certificate: whoever is on the way can read and change all of it",
            "add `?sslmode=verify-full` to VESTIBULE_DATABASE_URL, and `&sslrootcert=FILE` for an authority of your own",
        ));
    }
    let patience = Duration::from_millis(settings.database_timeout);
    let db = match Db::find(&settings.database_url, patience, rng.clone()).await {
        Ok(db) => db,
        Err(error) => {
            findings.push(unreachable(&error.to_string()));
            return None;
        }
    };
    match ask(&db, now).await {
        Ok((found, fit)) => {
            findings.extend(found);
            if fit {
                return Some(db);
            }
        }
        Err(error) => findings.push(unreachable(&error.cause())),
    }
    db.close().await;
    None
}

/// What there is to say, and whether our tables are there.
async fn ask(db: &Db, now: DateTime<Utc>) -> Result<(Vec<Finding>, bool)> {
    // What looks for tables goes past the deadline of statements that stand alone.
    let asked = tokio::time::timeout(LONGEST, answers(db, now));
    asked.await.map_err(|_| Error::from(db::unanswered()))?
}

async fn answers(db: &Db, now: DateTime<Utc>) -> Result<(Vec<Finding>, bool)> {
    let postgres = db.backend() == DbBackend::Postgres;
    let (name, version) = if postgres {
        ("PostgreSQL", "SHOW server_version")
    } else {
        ("SQLite", "SELECT sqlite_version()")
    };
    let version: String = one(db, version).await?.unwrap_or_default();
    let mut findings = vec![Finding::ok(AREA, format!("{name} {version}"))];
    if postgres {
        findings.extend(of_server(db, now).await?);
    }
    if !migration::is_ours(db.read()).await? {
        findings.push(Finding::warning(
            AREA,
            "it holds no tables of ours yet",
            "the first start makes them, or `vestibule migrate`",
        ));
        return Ok((findings, false));
    }
    let current = migration::is_current(db.read()).await?;
    findings.push(if current && migration::is_newer(db.read()).await? {
        Finding::warning(
            AREA,
            "its tables are newer than this program, which can go on for a while",
            "start the newer version again once it is mended; a copy can be made meanwhile, and restored by the newer one alone",
        )
    } else if current {
        Finding::ok(AREA, "its tables are up to date")
    } else {
        Finding::warning(
            AREA,
            "its tables are older than this program",
            "`vestibule backup` (or pg_dump), then `vestibule migrate`; the next start does it, too",
        )
    });
    if current {
        findings.extend(what_is_to_come(db, now).await?);
        if job::came_without_epoch(db.read(), now).await? {
            findings.push(Finding::warning(
                AREA,
                "it came from another server, and no epoch has begun since",
                "where a copy was restored, `vestibule epoch next`: without it, what was revoked after the copy lives again",
            ));
        }
    }
    Ok((findings, current))
}

/// What only a server has.
async fn of_server(db: &Db, now: DateTime<Utc>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if let Some(theirs) = one::<DateTime<Utc>>(db, "SELECT CURRENT_TIMESTAMP").await? {
        findings.push(clocks((now - theirs).num_seconds()));
    }
    let is_read_only: Option<String> = one(db, "SHOW transaction_read_only").await?;
    if is_read_only.is_some_and(|is_read_only| is_read_only == "on") {
        findings.push(Finding::problem(
            AREA,
            "it takes no writes, so that no house opens on it",
            "let VESTIBULE_DATABASE_URL name the server that takes writes; where this is it, see who has set \
             `default_transaction_read_only`",
        ));
    }
    for limit in LIMITS {
        let time: Option<String> = one(db, &format!("SHOW {limit}")).await?;
        if time.is_some_and(|time| time == "0") {
            findings.push(Finding::warning(
                AREA,
                format!("{limit} is off, though we asked for it: what nobody waits for any more may hold rows for hours"),
                "have the pooler before it pass the start parameter `options` on, or set both timeouts of the role",
            ));
        }
    }
    Ok(findings)
}

/// What the clock holds against the newest event that was written down here. Which of the two clocks is wrong, or was, nobody
/// can tell.
async fn what_is_to_come(db: &Db, now: DateTime<Utc>) -> Result<Option<Finding>> {
    let newest: Option<DateTime<Utc>> = Entity::find()
        .select_only()
        .column(Column::At)
        .order_by_desc(Column::Id)
        .into_tuple()
        .one(db.read())
        .await?;
    let to_come = newest.filter(|at| *at - now > TimeDelta::seconds(CLOCKS.1));
    Ok(to_come.map(|at| {
        let at = at.to_rfc3339();
        Finding::warning(
            "clock",
            format!("the newest event of the audit trail is of {at}, which is yet to come"),
            "set the clock, best by NTP, here or where that was written; links and tokens of then last so much longer",
        )
    }))
}

async fn one<T: sea_orm::TryGetable>(db: &Db, question: &str) -> Result<Option<T>> {
    let statement = Statement::from_string(db.backend(), question);
    let row = db.read().query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

fn clocks(apart: i64) -> Finding {
    let level = match apart.abs() {
        apart if apart > CLOCKS.1 => Level::Problem,
        apart if apart > CLOCKS.0 => Level::Warning,
        _ => return Finding::ok(AREA, "its clock agrees with ours"),
    };
    let said = format!("its clock and ours are {} seconds apart", apart.abs());
    Finding::amiss(AREA, level, said, "let NTP set both clocks")
}

fn unreachable(cause: &str) -> Finding {
    Finding::problem(
        AREA,
        format!("it cannot be used: {cause}"),
        "look at VESTIBULE_DATABASE_URL, and whether the server runs and lets this machine in",
    )
}
