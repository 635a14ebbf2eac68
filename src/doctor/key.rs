//! Whether there is a key that signs, and this master key opens it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Finding;
use crate::clock::Rng;
use crate::config::Config;
use crate::db::Db;
use crate::error::Result;
use crate::key::{self, KeyRing, KeyState, Sealer, SigningKey};

const AREA: &str = "keys";

/// How late a rotation may be before it is said: a running house sees to it every minute.
const LATE: TimeDelta = TimeDelta::days(1);

/// The ids of our keys.
pub struct Kids {
    /// Of the one that signs.
    pub signing: String,
    /// Of those that are to be published, it among them.
    pub published: Vec<String>,
}

/// The ids, where they can be read and one signs.
pub async fn look(
    config: &Config,
    db: &Db,
    (now, rng): (DateTime<Utc>, &Rng),
    findings: &mut Vec<Finding>,
) -> Option<Kids> {
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
    let signing = keys.iter().find(|key| key.state == KeyState::Signing);
    // Also where nothing signs: a restored database has no such key, and holds other secrets.
    findings.extend(match (opens(config, db, rng, signing.is_some()).await, signing) {
        (Ok(_), Some(signing)) => {
            let said = format!("{} signs, and opens with this master key", signing.kid);
            Some(Finding::ok(AREA, said))
        }
        (Ok(0), None) => None,
        (Ok(_), None) => Some(Finding::ok(AREA, "what is sealed opens with this master key")),
        (Err(cause), _) => Some(Finding::problem(
            AREA,
            cause,
            "give VESTIBULE_MASTER_KEY the key that the database was sealed with (`vestibule keys reseal` changes it)",
        )),
    });
    let Some(signing) = signing else {
        findings.push(Finding::warning(
            AREA,
            "there is none yet that signs",
            "the next start makes one, or `vestibule migrate`",
        ));
        return None;
    };
    findings.extend(age(config, &keys, now));
    let open = keys.iter().filter(|key| key.state != KeyState::Retired);
    Some(Kids {
        signing: signing.kid.clone(),
        published: open.map(|key| key.kid.clone()).collect(),
    })
}

/// How many secrets there are, where all of them open and, where there are any, every signing key can be read.
async fn opens(config: &Config, db: &Db, rng: &Rng, signs: bool) -> Result<usize, String> {
    let sealed = key::check_master_key(db.read(), &config.master_key, rng).await;
    let sealed = sealed.map_err(|error| error.cause())?;
    if signs {
        let sealer = Sealer::new(&config.master_key, rng.clone()).map_err(|error| error.cause())?;
        let ring = KeyRing::load(db.read(), Arc::new(sealer), config.issuer()).await;
        ring.map_err(|error| error.cause())?;
    }
    Ok(sealed)
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
