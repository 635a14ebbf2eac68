//! Where a request belongs: its application, and one of the connections that this application enables.

use entity::{application, application_connection, connection};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::app::App;
use crate::caller::Caller;
use crate::db::only;
use crate::error::{Error, Result};
use crate::value::storable;

/// The application that serves where none is named.
pub const DEFAULT: &str = "default";

#[derive(Clone, Debug)]
pub struct Place {
    pub application: application::Model,
    pub connection: connection::Model,
}

/// Finds the place that the input names, else the header `x-client-id`, else the defaults. A connection that the
/// application does not enable does not exist for it.
///
/// # Errors
/// `INVALID_INPUT` with rule `unknown` for `clientId` or `connection`.
pub async fn find(
    app: &App,
    caller: &Caller,
    client_id: Option<&str>,
    connection: Option<&str>,
) -> Result<Place> {
    let client_id = storable(client_id.or(caller.client_id.as_deref()).unwrap_or(DEFAULT));
    let mut enabled = application_connection::Entity::find()
        .filter(application::Column::ClientId.eq(client_id))
        .order_by_asc(application_connection::Column::Position)
        .find_also_related(application::Entity)
        .find_also_related(connection::Entity);
    if let Some(name) = connection {
        enabled = enabled.filter(connection::Column::Name.eq(storable(name)));
    }
    match only(enabled.all(app.db.read()).await?) {
        Some((_, Some(application), Some(connection))) => Ok(Place {
            application,
            connection,
        }),
        _ => Err(unknown(app, client_id).await?),
    }
}

async fn unknown(app: &App, client_id: &str) -> Result<Error> {
    let of_id = application::Entity::find().filter(application::Column::ClientId.eq(client_id));
    Ok(match of_id.one(app.db.read()).await? {
        Some(_) => Error::invalid(
            "connection",
            "unknown",
            "The application has no such connection.",
        ),
        None => Error::invalid("clientId", "unknown", "There is no such application."),
    })
}
