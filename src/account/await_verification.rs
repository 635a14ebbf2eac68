//! `awaitVerification`: the device that asked for a mail waits until its reader hands the answer over to it.

use std::time::{Duration, Instant};

use async_graphql::{ID, InputObject};

use super::verify_email::{PURPOSES, sign_in};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, RETRY_AFTER, Result};
use crate::metrics::LimitName;
use crate::secret::Secret;
use crate::session::{Outcome, TokenTransport};
use crate::ticket::digest_of;
use crate::value::Username;
use crate::verification::{Redeemed, redeem, unknown};

/// What is waited for.
#[derive(Debug, InputObject)]
pub struct AwaitVerificationInput {
    /// `PendingVerification.verificationId` of the request.
    pub verification_id: ID,
    /// Where the sign-up carried a `codeChallenge`: its verifier (RFC 7636).
    #[graphql(secret)]
    pub code_verifier: Option<Secret>,
    /// Only where the one wished at sign-up was taken meanwhile (`USERNAME_TAKEN`); what was handed over is then still good.
    pub username: Option<String>,
    /// `BODY` if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `INVALID_INPUT` for the username; `OVERLOADED` where no seat is free. Once the answer was handed over: `USERNAME_TAKEN`,
/// `SIGN_UP_DISABLED`, `INVALID_INPUT` for an address whose domain the connection does not take any more, and
/// `ORIGIN_NOT_ALLOWED`, which consume nothing; `ACCOUNT_DISABLED`.
pub async fn await_verification(
    app: &App,
    caller: &Caller,
    input: AwaitVerificationInput,
) -> Result<Outcome> {
    let username = input
        .username
        .as_deref()
        .map(|given| Username::parse("username", given))
        .transpose();
    let username = username.map_err(|issue| Error::InvalidInput(vec![issue]))?;
    let digest = digest_of(&input.verification_id);
    // Counted in memory: each wait costs reading alone, and a write a wait would hold up those who write.
    let Some(seat) = app.waiting.enter(digest.clone(), caller.network()) else {
        app.metrics.limit_hit(LimitName::WaitsAtOnce);
        return Err(Error::Overloaded {
            retry_after: RETRY_AFTER,
        });
    };
    let end = Instant::now() + Duration::from_millis(app.config.settings.verification_wait);
    loop {
        // Before looking: what is handed over in between rings, too.
        let rung = seat.rung();
        let found = match look(app, &digest, input.code_verifier.as_ref(), end).await {
            // The next look may find the database well again.
            Err(Error::Overloaded { .. } | Error::Outage(_)) => None,
            looked => looked?,
        };
        if let Some(found) = found {
            let transport = input.token_transport.unwrap_or_default();
            match sign_in(app, caller, &found, username.clone(), transport).await {
                // Somebody was faster, or it is another application's: as good as nothing.
                Err(Error::InvalidTicket) => {}
                other => return other,
            }
        }
        let asleep = Instant::now();
        let pause = end.saturating_duration_since(asleep);
        let pause = pause.min(app.waiting.pause(&app.rng));
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep(pause) => {}
            () = app.left() => {}
        }
        caller.waited.add(asleep.elapsed());
        if app.is_leaving() || Instant::now() >= end {
            return Ok(unknown(app, input.verification_id));
        }
    }
}

/// Looks whether the answer was handed over, when it is this wait's turn: not where none comes before the end.
async fn look(
    app: &App,
    digest: &[u8],
    code_verifier: Option<&Secret>,
    end: Instant,
) -> Result<Option<Redeemed>> {
    let patience = end.saturating_duration_since(Instant::now());
    match tokio::time::timeout(patience, app.waiting.turn()).await {
        Ok(_turn) => redeem::find_approved(app, digest, code_verifier, &PURPOSES).await,
        Err(_) => Ok(None),
    }
}
