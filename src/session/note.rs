//! The last look at whom tokens are made for, in the transaction that makes them. The proof may have taken seconds, and what an
//! administrator has taken away meanwhile must not be in a token that outlives it elsewhere.

use std::sync::Arc;

use entity::{application, application_connection, connection, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::db::only;
use crate::error::{Error, Reason, Result};
use crate::identity::membership;

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
    let open = Query::select()
        .expr(Expr::val(1))
        .from(Enabling)
        .inner_join(
            application::Entity,
            of(Enabled::ApplicationId).equals((application::Entity, application::Column::Id)),
        )
        .inner_join(
            connection::Entity,
            of(Enabled::ConnectionId).equals((connection::Entity, connection::Column::Id)),
        )
        .and_where(of(Enabled::ApplicationId).eq(application))
        .and_where(of(Enabled::ConnectionId).equals((user::Entity, user::Column::ConnectionId)))
        .and_where(Expr::col((application::Entity, application::Column::DisabledAt)).is_null())
        .and_where(Expr::col((connection::Entity, connection::Column::DisabledAt)).is_null())
        .to_owned();
    Expr::exists(open)
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
