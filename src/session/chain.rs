//! The chain of refresh tokens of a session. A token is opaque to its owner; to the house it names the session. The newest
//! one stands with its session, as a digest; those before it are known by their mark, without being kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{application, session};
use uuid::{Builder, Uuid};

use crate::app::App;
use crate::secret::Secret;
use crate::ticket::digest_of;

/// No session lives longer, however often it is refreshed.
pub const ABSOLUTE_LIFE: TimeDelta = TimeDelta::days(90);
/// How long a rotated token still gets its successor, while that is unused.
const GRACE: TimeDelta = TimeDelta::seconds(30);

/// Octets of a token before its mark: those of its session's id, and random ones.
const MARKED: usize = 16 + 32;
const LABEL: &str = "refresh token";

/// A refresh token on its way to its owner; the database never sees it.
#[derive(Clone, Debug)]
pub struct Minted {
    /// Names the token, and is worth nothing.
    pub id: Uuid,
    pub token: Secret,
    pub digest: Vec<u8>,
    pub expires_at: DateTime<Utc>,
}

impl Minted {
    pub fn of(token: Secret, expires_at: DateTime<Utc>) -> Self {
        let digest = digest_of(token.expose());
        let named = digest.first_chunk().copied().unwrap_or_default();
        Self {
            id: Builder::from_custom_bytes(named).into_uuid(),
            token,
            digest,
            expires_at,
        }
    }
}

/// A token for this session: its id, 256 random bits, and a mark, in base64url.
pub fn mint(app: &App, session: Uuid, expires_at: DateTime<Utc>) -> Minted {
    let mut octets = Vec::with_capacity(MARKED + 16);
    octets.extend_from_slice(session.as_bytes());
    octets.extend_from_slice(&app.rng.bytes::<32>());
    octets.extend_from_slice(&app.tickets.mark(LABEL, &octets));
    Minted::of(Secret::new(URL_SAFE_NO_PAD.encode(octets)), expires_at)
}

/// Which session the token is of, whether it is the newest one or not; nothing for a token that this house never made.
pub fn session_of(app: &App, token: &Secret) -> Option<Uuid> {
    let octets = URL_SAFE_NO_PAD.decode(token.expose()).ok()?;
    let (marked, mark) = octets.split_at_checked(MARKED)?;
    let session = marked.first_chunk().copied().map(Uuid::from_bytes);
    session.filter(|_| app.tickets.is_mark(LABEL, marked, mark))
}

/// Slides with every use, and never past the session's absolute end.
pub fn expiry(
    application: &application::Model,
    session: &session::Model,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    (now + TimeDelta::seconds(application.refresh_token_ttl.into())).min(session.ends_at)
}

/// Whether that was a moment ago.
pub fn is_in_grace(then: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    then.is_some_and(|then| now <= then + GRACE)
}
