//! `adminRetryMail`: a mail that was given up is due again.

use async_graphql::{ID, InputObject};
use entity::job::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::mail::{self, OutboxMail};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};

/// Which mail to try again.
#[derive(Debug, InputObject)]
pub struct AdminRetryMailInput {
    /// `OutboxMail.id` of one that has failed.
    pub mail_id: ID,
}

/// # Errors
/// `NOT_FOUND` for a mail that is not there, or has not failed.
pub async fn admin_retry_mail(
    app: &App,
    caller: &Caller,
    input: AdminRetryMailInput,
) -> Result<OutboxMail> {
    let id: Uuid = input.mail_id.parse().map_err(|_| Error::NotFound)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let retried = Entity::update_many()
                .col_expr(
                    Column::BuriedAt,
                    Option::<chrono::DateTime<chrono::Utc>>::None.into(),
                )
                .col_expr(Column::RunAt, app.now().into())
                .col_expr(Column::Attempts, 0.into())
                .filter(Column::Id.eq(id))
                .filter(Column::BuriedAt.is_not_null())
                .exec(&tx)
                .await?;
            let row = Entity::find_by_id(id).one(&tx).await?;
            let row = row
                .filter(|_| retried.rows_affected == 1)
                .ok_or(Error::NotFound)?;
            let event = Event {
                user: mail::concerned(&tx, &row).await?,
                details: json!({ "mailId": id }),
                ..Event::by_administrator(Kind::MailRetried, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            let view = mail::load_all(&tx, &[row]).await?.into_iter().next();
            tx.commit().await?;
            app.worker.wake();
            view.ok_or(Error::NotFound)
        })
        .await
}
