//! Where a request belongs: its application, and one of the connections that this application enables.

use std::collections::BTreeSet;

use entity::{application, application_connection, connection};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, SelectThree, TopologyStar,
};
use uuid::Uuid;

use crate::app::{App, Asked, Found};
use crate::caller::Caller;
pub use crate::caller::DEFAULT;
use crate::db::only;
use crate::db::padded;
use crate::error::{Error, Result};
use crate::value::storable;

#[derive(Clone, Debug)]
pub struct Place {
    pub application: application::Model,
    pub connection: connection::Model,
}

/// Finds the place that the input names, else the header `x-client-id`, else the defaults. A connection that the
/// application does not enable does not exist for it. Where no connection is named, it is the application's first one and no
/// other: while that one is disabled, nobody comes in unnamed, rather than among other accounts and by other rules.
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
    let asked = (
        client_id.to_owned(),
        connection.map(|name| storable(name).to_owned()),
    );
    let db = app.db.read().clone();
    let work = move |asked: Vec<Asked>| {
        let db = db.clone();
        async move { find_all(&db, &asked).await }
    };
    match app.places.ask(asked, work).await? {
        Some((application, connection)) => Ok(Place {
            application,
            connection,
        }),
        None => Err(unknown(app, client_id).await?),
    }
}

/// For everybody who asks at the same time, in one query.
async fn find_all(db: &impl ConnectionTrait, asked: &[Asked]) -> Result<Vec<Option<Found>>> {
    let client_ids: BTreeSet<&str> = asked
        .iter()
        .map(|(client_id, _)| client_id.as_str())
        .collect();
    let client_ids = padded(&Vec::from_iter(client_ids));
    let mut enabled = enabled().filter(application::Column::ClientId.is_in(client_ids));
    let names: Option<BTreeSet<&str>> = asked.iter().map(|(_, name)| name.as_deref()).collect();
    if let Some(names) = names {
        let names = padded(&Vec::from_iter(names));
        enabled = enabled.filter(connection::Column::Name.is_in(names));
    }
    let found: Vec<_> = enabled
        .all(db)
        .await?
        .into_iter()
        .filter_map(|(_, application, connection)| application.zip(connection))
        .collect();
    let of = |(client_id, name): &Asked| {
        let first = found.iter().find(|(application, connection)| {
            application.client_id == *client_id
                && name.as_ref().is_none_or(|name| connection.name == *name)
        });
        first
            .filter(|(_, connection)| connection.disabled_at.is_none())
            .cloned()
    };
    Ok(asked.iter().map(of).collect())
}

/// The place of something that was begun before: nothing, where the application or the connection was switched off since,
/// or the one enables the other no more.
///
/// # Errors
/// When the database does not answer.
pub async fn again(app: &App, application: Uuid, connection: Uuid) -> Result<Option<Place>> {
    let found = enabled()
        .filter(application::Column::Id.eq(application))
        .filter(connection::Column::Id.eq(connection));
    Ok(place(found.all(app.db.read()).await?))
}

/// Applications that are open, each with the connections that it enables, open or not; its default one first.
fn enabled() -> SelectThree<
    application_connection::Entity,
    application::Entity,
    connection::Entity,
    TopologyStar,
> {
    application_connection::Entity::find()
        .order_by_asc(application_connection::Column::Position)
        .find_also_related(application::Entity)
        .find_also_related(connection::Entity)
        .filter(application::Column::DisabledAt.is_null())
}

/// The first of what was found, where it is open. A closed one is looked at, too, so that the next one does not take its
/// place.
fn place(
    found: Vec<(
        application_connection::Model,
        Option<application::Model>,
        Option<connection::Model>,
    )>,
) -> Option<Place> {
    match only(found) {
        Some((_, Some(application), Some(connection))) if connection.disabled_at.is_none() => {
            Some(Place {
                application,
                connection,
            })
        }
        _ => None,
    }
}

/// The application of this client id, where it is open.
///
/// # Errors
/// When the database does not answer.
pub async fn application(app: &App, client_id: &str) -> Result<Option<application::Model>> {
    let of_id = application::Entity::find()
        .filter(application::Column::ClientId.eq(storable(client_id)))
        .filter(application::Column::DisabledAt.is_null());
    Ok(of_id.one(app.db.read()).await?)
}

async fn unknown(app: &App, client_id: &str) -> Result<Error> {
    Ok(match application(app, client_id).await? {
        Some(_) => Error::invalid(
            "connection",
            "unknown",
            "The application has no such connection.",
        ),
        None => Error::invalid("clientId", "unknown", "There is no such application."),
    })
}
