//! A refresh token that is offered for a successor, in a crowd: what to look at, and what to write.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::membership::Membership;
use super::{Identity, Presented, Rotation};
use crate::error::{Error, Result};

/// What its owner wants for a refresh token.
pub struct Offer {
    /// Of the token.
    pub digest: Vec<u8>,
    pub successor: Uuid,
    pub successor_digest: Vec<u8>,
    /// The successor under the token.
    pub sealed: Vec<u8>,
    /// Until when the successor will do, or why its owner gets none.
    pub terms: Box<Terms>,
}

/// What the application says to an exchange for this session: until when, or the error that its owner is told.
pub type Terms = dyn Fn(&Identity) -> Result<DateTime<Utc>> + Send;

/// What became of an offer.
#[derive(Debug)]
pub enum Exchange {
    /// The successor counts, until then.
    Made {
        presented: Presented,
        expires_at: DateTime<Utc>,
        memberships: Vec<Membership>,
    },
    /// The token had been exchanged before, or was by somebody who came at the same time.
    Spent,
}

impl Offer {
    /// What is to be written for a token that was found.
    ///
    /// # Errors
    /// `INVALID_REFRESH_TOKEN` for none, and for one that has expired; those of the terms.
    pub fn judge(self, found: Option<Presented>, now: DateTime<Utc>) -> Result<Judged> {
        let found = found.filter(|found| found.token.expires_at > now);
        let presented = found.ok_or(Error::InvalidRefreshToken)?;
        let expires_at = (self.terms)(&presented.identity)?;
        if presented.token.rotated_at.is_some() {
            return Ok(None);
        }
        let rotation = Rotation {
            token: presented.token.id,
            session: presented.token.session_id,
            successor: self.successor,
            digest: self.successor_digest,
            sealed: self.sealed,
            expires_at,
        };
        Ok(Some((presented, rotation)))
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

/// Nothing, for a token that was exchanged before.
pub type Judged = Option<(Presented, Rotation)>;
