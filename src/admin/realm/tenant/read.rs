//! `adminTenant` and `adminTenants`.

use entity::tenant::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::Tenant;
use crate::admin::page::{self, Connection, List, PageArguments};
use crate::app::App;
use crate::error::Result;

const LIST: List<Column> = List {
    name: "tenants",
    id: Column::Id,
};

/// # Errors
/// When the database does not answer; a malformed id names nothing.
pub async fn admin_tenant(app: &App, id: &str) -> Result<Option<Tenant>> {
    let Ok(id) = id.parse::<Uuid>() else {
        return Ok(None);
    };
    let row = Entity::find_by_id(id).one(app.db.read()).await?;
    Ok(row.map(Tenant::from))
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds.
pub async fn admin_tenants(
    app: &App,
    arguments: PageArguments,
    counted: bool,
) -> Result<Connection<Tenant>> {
    let page = page::read(app, Entity::find(), LIST, &arguments, counted).await?;
    let nodes = page.rows.iter().cloned().map(Tenant::from).collect();
    Ok(Connection::new(app, LIST.name, page, nodes))
}

/// Those of these ids that are tenants.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<(Uuid, Tenant)>> {
    let named = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    let rows = named.all(app.db.read()).await?.into_iter();
    Ok(rows.map(|row| (row.id, Tenant::from(row))).collect())
}
