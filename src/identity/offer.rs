//! A refresh token that is offered for a successor, in a crowd: what to look at, and what to write.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::membership::Membership;
use super::{Identity, Lease, Rotation};
use crate::error::{Error, Result};

/// What its owner wants for a refresh token.
pub struct Offer {
    /// Which the token names.
    pub session: Uuid,
    /// Of the token.
    pub digest: Vec<u8>,
    pub successor_digest: Vec<u8>,
    /// The successor under the token.
    pub sealed: Vec<u8>,
    /// `Ignored` where an earlier field of the same operation may have changed the very user whose claims are signed next.
    pub lease: Lease,
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
        identity: Arc<Identity>,
        expires_at: DateTime<Utc>,
        memberships: Vec<Membership>,
    },
    /// It was not the session's newest token, or the session had ended.
    Spent,
}

impl Offer {
    /// What is to be written for the token of somebody who was found.
    ///
    /// # Errors
    /// `INVALID_REFRESH_TOKEN` for nobody; those of the terms.
    pub fn judge(self, found: Option<Arc<Identity>>) -> Result<(Arc<Identity>, Rotation)> {
        let identity = found.ok_or(Error::InvalidRefreshToken)?;
        let expires_at = (self.terms)(&identity)?;
        let rotation = Rotation {
            session: self.session,
            digest: self.digest,
            successor: self.successor_digest,
            sealed: self.sealed,
            expires_at,
        };
        Ok((identity, rotation))
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}
