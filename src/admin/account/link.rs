//! `adminSendLink` and `adminMakeLink`: a verification, reset or invitation that its user did not ask for.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use entity::user;
use entity::verification::{self, Purpose};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::find;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::place::Place;
use crate::realm::redirect;
use crate::scalar::DateTime;
use crate::value::{Email, Locale};
use crate::verification::{Request, address, start};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AdminLinkPurpose {
    /// Verifies an address that is not verified yet; 24 hours.
    EmailVerification,
    /// Replaces the password of an account that has one; 60 minutes.
    PasswordReset,
    /// Chooses the password of an account that has none; 7 days. Former invitations are void.
    Invitation,
}

/// Which link, for whom, and where it leads.
#[derive(Debug, InputObject)]
pub struct AdminLinkInput {
    /// Which account.
    pub user_id: ID,
    /// What it is for.
    pub purpose: AdminLinkPurpose,
    /// The application that the link leads into; the default application if left out. It must take the account's connection.
    pub client_id: Option<String>,
    /// Where the link leads back to; must match the application's allow-list. The page of the house if left out.
    pub redirect_to: Option<String>,
}

/// Which mail is on its way.
#[derive(Debug, SimpleObject)]
pub struct AdminSendLinkPayload {
    /// As it was given.
    user_id: ID,
    /// Where the mail goes.
    email: String,
    /// The end of the link.
    expires_at: DateTime,
}

/// A link that nobody has been sent.
#[derive(Debug, SimpleObject)]
pub struct AdminMakeLinkPayload {
    /// Whoever holds it can redeem it, once: hand it to the user, and to nobody else.
    link: String,
    /// The end of the link.
    expires_at: DateTime,
}

/// A link to be written, once everything about it has been checked.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub purpose: AdminLinkPurpose,
    pub place: &'a Place,
    pub redirect_to: Option<String>,
    pub mailed: bool,
}

/// # Errors
/// `NOT_FOUND`, `INVALID_INPUT`, `REDIRECT_NOT_ALLOWED`.
pub async fn admin_send_link(
    app: &App,
    caller: &Caller,
    input: AdminLinkInput,
) -> Result<AdminSendLinkPayload> {
    let (row, _) = make(app, caller, input, true).await?;
    app.worker.wake();
    Ok(AdminSendLinkPayload {
        user_id: row.user_id.unwrap_or_default().into(),
        email: row.email,
        expires_at: DateTime(row.expires_at),
    })
}

/// # Errors
/// `NOT_FOUND`, `INVALID_INPUT`, `REDIRECT_NOT_ALLOWED`.
pub async fn admin_make_link(
    app: &App,
    caller: &Caller,
    input: AdminLinkInput,
) -> Result<AdminMakeLinkPayload> {
    let (row, place) = make(app, caller, input, false).await?;
    Ok(AdminMakeLinkPayload {
        link: app.desk.link(&row, &place.application),
        expires_at: DateTime(row.expires_at),
    })
}

async fn make(
    app: &App,
    caller: &Caller,
    input: AdminLinkInput,
    mailed: bool,
) -> Result<(verification::Model, Place)> {
    let id = find::id(&input.user_id)?;
    let user = find::user(app.db.read(), id).await?;
    let place = find::place(app, input.client_id.as_deref(), user.connection_id).await?;
    let redirect_to = redirect::check_given(
        &app.config,
        &place.application,
        input.redirect_to.as_deref(),
    )?;
    let asked = Asked {
        purpose: input.purpose,
        place: &place,
        redirect_to,
        mailed,
    };
    let row = app
        .db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let user = find::held_user(&tx, id).await?;
            check(&user, input.purpose)?;
            let row = write(app, &tx, caller, &user, asked.clone()).await?;
            tx.commit().await?;
            Ok(row)
        })
        .await?;
    Ok((row, place))
}

/// No link that would be of no use when it is followed.
fn check(user: &user::Model, purpose: AdminLinkPurpose) -> Result<()> {
    if user.disabled_at.is_some() {
        return Err(Error::invalid(
            "userId",
            "not_allowed",
            "The account is disabled.",
        ));
    }
    let refused = match purpose {
        AdminLinkPurpose::EmailVerification if user.email_verified_at.is_some() => {
            "The address is verified already."
        }
        AdminLinkPurpose::PasswordReset if user.password_hash.is_none() => {
            "The account has no password yet: invite its user."
        }
        AdminLinkPurpose::Invitation if user.password_hash.is_some() => {
            "The account has a password already."
        }
        _ => return Ok(()),
    };
    Err(Error::invalid("purpose", "not_allowed", refused))
}

/// Writes the request, and its mail where one is to go, inside the caller's transaction.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn write(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    user: &user::Model,
    asked: Asked<'_>,
) -> Result<verification::Model> {
    let purpose = Purpose::from(asked.purpose);
    if purpose == Purpose::Invitation {
        address::void(tx, user.id, purpose, None, app.now()).await?;
    }
    let email =
        Email::parse("email", &user.email).map_err(|issue| Error::internal(issue.message))?;
    let locale = Locale::parse("locale", &user.locale).unwrap_or_default();
    let request = Request {
        user: Some(user.id),
        redirect_to: asked.redirect_to,
        by_link_only: true,
        ..Request::new(purpose, asked.place, &email, &locale)
    };
    // A mail says from where it was asked for; it is nobody's business where the administrator sits.
    let unnamed = Caller::default();
    let row = if asked.mailed {
        start::notify(app, tx, &unnamed, request).await?
    } else {
        start::insert(app, tx, &unnamed, request).await?
    };
    let details = json!({ "purpose": asked.purpose.as_str(), "mailed": asked.mailed });
    let event = Event {
        user: Some(user.id),
        application: Some(asked.place.application.id),
        connection: Some(user.connection_id),
        details,
        ..Event::by_administrator(Kind::LinkMade, caller.acting_user())
    };
    app.record(tx, &caller.origin, event).await?;
    Ok(row)
}

impl AdminLinkPurpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::EmailVerification => "EMAIL_VERIFICATION",
            Self::PasswordReset => "PASSWORD_RESET",
            Self::Invitation => "INVITATION",
        }
    }
}

impl From<AdminLinkPurpose> for Purpose {
    fn from(purpose: AdminLinkPurpose) -> Self {
        match purpose {
            AdminLinkPurpose::EmailVerification => Self::EmailVerification,
            AdminLinkPurpose::PasswordReset => Self::PasswordReset,
            AdminLinkPurpose::Invitation => Self::Invitation,
        }
    }
}
