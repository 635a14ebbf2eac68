//! A new epoch: whatever opened a door before it opens none any more. A database that was restored forgets what was revoked,
//! redeemed and retired since it was copied; so that none of it comes back to life, all of it ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{session, verification};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::must_be_there;
use crate::app::App;
use crate::clock::Rng;
use crate::config::Config;
use crate::db::{self, Db};
use crate::error::{Error, Result};
use crate::event::{Event, Kind, Origin};
use crate::key::{self, KeyState, NewKey};

/// What a new epoch has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub sessions: u64,
    /// Mails that wait for an answer: their links and codes.
    pub verifications: u64,
    pub keys: u64,
}

/// Which database the settings name, in words for an operator: one that is there, and ours. Whoever opens a house would make
/// another one where the name is mistyped, and end nothing in the one that was restored.
///
/// # Errors
/// When there is none, it is another program's, or it cannot be reached; nothing is made then.
pub async fn find_ours(config: &Config, rng: &Rng) -> Result<String> {
    let settings = &config.settings;
    let url = &settings.database_url;
    if let Some(file) = db::sqlite_file(url) {
        must_be_there(&file)?;
    }
    let place = db::place(url);
    let patience = Duration::from_millis(settings.database_timeout);
    let found = Db::find(url, patience, rng.clone()).await?;
    let look = tokio::time::timeout(2 * patience, migration::is_ours(found.read()));
    let is_ours = look.await.map_err(|_| db::unanswered())?;
    found.close().await;
    if !is_ours? {
        return Err(Error::internal(format!(
            "VESTIBULE_DATABASE_URL: {place} is no database of Vestibule; name the one that was restored"
        )));
    }
    Ok(place)
}

/// Begins a new epoch in the database of this house, with a key of its own that signs at once.
///
/// # Errors
/// When the database refuses, or its keys were sealed with another master key; nothing has changed then.
pub async fn begin_epoch(app: &App) -> Result<Ended> {
    let new = NewKey::generate(app.config.settings.token_algorithm)?;
    let ended = app.db.transact(|| async {
        let tx = migration::begin_patiently(app.db.write()).await?;
        key::hold(&tx).await?;
        let now = app.now();
        let ended = end_everything(&tx, &Origin::default(), (app.id(), now)).await?;
        let added = app.keys.add(&tx, &new, app.id(), (now, now)).await?;
        let event = Event {
            details: json!({ "kid": added.kid, "algorithm": added.algorithm.as_str(), "signsFrom": added.signs_from }),
            ..Event::by_administrator(Kind::SigningKeyAdded, None)
        };
        app.record(&tx, &Origin::default(), event).await?;
        tx.commit().await?;
        Ok(ended)
    });
    let ended = ended.await?;
    app.keys.reload(app.db.read()).await?;
    Ok(ended)
}

/// Ends every session with its tokens, every ticket and code, and every signing key, whose private parts go. A house that
/// opens a database without a key makes one. Whatever else comes to open a door some day belongs in here.
///
/// # Errors
/// When the database refuses.
pub(super) async fn end_everything(
    tx: &impl ConnectionTrait,
    origin: &Origin,
    (id, now): (Uuid, DateTime<Utc>),
) -> Result<Ended> {
    let sessions = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, now.into())
        .filter(session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?
        .rows_affected;
    let verifications = verification::Entity::update_many()
        .col_expr(verification::Column::ConsumedAt, now.into())
        .filter(verification::Column::ConsumedAt.is_null())
        .exec(tx)
        .await?
        .rows_affected;
    let mut keys = 0;
    for key in key::list(tx, now).await? {
        if key.state != KeyState::Retired {
            keys += u64::from(key::retire(tx, key.id, now).await?);
        }
    }
    let event = Event {
        details: json!({ "sessions": sessions, "verifications": verifications, "keys": keys }),
        ..Event::by_administrator(Kind::EpochBegun, None)
    };
    event.record(tx, id, now, origin).await?;
    Ok(Ended {
        sessions,
        verifications,
        keys,
    })
}
