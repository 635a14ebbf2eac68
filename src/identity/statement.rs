//! The text of the look-ups, with places for their values.

use chrono::{DateTime, Utc};
use entity::{application, application_connection, connection, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{DbBackend, EntityTrait, IdenStatic, Iterable};
use uuid::Uuid;

use super::membership;

/// Before the columns of each table.
pub const SESSION: &str = "s_";
pub const USER: &str = "u_";
pub const APPLICATION: &str = "a_";
/// Beside them.
pub const HAS_TENANTS: &str = "has_tenants";

/// The values are the time, and then that many sessions.
pub fn text(backend: DbBackend, places: usize) -> String {
    use application_connection::{Column as Enabled, Entity as Enabling};
    let mut query = Query::select();
    select(&mut query, session::Entity, SESSION);
    select(&mut query, user::Entity, USER);
    select(&mut query, application::Entity, APPLICATION);
    query.expr_as(membership::exists(), HAS_TENANTS);
    let of = |column: session::Column| Expr::col((session::Entity, column));
    query
        .from(session::Entity)
        .inner_join(
            user::Entity,
            of(session::Column::UserId).equals((user::Entity, user::Column::Id)),
        )
        .inner_join(
            application::Entity,
            of(session::Column::ApplicationId)
                .equals((application::Entity, application::Column::Id)),
        )
        .inner_join(
            Enabling,
            of(session::Column::ApplicationId)
                .equals((Enabling, Enabled::ApplicationId))
                .and(
                    Expr::col((user::Entity, user::Column::ConnectionId))
                        .equals((Enabling, Enabled::ConnectionId)),
                ),
        )
        .inner_join(
            connection::Entity,
            Expr::col((Enabling, Enabled::ConnectionId))
                .equals((connection::Entity, connection::Column::Id)),
        )
        .and_where(of(session::Column::EndsAt).gt(DateTime::<Utc>::default()))
        .and_where(of(session::Column::RevokedAt).is_null())
        .and_where(Expr::col((user::Entity, user::Column::DisabledAt)).is_null())
        .and_where(Expr::col((application::Entity, application::Column::DisabledAt)).is_null())
        .and_where(Expr::col((connection::Entity, connection::Column::DisabledAt)).is_null())
        .and_where(of(session::Column::Id).is_in(vec![Uuid::nil(); places]));
    backend.build(&query).sql
}

/// Every column of a table, under a name with this prefix.
fn select<E: EntityTrait>(query: &mut SelectStatement, table: E, prefix: &str) {
    for column in E::Column::iter() {
        let name = format!("{prefix}{}", column.as_str());
        query.expr_as(Expr::col((table, column)), name);
    }
}
