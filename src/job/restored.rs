//! Whether a database came here from another server and nobody has begun an epoch since (ADR 17). Not every restore is seen:
//! a server that has counted further than the one before, or goes on from where it was, looks like the same.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{audit_event, identity_change};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::error::Result;
use crate::event::{Kind, earliest_id};

/// An epoch that began so lately is taken for the one of this restore. When that was is written nowhere: whoever opens the house
/// later than this after both is warned in vain, and an epoch that was copied along from the same day hides one that is missing.
const LATELY: TimeDelta = TimeDelta::days(1);

/// A column of the view that tells from where to read.
pub(super) fn of_horizon(column: &'static str) -> SelectStatement {
    Query::select()
        .column(column)
        .from("identity_horizon")
        .to_owned()
}

/// Changes under positions that this server has not given yet. What is next is asked in the same statement: before it, what is
/// written meanwhile, and nobody has read yet, would look as if it came from elsewhere.
pub(super) fn foreign() -> Expr {
    Expr::col(identity_change::Column::Position).gte(Expr::from(of_horizon("next")))
}

/// Whether it did, as long as the first clean-up here has left it to be seen.
///
/// # Errors
/// When the database does not answer.
pub async fn came_without_epoch(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool> {
    let changes = identity_change::Entity::find().filter(foreign());
    if changes.one(db).await?.is_none() {
        return Ok(false);
    }
    let epochs = audit_event::Entity::find()
        .filter(audit_event::Column::Kind.eq(Kind::EpochBegun.as_str()))
        .filter(audit_event::Column::Id.gte(earliest_id(now - LATELY)));
    Ok(epochs.one(db).await?.is_none())
}
