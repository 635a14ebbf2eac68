//! `adminApplication` and `adminApplications`.

use entity::application::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Application, enable};
use crate::admin::page::{self, Connection, List, PageArguments};
use crate::app::App;
use crate::error::Result;
use crate::value::storable;

const LIST: List<Column> = List {
    name: "applications",
    id: Column::Id,
};

/// # Errors
/// When the database does not answer.
pub async fn admin_application(app: &App, client_id: &str) -> Result<Option<Application>> {
    let named = Entity::find().filter(Column::ClientId.eq(storable(client_id)));
    let Some(row) = named.one(app.db.read()).await? else {
        return Ok(None);
    };
    let mut names = enable::names_of(app.db.read(), [row.id]).await?;
    let connections = names.remove(&row.id).unwrap_or_default();
    Ok(Some(Application::new(row, connections)))
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds.
pub async fn admin_applications(
    app: &App,
    arguments: PageArguments,
    counted: bool,
) -> Result<Connection<Application>> {
    let page = page::read(app, Entity::find(), LIST, &arguments, counted).await?;
    let ids = page.rows.iter().map(|row| row.id);
    let mut names = enable::names_of(app.db.read(), ids).await?;
    let nodes = page.rows.iter().cloned().map(|row| {
        let connections = names.remove(&row.id).unwrap_or_default();
        Application::new(row, connections)
    });
    let nodes = nodes.collect();
    Ok(Connection::new(app, LIST.name, page, nodes))
}
