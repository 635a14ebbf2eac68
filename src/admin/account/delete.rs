//! `adminDeleteUser`: an account goes with everything of it, as if its owner had left.

use async_graphql::{ID, InputObject};

use super::find;
use crate::account::{DeleteUserPayload, forget, hold};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind, Origin};

/// Which account to delete.
#[derive(Debug, InputObject)]
pub struct AdminDeleteUserInput {
    /// Which account.
    pub user_id: ID,
}

/// # Errors
/// `NOT_FOUND`.
pub async fn admin_delete_user(
    app: &App,
    caller: &Caller,
    input: AdminDeleteUserInput,
) -> Result<DeleteUserPayload> {
    let id = find::id(&input.user_id)?;
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let user = hold(&tx, id).await?.ok_or(Error::NotFound)?;
            forget(&tx, &user).await?;
            let event = Event {
                user: Some(id),
                connection: Some(user.connection_id),
                ..Event::by_administrator(Kind::UserDeleted, caller.acting_user())
            };
            // Nothing stays of administrators who delete themselves, either.
            let nowhere = Origin::default();
            let origin = if caller.acting_user() == Some(id) {
                &nowhere
            } else {
                &caller.origin
            };
            app.record(&tx, origin, event).await?;
            tx.commit().await?;
            Ok(DeleteUserPayload { user_id: id.into() })
        })
        .await
}
