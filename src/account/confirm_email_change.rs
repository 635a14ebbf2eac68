//! `confirmEmailChange`: the answered mail makes the new address the account's, and gives the old one 72 hours to object.

use async_graphql::InputObject;
use entity::verification::Purpose;
use entity::{application, user};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, SqlErr};

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::identity::Identity;
use crate::password::choose::connection_of;
use crate::realm::domain;
use crate::realm::place::{self, Place};
use crate::secret::Secret;
use crate::session::{self as sessions, Outcome, TokenTransport};
use crate::value::{Email, Locale};
use crate::verification::{Redeemed, Request, VerificationProof, address, redeem, start};

/// The answer to the mail at the new address.
#[derive(Debug, InputObject)]
pub struct ConfirmEmailChangeInput {
    /// The ticket of the link, or the code.
    pub proof: VerificationProof,
    /// As the session has it, if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `UNAUTHENTICATED`; `INVALID_TICKET` or `INVALID_CODE`, also for a proof of another user; `INVALID_INPUT` for an address
/// whose domain the connection does not take any more, which consumes nothing; `ORIGIN_NOT_ALLOWED`.
pub async fn confirm_email_change(
    app: &App,
    caller: &Caller,
    input: ConfirmEmailChangeInput,
) -> Result<Outcome> {
    let Identity {
        session,
        user,
        application,
        ..
    } = caller.identity(app).await?.clone();
    let proof = redeem::find(app, caller, input.proof, None, &[Purpose::EmailChange]).await?;
    if proof.row.user_id != Some(user.id) {
        return Err(proof.refusal());
    }
    let place = place_of(app, &user, application.as_ref().clone()).await?;
    refuse_domain(app, &proof, &place).await?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let event = change(app, &tx, caller, &proof, &user, &place).await?;
            let session = session.clone();
            let opened = sessions::keep(app, &tx, caller, session, input.token_transport).await?;
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

/// What the page behind the mailed link does. Whoever clicks there need not be signed in on that device: the change was
/// asked for with the current password, and the ticket is the new mailbox's.
///
/// # Errors
/// `INVALID_TICKET`; `INVALID_INPUT` as [`confirm_email_change`].
pub async fn confirm_by_page(app: &App, caller: &Caller, ticket: Secret) -> Result<()> {
    let ticket = VerificationProof::Ticket(ticket);
    let proof = redeem::find(app, caller, ticket, None, &[Purpose::EmailChange]).await?;
    let user = match proof.row.user_id {
        Some(id) => user::Entity::find_by_id(id).one(app.db.read()).await?,
        None => None,
    };
    let user = user
        .filter(|user| user.disabled_at.is_none())
        .ok_or_else(|| proof.refusal())?;
    let place = place::again(app, proof.row.application_id, proof.row.connection_id)
        .await?
        .ok_or_else(|| proof.refusal())?;
    refuse_domain(app, &proof, &place).await?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let event = change(app, &tx, caller, &proof, &user, &place).await?;
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(())
        })
        .await
}

/// The lists of domains may have changed since the mail left; the proof stays as good as it was.
async fn refuse_domain(app: &App, proof: &Redeemed, place: &Place) -> Result<()> {
    let admitted = Email::parse("email", &proof.row.email)
        .and_then(|email| domain::admits(&place.connection, "email", &email));
    if let Err(issue) = admitted {
        proof.give_back(app).await?;
        return Err(Error::InvalidInput(vec![issue]));
    }
    Ok(())
}

/// Read before the transaction: a second connection asked for inside of one can wait for itself.
async fn place_of(app: &App, user: &user::Model, application: application::Model) -> Result<Place> {
    Ok(Place {
        application,
        connection: connection_of(app, user).await?,
    })
}

/// The user's row comes first, as in every other change of an account.
async fn change(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    proof: &Redeemed,
    user: &user::Model,
    place: &Place,
) -> Result<Event> {
    let now = app.now();
    let row = &proof.row;
    let changed = user::Entity::update_many()
        .col_expr(user::Column::Email, row.email.clone().into())
        .col_expr(user::Column::EmailKey, row.email_key.clone().into())
        .col_expr(user::Column::EmailVerifiedAt, now.into())
        .col_expr(user::Column::UpdatedAt, now.into())
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::EmailKey.eq(&user.email_key))
        .exec(tx)
        .await;
    let changed = changed.map_err(|error| match error.sql_err() {
        // Somebody else has taken it meanwhile.
        Some(SqlErr::UniqueConstraintViolation(_)) => proof.refusal(),
        _ => Error::from(error),
    })?;
    if changed.rows_affected != 1
        || address::is_reserved(tx, user.connection_id, &row.email_key, Some(user.id), now).await?
    {
        return Err(proof.refusal());
    }
    proof.consume(tx, now).await?;
    // Tickets that were mailed to the old address are worth nothing any more.
    address::void_all(tx, user.id, now).await?;
    tell_old_address(app, tx, caller, user, place).await?;
    Ok(Event {
        application: Some(row.application_id),
        connection: Some(row.connection_id),
        ..Event::by_user(Kind::EmailChanged, user.id)
    })
}

/// With a link that takes the change back; as long as it lives, nobody else can have the address.
async fn tell_old_address(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    user: &user::Model,
    place: &Place,
) -> Result<()> {
    let old = Email::parse("email", &user.email).map_err(|issue| Error::internal(issue.message))?;
    let locale = Locale::parse("locale", &user.locale).unwrap_or_default();
    let request = Request {
        user: Some(user.id),
        ..Request::new(Purpose::EmailChangeUndo, place, &old, &locale)
    };
    start::notify(app, tx, caller, request).await?;
    Ok(())
}
