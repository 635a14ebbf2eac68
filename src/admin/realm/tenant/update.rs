//! `adminUpdateTenant`: another name. What tokens carry is the id, which stays.

use async_graphql::{ID, InputObject, MaybeUndefined};
use entity::tenant::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::Tenant;
use super::view::check_name;
use crate::admin::realm::name::already_exists;
use crate::admin::realm::null;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::value::Issues;

/// What to change of which tenant. A name that is left out stays; null is `INVALID_INPUT`.
#[derive(Debug, InputObject)]
pub struct AdminUpdateTenantInput {
    /// Which tenant; ids do not change.
    pub tenant_id: ID,
    /// At most 100 characters; no other tenant may have it.
    pub name: MaybeUndefined<String>,
}

/// # Errors
/// `NOT_FOUND` for an unknown id; `ALREADY_EXISTS` for a name that is taken; `INVALID_INPUT`.
pub async fn admin_update_tenant(
    app: &App,
    caller: &Caller,
    input: AdminUpdateTenantInput,
) -> Result<Tenant> {
    let id: Uuid = input.tenant_id.parse().map_err(|_| Error::NotFound)?;
    let mut issues = Issues::default();
    let name = null::never("name", input.name, &mut issues);
    issues.none()?;
    let name = name.as_deref().map(check_name).transpose()?;
    let details = name
        .as_ref()
        .map_or(json!({}), |name| json!({ "name": name }));
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let mut change = Entity::update_many().col_expr(Column::UpdatedAt, app.now().into());
            if let Some(name) = &name {
                change = change.col_expr(Column::Name, name.clone().into());
            }
            let changed = change
                .filter(Column::Id.eq(id))
                .exec(&tx)
                .await
                .map_err(already_exists)?;
            if changed.rows_affected == 0 {
                return Err(Error::NotFound);
            }
            let row = Entity::find_by_id(id)
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            let event = Event {
                tenant: Some(id),
                details: details.clone(),
                ..Event::by_administrator(Kind::TenantUpdated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(row.into())
        })
        .await
}
