//! `signIn`: the same work and the same answer for an unknown login as for a wrong password.

use std::collections::{BTreeSet, HashMap};

use async_graphql::InputObject;
use entity::user;
use entity::verification::Purpose;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;

use super::attempt::{Attempt, Target, compare};
use crate::app::{App, Login, LoginKind};
use crate::caller::Caller;
use crate::db::padded;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::hasher::{Checked, Company};
use crate::limit::Backoff;
use crate::realm::claim;
use crate::realm::place::{self, Place};
use crate::realm::policy::MAX_LENGTH;
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session::{self, Beside, Opened, Opening, Outcome, TokenTransport, cookie};
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
    let mut checked = compare(app, &caller.turn, attempt.as_mut(), &input.password, stored).await?;
    let Some(user) = user.filter(|_| checked.matches) else {
        return Err(Error::InvalidCredentials);
    };
    let waits = user.email_verified_at.is_none() && place.connection.email_verification_required;
    if waits || user.disabled_at.is_some() || checked.outdated {
        // They take another way, or longer.
        checked.company = Company::default();
    }
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
    let opening = Opening {
        user,
        application: place.application,
        amr: "pwd",
        custom_claims,
        transport,
    };
    let verified = place.connection.email_verification_required;
    let event = Event {
        application: Some(opening.application.id),
        connection: Some(place.connection.id),
        ..Event::by_user(Kind::SignedIn, opening.user.id)
    };
    let beside = Beside {
        event,
        verified,
        guesses: attempt.as_ref().map(|attempt| attempt.key().to_owned()),
    };
    let opened = match session::open_together(app, caller, &opening, &beside, checked.company).await
    {
        Ok(None) => open_alone(app, caller, &opening, &beside).await,
        Ok(Some(opened)) => Ok(opened),
        Err(error) => Err(error),
    };
    // Where the house failed, the guess is given back. Where the password was changed meanwhile, it was a wrong one.
    if let (Ok(_) | Err(Error::InvalidCredentials), Some(attempt)) = (&opened, &attempt) {
        attempt.judged();
    }
    opened.map(Outcome::Opened)
}

/// The first sign-in of an account, and one beside a change of it: the account's row decides, and says why.
async fn open_alone(
    app: &App,
    caller: &Caller,
    opening: &Opening,
    beside: &Beside,
) -> Result<Box<Opened>> {
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let opened = session::open::open(app, &tx, caller, opening.clone()).await?;
            if beside.verified && opened.user.email_verified_at.is_none() {
                // The account has got another address meanwhile.
                return Err(Error::InvalidCredentials);
            }
            let event = Event {
                session: Some(opened.session.id),
                ..beside.event.clone()
            };
            app.record(&tx, &caller.origin, event).await?;
            // After the user's row, as in a reset.
            if let Some(guesses) = &beside.guesses {
                Backoff::forget_all(&tx, [guesses.clone()]).await?;
            }
            tx.commit().await?;
            Ok(opened)
        })
        .await
}

/// What is counted for a login that is nobody's, however it is written.
fn login_key(login: &str) -> String {
    Email::parse("login", login)
        .map_or_else(|_| login.to_lowercase(), |email| email.key().to_owned())
}

/// By address or, where the connection has usernames, by username; the two cannot look alike.
async fn find_user(app: &App, place: &Place, login: &str) -> Result<Option<user::Model>> {
    let username = Username::parse("login", login)
        .ok()
        .filter(|_| place.connection.username_required);
    let (kind, key) = match (Email::parse("login", login), username) {
        (Err(_), Some(username)) => (LoginKind::Username, username.key().to_owned()),
        // A login that is neither is looked for all the same, so that it takes as long.
        (email, _) => {
            let key = email.map_or_else(|_| String::new(), |email| email.key().to_owned());
            (LoginKind::Email, key)
        }
    };
    let login = Login {
        connection: place.connection.id,
        kind,
        key,
    };
    let db = app.db.read().clone();
    let work = move |logins: Vec<Login>| {
        let db = db.clone();
        async move { find_users(&db, &logins).await }
    };
    app.logins.ask(login, work).await
}

/// For everybody who signs in at the same time, in a query for each connection and kind of login.
async fn find_users(
    db: &impl ConnectionTrait,
    logins: &[Login],
) -> Result<Vec<Option<user::Model>>> {
    let mut found = HashMap::new();
    let mut keys: HashMap<_, BTreeSet<&str>> = HashMap::new();
    for login in logins {
        let keys = keys.entry((login.connection, login.kind)).or_default();
        keys.insert(&login.key);
    }
    for ((connection, kind), keys) in keys {
        let column = match kind {
            LoginKind::Email => user::Column::EmailKey,
            LoginKind::Username => user::Column::UsernameKey,
        };
        let keys = padded(&Vec::from_iter(keys));
        let users = user::Entity::find()
            .filter(user::Column::ConnectionId.eq(connection))
            .filter(column.is_in(keys));
        for user in users.all(db).await? {
            let key = match kind {
                LoginKind::Email => user.email_key.clone(),
                LoginKind::Username => user.username_key.clone().unwrap_or_default(),
            };
            found.insert(
                Login {
                    connection,
                    kind,
                    key,
                },
                user,
            );
        }
    }
    Ok(logins
        .iter()
        .map(|login| found.get(login).cloned())
        .collect())
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

/// Brings a password that was hashed at a lower cost up to today's. Whoever changed or raised it meanwhile wins.
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
        return Ok(user);
    }
    // Of several who sign in at once, another one was faster: the password is still right, unless it is another one now.
    let row = user::Entity::find_by_id(user.id)
        .one(app.db.write())
        .await?;
    if let Some(stored) = row.and_then(|row| row.password_hash) {
        let checked = app
            .hasher
            .verify(&caller.turn, password, Some(&stored))
            .await?;
        if checked.matches {
            user.password_hash = Some(stored);
        }
    }
    Ok(user)
}
