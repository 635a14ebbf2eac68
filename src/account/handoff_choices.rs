//! `handoffChoices`: the numbers that the page behind a mailed link offers.

use async_graphql::{InputObject, SimpleObject};

use super::verify_email::PURPOSES;
use crate::app::App;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::verification::{handoff, redeem};

/// Which link was opened.
#[derive(Debug, InputObject)]
pub struct HandoffChoicesInput {
    /// The ticket of the link.
    #[graphql(secret)]
    pub ticket: Secret,
}

/// What the reader of a mail picks from.
#[derive(Debug, SimpleObject)]
pub struct HandoffChoices {
    /// Three numbers from 10 to 99, in the order in which they are to be shown; one of them is `handoffNumber` on the device
    /// that asked for the mail.
    pub numbers: Vec<i32>,
}

/// # Errors
/// `INVALID_TICKET`, also where a number was picked already, and for a link that an administrator made: no device waits.
pub async fn handoff_choices(app: &App, input: HandoffChoicesInput) -> Result<HandoffChoices> {
    let numbers = choices(app, &input.ticket).await?;
    Ok(HandoffChoices {
        numbers: numbers.into(),
    })
}

/// The same for the page of the house.
///
/// # Errors
/// As [`handoff_choices`].
pub async fn choices(app: &App, ticket: &Secret) -> Result<[i32; 3]> {
    let row = redeem::look(app, ticket, &PURPOSES).await?.row;
    if handoff::is_open(&row) {
        Ok(handoff::numbers(app, &row).choices)
    } else {
        Err(Error::InvalidTicket)
    }
}
