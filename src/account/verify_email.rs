//! `verifyEmail`: the answered mail makes the user of a pending sign-up, or verifies the address of an existing one.

use async_graphql::InputObject;
use entity::verification::Purpose;
use entity::{StringList, application, pending_sign_up, user};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use super::settle::settle;
use super::sign_up::insert_if_free;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::domain;
use crate::realm::place::{self, Place};
use crate::realm::role::{self, Roles};
use crate::secret::Secret;
use crate::session::{self, Opening, Outcome, TokenTransport, cookie};
use crate::value::{Email, Username};
use crate::verification::{Redeemed, VerificationProof, address, redeem};

/// What is answered here, whichever way the proof came.
pub(super) const PURPOSES: [Purpose; 2] = [Purpose::SignUp, Purpose::EmailVerification];

/// The answer to a verification mail.
#[derive(Debug, InputObject)]
pub struct VerifyEmailInput {
    /// The ticket of the link, or the code.
    pub proof: VerificationProof,
    /// Where the sign-up carried a `codeChallenge`: its verifier (RFC 7636).
    #[graphql(secret)]
    pub code_verifier: Option<Secret>,
    /// Only where the one wished at sign-up was taken meanwhile (`USERNAME_TAKEN`); the proof is then still good.
    pub username: Option<String>,
    /// `BODY` if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `INVALID_TICKET` or `INVALID_CODE`, one answer for everything that is wrong. What consumes nothing: `USERNAME_TAKEN`;
/// `SIGN_UP_DISABLED`; `INVALID_INPUT` for the username, and for an address whose domain the connection does not take any
/// more; `ORIGIN_NOT_ALLOWED`. `ACCOUNT_DISABLED` where an administrator was faster.
pub async fn verify_email(app: &App, caller: &Caller, input: VerifyEmailInput) -> Result<Outcome> {
    let username = input
        .username
        .as_deref()
        .map(|given| Username::parse("username", given))
        .transpose();
    let username = username.map_err(|issue| Error::InvalidInput(vec![issue]))?;
    let redeemed = find(app, caller, input.proof, input.code_verifier).await?;
    let transport = input.token_transport.unwrap_or_default();
    sign_in(app, caller, &redeemed, username, transport).await
}

/// Consumes the proof and opens a session for who redeems it.
///
/// # Errors
/// As [`verify_email`].
pub(super) async fn sign_in(
    app: &App,
    caller: &Caller,
    redeemed: &Redeemed,
    username: Option<Username>,
    transport: TokenTransport,
) -> Result<Outcome> {
    let place = open_place(app, redeemed).await?;
    let application = place.application;
    let elsewhere = caller
        .client_id
        .as_ref()
        .is_some_and(|client_id| *client_id != application.client_id);
    if elsewhere {
        return Err(redeemed.refusal());
    }
    if let Err(error) = cookie::check_transport(app, caller, &application, transport) {
        redeemed.give_back(app).await?;
        return Err(error);
    }
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let answer = answered(app, &tx, redeemed, &application, username.clone());
            let (user, event) = match answer.await {
                Err(error @ Error::UsernameTaken) => {
                    drop(tx);
                    redeemed.give_back(app).await?;
                    return Err(error);
                }
                answered => answered?,
            };
            let opening = Opening {
                user,
                application: application.clone(),
                amr: "otp",
                custom_claims: redeemed.row.custom_claims.clone(),
                transport,
            };
            let opened = session::open::open(app, &tx, caller, opening).await?;
            app.record(
                &tx,
                &caller.origin,
                Event {
                    session: Some(opened.session.id),
                    ..event
                },
            )
            .await?;
            tx.commit().await?;
            Ok(Outcome::Opened(opened))
        })
        .await
}

/// What the page behind a mailed link does: the same, but no session is opened. Whoever holds the mail and clicks need
/// not be the device that asked.
///
/// # Errors
/// `INVALID_TICKET`, `SIGN_UP_DISABLED`, `INVALID_INPUT` for an address whose domain the connection does not take any more,
/// `USERNAME_TAKEN`, `ACCOUNT_DISABLED`.
pub async fn confirm_address(app: &App, caller: &Caller, ticket: Secret) -> Result<()> {
    let redeemed = find(app, caller, VerificationProof::Ticket(ticket), None).await?;
    let application = open_place(app, &redeemed).await?.application;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let (_, event) = answered(app, &tx, &redeemed, &application, None).await?;
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
}

async fn find(
    app: &App,
    caller: &Caller,
    proof: VerificationProof,
    verifier: Option<Secret>,
) -> Result<Redeemed> {
    redeem::find(app, caller, proof, verifier.as_ref(), &PURPOSES).await
}

/// Where the request belongs, as that is now. Where signing up was switched off meanwhile, or the address's domain is not
/// taken any more, no pending sign-up becomes a user; the proof stays as good as it was.
pub(super) async fn open_place(app: &App, redeemed: &Redeemed) -> Result<Place> {
    let row = &redeemed.row;
    let place = place::again(app, row.application_id, row.connection_id)
        .await?
        .ok_or_else(|| redeemed.refusal())?;
    if row.purpose != Purpose::SignUp {
        return Ok(place);
    }
    let refused = if place.connection.sign_up_enabled {
        Email::parse("email", &row.email)
            .and_then(|email| domain::admits(&place.connection, "email", &email))
            .map_err(|issue| Error::InvalidInput(vec![issue]))
    } else {
        Err(Error::SignUpDisabled)
    };
    match refused {
        Ok(()) => Ok(place),
        Err(error) => {
            redeemed.give_back(app).await?;
            Err(error)
        }
    }
}

/// Makes or verifies the user, and consumes the proof.
async fn answered(
    app: &App,
    tx: &impl ConnectionTrait,
    redeemed: &Redeemed,
    application: &application::Model,
    username: Option<Username>,
) -> Result<(user::Model, Event)> {
    // The only two purposes that are looked for.
    let (user, kind) = if redeemed.row.purpose == Purpose::SignUp {
        (
            make_user(app, tx, redeemed, application, username).await?,
            Kind::SignedUp,
        )
    } else {
        (verify_user(app, tx, redeemed).await?, Kind::EmailVerified)
    };
    let details = if redeemed.is_handed_over() {
        json!({ "handoff": true })
    } else {
        json!({})
    };
    let event = Event {
        application: Some(redeemed.row.application_id),
        connection: Some(redeemed.row.connection_id),
        details,
        ..Event::by_user(kind, user.id)
    };
    Ok((user, event))
}

/// The user is inserted before the proof is consumed: of several answered mails for one address, the unique index lets
/// one pass and the others wait for it, so that they cannot lock each other out.
async fn make_user(
    app: &App,
    tx: &impl ConnectionTrait,
    redeemed: &Redeemed,
    application: &application::Model,
    username: Option<Username>,
) -> Result<user::Model> {
    let row = &redeemed.row;
    let pending = pending_sign_up::Entity::find_by_id(row.id)
        .one(tx)
        .await?
        .ok_or_else(|| redeemed.refusal())?;
    let wished = pending
        .username
        .as_deref()
        .and_then(|wished| Username::parse("username", wished).ok());
    // Another one only where one was wished for: a connection without usernames has none to give.
    let username = wished.map(|wished| username.unwrap_or(wished));
    let asked = Roles {
        all: pending.roles.0,
        default: pending.default_role,
    };
    let roles = role::once_answered(application, asked);
    let now = app.now();
    let user = user::Model {
        id: app.id(),
        connection_id: row.connection_id,
        email: row.email.clone(),
        email_key: row.email_key.clone(),
        email_verified_at: Some(now),
        username: username
            .as_ref()
            .map(|username| username.as_str().to_owned()),
        username_key: username.as_ref().map(Username::key),
        phone_number: pending.phone_number,
        phone_number_verified_at: None,
        display_name: pending.display_name,
        given_name: pending.given_name,
        middle_name: pending.middle_name,
        family_name: pending.family_name,
        avatar_url: None,
        locale: row.locale.clone(),
        metadata: pending.metadata,
        app_metadata: Value::Object(serde_json::Map::new()),
        default_role: roles.default,
        roles: StringList(roles.all),
        password_hash: Some(pending.password_hash),
        disabled_at: None,
        last_sign_in_at: None,
        created_at: now,
        updated_at: now,
    };
    if !insert_if_free(tx, user.clone()).await? {
        return Err(redeemed.refusal());
    }
    // Looked at after the insertion: whoever gave the address up in between is seen now.
    if address::is_reserved(tx, row.connection_id, &row.email_key, None, now).await? {
        return Err(redeemed.refusal());
    }
    redeemed.consume(tx, now).await?;
    settle(tx, &user, now).await?;
    Ok(user)
}

/// The user's row comes first, as in every other change of an account: two that void each other's mails wait there for
/// one another, and cannot lock each other out.
async fn verify_user(
    app: &App,
    tx: &impl ConnectionTrait,
    redeemed: &Redeemed,
) -> Result<user::Model> {
    let now = app.now();
    let row = &redeemed.row;
    let id = row.user_id.ok_or_else(|| redeemed.refusal())?;
    let verified = user::Entity::update_many()
        .col_expr(
            user::Column::EmailVerifiedAt,
            Expr::col(user::Column::EmailVerifiedAt).if_null(now),
        )
        .col_expr(user::Column::UpdatedAt, now.into())
        .filter(user::Column::Id.eq(id))
        // The address may have changed since the mail left.
        .filter(user::Column::EmailKey.eq(&row.email_key))
        .exec(tx)
        .await?;
    let user = user::Entity::find_by_id(id).one(tx).await?;
    let user = user
        .filter(|_| verified.rows_affected == 1)
        .ok_or_else(|| redeemed.refusal())?;
    if user.disabled_at.is_some() {
        return Err(Error::AccountDisabled);
    }
    redeemed.consume(tx, now).await?;
    Ok(user)
}
