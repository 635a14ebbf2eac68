//! `vestibule doctor`: looks at everything that a house needs, changes nothing, and says how to mend what is amiss. Every look
//! has a deadline.

mod database;
mod key;
mod mail;
mod place;
mod settings;

pub use settings::refused;

use chrono::{DateTime, TimeZone, Utc};

use crate::clock::{Clock, Rng};
use crate::config::Config;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Ok,
    /// It works, and may not be meant so.
    Warning,
    /// Something does not work, or is not safe.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is about: one word.
    pub area: &'static str,
    pub level: Level,
    pub said: String,
    /// How to mend it; none where it is well.
    pub mend: Option<String>,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    fn ok(area: &'static str, said: impl Into<String>) -> Self {
        Self {
            area,
            level: Level::Ok,
            said: said.into(),
            mend: None,
        }
    }

    fn amiss(
        area: &'static str,
        level: Level,
        said: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            area,
            level,
            said: said.into(),
            mend: Some(mend.into()),
        }
    }

    fn warning(area: &'static str, said: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::amiss(area, Level::Warning, said, mend)
    }

    fn problem(area: &'static str, said: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::amiss(area, Level::Problem, said, mend)
    }
}

/// Looks at everything. With an address, a mail goes there; otherwise none is sent.
pub async fn examine(
    config: &Config,
    clock: &Clock,
    rng: &Rng,
    send_to: Option<&str>,
) -> Vec<Finding> {
    let now = clock.now();
    let mut findings = settings::look(config, rng);
    findings.push(clock_of(now));
    let db = database::look(config, (now, rng), &mut findings).await;
    let mut kids = None;
    if let Some(db) = db {
        kids = key::look(config, &db, (now, rng), &mut findings).await;
        place::look_at_applications(config, &db, &mut findings).await;
        mail::look_at_outbox(&db, now, &mut findings).await;
        db.close().await;
    }
    mail::look(config, send_to, (now, rng), &mut findings).await;
    findings.push(place::look_at_public_url(config, kids.as_ref()).await);
    findings
}

/// Links, codes and tokens end by the clock.
fn clock_of(now: DateTime<Utc>) -> Finding {
    let written = Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).earliest();
    if written.is_some_and(|written| now < written) {
        let said = format!("this machine believes that it is {}", now.to_rfc3339());
        return Finding::problem("clock", said, "set the clock, best by NTP");
    }
    Finding::ok("clock", now.to_rfc3339())
}
