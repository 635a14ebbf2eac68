//! `adminAuditEvents`: who changed what, when and from where.

use std::collections::{BTreeSet, HashMap};

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Enum, ID, InputObject, SimpleObject};
use entity::audit_event::{Column, Entity, Model};
use entity::{application, connection};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Select};
use uuid::{Builder, Uuid, Version};

use super::kind::AuditEventKind;
use crate::admin::page::{self, Connection, List, PageArguments, Row};
use crate::app::App;
use crate::error::Result;
use crate::event::{Kind, earliest_id};
use crate::scalar::{DateTime, Json};

const LIST: List<Column> = List {
    name: "audit events",
    id: Column::Id,
};

/// Which events: those to which everything that is given applies.
#[derive(Debug, Default, InputObject)]
pub struct AuditEventFilter {
    /// What befell this user.
    pub user_id: Option<ID>,
    /// What this user did as an administrator.
    pub actor_id: Option<ID>,
    /// What happened.
    pub kind: Option<AuditEventKind>,
    /// At this time or later.
    pub since: Option<DateTime>,
    /// Before this time.
    pub until: Option<DateTime>,
}

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AuditActor {
    /// Somebody who was not signed in.
    Anonymous,
    /// The user whom it befell.
    User,
    /// An administrator: a user, whom `actorId` names, or whoever holds the admin secret.
    Administrator,
    /// The house by itself: keys that had their time.
    House,
}

/// Something that happened. Events are never changed, but that personal data leaves them with its user.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuditEvent {
    pub(crate) id: ID,
    at: DateTime,
    /// Null where a later version of the server wrote a kind that this one does not know.
    kind: Option<AuditEventKind>,
    actor: AuditActor,
    /// The user who acted, where that is not the user whom it befell.
    actor_id: Option<ID>,
    /// Whom it befell; the user may be gone.
    user_id: Option<ID>,
    session_id: Option<ID>,
    /// With which application; null where there was none, or it is gone.
    client_id: Option<String>,
    /// In which connection; null where there was none, or it is gone.
    connection: Option<String>,
    tenant_id: Option<ID>,
    /// From where; null once the user has been deleted.
    ip_address: Option<String>,
    /// With what; null once the user has been deleted.
    user_agent: Option<String>,
    /// What was changed; empty once the user has been deleted.
    details: Json,
}

impl Row for Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds. A filter by something that is not there finds nothing.
pub async fn admin_audit_events(
    app: &App,
    arguments: PageArguments,
    filter: AuditEventFilter,
    counted: bool,
) -> Result<Connection<AuditEvent>> {
    let page = page::read(app, filtered(filter), LIST, &arguments, counted).await?;
    let nodes = views(app.db.read(), &page.rows).await?;
    Ok(Connection::new(app, LIST.name, page, nodes))
}

/// Those of these ids that are events.
///
/// # Errors
/// When the database does not answer.
pub async fn events_by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<(Uuid, AuditEvent)>> {
    let is_event = |id: &&Uuid| id.get_version() == Some(Version::Custom);
    let ids = ids
        .iter()
        .filter(is_event)
        .map(|id| with_version(*id, Version::SortRand));
    let ids: Vec<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let named = Entity::find().filter(Column::Id.is_in(ids));
    let rows = named.all(app.db.read()).await?;
    let ids = rows.iter().map(|row| told_id(row.id));
    Ok(ids.zip(views(app.db.read(), &rows).await?).collect())
}

/// The id that an event is told under. Its row may have that of the sign-up that it tells of; the version in which the two
/// differ (RFC 9562 section 5.8) keeps ids unique over all types.
pub fn told_id(row: Uuid) -> Uuid {
    with_version(row, Version::Custom)
}

fn with_version(id: Uuid, version: Version) -> Uuid {
    let builder = Builder::from_bytes(id.into_bytes());
    builder.with_version(version).into_uuid()
}

/// One query for each table, however many events there are.
async fn views(db: &impl ConnectionTrait, rows: &[Model]) -> Result<Vec<AuditEvent>> {
    let ids = |of: fn(&Model) -> Option<Uuid>| rows.iter().filter_map(of).collect();
    let clients = client_ids(db, ids(|row| row.application_id)).await?;
    let connections = connection_names(db, ids(|row| row.connection_id)).await?;
    let rows = rows.iter().cloned();
    Ok(rows.map(|row| view(row, &clients, &connections)).collect())
}

fn filtered(filter: AuditEventFilter) -> Select<Entity> {
    let mut select = Entity::find();
    // A malformed id names nobody.
    let id = |given: ID| given.parse::<Uuid>().unwrap_or_default();
    if let Some(user) = filter.user_id {
        select = select.filter(Column::UserId.eq(id(user)));
    }
    if let Some(actor) = filter.actor_id {
        select = select.filter(Column::ActorId.eq(id(actor)));
    }
    if let Some(kind) = filter.kind {
        select = select.filter(Column::Kind.eq(Kind::from(kind).as_str()));
    }
    // Ids begin with their time: the walk along them begins and ends there, whatever else is asked for.
    if let Some(since) = filter.since {
        select = select.filter(Column::Id.gte(earliest_id(since.0)));
    }
    if let Some(until) = filter.until {
        select = select.filter(Column::Id.lt(earliest_id(until.0)));
    }
    select
}

fn view(
    row: Model,
    clients: &HashMap<Uuid, String>,
    connections: &HashMap<Uuid, String>,
) -> AuditEvent {
    let kinds = AuditEventKind::items().iter().map(|item| item.value);
    let name = |id: Option<Uuid>, names: &HashMap<Uuid, String>| names.get(&id?).cloned();
    AuditEvent {
        id: told_id(row.id).into(),
        at: DateTime(row.at),
        kind: kinds
            .into_iter()
            .find(|kind| Kind::from(*kind).as_str() == row.kind),
        actor: match row.actor.as_str() {
            "user" => AuditActor::User,
            "administrator" => AuditActor::Administrator,
            "house" => AuditActor::House,
            _ => AuditActor::Anonymous,
        },
        actor_id: row.actor_id.map(ID::from),
        user_id: row.user_id.map(ID::from),
        session_id: row.session_id.map(ID::from),
        client_id: name(row.application_id, clients),
        connection: name(row.connection_id, connections),
        tenant_id: row.tenant_id.map(ID::from),
        ip_address: row.ip_address,
        user_agent: row.user_agent,
        details: row.details.into(),
    }
}

async fn client_ids(
    db: &impl ConnectionTrait,
    ids: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, String>> {
    let rows = application::Entity::find()
        .filter(application::Column::Id.is_in(ids))
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.client_id))
        .collect())
}

async fn connection_names(
    db: &impl ConnectionTrait,
    ids: BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, String>> {
    let rows = connection::Entity::find()
        .filter(connection::Column::Id.is_in(ids))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
