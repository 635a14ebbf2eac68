//! `adminCreateTenant`.

use async_graphql::InputObject;
use entity::tenant::{ActiveModel, Entity, Model};
use sea_orm::EntityTrait;
use serde_json::json;

use super::Tenant;
use super::view::check_name;
use crate::admin::realm::name::already_exists;
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::event::{Event, Kind};

/// A new tenant.
#[derive(Debug, InputObject)]
pub struct AdminCreateTenantInput {
    /// At most 100 characters; no other tenant may have it.
    pub name: String,
}

/// # Errors
/// `ALREADY_EXISTS` for a name that is taken; `INVALID_INPUT`.
pub async fn admin_create_tenant(
    app: &App,
    caller: &Caller,
    input: AdminCreateTenantInput,
) -> Result<Tenant> {
    let now = app.now();
    let row = Model {
        id: app.id(),
        name: check_name(&input.name)?,
        created_at: now,
        updated_at: now,
    };
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            Entity::insert(ActiveModel::from(row.clone()))
                .exec_without_returning(&tx)
                .await
                .map_err(already_exists)?;
            let event = Event {
                tenant: Some(row.id),
                details: json!({ "name": row.name }),
                ..Event::by_administrator(Kind::TenantCreated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(row.clone().into())
        })
        .await
}
