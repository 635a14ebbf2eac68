//! `adminTenant` and `adminTenants`.

use entity::tenant::{Column, Entity};
use sea_orm::EntityTrait;
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
