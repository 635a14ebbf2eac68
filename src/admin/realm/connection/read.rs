//! `adminConnection` and `adminConnections`.

use entity::connection::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::ConnectionSettings;
use crate::admin::page::{self, Connection, List, PageArguments};
use crate::app::App;
use crate::error::Result;
use crate::value::storable;

const LIST: List<Column> = List {
    name: "connections",
    id: Column::Id,
};

/// # Errors
/// When the database does not answer.
pub async fn admin_connection(app: &App, name: &str) -> Result<Option<ConnectionSettings>> {
    let named = Entity::find().filter(Column::Name.eq(storable(name)));
    let row = named.one(app.db.read()).await?;
    Ok(row.map(ConnectionSettings::from))
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds.
pub async fn admin_connections(
    app: &App,
    arguments: PageArguments,
    counted: bool,
) -> Result<Connection<ConnectionSettings>> {
    let page = page::read(app, Entity::find(), LIST, &arguments, counted).await?;
    let nodes = page.rows.iter().cloned().map(ConnectionSettings::from);
    let nodes = nodes.collect();
    Ok(Connection::new(app, LIST.name, page, nodes))
}

/// Those of these ids that are connections.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<(Uuid, ConnectionSettings)>> {
    let named = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    let rows = named.all(app.db.read()).await?.into_iter();
    Ok(rows
        .map(|row| (row.id, ConnectionSettings::from(row)))
        .collect())
}
