//! `requestPasswordReset`: sends the change-password mail, in both of Auth0's forms. The same work and the same answer for
//! an address that is known and for one that is not.

use async_graphql::InputObject;
use entity::verification::Purpose;
use entity::{StringList, former_password, user};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter};

use super::attempt::allow_stranger;
use super::choose::{cheap_unmet, former, personal_data};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::place::{self, Place};
use crate::realm::policy::{MAX_LENGTH, Personal};
use crate::realm::{redirect, template_options};
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session::Outcome;
use crate::value::{Email, Issues};
use crate::verification::{self, Request};

/// Whose password is to be reset, and where the mail leads.
#[derive(Debug, InputObject)]
pub struct RequestPasswordResetInput {
    /// The application; without it header `x-client-id`, else the default application.
    pub client_id: Option<String>,
    /// One of the application's database connections; its default if left out.
    pub connection: Option<String>,
    /// Compared without regard to case; the mail goes to the address as it is stored.
    pub email: String,
    /// Only where the application allows it (off by default). Redeeming then takes the PKCE verifier, or the same password
    /// once more, so that a stranger's password never becomes somebody's by a click.
    #[graphql(secret)]
    pub new_password: Option<Secret>,
    /// Where the e-mailed link leads back to; must match the application's allow-list.
    pub redirect_to: Option<String>,
    /// PKCE S256 (RFC 7636): only the holder of the verifier can redeem the e-mailed link or code. Needs `redirectTo`.
    pub code_challenge: Option<String>,
    /// Values for the e-mail template: names that the application lists.
    pub template_options: Option<Json>,
}

/// # Errors
/// `INVALID_INPUT`, `REDIRECT_NOT_ALLOWED`, `RATE_LIMITED` after too many from one network, `OVERLOADED`; never whether the
/// address is known.
pub async fn request_password_reset(
    app: &App,
    caller: &Caller,
    input: RequestPasswordResetInput,
) -> Result<Outcome> {
    let place = place::find(
        app,
        caller,
        input.client_id.as_deref(),
        input.connection.as_deref(),
    )
    .await?;
    let mut issues = Issues::default();
    let email = issues.take(Email::parse("email", &input.email));
    let template_options =
        template_options::check(&place.application, input.template_options, &mut issues);
    issues.none()?;
    let email = email.ok_or(Error::InvalidInput(Vec::new()))?;
    verification::check_challenge(
        input.code_challenge.as_deref(),
        input.redirect_to.as_deref(),
    )?;
    let redirect_to = redirect::check_given(
        &app.config,
        &place.application,
        input.redirect_to.as_deref(),
    )?;
    if input.new_password.is_some() && !place.application.password_in_reset_request_allowed {
        return Err(Error::invalid(
            "newPassword",
            "not_allowed",
            "The application allows no password in this request.",
        ));
    }

    allow_stranger(app, caller).await?;
    let user = find_user(app, &place, &email).await?;
    let (password_hash, password_issues) = match &input.new_password {
        Some(password) => {
            let unmet = judge(app, caller, &place, user.as_ref(), password).await?;
            (
                Some(app.hasher.hash(&caller.turn, password).await?),
                Some(StringList::of(unmet)),
            )
        }
        None => (None, None),
    };
    let locale = user
        .as_ref()
        .and_then(|user| crate::value::Locale::parse("locale", &user.locale).ok());
    let locale = locale.or_else(|| caller.locale.clone()).unwrap_or_default();
    let request = Request {
        user: user.as_ref().map(|user| user.id),
        decoy: user.is_none(),
        code_challenge: input.code_challenge,
        redirect_to,
        template_options,
        password_hash,
        password_issues,
        // The address as the caller wrote it, here and whenever the mail is asked for again: how it is stored tells that
        // it is.
        ..Request::new(Purpose::PasswordReset, &place, &email, &locale)
    };
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            look_for_nobody(app, &tx, user.as_ref()).await?;
            let (row, resend_at) =
                verification::start::start(app, &tx, caller, request.clone()).await?;
            let event = Event {
                application: Some(place.application.id),
                connection: Some(place.connection.id),
                user: user.as_ref().map(|user| user.id),
                ..Event::anonymous(Kind::PasswordResetRequested)
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(verification::pending(app, &row, resend_at))
        })
        .await
}

/// PostgreSQL looks for the user whom a request names, and locks the row: a tenth of a millisecond that would tell a known
/// address from an unknown one. SQLite does nothing that could be told.
async fn look_for_nobody(
    app: &App,
    tx: &impl ConnectionTrait,
    user: Option<&user::Model>,
) -> Result<()> {
    if user.is_none() && app.db.backend() == DbBackend::Postgres {
        user::Entity::find_by_id(app.id()).one(tx).await?;
    }
    Ok(())
}

/// Who is disabled gets no mail: a new password would not open anything.
async fn find_user(app: &App, place: &Place, email: &Email) -> Result<Option<user::Model>> {
    Ok(user::Entity::find()
        .filter(user::Column::ConnectionId.eq(place.connection.id))
        .filter(user::Column::EmailKey.eq(email.key()))
        .filter(user::Column::DisabledAt.is_null())
        .one(app.db.read())
        .await?)
}

/// The names of the rules that the password does not meet: told when it is redeemed, because here they would tell whether
/// there is an account. As many former passwords are compared for an unknown address as for a known one.
async fn judge(
    app: &App,
    caller: &Caller,
    place: &Place,
    user: Option<&user::Model>,
    password: &Secret,
) -> Result<Vec<&'static str>> {
    if password.expose().chars().count() > MAX_LENGTH {
        return Err(Error::invalid(
            "newPassword",
            "too_long",
            format!("At most {MAX_LENGTH} characters."),
        ));
    }
    let personal = user.map_or_else(Personal::default, personal_data);
    let mut unmet: Vec<_> = cheap_unmet(&place.connection, password, &personal)
        .into_iter()
        .map(|rule| rule.name())
        .collect();
    if app.breaches.knows(password).await {
        unmet.push("breached");
    }
    let history = usize::try_from(place.connection.password_history).unwrap_or_default();
    if history > 0 {
        let mut hashes: Vec<Option<String>> = match user {
            Some(user) => {
                let rows: Vec<former_password::Model> =
                    former(user, history as u64).all(app.db.read()).await?;
                let present = std::iter::once(user.password_hash.clone());
                present
                    .chain(rows.into_iter().map(|row| Some(row.password_hash)))
                    .collect()
            }
            None => Vec::new(),
        };
        hashes.resize(history + 1, None);
        app.hasher.admit_all(&caller.turn, hashes.len())?;
        let mut used = false;
        for hash in hashes {
            let compared = app.hasher.verify(&caller.turn, password, hash.as_deref());
            used |= compared.await?.matches;
        }
        if used {
            unmet.push("history");
        }
    }
    Ok(unmet)
}
