//! `me`: the caller's own account.

use std::sync::Arc;

use async_graphql::Context;

use crate::app::App;
use crate::beside::beside;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::user::{self, Selection, User};

/// # Errors
/// When the database does not answer. A bad bearer is an error beside a null, not instead of it.
pub async fn me(ctx: &Context<'_>) -> Result<Option<Arc<User>>> {
    let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
    let identity = match caller.identity_if_any(app).await {
        Ok(Some(identity)) => identity,
        Ok(None) => return Ok(None),
        Err(error @ Error::Unauthenticated(_)) => {
            beside(ctx, None, error);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let selection = Selection::of(&ctx.look_ahead());
    if selection.is_remembered() {
        return Ok(Some(identity.made(|user| User::of_row(user.clone()))));
    }
    let (user, session) = (identity.user.clone(), identity.session.id);
    let load = user::view::load(app.db.read(), user, Some(session), selection, app.now());
    Ok(Some(Arc::new(Box::pin(load).await?)))
}

/// The caller's own account, after a change.
///
/// # Errors
/// When the database does not answer.
pub async fn own(ctx: &Context<'_>, user: entity::user::Model) -> Result<User> {
    let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
    let session = caller.identity(app).await?.session.id;
    let selection = Selection::of(&ctx.look_ahead());
    user::view::load(app.db.read(), user, Some(session), selection, app.now()).await
}
