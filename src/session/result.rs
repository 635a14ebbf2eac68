//! `SessionResult`: what happens next after a sign-up, a sign-in, or anything else that may change who is signed in.

use async_graphql::{Context, Enum, ID, SimpleObject, Union};

use entity::verification::Purpose;
use uuid::Uuid;

use super::cookie::{self, SessionCookie, TokenTransport};
use super::open::Opened;
use crate::app::App;
use crate::error::Result;
use crate::scalar::DateTime;
use crate::user::{self, Selection, User};

/// What happens next: signed in, or a message must be answered first. Failures are not in here: they are entries of
/// `errors[]` with `extensions.code`.
#[derive(Union)]
pub enum SessionResult {
    Session(Box<Session>),
    PendingVerification(PendingVerification),
}

/// Signed in: tokens plus user. It has no field `id`, so that normalising caches store no tokens.
#[derive(Clone, Debug, SimpleObject)]
pub struct Session {
    /// One sign-in on one device; every token rotated from it carries it as `sid`.
    session_id: ID,
    /// A JWT (RFC 9068) for `Authorization: Bearer`; the keys are at `/.well-known/jwks.json`. Keep it in memory.
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds from now until the access token expires; fewer than the application says where the session ends before.
    expires_in: i32,
    /// When the access token expires.
    expires_at: DateTime,
    /// Opaque, for `refreshSession`; works once. Null when it went into a cookie (`tokenTransport: COOKIE`).
    refresh_token: Option<String>,
    /// Names the refresh token without being a secret.
    refresh_token_id: ID,
    /// When the refresh token expires unless it is used before.
    refresh_token_expires_at: DateTime,
    /// How the cookie was set; null with `tokenTransport: BODY`.
    cookie: Option<SessionCookie>,
    /// True the first time this user ever signs in.
    first_seen: bool,
    /// Who is signed in.
    user: User,
}

/// Not signed in: a message was sent or, where existence is concealed, seems to have been sent.
#[derive(Clone, Debug, SimpleObject)]
pub struct PendingVerification {
    /// Unguessable handle of this request: names it when a code is entered or a mail asked for again.
    pub verification_id: ID,
    /// What the message proves.
    pub purpose: VerificationPurpose,
    /// The address as the caller gave it.
    pub email: String,
    /// How it can be answered.
    pub methods: Vec<VerificationMethod>,
    /// The end of the link: 24 hours after the request, 60 minutes for a password reset. A code ends 10 minutes after its
    /// mail was handed over.
    pub expires_at: DateTime,
    /// The earliest time at which another mail of this kind can be asked for.
    pub resend_at: DateTime,
    /// Show it while you wait by `awaitVerification`: whoever opens the link on another device picks it there out of three, and
    /// this device is signed in. From 10 to 99; null where nothing can be handed over: a new password, a new address.
    pub handoff_number: Option<i32>,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum VerificationPurpose {
    /// The address of a sign-up, or of an account that has not verified it yet.
    EmailVerification,
    /// A new password.
    PasswordReset,
    /// A new address.
    EmailChange,
}

/// How a message can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum VerificationMethod {
    /// The link in the mail: it carries a ticket.
    Link,
    /// The code in the mail, together with `verificationId`.
    Code,
}

/// What a use case ends with, before it is put into the shape of the API.
#[derive(Clone, Debug)]
pub enum Outcome {
    Opened(Box<Opened>),
    Pending(PendingVerification),
}

/// Puts an outcome into the shape of the API; the user's sessions are looked up only where they are selected.
///
/// # Errors
/// When the database does not answer.
pub async fn answer(ctx: &Context<'_>, outcome: Outcome) -> Result<SessionResult> {
    let opened = match outcome {
        Outcome::Opened(opened) => opened,
        Outcome::Pending(pending) => return Ok(SessionResult::PendingVerification(pending)),
    };
    let user = user_of(ctx, opened.user, opened.session.id).await?;
    let cookie = match TokenTransport::of(&opened.session.token_transport) {
        TokenTransport::Cookie => Some(cookie::set(ctx, &opened.application, &opened.refresh)),
        TokenTransport::Body => None,
    };
    let refresh_token = match &cookie {
        Some(_) => None,
        None => Some(opened.refresh.token.expose().to_owned()),
    };
    Ok(SessionResult::Session(Box::new(Session {
        session_id: opened.session.id.into(),
        access_token: opened.access_token.expose().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: seconds_until(opened.access_expires_at, opened.session.last_used_at),
        expires_at: DateTime(opened.access_expires_at),
        refresh_token,
        cookie,
        refresh_token_id: opened.refresh.id.into(),
        refresh_token_expires_at: DateTime(opened.refresh.expires_at),
        first_seen: opened.first_seen,
        user,
    })))
}

/// The user, as far as selected in the `SessionResult` that the field itself answers.
async fn user_of(ctx: &Context<'_>, user: entity::user::Model, session: Uuid) -> Result<User> {
    let selected = ctx.look_ahead().field("user");
    if !selected.exists() {
        // Nobody sees it.
        return Ok(User::default());
    }
    let (app, selection) = (ctx.data_unchecked::<App>(), Selection::of(&selected));
    let load = user::view::load(app.db.read(), user, Some(session), selection, app.now());
    Box::pin(load).await
}

impl PendingVerification {
    /// A link and a code were sent, or seem to have been.
    pub fn new(
        verification_id: String,
        purpose: VerificationPurpose,
        email: String,
        expires_at: DateTime,
        resend_at: DateTime,
        handoff_number: Option<i32>,
    ) -> Self {
        Self {
            verification_id: verification_id.into(),
            purpose,
            email,
            methods: vec![VerificationMethod::Link, VerificationMethod::Code],
            expires_at,
            resend_at,
            handoff_number,
        }
    }
}

impl From<Purpose> for VerificationPurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::SignUp | Purpose::EmailVerification => Self::EmailVerification,
            Purpose::PasswordReset | Purpose::Invitation => Self::PasswordReset,
            Purpose::EmailChange | Purpose::EmailChangeUndo => Self::EmailChange,
        }
    }
}

/// From the moment that the tokens were made.
fn seconds_until(end: chrono::DateTime<chrono::Utc>, now: chrono::DateTime<chrono::Utc>) -> i32 {
    i32::try_from((end - now).num_seconds().max(0)).unwrap_or(i32::MAX)
}
