//! `adminPendingSignUps`: sign-ups whose mail waits for an answer, by page. Decoys, which stand for addresses that are taken,
//! never become anything, and are not shown.

use std::collections::HashMap;

use async_graphql::{ID, InputObject, SimpleObject};
use entity::verification::{Column, Entity, Model, Purpose};
use entity::{application, connection, pending_sign_up};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use super::list::starts_with;
use crate::admin::page::{self, Connection, List, PageArguments, Row};
use crate::app::App;
use crate::error::Result;
use crate::scalar::DateTime;
use crate::value::storable;

const LIST: List<Column> = List {
    name: "pending sign-ups",
    id: Column::Id,
};

/// Which sign-ups: those to which everything that is given applies.
#[derive(Debug, Default, InputObject)]
pub struct PendingSignUpFilter {
    /// The beginning of the address, compared without regard to case.
    pub email_starts_with: Option<String>,
    /// Where the account would live.
    pub connection: Option<String>,
}

/// A sign-up whose mail has not been answered. It is no account: nobody can sign in to it, and it reserves neither address
/// nor username.
#[derive(Clone, Debug, SimpleObject)]
pub struct PendingSignUp {
    /// What `adminDiscardPendingSignUp` takes; worth nothing to who answers the mail.
    pub(crate) id: ID,
    /// As it was given.
    email: String,
    /// The database connection that the account would live in.
    connection: String,
    /// The application that was signed up in.
    client_id: String,
    /// As it was given, or made of the address.
    display_name: String,
    /// As it is wished.
    username: Option<String>,
    /// The language of the mail.
    locale: String,
    /// The network address of whoever signed up.
    asked_from: Option<String>,
    created_at: DateTime,
    /// The end of the mailed link.
    expires_at: DateTime,
}

impl Row for Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds. A filter by something that is not there finds nothing.
pub async fn admin_pending_sign_ups(
    app: &App,
    arguments: PageArguments,
    filter: PendingSignUpFilter,
    counted: bool,
) -> Result<Connection<PendingSignUp>> {
    let select = filtered(app, filter);
    let page = page::read(app, select, LIST, &arguments, counted).await?;
    let nodes = views(app.db.read(), &page.rows).await?;
    Ok(Connection::new(app, LIST.name, page, nodes))
}

/// Those of these ids that are sign-ups which can still become accounts.
///
/// # Errors
/// When the database does not answer.
pub async fn pending_by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<(Uuid, PendingSignUp)>> {
    let named = open(app).filter(Column::Id.is_in(ids.iter().copied()));
    let rows = named.all(app.db.read()).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|row| row.id);
    Ok(ids.zip(views(app.db.read(), &rows).await?).collect())
}

/// Sign-ups that can still become accounts.
pub(super) fn open(app: &App) -> Select<Entity> {
    Entity::find()
        .filter(Column::Purpose.eq(Purpose::SignUp))
        .filter(Column::Decoy.eq(false))
        .filter(Column::ConsumedAt.is_null())
        .filter(Column::ExpiresAt.gt(app.now()))
}

fn filtered(app: &App, filter: PendingSignUpFilter) -> Select<Entity> {
    let mut select = open(app);
    if let Some(start) = filter.email_starts_with {
        select = select.filter(starts_with(app, Column::EmailKey, &start));
    }
    if let Some(name) = filter.connection {
        let named = Query::select()
            .column(connection::Column::Id)
            .from(connection::Entity)
            .and_where(connection::Column::Name.eq(storable(&name)))
            .to_owned();
        select = select.filter(Column::ConnectionId.in_subquery(named));
    }
    select
}

/// One query for each table, however many sign-ups there are.
async fn views(db: &impl ConnectionTrait, rows: &[Model]) -> Result<Vec<PendingSignUp>> {
    let ids = rows.iter().map(|row| row.id);
    let wishes = pending_sign_up::Entity::find()
        .filter(pending_sign_up::Column::VerificationId.is_in(ids))
        .all(db)
        .await?;
    let mut wishes: HashMap<Uuid, pending_sign_up::Model> = wishes
        .into_iter()
        .map(|wish| (wish.verification_id, wish))
        .collect();
    let ids = rows.iter().map(|row| row.connection_id);
    let connections = connection::Entity::find()
        .filter(connection::Column::Id.is_in(ids))
        .all(db)
        .await?;
    let connections: HashMap<Uuid, String> = connections
        .into_iter()
        .map(|connection| (connection.id, connection.name))
        .collect();
    let ids = rows.iter().map(|row| row.application_id);
    let applications = application::Entity::find()
        .filter(application::Column::Id.is_in(ids))
        .all(db)
        .await?;
    let applications: HashMap<Uuid, String> = applications
        .into_iter()
        .map(|application| (application.id, application.client_id))
        .collect();
    let view = |row: &Model| {
        let name_of =
            |names: &HashMap<Uuid, String>, id| names.get(id).cloned().unwrap_or_default();
        let (display_name, username) = wishes
            .remove(&row.id)
            .map(|wish| (wish.display_name, wish.username))
            .unwrap_or_default();
        PendingSignUp {
            id: row.id.into(),
            email: row.email.clone(),
            connection: name_of(&connections, &row.connection_id),
            client_id: name_of(&applications, &row.application_id),
            display_name,
            username,
            locale: row.locale.clone(),
            asked_from: row.asked_from_ip.clone(),
            created_at: DateTime(row.created_at),
            expires_at: DateTime(row.expires_at),
        }
    };
    Ok(rows.iter().map(view).collect())
}
