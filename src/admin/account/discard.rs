//! `adminDiscardPendingSignUp`: nothing comes of a sign-up any more.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::verification::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::{find, pending};
use crate::admin::trail::told_id;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};

/// Which sign-up to discard.
#[derive(Debug, InputObject)]
pub struct AdminDiscardPendingSignUpInput {
    /// `PendingSignUp.id`.
    pub pending_sign_up_id: ID,
}

/// What has been discarded.
#[derive(Debug, SimpleObject)]
pub struct AdminDiscardPendingSignUpPayload {
    /// As it was given.
    pending_sign_up_id: ID,
}

/// # Errors
/// `NOT_FOUND` for what is not open (any more).
pub async fn admin_discard_pending_sign_up(
    app: &App,
    caller: &Caller,
    input: AdminDiscardPendingSignUpInput,
) -> Result<AdminDiscardPendingSignUpPayload> {
    let id = find::id(&input.pending_sign_up_id)?;
    let row = pending::open(app)
        .filter(Column::Id.eq(id))
        .one(app.db.read())
        .await?
        .ok_or(Error::NotFound)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let discarded = Entity::update_many()
                .col_expr(Column::ConsumedAt, app.now().into())
                .filter(Column::Id.eq(id))
                .filter(Column::ConsumedAt.is_null())
                .exec(&tx)
                .await?;
            if discarded.rows_affected != 1 {
                return Err(Error::NotFound);
            }
            let event = Event {
                application: Some(row.application_id),
                connection: Some(row.connection_id),
                // The event of the sign-up has the id of its row.
                details: json!({ "pendingSignUpId": id, "eventId": told_id(id) }),
                ..Event::by_administrator(Kind::SignUpDiscarded, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(AdminDiscardPendingSignUpPayload {
                pending_sign_up_id: input.pending_sign_up_id.clone(),
            })
        })
        .await
}
