//! The last look at whom tokens are made for, in the transaction that makes them. The proof may have taken seconds, and what an
//! administrator has taken away meanwhile must not be in a token that outlives it elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{application, application_connection, connection, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::db::{only, padded};
use crate::error::{Error, Reason, Result};
use crate::identity::{Arrival, membership};

/// Who signs in, and where, as the rows say now.
pub(super) struct Noted {
    pub(super) user: user::Model,
    pub(super) application: application::Model,
    /// The first sign-in ever.
    pub(super) first_seen: bool,
    pub(super) has_tenants: bool,
}

/// Notes the sign-in in the user's row.
///
/// # Errors
/// `INVALID_CREDENTIALS` when the user was disabled or the password changed since, or the application or the connection
/// was switched off.
pub(super) async fn note(
    app: &App,
    tx: &impl ConnectionTrait,
    user: &user::Model,
    application: application::Model,
) -> Result<Noted> {
    use user::Column;
    let unchanged = match &user.password_hash {
        Some(hash) => Column::PasswordHash.eq(hash),
        None => Column::PasswordHash.is_null(),
    };
    let columns = Column::iter().map(|column| Expr::col((user::Entity, column)));
    let beside = [membership::exists(), version(application.id)];
    let told = Query::returning().exprs(columns.chain(beside)).to_owned();
    let update = |seen: Expr| {
        let mut update = Query::update();
        update
            .table(user::Entity)
            .value(Column::LastSignInAt, app.now())
            .and_where(Column::Id.eq(user.id))
            .and_where(Column::DisabledAt.is_null())
            .and_where(unchanged.clone())
            .and_where(seen)
            .and_where(is_open(application.id))
            .returning(told.clone());
        update
    };
    let mut row = None;
    if user.last_sign_in_at.is_none() {
        let first = update(Column::LastSignInAt.is_null());
        row = only(tx.query_all(&first).await?);
    }
    let first_seen = row.is_some();
    if row.is_none() {
        let again = update(Column::LastSignInAt.is_not_null());
        row = only(tx.query_all(&again).await?);
    }
    let row = row.ok_or(Error::InvalidCredentials)?;
    let told = Column::iter().count();
    let application = if row.try_get_by_index::<chrono::DateTime<chrono::Utc>>(told + 1)?
        == application.updated_at
    {
        application
    } else {
        let rows = application::Entity::find_by_id(application.id);
        only(rows.all(tx).await?).ok_or(Error::InvalidCredentials)?
    };
    Ok(Noted {
        user: user::Model::from_query_result(&row, "")?,
        application,
        first_seen,
        has_tenants: row.try_get_by_index(told)?,
    })
}

/// As [`note`], for a crowd, of those for whom nothing has changed since their passwords were compared, who have signed in
/// before, and of each user's for one. Nobody waits here for a row that somebody else holds: everybody would wait. Where
/// nothing is answered, [`note`] says why. Beside each user is told whether he belongs to a tenant.
///
/// # Errors
/// When the database refuses.
pub(super) async fn note_all(
    tx: &impl ConnectionTrait,
    arrivals: &[Arrival],
    now: DateTime<Utc>,
) -> Result<Vec<Option<(user::Model, bool)>>> {
    use user::Column;
    let mut free = free_users(tx, arrivals).await?;
    // Once the users are held: whatever was answered to whoever closed something is known here.
    let open = open_places(tx, arrivals).await?;
    let noted: Vec<_> = arrivals
        .iter()
        .map(|arrival| {
            let (user, has_tenants) = free.remove(&arrival.session.user_id)?;
            let place = (arrival.session.application_id, user.connection_id);
            let is_unchanged = user.password_hash.as_deref()
                == Some(arrival.password_hash.expose())
                && user.updated_at == arrival.user_changed_at
                && user.disabled_at.is_none()
                && user.last_sign_in_at.is_some()
                && (user.email_verified_at.is_some() || !arrival.verified)
                && open.get(&place) == Some(&arrival.application_changed_at);
            let last_sign_in_at = Some(now);
            let user = user::Model {
                last_sign_in_at,
                ..user
            };
            is_unchanged.then_some((user, has_tenants))
        })
        .collect();
    let ids = Vec::from_iter(noted.iter().flatten().map(|(user, _)| user.id));
    if !ids.is_empty() {
        user::Entity::update_many()
            .col_expr(Column::LastSignInAt, now.into())
            .filter(Column::Id.is_in(padded(&ids)))
            .exec(tx)
            .await?;
    }
    Ok(noted)
}

/// The users whom nobody else holds, held; and whether each belongs to a tenant.
async fn free_users(
    tx: &impl ConnectionTrait,
    arrivals: &[Arrival],
) -> Result<HashMap<Uuid, (user::Model, bool)>> {
    use user::{Column, Entity};
    let ids: BTreeSet<Uuid> = arrivals.iter().map(|one| one.session.user_id).collect();
    let ids = padded(&Vec::from_iter(ids));
    let of = |column| Expr::col((Entity, column));
    let mut query = Query::select();
    query
        .exprs(Column::iter().map(of).chain([membership::exists()]))
        .from(Entity)
        .and_where(of(Column::Id).is_in(ids))
        .order_by((Entity, Column::Id), Order::Asc)
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    let mut free = HashMap::new();
    for row in tx.query_all(&query).await? {
        let user = user::Model::from_query_result(&row, "")?;
        let has_tenants = row.try_get_by_index(Column::iter().count())?;
        free.insert(user.id, (user, has_tenants));
    }
    Ok(free)
}

/// Which of these applications are open to whose users, and when they were changed last; but for those that somebody is about to
/// delete, for whom every session of theirs would wait.
async fn open_places(
    tx: &impl ConnectionTrait,
    arrivals: &[Arrival],
) -> Result<HashMap<(Uuid, Uuid), DateTime<Utc>>> {
    use application_connection::{Column as Enabled, Entity as Enabling};
    let ids: BTreeSet<Uuid> = arrivals
        .iter()
        .map(|one| one.session.application_id)
        .collect();
    let ids = padded(&Vec::from_iter(ids));
    let mut query = enabling();
    query
        .column((Enabling, Enabled::ApplicationId))
        .column((Enabling, Enabled::ConnectionId))
        .column((application::Entity, application::Column::UpdatedAt))
        .and_where(Expr::col((Enabling, Enabled::ApplicationId)).is_in(ids))
        .lock_with_tables_behavior(
            LockType::KeyShare,
            [application::Entity],
            LockBehavior::SkipLocked,
        );
    let mut open = HashMap::new();
    for row in tx.query_all(&query).await? {
        let place = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        open.insert(place, row.try_get_by_index(2)?);
    }
    Ok(open)
}

/// The user and the application of a session that goes on.
///
/// # Errors
/// `UNAUTHENTICATED` when one of them was switched off or deleted.
pub(super) async fn again(
    tx: &impl ConnectionTrait,
    session: &session::Model,
) -> Result<(user::Model, Arc<application::Model>)> {
    let user = user::Entity::find_by_id(session.user_id)
        .filter(user::Column::DisabledAt.is_null())
        .filter(is_open(session.application_id));
    let application = application::Entity::find_by_id(session.application_id);
    match (only(user.all(tx).await?), only(application.all(tx).await?)) {
        (Some(user), Some(application)) => Ok((user, Arc::new(application))),
        _ => Err(Error::Unauthenticated(Reason::SessionRevoked)),
    }
}

/// Whether the application is open to the user of a statement about users: it enables their connection, which is open, too.
fn is_open(application: Uuid) -> Expr {
    use application_connection::{Column as Enabled, Entity as Enabling};
    let of = |column: Enabled| Expr::col((Enabling, column));
    let open = enabling()
        .expr(Expr::val(1))
        .and_where(of(Enabled::ApplicationId).eq(application))
        .and_where(of(Enabled::ConnectionId).equals((user::Entity, user::Column::ConnectionId)))
        .to_owned();
    Expr::exists(open)
}

/// Open applications with the open connections that they enable.
fn enabling() -> SelectStatement {
    use application_connection::{Column as Enabled, Entity as Enabling};
    let of = |column: Enabled| Expr::col((Enabling, column));
    Query::select()
        .from(Enabling)
        .inner_join(
            application::Entity,
            of(Enabled::ApplicationId).equals((application::Entity, application::Column::Id)),
        )
        .inner_join(
            connection::Entity,
            of(Enabled::ConnectionId).equals((connection::Entity, connection::Column::Id)),
        )
        .and_where(Expr::col((application::Entity, application::Column::DisabledAt)).is_null())
        .and_where(Expr::col((connection::Entity, connection::Column::DisabledAt)).is_null())
        .to_owned()
}

/// When the application was changed last: mostly it is the one that was read a moment ago.
fn version(application: Uuid) -> Expr {
    // Under its own name it would be taken for the user's: PostgreSQL names the result after the column.
    let changed = Query::select()
        .expr(Expr::col(application::Column::UpdatedAt).max())
        .from(application::Entity)
        .and_where(Expr::col((application::Entity, application::Column::Id)).eq(application))
        .to_owned();
    Expr::SubQuery(None, Box::new(changed.into()))
}
