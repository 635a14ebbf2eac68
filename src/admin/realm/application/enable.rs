//! Which connections an application enables.

use std::collections::HashMap;

use entity::{application_connection, connection};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use crate::error::{Issue, Result};
use crate::value::{Issues, storable};

/// Connections of one application.
const MOST: usize = 100;

/// The ids of the connections of these names, in their order; what is wrong is noted. They stay until the transaction
/// ends.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    tx: &impl ConnectionTrait,
    names: &[String],
    issues: &mut Issues,
) -> Result<Vec<Uuid>> {
    let path = "connections";
    if names.is_empty() {
        issues.push(Issue::new(path, "required", "At least one connection."));
        return Ok(Vec::new());
    }
    if names.len() > MOST {
        issues.push(Issue::new(path, "too_many", format!("At most {MOST}.")));
        return Ok(Vec::new());
    }
    let rows = connection::Entity::find()
        .filter(connection::Column::Name.is_in(names.iter().map(|name| storable(name))))
        .lock(LockType::KeyShare)
        .all(tx)
        .await?;
    let mut ids = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let (rule, message) = match rows.iter().find(|row| row.name == *name) {
            Some(row) if !ids.contains(&row.id) => {
                ids.push(row.id);
                continue;
            }
            Some(_) => ("not_allowed", "This connection is there already."),
            None => ("unknown", "There is no such connection."),
        };
        issues.push(Issue::new(format!("{path}.{number}"), rule, message));
    }
    Ok(ids)
}

/// Replaces what the application enables; the first connection is its default. The application's row is locked already.
///
/// # Errors
/// When the database does not answer.
pub async fn replace(
    tx: &impl ConnectionTrait,
    application: Uuid,
    connections: &[Uuid],
) -> Result<()> {
    use application_connection::{ActiveModel, Column, Entity};
    Entity::delete_many()
        .filter(Column::ApplicationId.eq(application))
        .exec(tx)
        .await?;
    let rows = (0..).zip(connections).map(|(position, id)| ActiveModel {
        application_id: Set(application),
        connection_id: Set(*id),
        position: Set(position),
    });
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// The names of what these applications enable, in order, in one query.
///
/// # Errors
/// When the database does not answer.
pub async fn names_of(
    db: &impl ConnectionTrait,
    applications: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Vec<String>>> {
    let enabled = application_connection::Entity::find()
        .filter(application_connection::Column::ApplicationId.is_in(applications))
        .order_by_asc(application_connection::Column::Position)
        .find_also_related(connection::Entity)
        .all(db)
        .await?;
    let mut names: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (enabled, connection) in enabled {
        let own = names.entry(enabled.application_id).or_default();
        own.extend(connection.map(|connection| connection.name));
    }
    Ok(names)
}
