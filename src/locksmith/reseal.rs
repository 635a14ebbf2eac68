//! Another master key: all that the old one sealed is sealed with the new one, or nothing is.

use std::time::Duration;

use serde_json::json;

use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::event::{Event, Kind, Origin};
use crate::key::{self, Resealed, Sealer};

/// From `VESTIBULE_OLD_MASTER_KEY` to `VESTIBULE_MASTER_KEY`. Instances that are open go on with what they have read, and
/// take new keys only after a start with the new master key.
///
/// # Errors
/// When a key is missing or malformed, a secret opens with neither, or the database refuses; nothing has changed then.
pub async fn reseal(config: &Config, clock: &Clock, rng: &Rng) -> Result<Resealed> {
    let setting = "VESTIBULE_OLD_MASTER_KEY";
    let settings = &config.settings;
    let old = settings.old_master_key.as_ref();
    let old = old.ok_or_else(|| Error::internal(format!("{setting}: is required to reseal")))?;
    let old = Sealer::of(setting, old, rng.clone())?;
    let new = Sealer::new(&config.master_key, rng.clone())?;
    let timeout = Duration::from_millis(settings.database_timeout);
    let db = Db::connect(
        &settings.database_url,
        settings.database_connections,
        timeout,
        rng.clone(),
    )
    .await?;

    let resealed = db.transact(|| async {
        let tx = migration::begin_alone(db.write()).await?;
        migration::apply(&tx).await?;
        // No instance adds a key under the old master key meanwhile.
        key::hold(&tx).await?;
        let resealed = key::reseal(&tx, &old, &new).await?;
        if resealed.done > 0 {
            let now = clock.now();
            let event = Event {
                details: json!({ "count": resealed.done }),
                ..Event::by_administrator(Kind::SecretsResealed, None)
            };
            event
                .record(&tx, rng.id(now), now, &Origin::default())
                .await?;
        }
        tx.commit().await?;
        Ok(resealed)
    });
    let resealed = resealed.await?;
    db.close().await;
    Ok(resealed)
}
