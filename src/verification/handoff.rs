//! Hands the answer to a mail over to the device that asked for it: its reader picks the number which that device shows. One
//! try, decided by one conditional update; what was approved is redeemed as a ticket is.

use chrono::{DateTime, Utc};
use entity::verification::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::ticket::{APPROVAL_LIFE, Handoff, digest_of};

/// The numbers of a verification.
pub fn numbers(app: &App, row: &Model) -> Handoff {
    app.tickets.handoff(&app.tickets.handle(row.id))
}

/// Whether nobody has picked a number yet, and a device can wait.
pub fn is_open(row: &Model) -> bool {
    row.handoff_approved_at.is_none() && row.handoff_closed_at.is_none()
}

/// Approves the hand-off, or closes it: whichever comes first while the verification lives.
///
/// # Errors
/// `INVALID_TICKET` when a number was picked already, or the verification ended meanwhile.
pub async fn settle(
    tx: &impl ConnectionTrait,
    row: &Model,
    approved: bool,
    event: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let outcome = if approved {
        Column::HandoffApprovedAt
    } else {
        Column::HandoffClosedAt
    };
    let settled = Entity::update_many()
        .col_expr(outcome, now.into())
        .col_expr(Column::HandoffEventId, event.into())
        .filter(Column::Id.eq(row.id))
        .filter(Column::ConsumedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::HandoffApprovedAt.is_null())
        .filter(Column::HandoffClosedAt.is_null())
        .exec(tx)
        .await?;
    if settled.rows_affected == 1 {
        Ok(())
    } else {
        Err(Error::InvalidTicket)
    }
}

/// Whether this number was picked with this ticket a short while ago: a second tap finds what the first one did, also where
/// the waiting device has been signed in between the two.
///
/// # Errors
/// When the database does not answer.
pub async fn was_approved(app: &App, ticket: &Secret, number: i32) -> Result<bool> {
    let by_ticket = Column::TicketDigest.eq(digest_of(ticket.expose()));
    let row = Entity::find().filter(by_ticket).one(app.db.read()).await?;
    let earliest = app.now() - APPROVAL_LIFE;
    Ok(row.is_some_and(|row| {
        row.handoff_approved_at.is_some_and(|at| at > earliest)
            && numbers(app, &row).number == number
    }))
}
