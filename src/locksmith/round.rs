//! The locksmith's round: every instance makes it, as long as it is open.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;

use super::{retire_outlived, rotate_if_due};
use crate::app::App;
use crate::error::Result;
use crate::key;

/// How often the keys are read again: so late an instance hears of what another, or the command line, has done.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is asked whether a key is due, to be made or to be retired.
const TEND: Duration = Duration::from_secs(60);

/// Makes the round until told to stop. The keys were read a moment ago, when the house was opened.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut tended: Option<Instant> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
        if *stop.borrow() {
            return;
        }
        // A defect must not end the round: no new key would ever be seen, until somebody notices.
        let look = AssertUnwindSafe(look(&app, &mut tended)).catch_unwind();
        if look.await.is_err() {
            tracing::error!("the locksmith panicked; trying again");
        }
    }
}

async fn look(app: &App, tended: &mut Option<Instant>) {
    if let Err(error) = app.keys.reload(app.db.read()).await {
        tracing::warn!(?error, "the signing keys cannot be read; trying again");
    }
    if tended.is_none_or(|tended| tended.elapsed() >= TEND) {
        *tended = Some(Instant::now());
        match tokio::time::timeout(TEND, tend(app)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(?error, "the signing keys cannot be tended; trying again");
            }
            Err(_) => tracing::warn!("tending the signing keys took too long; trying again"),
        }
    }
}

/// Does what is due: a new key, the end of an old one.
///
/// # Errors
/// When the database refuses.
pub async fn tend(app: &App) -> Result<()> {
    key::note_ttl(app.db.read(), app.db.write()).await?;
    rotate_if_due(app).await?;
    retire_outlived(app).await?;
    Ok(())
}
