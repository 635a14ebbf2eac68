//! Whether there is a key that signs, and this master key opens it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Finding;
use crate::clock::Rng;
use crate::config::{Config, MasterKey};
use crate::db::Db;
use crate::error::Result;
use crate::key::{self, KeyRing, KeyState, Sealer, SigningKey};

const AREA: &str = "keys";

/// How late a rotation may be before it is said: a running house sees to it every minute.
const LATE: TimeDelta = TimeDelta::days(1);

/// The ids of the keys that are to be published, where they can be read.
pub async fn look(
    config: &Config,
    db: &Db,
    (now, rng): (DateTime<Utc>, &Rng),
    findings: &mut Vec<Finding>,
) -> Option<Vec<String>> {
    let keys = match key::list(db.read(), now).await {
        Ok(keys) => keys,
        Err(error) => {
            findings.push(Finding::problem(
                AREA,
                error.cause(),
                "see the database above",
            ));
            return None;
        }
    };
    let Some(signing) = keys.iter().find(|key| key.state == KeyState::Signing) else {
        findings.push(Finding::warning(
            AREA,
            "there is none yet",
            "the next start makes one, or `vestibule migrate`",
        ));
        return None;
    };
    findings.push(match opens(config, db, rng).await {
        Ok(()) => Finding::ok(AREA, format!("{} signs, and opens with this master key", signing.kid)),
        Err(cause) => Finding::problem(
            AREA,
            cause,
            "give VESTIBULE_MASTER_KEY the key that the database was sealed with (`vestibule keys reseal` changes it)",
        ),
    });
    findings.extend(age(config, &keys, now));
    let open = keys.iter().filter(|key| key.state != KeyState::Retired);
    Some(open.map(|key| key.kid.clone()).collect())
}

async fn opens(config: &Config, db: &Db, rng: &Rng) -> Result<(), String> {
    if let MasterKey::KeptIn(path) = &config.master_key
        && !path.exists()
    {
        return Err(format!("the master key is not there: {}", path.display()));
    }
    let sealer = Sealer::new(&config.master_key, rng.clone()).map_err(|error| error.cause())?;
    let ring = KeyRing::load(db.read(), Arc::new(sealer), config.issuer()).await;
    ring.map(drop).map_err(|error| error.cause())
}

fn age(config: &Config, keys: &[SigningKey], now: DateTime<Utc>) -> Option<Finding> {
    let newest = keys.iter().rfind(|key| key.state != KeyState::Retired)?;
    let days = config.settings.key_rotation_days;
    let wanted = config.settings.token_algorithm;
    if newest.algorithm != wanted {
        let (have, wanted) = (newest.algorithm.as_str(), wanted.as_str());
        let said = format!("the newest is of {have}, and VESTIBULE_TOKEN_ALGORITHM says {wanted}");
        return Some(Finding::warning(
            AREA,
            said,
            "the next start makes such a key",
        ));
    }
    if days == 0 {
        return Some(Finding::ok(AREA, "they are rotated by command alone"));
    }
    let late = now - (newest.signs_from + TimeDelta::days(days.into()));
    (late > LATE).then(|| {
        let said = format!(
            "the newest should have been replaced {} days ago",
            late.num_days()
        );
        Finding::warning(
            AREA,
            said,
            "a running server does it by itself; or `vestibule keys rotate`",
        )
    })
}
