//! `adminApplication` and `adminApplications`.

use entity::application::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

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
    let nodes = views(app, page.rows.clone()).await?;
    Ok(Connection::new(app, LIST.name, page, nodes))
}

/// Those of these ids that are applications.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<(Uuid, Application)>> {
    let named = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    let rows = named.all(app.db.read()).await?;
    let found: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    Ok(found.into_iter().zip(views(app, rows).await?).collect())
}

async fn views(app: &App, rows: Vec<Model>) -> Result<Vec<Application>> {
    let ids = rows.iter().map(|row| row.id);
    let mut names = enable::names_of(app.db.read(), ids).await?;
    let view = |row: Model| {
        let connections = names.remove(&row.id).unwrap_or_default();
        Application::new(row, connections)
    };
    Ok(rows.into_iter().map(view).collect())
}
