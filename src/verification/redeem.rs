//! Redeems a ticket, a code, or what the reader of the mail has handed over. A wrong PKCE verifier consumes nothing; a code is
//! compared at most five times; one conditional update decides who wins.

use chrono::{DateTime, Utc};
use entity::verification::{Column, Entity, Model, Purpose};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{VerificationCodeInput, VerificationProof};
use crate::app::App;
use crate::caller::Caller;
use crate::db::only;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::ticket::{APPROVAL_LIFE, CODE_TRIES, digest_of, pkce_matches};

/// A proof that was found right and has not been consumed yet.
#[derive(Debug)]
pub struct Redeemed {
    pub row: Model,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Ticket,
    Code,
    Handoff,
}

/// Finds what the proof redeems, for one of the given purposes.
///
/// # Errors
/// `INVALID_TICKET` or `INVALID_CODE`, one answer for everything that is wrong.
pub async fn find(
    app: &App,
    caller: &Caller,
    proof: VerificationProof,
    code_verifier: Option<&Secret>,
    purposes: &[Purpose],
) -> Result<Redeemed> {
    match proof {
        VerificationProof::Ticket(ticket) => {
            let found = look(app, &ticket, purposes).await?;
            if verifies(&found.row, code_verifier) {
                Ok(found)
            } else {
                Err(Error::InvalidTicket)
            }
        }
        VerificationProof::Code(code) => {
            let by_handle = Column::HandleDigest.eq(digest_of(&code.verification_id));
            let row = Entity::find().filter(by_handle).one(app.db.read()).await?;
            let row = row
                .filter(|row| is_open(app, row, purposes) && verifies(row, code_verifier))
                .ok_or(Error::InvalidCode)?;
            compare(app, caller, row, &code).await
        }
    }
}

/// Finds what the ticket would redeem. Whoever redeems it needs the verifier as well: this is for those who only look, or hand
/// it over.
///
/// # Errors
/// `INVALID_TICKET`.
pub async fn look(app: &App, ticket: &Secret, purposes: &[Purpose]) -> Result<Redeemed> {
    let by_ticket = Column::TicketDigest.eq(digest_of(ticket.expose()));
    let row = Entity::find().filter(by_ticket).one(app.db.read()).await?;
    // A decoy's ticket is never mailed; if it comes all the same, it is as unknown as any other.
    let row = row
        .filter(|row| is_open(app, row, purposes) && !row.decoy)
        .ok_or(Error::InvalidTicket)?;
    Ok(Redeemed {
        row,
        by: By::Ticket,
    })
}

/// Finds what was handed over to who holds the handle, a short while ago. Nothing tells why there is nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn find_approved(
    app: &App,
    handle_digest: &[u8],
    code_verifier: Option<&Secret>,
    purposes: &[Purpose],
) -> Result<Option<Redeemed>> {
    // Asked for again and again: by the unique index alone, whatever there is.
    let by_handle = Column::HandleDigest.eq(handle_digest);
    let rows = Entity::find().filter(by_handle).all(app.db.read()).await?;
    let earliest = app.now() - APPROVAL_LIFE;
    let row = only(rows).filter(|row| {
        row.handoff_approved_at.is_some_and(|at| at > earliest)
            && is_open(app, row, purposes)
            && verifies(row, code_verifier)
            && !row.decoy
    });
    Ok(row.map(|row| Redeemed {
        row,
        by: By::Handoff,
    }))
}

fn is_open(app: &App, row: &Model, purposes: &[Purpose]) -> bool {
    row.consumed_at.is_none() && row.expires_at > app.now() && purposes.contains(&row.purpose)
}

fn verifies(row: &Model, code_verifier: Option<&Secret>) -> bool {
    pkce_matches(
        row.code_challenge.as_deref(),
        code_verifier.map(Secret::expose),
    )
}

/// Takes one of the tries, and only then compares: however many guesses arrive at once, five are looked at.
async fn compare(
    app: &App,
    caller: &Caller,
    row: Model,
    code: &VerificationCodeInput,
) -> Result<Redeemed> {
    let now = app.now();
    let taken = Entity::update_many()
        .col_expr(Column::CodeTries, Expr::col(Column::CodeTries).add(1))
        .filter(Column::Id.eq(row.id))
        .filter(Column::CodeRound.eq(row.code_round))
        .filter(Column::CodeTries.lt(CODE_TRIES))
        .filter(Column::CodeExpiresAt.gt(now))
        .filter(Column::ConsumedAt.is_null())
        .exec(app.db.write())
        .await?;
    let right = app
        .tickets
        .code_matches(row.purpose, row.id, row.code_round, code.code.expose());
    if taken.rows_affected == 1 && right && !row.decoy {
        return Ok(Redeemed { row, by: By::Code });
    }
    tracing::info!(verification = %row.id, network = caller.network(), "a code was refused");
    Err(Error::InvalidCode)
}

impl Redeemed {
    /// Consumes the proof inside the caller's transaction.
    ///
    /// # Errors
    /// `INVALID_TICKET` or `INVALID_CODE` when it was consumed meanwhile.
    pub async fn consume(&self, tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<()> {
        let consumed = Entity::update_many()
            .col_expr(Column::ConsumedAt, now.into())
            .filter(Column::Id.eq(self.row.id))
            .filter(Column::ConsumedAt.is_null())
            .filter(Column::ExpiresAt.gt(now))
            .exec(tx)
            .await?;
        if consumed.rows_affected == 1 {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    /// Takes back a try that was right: the proof is refused for another reason than itself, and stays as good as it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_back(&self, app: &App) -> Result<()> {
        if self.by != By::Code {
            return Ok(());
        }
        Entity::update_many()
            .col_expr(Column::CodeTries, Expr::col(Column::CodeTries).sub(1))
            .filter(Column::Id.eq(self.row.id))
            .filter(Column::CodeRound.eq(self.row.code_round))
            .filter(Column::CodeTries.gt(0))
            .exec(app.db.write())
            .await?;
        Ok(())
    }

    /// The answer for a proof that turned out to be worth nothing, or that somebody else consumed first.
    pub fn refusal(&self) -> Error {
        match self.by {
            By::Ticket | By::Handoff => Error::InvalidTicket,
            By::Code => Error::InvalidCode,
        }
    }

    /// Whether who redeems it never saw the mail.
    pub fn is_handed_over(&self) -> bool {
        self.by == By::Handoff
    }
}
