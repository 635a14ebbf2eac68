//! `signIn`: the same work and the same answer for an unknown login as for a wrong password.

use async_graphql::InputObject;
use entity::user;
use entity::verification::Purpose;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;

use super::attempt::{Attempt, Target, compare};
use crate::app::App;
use crate::caller::Caller;
use crate::db::only;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::hasher::Checked;
use crate::realm::claim;
use crate::realm::place::{self, Place};
use crate::realm::policy::MAX_LENGTH;
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session::{self, Opening, Outcome, TokenTransport, cookie};
use crate::value::{Email, Issues, Locale, Username};
use crate::verification::{self, Request};

/// Who signs in, where, and with which password.
#[derive(Debug, InputObject)]
pub struct SignInInput {
    /// The application; without it header `x-client-id`, else the default application.
    pub client_id: Option<String>,
    /// One of the application's database connections; its default if left out.
    pub connection: Option<String>,
    /// E-mail address or, where the connection has usernames, username.
    pub login: String,
    #[graphql(secret)]
    pub password: Secret,
    /// Extra claims of the access tokens: names that the application lists, at most 10, 1,024 octets of JSON in all. Kept
    /// across refreshes.
    pub custom_claims: Option<Json>,
    /// `BODY` if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `INVALID_INPUT` for an unknown application or connection and for `customClaims`, `INVALID_CREDENTIALS`, `ACCOUNT_DISABLED`,
/// `RATE_LIMITED` after too many wrong passwords, `ORIGIN_NOT_ALLOWED`, `OVERLOADED`.
pub async fn sign_in(app: &App, caller: &Caller, input: SignInInput) -> Result<Outcome> {
    let _place = app.hasher.keep_place(&caller.turn)?;
    let place = place::find(
        app,
        caller,
        input.client_id.as_deref(),
        input.connection.as_deref(),
    )
    .await?;
    let mut issues = Issues::default();
    let custom_claims = claim::check(&place.application, input.custom_claims, &mut issues);
    issues.none()?;
    let transport = input.token_transport.unwrap_or_default();
    cookie::check_transport(app, caller, &place.application, transport)?;
    if input.password.expose().chars().count() > MAX_LENGTH {
        // No password is that long, whoever's it is: nothing is told by not hashing it.
        return Err(Error::InvalidCredentials);
    }
    let user = find_user(app, &place, &input.login).await?;
    let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let login = login_key(&input.login);
    let target = match &user {
        Some(user) => Target::Account(user.id),
        None => Target::Nobody {
            connection: place.connection.id,
            login: &login,
        },
    };
    let mut attempt = Attempt::begin(app, caller, target).await?;
    let checked = compare(app, &caller.turn, attempt.as_mut(), &input.password, stored).await?;
    let Some(user) = user.filter(|_| checked.matches) else {
        return Err(Error::InvalidCredentials);
    };
    let waits = user.email_verified_at.is_none() && place.connection.email_verification_required;
    if let Some(attempt) = attempt
        .as_ref()
        .filter(|_| waits || user.disabled_at.is_some())
    {
        attempt.succeed(app.db.write()).await?;
        attempt.judged();
    }
    if user.disabled_at.is_some() {
        return Err(Error::AccountDisabled);
    }
    if waits {
        return ask_for_verification(app, caller, &place, &user, custom_claims).await;
    }
    let user = rehash(app, caller, user, &input.password, &checked).await?;
    let opened = app
        .db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let opening = Opening {
                user: user.clone(),
                application: place.application.clone(),
                amr: "pwd",
                custom_claims: custom_claims.clone(),
                transport,
            };
            let opened = session::open::open(app, &tx, caller, opening).await?;
            if place.connection.email_verification_required
                && opened.user.email_verified_at.is_none()
            {
                // The account has got another address meanwhile.
                return Err(Error::InvalidCredentials);
            }
            let event = Event {
                session: Some(opened.session.id),
                application: Some(opened.application.id),
                connection: Some(place.connection.id),
                ..Event::by_user(Kind::SignedIn, opened.user.id)
            };
            app.record(&tx, &caller.origin, event).await?;
            // After the user's row, as in a reset.
            if let Some(attempt) = &attempt {
                attempt.succeed(&tx).await?;
            }
            tx.commit().await?;
            Ok(Outcome::Opened(Box::new(opened)))
        })
        .await;
    // Where the house failed, the guess is given back. Where the password was changed meanwhile, it was a wrong one.
    if let (Ok(_) | Err(Error::InvalidCredentials), Some(attempt)) = (&opened, &attempt) {
        attempt.judged();
    }
    opened
}

/// What is counted for a login that is nobody's, however it is written.
fn login_key(login: &str) -> String {
    Email::parse("login", login)
        .map_or_else(|_| login.to_lowercase(), |email| email.key().to_owned())
}

/// By address or, where the connection has usernames, by username; the two cannot look alike.
async fn find_user(app: &App, place: &Place, login: &str) -> Result<Option<user::Model>> {
    let users = user::Entity::find().filter(user::Column::ConnectionId.eq(place.connection.id));
    let username = Username::parse("login", login)
        .ok()
        .filter(|_| place.connection.username_required);
    let users = match (Email::parse("login", login), username) {
        (Err(_), Some(username)) => users.filter(user::Column::UsernameKey.eq(username.key())),
        // A login that is neither is looked for all the same, so that it takes as long.
        (email, _) => {
            let key = email.map_or_else(|_| String::new(), |email| email.key().to_owned());
            users.filter(user::Column::EmailKey.eq(key))
        }
    };
    Ok(only(users.all(app.db.read()).await?))
}

/// An account that was made while its connection asked for no verification, and signs in now that it does.
async fn ask_for_verification(
    app: &App,
    caller: &Caller,
    place: &Place,
    user: &user::Model,
    custom_claims: Option<Value>,
) -> Result<Outcome> {
    let email =
        Email::parse("login", &user.email).map_err(|issue| Error::internal(issue.message))?;
    let locale = Locale::parse("locale", &user.locale).unwrap_or_default();
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let request = Request {
                user: Some(user.id),
                custom_claims: custom_claims.clone(),
                ..Request::new(Purpose::EmailVerification, place, &email, &locale)
            };
            let (row, resend_at) = verification::start::start(app, &tx, caller, request).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(verification::pending(app, &row, resend_at))
        })
        .await
}

/// Brings a password that was hashed at a lower cost up to today's. Whoever changed it meanwhile wins.
async fn rehash(
    app: &App,
    caller: &Caller,
    mut user: user::Model,
    password: &Secret,
    checked: &Checked,
) -> Result<user::Model> {
    if !checked.outdated {
        return Ok(user);
    }
    let hash = match app.hasher.hash(&caller.turn, password).await {
        // At the next sign-in, then: this one was right.
        Err(Error::Overloaded { .. }) => return Ok(user),
        hashed => hashed?,
    };
    let raised = app
        .db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let raised = user::Entity::update_many()
                .col_expr(user::Column::PasswordHash, hash.clone().into())
                .filter(user::Column::Id.eq(user.id))
                .filter(user::Column::PasswordHash.eq(user.password_hash.as_deref()))
                .exec(&tx)
                .await?;
            if raised.rows_affected == 1 {
                app.record(
                    &tx,
                    &caller.origin,
                    Event::by_user(Kind::PasswordRehashed, user.id),
                )
                .await?;
                tx.commit().await?;
            }
            Ok(raised.rows_affected == 1)
        })
        .await?;
    if raised {
        // The other instances remember the old one, and would take a change of password for one that came too late.
        app.identities.settle().await;
        user.password_hash = Some(hash);
    }
    Ok(user)
}
