//! `undoEmailChange`: the old address takes itself back. Whoever changed it knew the password, so that this one is worth
//! nothing any more: every session ends, and a new password is asked for by mail.

use async_graphql::InputObject;
use entity::verification::{self, Column, Purpose};
use entity::{session, user};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, SqlErr};

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::password::choose::remember;
use crate::realm::place;
use crate::secret::Secret;
use crate::session::{self as sessions, Outcome};
use crate::value::{Email, Locale};
use crate::verification::{self as proofs, Redeemed, Request, VerificationProof, address, redeem};

/// The objection of the old address.
#[derive(Debug, InputObject)]
pub struct UndoEmailChangeInput {
    /// The ticket in the query of the mailed link.
    #[graphql(secret)]
    pub ticket: Secret,
}

/// # Errors
/// `INVALID_TICKET`.
pub async fn undo_email_change(
    app: &App,
    caller: &Caller,
    input: UndoEmailChangeInput,
) -> Result<Outcome> {
    let ticket = VerificationProof::Ticket(input.ticket);
    let proof = redeem::find(app, caller, ticket, None, &[Purpose::EmailChangeUndo]).await?;
    let user = match proof.row.user_id {
        Some(id) => user::Entity::find_by_id(id).one(app.db.read()).await?,
        None => None,
    };
    let user = user.ok_or_else(|| proof.refusal())?;
    let place = place::again(app, proof.row.application_id, proof.row.connection_id)
        .await?
        .ok_or_else(|| proof.refusal())?;

    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            restore(app, &tx, &proof, &user).await?;
            remember(app, &tx, &user).await?;
            sessions::revoke(&tx, session::Column::UserId.eq(user.id), app.now()).await?;
            address::void_all(&tx, user.id, app.now()).await?;
            void_later_undos(app, &tx, &proof).await?;
            let event = Event {
                application: Some(place.application.id),
                connection: Some(place.connection.id),
                ..Event::by_user(Kind::EmailChangeUndone, user.id)
            };
            app.record(&tx, &caller.origin, event).await?;
            let email = Email::parse("email", &proof.row.email)
                .map_err(|issue| Error::internal(issue.message))?;
            let locale = Locale::parse("locale", &user.locale).unwrap_or_default();
            let request = Request {
                user: Some(user.id),
                ..Request::new(Purpose::PasswordReset, &place, &email, &locale)
            };
            let row = proofs::start::notify(app, &tx, caller, request).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(proofs::pending(app, &row, app.now()))
        })
        .await
}

/// What the page behind the mailed link does.
///
/// # Errors
/// `INVALID_TICKET`.
pub async fn undo_by_page(app: &App, caller: &Caller, ticket: Secret) -> Result<()> {
    undo_email_change(app, caller, UndoEmailChangeInput { ticket })
        .await
        .map(drop)
}

/// The user's row comes first, as in every other change of an account.
async fn restore(
    app: &App,
    tx: &impl ConnectionTrait,
    proof: &Redeemed,
    user: &user::Model,
) -> Result<()> {
    let now = app.now();
    let restored = user::Entity::update_many()
        .col_expr(user::Column::Email, proof.row.email.clone().into())
        .col_expr(user::Column::EmailKey, proof.row.email_key.clone().into())
        .col_expr(user::Column::EmailVerifiedAt, now.into())
        .col_expr(user::Column::PasswordHash, Option::<String>::None.into())
        .col_expr(user::Column::UpdatedAt, now.into())
        .filter(user::Column::Id.eq(user.id))
        .exec(tx)
        .await;
    let restored = restored.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => proof.refusal(),
        _ => Error::from(error),
    })?;
    if restored.rows_affected != 1 {
        return Err(proof.refusal());
    }
    proof.consume(tx, now).await
}

/// Of several changes in a row the oldest address has the last word: a stranger's address, which came after it, must not
/// object in its turn.
async fn void_later_undos(app: &App, tx: &impl ConnectionTrait, proof: &Redeemed) -> Result<()> {
    verification::Entity::update_many()
        .col_expr(Column::ConsumedAt, app.now().into())
        .filter(Column::UserId.eq(proof.row.user_id))
        .filter(Column::Purpose.eq(Purpose::EmailChangeUndo))
        .filter(Column::CreatedAt.gte(proof.row.created_at))
        .filter(Column::ConsumedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}
