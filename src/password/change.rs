//! `changePassword`: proves the current password, and leaves nothing alive that the old one opened, but this session.

use async_graphql::InputObject;
use entity::{session, user};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

use super::choose::{Candidate, choose, connection_of, personal_data, remember};
use super::{attempt, prove};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::identity::Identity;
use crate::job::Task;
use crate::secret::Secret;
use crate::session::{self as sessions, Outcome, TokenTransport};
use crate::verification::address;

/// The current password proves who is asking.
#[derive(Debug, InputObject)]
pub struct ChangePasswordInput {
    /// As it is now.
    #[graphql(secret)]
    pub current_password: Secret,
    /// Must meet the connection's policy: see `authConfig.passwordPolicy`.
    #[graphql(secret)]
    pub new_password: Secret,
    /// As the session has it, if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `UNAUTHENTICATED`, `INVALID_CREDENTIALS` for a wrong current password, `RATE_LIMITED` after too many of them,
/// `WEAK_PASSWORD`, `ORIGIN_NOT_ALLOWED`, `OVERLOADED`.
pub async fn change_password(
    app: &App,
    caller: &Caller,
    input: ChangePasswordInput,
) -> Result<Outcome> {
    let Identity { session, user, .. } = caller.identity(app).await?.clone();
    prove::current_password(app, caller, &user, &input.current_password).await?;
    let connection = connection_of(app, &user).await?;
    let candidate = Candidate {
        connection: &connection,
        password: &input.new_password,
        personal: personal_data(&user),
        user: Some(&user),
    };
    let hash = choose(app, caller, "newPassword", &candidate).await?;

    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            replace(app, &tx, &user, &hash).await?;
            attempt::forgive_former(&tx, user.id).await?;
            remember(app, &tx, &user).await?;
            end_everything_else(app, &tx, &session).await?;
            let session = session.clone();
            let opened = sessions::keep(app, &tx, caller, session, input.token_transport).await?;
            let notice = Task::SendPasswordChanged {
                user: opened.user.id,
                at: app.now(),
                from: caller.origin.ip.clone(),
            };
            app.enqueue(&tx, &notice).await?;
            let event = Event {
                session: Some(opened.session.id),
                application: Some(opened.application.id),
                connection: Some(opened.user.connection_id),
                ..Event::by_user(Kind::PasswordChanged, opened.user.id)
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(Outcome::Opened(opened))
        })
        .await
}

/// Of several changes at once, one finds the password that it proved still there.
async fn replace(
    app: &App,
    tx: &impl ConnectionTrait,
    user: &user::Model,
    hash: &str,
) -> Result<()> {
    let replaced = user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, hash.into())
        .col_expr(user::Column::UpdatedAt, app.now().into())
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::PasswordHash.eq(user.password_hash.as_deref()))
        .filter(user::Column::DisabledAt.is_null())
        .exec(tx)
        .await?;
    if replaced.rows_affected == 1 {
        Ok(())
    } else {
        Err(Error::InvalidCredentials)
    }
}

/// Every other session, and every mail of this user that waits for an answer.
async fn end_everything_else(
    app: &App,
    tx: &impl ConnectionTrait,
    kept: &session::Model,
) -> Result<()> {
    let others = Condition::all()
        .add(session::Column::UserId.eq(kept.user_id))
        .add(session::Column::Id.ne(kept.id));
    sessions::revoke(tx, others, app.now()).await?;
    address::void_all(tx, kept.user_id, app.now()).await?;
    Ok(())
}
