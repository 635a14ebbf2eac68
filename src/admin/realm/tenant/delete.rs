//! `adminDeleteTenant`: it goes with its memberships; its members stay.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::tenant::Entity;
use sea_orm::{EntityTrait, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};

/// Which tenant to delete.
#[derive(Debug, InputObject)]
pub struct AdminDeleteTenantInput {
    /// `Tenant.id`.
    pub tenant_id: ID,
}

/// What is gone.
#[derive(Debug, SimpleObject)]
pub struct DeleteTenantPayload {
    /// Names nothing any more.
    tenant_id: ID,
}

/// # Errors
/// `NOT_FOUND` for an unknown id.
pub async fn admin_delete_tenant(
    app: &App,
    caller: &Caller,
    input: AdminDeleteTenantInput,
) -> Result<DeleteTenantPayload> {
    let id: Uuid = input.tenant_id.parse().map_err(|_| Error::NotFound)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let row = Entity::find_by_id(id)
                .lock_exclusive()
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            Entity::delete_by_id(id).exec(&tx).await?;
            let event = Event {
                tenant: Some(id),
                details: json!({ "name": row.name }),
                ..Event::by_administrator(Kind::TenantDeleted, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(DeleteTenantPayload {
                tenant_id: id.into(),
            })
        })
        .await
}
