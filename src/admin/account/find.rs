//! What the administration of accounts looks up.

use async_graphql::{Context, ID};
use entity::{application, user};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Result};
use crate::realm::place::{self, DEFAULT, Place};
use crate::user::{self as users, Selection, User};
use crate::value::storable;

/// # Errors
/// `NOT_FOUND` for what is no id.
pub(super) fn id(given: &ID) -> Result<Uuid> {
    given.parse().map_err(|_| Error::NotFound)
}

/// # Errors
/// `NOT_FOUND`.
pub(super) async fn user(db: &impl ConnectionTrait, id: Uuid) -> Result<user::Model> {
    let found = user::Entity::find_by_id(id).one(db).await?;
    found.ok_or(Error::NotFound)
}

/// The user, who stays so until the transaction ends: whatever else changes the account waits for its row. SQLite has one
/// writing transaction at a time, and needs no lock.
///
/// # Errors
/// `NOT_FOUND`.
pub(super) async fn held_user(tx: &impl ConnectionTrait, id: Uuid) -> Result<user::Model> {
    let found = user::Entity::find_by_id(id)
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await?;
    found.ok_or(Error::NotFound)
}

/// The application of this client id, the default one where none is given. The administrator's own application, which
/// header `x-client-id` names, is not asked: accounts are rarely made for the console that makes them.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn application(
    app: &App,
    client_id: Option<&str>,
) -> Result<Option<application::Model>> {
    let client_id = storable(client_id.unwrap_or(DEFAULT));
    let found = application::Entity::find()
        .filter(application::Column::ClientId.eq(client_id))
        .one(app.db.read())
        .await?;
    Ok(found)
}

/// Where a link for an account of this connection leads.
///
/// # Errors
/// `INVALID_INPUT` for an application that is not there, or does not take these accounts.
pub(super) async fn place(app: &App, client_id: Option<&str>, connection: Uuid) -> Result<Place> {
    let application = application(app, client_id)
        .await?
        .ok_or_else(|| Error::invalid("clientId", "unknown", "There is no such application."))?;
    let place = place::again(app, application.id, connection).await?;
    place.ok_or_else(|| {
        Error::invalid(
            "clientId",
            "not_allowed",
            "Accounts of this connection cannot come in through this application.",
        )
    })
}

/// The user as the API shows it.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn shown(ctx: &Context<'_>, user: user::Model) -> Result<User> {
    let app = ctx.data_unchecked::<App>();
    let selection = Selection::of(&ctx.look_ahead());
    users::view::load(app.db.read(), user, None, selection, app.now()).await
}
