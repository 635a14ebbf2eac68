//! The end of a signing key: when its last token has expired, or at once, when it was stolen.

use sea_orm::ConnectionTrait;

use super::details;
use crate::app::App;
use crate::error::Result;
use crate::event::{Event, Kind, Origin};
use crate::key::{self, KeyState, SigningKey};

/// Why a key is not retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no key of this id, or it is retired already")]
    Unknown,
    #[error("this key signs; let another take its place first: `vestibule keys rotate --now`")]
    Signing,
}

/// Retires every key whose last token has expired, and says how many those were.
///
/// # Errors
/// When the database refuses.
pub async fn retire_outlived(app: &App) -> Result<usize> {
    let now = app.now();
    let keys = key::list(app.db.read(), now).await?;
    let outlived = keys.iter().filter(|key| {
        key.state == KeyState::Verifying && key.retires_at.is_some_and(|end| end <= now)
    });
    let mut retired = 0;
    for key in outlived {
        let ended = app.db.transact(|| async {
            let tx = app.db.begin().await?;
            let event = Event::by_house(Kind::SigningKeyRetired);
            let ended = end(app, &tx, key, event).await?;
            tx.commit().await?;
            Ok(ended)
        });
        if ended.await? {
            tracing::info!(kid = key.kid, "a signing key is retired");
            retired += 1;
        }
    }
    if retired > 0 {
        app.keys.reload(app.db.read()).await?;
    }
    Ok(retired)
}

/// Retires a key at once: its tokens are refused, whoever holds them. Refresh tokens go on.
///
/// # Errors
/// When the database refuses.
pub async fn retire(app: &App, kid: &str) -> Result<Result<(), Refusal>> {
    let retired = app.db.transact(|| async {
        // Alone, so that no other retires the key that would sign in its place.
        let tx = app.db.begin().await?;
        key::hold(&tx).await?;
        let keys = key::list(&tx, app.now()).await?;
        let Some(key) = keys.iter().find(|key| key.kid == kid) else {
            return Ok(Err(Refusal::Unknown));
        };
        match key.state {
            KeyState::Retired => return Ok(Err(Refusal::Unknown)),
            KeyState::Signing => return Ok(Err(Refusal::Signing)),
            KeyState::Waiting | KeyState::Verifying => {}
        }
        let event = Event::by_administrator(Kind::SigningKeyRetired, None);
        end(app, &tx, key, event).await?;
        tx.commit().await?;
        Ok(Ok(()))
    });
    let retired = retired.await?;
    if retired.is_ok() {
        app.keys.reload(app.db.read()).await?;
    }
    Ok(retired)
}

async fn end(app: &App, tx: &impl ConnectionTrait, key: &SigningKey, event: Event) -> Result<bool> {
    let was_there = key::retire(tx, key.id, app.now()).await?;
    if was_there {
        let details = details(key);
        app.record(tx, &Origin::default(), Event { details, ..event })
            .await?;
    }
    Ok(was_there)
}
