//! A new signing key: published at once, signing once everybody can know it.

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;

use super::details;
use crate::app::App;
use crate::error::Result;
use crate::event::{Event, Kind, Origin};
use crate::key::{self, KeyState, NOTICE, NewKey, SigningKey};

/// When a new key begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After [`NOTICE`], when no verifier can still hold a key set without it.
    Announced,
    /// For an emergency: verifiers refuse its tokens until they ask for the key set again.
    Now,
}

/// Adds a signing key of the algorithm that is set.
///
/// # Errors
/// When the database refuses, or its keys were sealed with another master key.
pub async fn rotate(app: &App, start: Start) -> Result<SigningKey> {
    let new = NewKey::generate(app.config.settings.token_algorithm)?;
    let added = app.db.transact(|| async {
        let tx = app.db.begin().await?;
        key::hold(&tx).await?;
        let event = Event::by_administrator(Kind::SigningKeyAdded, None);
        let added = add(app, &tx, &new, start, event).await?;
        tx.commit().await?;
        Ok(added)
    });
    let added = added.await?;
    app.keys.reload(app.db.read()).await?;
    Ok(added)
}

/// Adds one when the newest has signed for as long as the setting says; of several instances that find so at once, one
/// does it.
///
/// # Errors
/// When the database refuses.
pub async fn rotate_if_due(app: &App) -> Result<Option<SigningKey>> {
    if !is_due(app, app.db.read()).await? {
        return Ok(None);
    }
    let new = NewKey::generate(app.config.settings.token_algorithm)?;
    let added = app.db.transact(|| async {
        let tx = app.db.begin().await?;
        key::hold(&tx).await?;
        // Another instance may have had the lock before.
        if !is_due(app, &tx).await? {
            return Ok(None);
        }
        let event = Event::by_house(Kind::SigningKeyAdded);
        let added = add(app, &tx, &new, Start::Announced, event).await?;
        tx.commit().await?;
        Ok(Some(added))
    });
    let Some(added) = added.await? else {
        return Ok(None);
    };
    tracing::info!(kid = added.kid, signs_from = %added.signs_from, "a new signing key");
    app.keys.reload(app.db.read()).await?;
    Ok(Some(added))
}

async fn is_due(app: &App, db: &impl ConnectionTrait) -> Result<bool> {
    let days = app.config.settings.key_rotation_days;
    if days == 0 {
        return Ok(false);
    }
    let keys = key::list(db, app.now()).await?;
    let newest = keys.iter().rfind(|key| key.state != KeyState::Retired);
    let life = TimeDelta::days(days.into());
    Ok(newest.is_some_and(|newest| newest.signs_from + life <= app.now()))
}

async fn add(
    app: &App,
    tx: &impl ConnectionTrait,
    new: &NewKey,
    start: Start,
    event: Event,
) -> Result<SigningKey> {
    // Asked for after the lock, so that keys stand in the order in which they were added.
    let now = app.now();
    let signs_from = match start {
        Start::Announced => now + NOTICE,
        Start::Now => now,
    };
    let added = app.keys.add(tx, new, app.id(), (now, signs_from)).await?;
    let details = details(&added);
    app.record(tx, &Origin::default(), Event { details, ..event })
        .await?;
    Ok(added)
}
