//! Proofs that a mailbox was read: asked for, mailed, and redeemed once.

pub mod address;
pub mod handoff;
pub mod redeem;
pub mod start;

use async_graphql::{ID, InputObject, OneofObject};
use chrono::{DateTime, Utc};
use entity::verification::{self, Purpose};
pub use redeem::Redeemed;
pub use start::Request;

use crate::app::App;
use crate::error::{Error, Result};
use crate::scalar;
use crate::secret::Secret;
use crate::session::{Outcome, PendingVerification, VerificationPurpose};
use crate::ticket::{has_handoff, link_life};

/// Proof that the caller received the message: exactly one of the two.
#[derive(Debug, OneofObject)]
pub enum VerificationProof {
    /// The `ticket` in the query of the mailed link.
    #[graphql(secret)]
    Ticket(Secret),
    /// The mailed code, with the handle of the request that asked for it.
    Code(VerificationCodeInput),
}

/// A code works only together with the handle that the asking client got.
#[derive(Debug, InputObject)]
pub struct VerificationCodeInput {
    /// `PendingVerification.verificationId`.
    pub verification_id: ID,
    /// Six digits, or the ten characters of a password reset; spaces, hyphens and case do not count.
    #[graphql(secret)]
    pub code: Secret,
}

/// What a client is told about a request, for an address that is known and for one that is not.
pub fn pending(app: &App, row: &verification::Model, resend_at: DateTime<Utc>) -> Outcome {
    let handle = app.tickets.handle(row.id);
    let number = has_handoff(row.purpose).then(|| app.tickets.handoff(&handle).number);
    Outcome::Pending(PendingVerification::new(
        handle,
        row.purpose.into(),
        row.email.clone(),
        scalar::DateTime(row.expires_at),
        scalar::DateTime(resend_at),
        number,
    ))
}

/// What a client is told whose handle names nothing, or of which nothing may be told: no address, and the number that it
/// always had.
pub fn unknown(app: &App, handle: ID) -> Outcome {
    let now = app.now();
    let number = app.tickets.handoff(&handle).number;
    Outcome::Pending(PendingVerification::new(
        handle.0,
        VerificationPurpose::EmailVerification,
        String::new(),
        scalar::DateTime(now + link_life(Purpose::SignUp)),
        scalar::DateTime(now),
        Some(number),
    ))
}

/// A PKCE challenge (RFC 7636 section 4.2): 43 characters of base64url, method S256. It needs a redirect address: the
/// page of the house has no verifier.
///
/// # Errors
/// `INVALID_INPUT` for `codeChallenge`.
pub fn check_challenge(challenge: Option<&str>, redirect_to: Option<&str>) -> Result<()> {
    let Some(challenge) = challenge else {
        return Ok(());
    };
    if redirect_to.is_none() {
        return Err(Error::invalid(
            "codeChallenge",
            "not_allowed",
            "A code challenge needs `redirectTo`.",
        ));
    }
    let well_formed = challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if well_formed {
        Ok(())
    } else {
        Err(Error::invalid(
            "codeChallenge",
            "format",
            "The SHA-256 of the verifier in base64url, 43 characters.",
        ))
    }
}
