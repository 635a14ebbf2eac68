//! `approveHandoff`: the reader of a mail hands its answer over to the device that shows the number.

use async_graphql::{InputObject, SimpleObject};

use super::verify_email::{PURPOSES, open_place};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::secret::Secret;
use crate::verification::{handoff, redeem};

/// Which number was picked.
#[derive(Debug, InputObject)]
pub struct ApproveHandoffInput {
    /// The ticket of the link. No `codeVerifier` is asked for: the waiting device has it.
    #[graphql(secret)]
    pub ticket: Secret,
    /// One of `HandoffChoices.numbers`.
    pub handoff_number: i32,
}

/// What became of it.
#[derive(Debug, SimpleObject)]
pub struct ApproveHandoffPayload {
    /// True: the waiting device is signed in as soon as it asks. False: it shows another number, and nothing can be handed over
    /// any more; the ticket still works here, and so does the code.
    pub approved: bool,
}

/// # Errors
/// `INVALID_TICKET`, also where another number was picked before; `SIGN_UP_DISABLED` and `INVALID_INPUT`, which change nothing.
pub async fn approve_handoff(
    app: &App,
    caller: &Caller,
    input: ApproveHandoffInput,
) -> Result<ApproveHandoffPayload> {
    let approved = approve(app, caller, input.ticket, input.handoff_number).await?;
    Ok(ApproveHandoffPayload { approved })
}

/// The same for the page of the house: whether it was the right number.
///
/// # Errors
/// As [`approve_handoff`].
pub async fn approve(app: &App, caller: &Caller, ticket: Secret, number: i32) -> Result<bool> {
    if handoff::was_approved(app, &ticket, number).await? {
        return Ok(true);
    }
    let found = redeem::look(app, &ticket, &PURPOSES).await?;
    open_place(app, &found).await?;
    let row = &found.row;
    let approved = handoff::numbers(app, row).number == number;
    let kind = if approved {
        Kind::HandoffApproved
    } else {
        Kind::HandoffRefused
    };
    let settled = app
        .db
        .transact(|| async {
            let (tx, id, now) = (app.db.begin().await?, app.id(), app.now());
            handoff::settle(&tx, row, approved, id, now).await?;
            let event = Event {
                application: Some(row.application_id),
                connection: Some(row.connection_id),
                ..row
                    .user_id
                    .map_or_else(|| Event::anonymous(kind), |user| Event::by_user(kind, user))
            };
            // Under an id that the sign-up names, by which it is found again when the address becomes an account's.
            event.record(&tx, id, now, &caller.origin).await?;
            tx.commit().await?;
            Ok(())
        })
        .await;
    match settled {
        Ok(()) => app.metrics.event(kind.as_str()),
        // Another tap was faster; it may have been the same one.
        Err(Error::InvalidTicket) if handoff::was_approved(app, &ticket, number).await? => {
            return Ok(true);
        }
        Err(error) => return Err(error),
    }
    if approved {
        app.waiting.ring(&row.handle_digest);
    }
    Ok(approved)
}

/// Whether the link still works, though its number has been picked.
///
/// # Errors
/// When the database does not answer.
pub async fn is_closed_alone(app: &App, ticket: &Secret) -> Result<bool> {
    match redeem::look(app, ticket, &PURPOSES).await {
        Ok(found) => Ok(found.row.handoff_closed_at.is_some()),
        Err(Error::InvalidTicket) => Ok(false),
        Err(error) => Err(error),
    }
}
