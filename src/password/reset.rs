//! `resetPassword`: the answered mail sets a new password, and ends everything that the old one opened. An invitation is
//! answered in the same way: it sets the first one.

use async_graphql::InputObject;
use entity::verification::Purpose;
use entity::{application, session, user};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

use super::attempt::forgive;
use super::choose::{Candidate, choose, connection_of, personal_data, remember, weak_by_name};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::job::Task;
use crate::realm::place::{self, Place};
use crate::secret::Secret;
use crate::session::{self as sessions, Opening, Outcome, TokenTransport, cookie};
use crate::verification::{Redeemed, VerificationProof, address, redeem};

/// The answer to a change-password mail, or to an invitation.
#[derive(Debug, InputObject)]
pub struct ResetPasswordInput {
    /// The ticket of the link, or the code.
    pub proof: VerificationProof,
    /// The new password. Left out only where the request named one and the code verifier is given.
    #[graphql(secret)]
    pub new_password: Option<Secret>,
    /// Where the request carried a `codeChallenge`: its verifier (RFC 7636).
    #[graphql(secret)]
    pub code_verifier: Option<Secret>,
    /// `BODY` if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `INVALID_TICKET` or `INVALID_CODE`, one answer for everything that is wrong with the proof; `WEAK_PASSWORD` and
/// `INVALID_CREDENTIALS` (not the password that the request named), which consume nothing, as `ORIGIN_NOT_ALLOWED` and
/// `INVALID_INPUT` where a new password is missing; `OVERLOADED`.
pub async fn reset_password(
    app: &App,
    caller: &Caller,
    input: ResetPasswordInput,
) -> Result<Outcome> {
    let proof = redeem::find(
        app,
        caller,
        input.proof,
        input.code_verifier.as_ref(),
        &[Purpose::PasswordReset, Purpose::Invitation],
    )
    .await?;
    let application = open_place(app, &proof).await?.application;
    let elsewhere = caller
        .client_id
        .as_ref()
        .is_some_and(|client_id| *client_id != application.client_id);
    if elsewhere {
        return Err(proof.refusal());
    }
    // Nothing is hashed for who could not be answered: the proof would be as good as before.
    let transport = input.token_transport.unwrap_or_default();
    if let Err(error) = cookie::check_transport(app, caller, &application, transport) {
        proof.give_back(app).await?;
        return Err(error);
    }
    let new_password = input.new_password.as_ref();
    let (user, hash) = prepare(app, caller, &proof, &application, new_password).await?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let (user, event) =
                replace(app, &tx, caller, &proof, user.clone(), hash.clone()).await?;
            let opening = Opening {
                user,
                application: application.clone(),
                amr: "otp",
                custom_claims: proof.row.custom_claims.clone(),
                transport,
            };
            let opened = sessions::open::open(app, &tx, caller, opening).await?;
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
            app.worker.wake();
            Ok(Outcome::Opened(opened))
        })
        .await
}

/// A page on which a password is chosen; the ticket of one is nothing on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Reset,
    Invitation,
}

impl Page {
    async fn find(self, app: &App, caller: &Caller, ticket: Secret) -> Result<Redeemed> {
        let purpose = match self {
            Self::Reset => Purpose::PasswordReset,
            Self::Invitation => Purpose::Invitation,
        };
        let ticket = VerificationProof::Ticket(ticket);
        redeem::find(app, caller, ticket, None, &[purpose]).await
    }
}

/// What the page behind the mailed link does: the same, but no session is opened.
///
/// # Errors
/// As [`reset_password`].
pub async fn reset_by_page(
    app: &App,
    caller: &Caller,
    page: Page,
    ticket: Secret,
    new_password: &Secret,
) -> Result<()> {
    let proof = page.find(app, caller, ticket).await?;
    let application = open_place(app, &proof).await?.application;
    let (user, hash) = prepare(app, caller, &proof, &application, Some(new_password)).await?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let (_, event) = replace(app, &tx, caller, &proof, user.clone(), hash.clone()).await?;
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(())
        })
        .await
}

/// By which rules the password behind a ticket is judged; by default, nobody's.
#[derive(Debug, Default)]
pub struct Terms {
    pub least_length: i32,
    /// What `checkPassword` calls the application and the connection that the ticket is of.
    pub client_id: String,
    pub connection: String,
}

/// The terms of the password behind a ticket; nothing is redeemed.
///
/// # Errors
/// `INVALID_TICKET`.
pub async fn terms(app: &App, caller: &Caller, page: Page, ticket: Secret) -> Result<Terms> {
    let proof = page.find(app, caller, ticket).await?;
    let place = open_place(app, &proof).await?;
    Ok(Terms {
        least_length: place.connection.password_min_length,
        client_id: place.application.client_id,
        connection: place.connection.name,
    })
}

async fn open_place(app: &App, proof: &Redeemed) -> Result<Place> {
    place::again(app, proof.row.application_id, proof.row.connection_id)
        .await?
        .ok_or_else(|| proof.refusal())
}

/// Judges and hashes before anything is consumed: a weak password may be followed by a better one.
async fn prepare(
    app: &App,
    caller: &Caller,
    proof: &Redeemed,
    application: &application::Model,
    new_password: Option<&Secret>,
) -> Result<(user::Model, String)> {
    let user = match proof.row.user_id {
        Some(id) => user::Entity::find_by_id(id).one(app.db.read()).await?,
        None => None,
    };
    let same =
        |user: &user::Model| user.email_key == proof.row.email_key && user.disabled_at.is_none();
    let user = user.filter(same).ok_or_else(|| proof.refusal())?;
    let hash = match wished(app, caller, proof, application, &user, new_password).await {
        Ok(hash) => hash,
        Err(error) => {
            proof.give_back(app).await?;
            return Err(error);
        }
    };
    Ok((user, hash))
}

async fn wished(
    app: &App,
    caller: &Caller,
    proof: &Redeemed,
    application: &application::Model,
    user: &user::Model,
    new_password: Option<&Secret>,
) -> Result<String> {
    // Where the application allows none any more, it is as if the request had named none.
    let allowed = application.password_in_reset_request_allowed;
    let named = proof.row.password_hash.as_ref().filter(|_| allowed);
    if let (Some(hash), None, true) = (named, new_password, proof.row.code_challenge.is_some()) {
        // The verifier has been checked; the password was judged while it was known.
        let unmet = proof.row.password_issues.clone().unwrap_or_default();
        let verdict = weak_by_name(app, caller, "newPassword", &unmet.0);
        return if unmet.0.is_empty() {
            Ok(hash.clone())
        } else {
            Err(verdict)
        };
    }
    let password = new_password
        .filter(|password| !password.expose().is_empty())
        .ok_or_else(|| Error::invalid("newPassword", "required", "A new password is required."))?;
    if let Some(hash) = named
        && !app
            .hasher
            .verify(&caller.turn, password, Some(hash))
            .await?
            .matches
    {
        return Err(Error::InvalidCredentials);
    }
    let connection = connection_of(app, user).await?;
    let personal = personal_data(user);
    let candidate = Candidate {
        connection: &connection,
        password,
        personal,
        user: Some(user),
    };
    caller.turn.prove();
    choose(app, caller, "newPassword", &candidate).await
}

/// Consumes the proof, sets the password, verifies the address, ends every session and every other mail; tells the owner
/// of a password that is not the first one.
/// The user's row comes first, as in every other change of a password: two that void each other's mails wait there for one
/// another, and cannot lock each other out.
async fn replace(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    proof: &Redeemed,
    user: user::Model,
    hash: String,
) -> Result<(user::Model, Event)> {
    let now = app.now();
    let invited = proof.row.purpose == Purpose::Invitation;
    // An invitation sets the first password, and no other one.
    let fitting = if invited {
        Condition::all().add(user::Column::PasswordHash.is_null())
    } else {
        Condition::all()
    };
    let verified_at = user.email_verified_at.unwrap_or(now);
    let replaced = user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, hash.clone().into())
        .col_expr(user::Column::EmailVerifiedAt, verified_at.into())
        .col_expr(user::Column::UpdatedAt, now.into())
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::EmailKey.eq(&proof.row.email_key))
        .filter(user::Column::DisabledAt.is_null())
        .filter(fitting)
        .exec(tx)
        .await?;
    if replaced.rows_affected != 1 {
        return Err(proof.refusal());
    }
    proof.consume(tx, now).await?;
    remember(app, tx, &user).await?;
    sessions::revoke(tx, session::Column::UserId.eq(user.id), now).await?;
    address::void_all(tx, user.id, now).await?;
    if !invited {
        let notice = Task::SendPasswordReset {
            user: user.id,
            at: now,
            from: caller.origin.ip.clone(),
        };
        app.enqueue(tx, &notice).await?;
    }
    // Late: guesses of others, which are counted together, wait for whoever holds a counter.
    forgive(tx, &[user.id]).await?;
    let kind = if invited {
        Kind::InvitationAccepted
    } else {
        Kind::PasswordReset
    };
    let event = Event {
        application: Some(proof.row.application_id),
        connection: Some(proof.row.connection_id),
        ..Event::by_user(kind, user.id)
    };
    let user = user::Model {
        password_hash: Some(hash),
        email_verified_at: Some(verified_at),
        updated_at: now,
        ..user
    };
    Ok((user, event))
}
