//! `adminDiscardMail`: a mail that has not left does not leave any more.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::job::{Column, Entity};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::mail;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};

/// Which mail to take out of the outbox.
#[derive(Debug, InputObject)]
pub struct AdminDiscardMailInput {
    /// `OutboxMail.id` of one that is queued or has failed.
    pub mail_id: ID,
}

/// Which mail is gone.
#[derive(Debug, SimpleObject)]
pub struct DiscardMailPayload {
    mail_id: ID,
}

/// # Errors
/// `NOT_FOUND` for a mail that is not there, has been sent, or is being sent at this moment.
pub async fn admin_discard_mail(
    app: &App,
    caller: &Caller,
    input: AdminDiscardMailInput,
) -> Result<DiscardMailPayload> {
    let id: Uuid = input.mail_id.parse().map_err(|_| Error::NotFound)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let row = Entity::find_by_id(id)
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            let in_no_hand = Condition::any()
                .add(Column::ClaimedUntil.is_null())
                .add(Column::ClaimedUntil.lte(app.now()));
            let discarded = Entity::delete_many()
                .filter(Column::Id.eq(id))
                .filter(Column::DoneAt.is_null())
                .filter(in_no_hand)
                .exec(&tx)
                .await?;
            if discarded.rows_affected == 0 {
                return Err(Error::NotFound);
            }
            let event = Event {
                user: mail::concerned(&tx, &row).await?,
                details: json!({ "mailId": id }),
                ..Event::by_administrator(Kind::MailDiscarded, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(DiscardMailPayload { mail_id: id.into() })
        })
        .await
}
