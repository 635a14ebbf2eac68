//! A session that is to be opened, in a crowd: what to write, and what has to be as it was.

use chrono::{DateTime, Utc};
use entity::{audit_event, session, user};

use super::membership::Membership;
use crate::secret::Secret;

/// What a password opens, once it was found to be right.
#[derive(Debug)]
pub struct Arrival {
    pub session: session::Model,
    /// The stored one that the password was compared with.
    pub password_hash: Secret,
    /// When the user and the application had last been changed by then.
    pub user_changed_at: DateTime<Utc>,
    pub application_changed_at: DateTime<Utc>,
    /// Whether the connection asks for a verified address.
    pub verified: bool,
    /// What is told in the trail; when, and under which id, is said as it is written.
    pub event: audit_event::ActiveModel,
    /// The counter of wrong guesses that this one ends.
    pub guesses: Option<String>,
}

/// Who has come in, as the rows said when the session was written.
#[derive(Debug)]
pub struct Arrived {
    pub user: user::Model,
    pub memberships: Vec<Membership>,
}
