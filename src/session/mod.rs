//! Sessions: opened by a sign-in, kept by rotating refresh tokens, ended by sign-out or revocation.

mod chain;
pub mod cookie;
mod earlier;
mod note;
pub mod open;
mod refresh;
mod result;
mod revoke;
mod sign_out;
mod together;
mod vouch;

use async_graphql::{Context, Object};
pub use cookie::TokenTransport;
pub use open::{Opened, Opening, keep};
pub use refresh::RefreshSessionInput;
pub use result::{Outcome, PendingVerification, SessionResult, VerificationPurpose, answer};
pub use revoke::{RevokeSessionInput, RevokeSessionPayload, revoke};
pub use sign_out::{SignOutInput, SignOutPayload, SignOutScope};
pub use together::{Beside, open_together};
pub use vouch::{Vouched, vouch};

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Exchanges a refresh token for a fresh access token and the next refresh token. Every refresh token works once;
    /// presented again within 30 seconds, while its successor is unused, it gets the same successor again (two tabs, a
    /// lost answer). After that its whole session is revoked, because someone else may hold a copy. An access token
    /// that is sent along is ignored. Without a token in the input the cookie counts, from pages that the application
    /// lists (`ORIGIN_NOT_ALLOWED`).
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        input: Option<RefreshSessionInput>,
    ) -> Result<SessionResult> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        let input = input.unwrap_or_default();
        let by_cookie = input.refresh_token.is_none();
        match Box::pin(refresh::refresh_session(app, caller, input)).await {
            Ok(Some(opened)) => answer(ctx, Outcome::Opened(opened)).await,
            // The cookie is left alone: by now it may hold what the other tab was given.
            Ok(None) => Err(Error::InvalidRefreshToken),
            Err(error) => {
                if by_cookie && matches!(error, Error::InvalidRefreshToken) {
                    cookie::clear(ctx, caller);
                }
                Err(error)
            }
        }
    }

    /// Ends this session, the user's other sessions, or all of them, at once: their access tokens stop working here
    /// with the next request. Which session this is, the refresh token tells, else the cookie, else the bearer, an expired
    /// one included. Idempotent; an unknown token is a success that revokes nothing. The cookie is cleared, unless its session goes
    /// on.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        input: Option<SignOutInput>,
    ) -> Result<SignOutPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        let input = input.unwrap_or_default();
        let leaves = input.scope != Some(SignOutScope::Others);
        let payload = Box::pin(sign_out::sign_out(app, caller, input)).await?;
        // The session has ended: whatever fails now must not make it look otherwise.
        if leaves && !sign_out::keeps_cookie(app, caller).await.unwrap_or(false) {
            cookie::clear(ctx, caller);
        }
        Ok(payload)
    }

    /// Ends one of the caller's own sessions, for instance on a lost device. Signed in. A session that has ended
    /// already is a success; somebody else's is `NOT_FOUND`.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        input: RevokeSessionInput,
    ) -> Result<RevokeSessionPayload> {
        let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
        Box::pin(revoke::revoke_session(app, caller, input)).await
    }
}
