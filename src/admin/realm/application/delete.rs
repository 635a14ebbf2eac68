//! `adminDeleteApplication`: it goes, and every session that was opened through it. Accounts stay: they live in
//! connections.

use async_graphql::{InputObject, SimpleObject};
use entity::application::{Column, Entity};
use entity::{session, verification};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::account;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::job;
use crate::realm::place::DEFAULT;
use crate::value::storable;

/// Sessions, and requests, that one transaction deletes.
const BATCH: u64 = 1_000;

/// Which application to delete.
#[derive(Debug, InputObject)]
pub struct AdminDeleteApplicationInput {
    /// Any but `default`.
    pub client_id: String,
}

/// What is gone.
#[derive(Debug, SimpleObject)]
pub struct DeleteApplicationPayload {
    /// As it was given.
    client_id: String,
}

/// With it goes what was asked for in it, with the mails of that. One with many sessions goes in several transactions, so that none of them runs out of its time. It is disabled from
/// the first one on; asked again, an interrupted deletion goes on where it ended.
///
/// # Errors
/// `NOT_FOUND` for an unknown client id; `INVALID_INPUT` for `default`.
pub async fn admin_delete_application(
    app: &App,
    caller: &Caller,
    input: AdminDeleteApplicationInput,
) -> Result<DeleteApplicationPayload> {
    if input.client_id == DEFAULT {
        return Err(Error::invalid(
            "clientId",
            "not_allowed",
            "The application `default` cannot be deleted.",
        ));
    }
    let delete_some = || async {
        let tx = app.db.begin().await?;
        // Whoever signs in through it at the same time waits here for the end, and then finds no application.
        let row = Entity::find()
            .filter(Column::ClientId.eq(storable(&input.client_id)))
            .lock_exclusive()
            .one(&tx)
            .await?
            .ok_or(Error::NotFound)?;
        if delete_some_sessions(&tx, row.id).await? || delete_some_requests(&tx, row.id).await? {
            Entity::update_many()
                .col_expr(Column::DisabledAt, app.now().into())
                .filter(Column::Id.eq(row.id))
                .filter(Column::DisabledAt.is_null())
                .exec(&tx)
                .await?;
            tx.commit().await?;
            return Ok(false);
        }
        Entity::delete_by_id(row.id).exec(&tx).await?;
        let event = Event {
            application: Some(row.id),
            details: json!({ "clientId": row.client_id, "name": row.name }),
            ..Event::by_administrator(Kind::ApplicationDeleted, caller.acting_user())
        };
        app.record(&tx, &caller.origin, event).await?;
        tx.commit().await?;
        Ok(true)
    };
    while !app.db.transact(delete_some).await? {}
    Ok(DeleteApplicationPayload {
        client_id: input.client_id,
    })
}

/// Whether there may be more of them.
async fn delete_some_sessions(tx: &impl ConnectionTrait, application: Uuid) -> Result<bool> {
    let some: Vec<Uuid> = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .filter(session::Column::ApplicationId.eq(application))
        .limit(BATCH)
        .into_tuple()
        .all(tx)
        .await?;
    if some.is_empty() {
        return Ok(false);
    }
    let more = some.len() as u64 == BATCH;
    session::Entity::delete_many()
        .filter(session::Column::Id.is_in(some))
        .exec(tx)
        .await?;
    Ok(more)
}

/// Whether there may be more of them.
async fn delete_some_requests(tx: &impl ConnectionTrait, application: Uuid) -> Result<bool> {
    let some: Vec<Uuid> = verification::Entity::find()
        .select_only()
        .column(verification::Column::Id)
        .filter(verification::Column::ApplicationId.eq(application))
        .limit(BATCH)
        .into_tuple()
        .all(tx)
        .await?;
    if some.is_empty() {
        return Ok(false);
    }
    let more = some.len() as u64 == BATCH;
    let these = verification::Column::Id.is_in(some.iter().copied());
    account::forget_origins(tx, these.clone()).await?;
    job::forget(tx, &[], &some).await?;
    verification::Entity::delete_many()
        .filter(these)
        .exec(tx)
        .await?;
    Ok(more)
}
