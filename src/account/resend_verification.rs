//! `resendVerification`: another mail for a request that is still open; the same answer for one that is not any more.

use async_graphql::{ID, InputObject};
use entity::verification::{self, Column, Entity, Purpose};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::job::Task;
use crate::realm::place;
use crate::session::Outcome;
use crate::ticket::digest_of;
use crate::verification as proofs;

/// Which request to send another mail for.
#[derive(Debug, InputObject)]
pub struct ResendVerificationInput {
    /// `PendingVerification.verificationId` of the request.
    pub verification_id: ID,
}

/// # Errors
/// Only when the database does not answer.
pub async fn resend_verification(
    app: &App,
    caller: &Caller,
    input: ResendVerificationInput,
) -> Result<Outcome> {
    // Also one that was answered meanwhile, or is void: whoever asked for it without having the mailbox is not told.
    let asked = Entity::find()
        .filter(Column::Purpose.ne(Purpose::EmailChangeUndo))
        .filter(Column::HandleDigest.eq(digest_of(&input.verification_id)))
        .filter(Column::ExpiresAt.gt(app.now()));
    let Some(row) = asked.one(app.db.read()).await? else {
        return Ok(proofs::unknown(app, input.verification_id));
    };
    let place = place::again(app, row.application_id, row.connection_id).await?;
    if place.is_none() {
        // Its link would lead nowhere.
        return Ok(proofs::unknown(app, input.verification_id));
    }
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let budget = proofs::start::budget(app, &tx, caller, &row).await?;
            // Where no mail goes, the code that was mailed before stays good.
            if budget.allowed {
                if next_round(&tx, &row).await? {
                    let task = Task::SendVerification {
                        verification: row.id,
                        round: row.code_round + 1,
                    };
                    app.enqueue(&tx, &task).await?;
                }
                // Counted for one that is not open any more, too.
                tx.commit().await?;
                app.worker.wake();
            }
            Ok(proofs::pending(app, &row, budget.again_at))
        })
        .await
}

/// Starts the next round, with a new code and new tries; the mail that leaves then starts its ten minutes. Of two that
/// ask at the same moment, one does.
async fn next_round(tx: &impl ConnectionTrait, row: &verification::Model) -> Result<bool> {
    let moved = Entity::update_many()
        .col_expr(Column::CodeRound, Expr::col(Column::CodeRound).add(1))
        .col_expr(Column::CodeTries, 0.into())
        .col_expr(
            Column::CodeExpiresAt,
            Option::<chrono::DateTime<chrono::Utc>>::None.into(),
        )
        .filter(Column::Id.eq(row.id))
        .filter(Column::CodeRound.eq(row.code_round))
        .filter(Column::ConsumedAt.is_null())
        .exec(tx)
        .await?;
    Ok(moved.rows_affected == 1)
}
