//! `adminDeleteConnection`: a set of accounts goes, with whoever lives in it where that is asked for.

use async_graphql::{InputObject, SimpleObject};
use entity::connection::{Column, Entity, Model};
use entity::{audit_event, user, verification};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::account;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::job;
use crate::password::attempt;
use crate::realm::place::DEFAULT;
use crate::value::storable;
use crate::verification::address::ids;

/// Accounts that one transaction deletes.
const BATCH: u64 = 500;

/// Which connection to delete.
#[derive(Debug, InputObject)]
pub struct AdminDeleteConnectionInput {
    /// Any but `default`.
    pub name: String,
    /// Whether its accounts go with it. While there are any, it is deleted only so.
    pub delete_users: Option<bool>,
}

/// What is gone.
#[derive(Debug, SimpleObject)]
pub struct DeleteConnectionPayload {
    /// As it was given.
    name: String,
    /// How many accounts went with it.
    deleted_users: i32,
}

/// A large connection goes in several transactions, so that none of them runs out of its time. It is disabled from the
/// first one on; asked again, an interrupted deletion goes on where it ended.
///
/// # Errors
/// `NOT_FOUND` for an unknown name; `INVALID_INPUT` for `default`, and for a connection with accounts that are not to go.
pub async fn admin_delete_connection(
    app: &App,
    caller: &Caller,
    input: AdminDeleteConnectionInput,
) -> Result<DeleteConnectionPayload> {
    if input.name == DEFAULT {
        return Err(Error::invalid(
            "name",
            "not_allowed",
            "The connection `default` cannot be deleted.",
        ));
    }
    let mut deleted_users = 0;
    while let Some(deleted) = delete_some(app, caller, &input, deleted_users).await? {
        deleted_users += deleted;
    }
    Ok(DeleteConnectionPayload {
        name: input.name,
        deleted_users,
    })
}

/// Deletes some accounts and says how many; or, where none is left, the connection.
async fn delete_some(
    app: &App,
    caller: &Caller,
    input: &AdminDeleteConnectionInput,
    deleted_users: i32,
) -> Result<Option<i32>> {
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let row = lock(&tx, &input.name, LockType::NoKeyUpdate).await?;
            let users = some_users(&tx, row.id).await?;
            if users.is_empty() {
                // Whoever moves in at the same time is seen now, or waits here for the end and finds no connection.
                let row = lock(&tx, &input.name, LockType::Update).await?;
                if some_users(&tx, row.id).await?.is_empty() {
                    delete(app, &tx, caller, row, deleted_users).await?;
                    tx.commit().await?;
                    return Ok(None);
                }
                return Ok(Some(0));
            }
            if input.delete_users != Some(true) {
                return Err(Error::invalid(
                    "deleteUsers",
                    "required",
                    "Accounts live in this connection; `deleteUsers` must be true.",
                ));
            }
            let deleted = i32::try_from(users.len()).unwrap_or_default();
            disable(app, &tx, row.id).await?;
            delete_users(app, &tx, caller, row.id, users).await?;
            tx.commit().await?;
            Ok(Some(deleted))
        })
        .await
}

/// While accounts go, changes of them that are under way may still refer to the connection: they end first.
async fn lock(tx: &impl ConnectionTrait, name: &str, lock: LockType) -> Result<Model> {
    Entity::find()
        .filter(Column::Name.eq(storable(name)))
        .lock(lock)
        .one(tx)
        .await?
        .ok_or(Error::NotFound)
}

async fn some_users(tx: &impl ConnectionTrait, connection: Uuid) -> Result<Vec<Uuid>> {
    Ok(user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::ConnectionId.eq(connection))
        .limit(BATCH)
        .into_tuple()
        .all(tx)
        .await?)
}

async fn disable(app: &App, tx: &impl ConnectionTrait, connection: Uuid) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::DisabledAt, app.now().into())
        .filter(Column::Id.eq(connection))
        .filter(Column::DisabledAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// As `deleteUser` does it, for many: what belongs to the rows goes with them, personal data leaves the trail.
async fn delete_users(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    connection: Uuid,
    users: Vec<Uuid>,
) -> Result<()> {
    let asked = verification::Column::UserId.is_in(users.iter().copied());
    job::forget(tx, &users, &ids(tx, asked).await?).await?;
    user::Entity::delete_many()
        .filter(user::Column::Id.is_in(users.iter().copied()))
        .exec(tx)
        .await?;
    let nothing = || Option::<String>::None;
    audit_event::Entity::update_many()
        .col_expr(audit_event::Column::IpAddress, nothing().into())
        .col_expr(audit_event::Column::UserAgent, nothing().into())
        .col_expr(audit_event::Column::Details, json!({}).into())
        .filter(audit_event::Column::UserId.is_in(users.iter().copied()))
        .exec(tx)
        .await?;
    // What they did to others as administrators stays told, but not from where.
    audit_event::Entity::update_many()
        .col_expr(audit_event::Column::IpAddress, nothing().into())
        .col_expr(audit_event::Column::UserAgent, nothing().into())
        .filter(audit_event::Column::ActorId.is_in(users.iter().copied()))
        .exec(tx)
        .await?;
    let event = |user: Uuid| Event {
        user: Some(user),
        connection: Some(connection),
        ..Event::by_administrator(Kind::UserDeleted, caller.acting_user())
    };
    let events = users.iter().copied().map(event).collect();
    app.record_all(tx, &caller.origin, events).await?;
    // Late: guesses of others, which are counted together, wait for whoever holds a counter.
    attempt::forgive(tx, &users).await
}

/// Pending sign-ups and everything else that is asked for in it goes with the row.
async fn delete(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    row: Model,
    deleted_users: i32,
) -> Result<()> {
    let asked = verification::Column::ConnectionId.eq(row.id);
    account::forget_origins(tx, asked.clone()).await?;
    job::forget(tx, &[], &ids(tx, asked).await?).await?;
    Entity::delete_by_id(row.id).exec(tx).await?;
    let event = Event {
        connection: Some(row.id),
        details: json!({ "name": row.name, "deletedUsers": deleted_users }),
        ..Event::by_administrator(Kind::ConnectionDeleted, caller.acting_user())
    };
    app.record(tx, &caller.origin, event).await
}
