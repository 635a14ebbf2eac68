//! What the API shows of the sessions of a user.

use std::collections::HashMap;

use async_graphql::{ID, SimpleObject};
use chrono::Utc;
use entity::session::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement, WindowStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::error::Result;
use crate::scalar::DateTime;

/// A list of sessions is no longer than this; a person has fewer devices.
const SESSIONS: u64 = 100;

/// One sign-in on one device.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserSession {
    /// The `sid` of its access tokens; what `revokeSession` takes.
    pub(crate) id: ID,
    /// Whether this very request belongs to it.
    current: bool,
    /// What the device called itself at the sign-in.
    user_agent: Option<String>,
    /// Where the sign-in came from.
    ip_address: Option<String>,
    created_at: DateTime,
    /// The last sign-in or refresh.
    last_used_at: DateTime,
    /// When it ends unless it is refreshed before.
    expires_at: DateTime,
}

/// The sessions that are alive, by user.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn sessions_of(
    db: &impl ConnectionTrait,
    users: &[Uuid],
    current: Option<Uuid>,
    now: chrono::DateTime<Utc>,
) -> Result<HashMap<Uuid, Vec<UserSession>>> {
    let mut alive = Entity::find()
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id);
    alive = match users {
        [one] => alive.filter(is_alive([*one], now)).limit(SESSIONS),
        // One user's many leave no less room for another's.
        several => alive.filter(Column::Id.in_subquery(newest(several, now))),
    };
    let mut sessions: HashMap<Uuid, Vec<UserSession>> = HashMap::new();
    for row in alive.all(db).await? {
        let own = sessions.entry(row.user_id).or_default();
        own.push(UserSession::new(row, current));
    }
    Ok(sessions)
}

fn is_alive(users: impl IntoIterator<Item = Uuid>, now: chrono::DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::UserId.is_in(users))
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.gt(now))
}

/// The newest sessions of each of these users.
fn newest(users: &[Uuid], now: chrono::DateTime<Utc>) -> SelectStatement {
    let of_user = WindowStatement::partition_by(Column::UserId)
        .order_by(Column::CreatedAt, Order::Desc)
        .order_by(Column::Id, Order::Desc)
        .to_owned();
    let numbered = Query::select()
        .column(Column::Id)
        .expr_window_as(Func::cust("ROW_NUMBER"), of_user, "place")
        .from(Entity)
        .cond_where(is_alive(users.iter().copied(), now))
        .to_owned();
    Query::select()
        .column(Column::Id)
        .from_subquery(numbered, "numbered")
        .and_where(Expr::col("place").lte(SESSIONS))
        .to_owned()
}

impl UserSession {
    pub(super) fn new(row: Model, current: Option<Uuid>) -> Self {
        Self {
            current: current == Some(row.id),
            id: row.id.into(),
            user_agent: row.user_agent,
            ip_address: row.ip_address,
            created_at: DateTime(row.created_at),
            last_used_at: DateTime(row.last_used_at),
            expires_at: DateTime(row.expires_at),
        }
    }
}
