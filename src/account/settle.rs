//! An address becomes an account's. Whoever else signed up with it has lost: the password that is active is the one of the
//! answered mail, or what an administrator decided. What those sign-ups left behind goes with the account.

use chrono::{DateTime, Utc};
use entity::verification::{Column, Entity, Purpose};
use entity::{audit_event, pending_sign_up, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::error::Result;

/// Voids the sign-ups of the user's address, and makes them and their events the user's.
///
/// # Errors
/// When the database does not answer.
pub async fn settle(
    tx: &impl ConnectionTrait,
    user: &user::Model,
    now: DateTime<Utc>,
) -> Result<()> {
    Entity::update_many()
        .col_expr(
            Column::ConsumedAt,
            Expr::col(Column::ConsumedAt).if_null(now),
        )
        .col_expr(Column::UserId, user.id.into())
        .filter(Column::ConnectionId.eq(user.connection_id))
        .filter(Column::EmailKey.eq(&user.email_key))
        .filter(Column::Purpose.eq(Purpose::SignUp))
        .filter(Column::UserId.is_null())
        .exec(tx)
        .await?;
    // What they carried is the user's now, or nobody's: no password of theirs is kept.
    pending_sign_up::Entity::delete_many()
        .filter(
            pending_sign_up::Column::VerificationId
                .in_subquery(sign_ups(of_address(user), Column::Id)),
        )
        .exec(tx)
        .await?;
    audit_event::Entity::update_many()
        .col_expr(audit_event::Column::UserId, user.id.into())
        .filter(audit_event::Column::Id.in_subquery(events_of_sign_ups(of_address(user))))
        .filter(audit_event::Column::UserId.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes from the trail where these sign-ups came from, as far as no account has come of them: nobody could tell later whose
/// they were.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_origins(tx: &impl ConnectionTrait, which: Expr) -> Result<()> {
    let nobodys = audit_event::Column::UserId.is_null();
    let events = audit_event::Column::Id.in_subquery(events_of_sign_ups(which));
    forget_origins_of(tx, events.and(nobodys)).await
}

/// Takes from these events where they came from.
pub(super) async fn forget_origins_of(tx: &impl ConnectionTrait, events: Expr) -> Result<()> {
    let nothing = || Option::<String>::None;
    audit_event::Entity::update_many()
        .col_expr(audit_event::Column::IpAddress, nothing().into())
        .col_expr(audit_event::Column::UserAgent, nothing().into())
        .filter(events)
        .exec(tx)
        .await?;
    Ok(())
}

/// The requests with the user's address.
pub(super) fn of_address(user: &user::Model) -> Expr {
    Column::ConnectionId
        .eq(user.connection_id)
        .and(Column::EmailKey.eq(&user.email_key))
}

/// The events of these sign-ups: that of each has the same id, and the sign-up names that of its hand-off.
fn events_of_sign_ups(which: Expr) -> SelectStatement {
    let handoffs = sign_ups(which.clone(), Column::HandoffEventId)
        .and_where(Column::HandoffEventId.is_not_null())
        .to_owned();
    sign_ups(which, Column::Id)
        .union(UnionType::All, handoffs)
        .to_owned()
}

/// One column of those of these requests that are sign-ups.
fn sign_ups(which: Expr, column: Column) -> SelectStatement {
    Query::select()
        .column(column)
        .from(Entity)
        .and_where(which)
        .and_where(Column::Purpose.eq(Purpose::SignUp))
        .to_owned()
}
