//! Choosing a password: every rule of the connection, then the hash. `signUp`, `changePassword`, `resetPassword` and
//! `checkPassword` come through here, so that they cannot differ.

use entity::{connection, former_password, user};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::message::message;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Issue, Result};
use crate::hasher::Turn;
use crate::realm::policy::{Judged, MAX_HISTORY, Personal, Rule, judge};
use crate::secret::Secret;

/// A password, and for whom.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    pub connection: &'a connection::Model,
    pub password: &'a Secret,
    pub personal: Personal,
    /// Whose former passwords may not come back.
    pub user: Option<&'a user::Model>,
}

/// Judges by every rule, and hashes.
///
/// # Errors
/// `WEAK_PASSWORD` with one issue for each rule that is not met; `OVERLOADED`.
pub async fn choose(
    app: &App,
    caller: &Caller,
    path: &'static str,
    candidate: &Candidate<'_>,
) -> Result<String> {
    let unmet = unmet(app, caller, candidate).await?;
    if unmet.is_empty() {
        return app.hasher.hash(&caller.turn, candidate.password).await;
    }
    Err(weak(app, caller, path, &unmet))
}

/// `WEAK_PASSWORD`, with a message for each rule in the caller's language.
pub fn weak(app: &App, caller: &Caller, path: &'static str, unmet: &[Rule]) -> Error {
    let issue = |rule: &Rule| Issue::new(path, rule.name(), message(app, caller, *rule));
    Error::WeakPassword(unmet.iter().map(issue).collect())
}

/// `WEAK_PASSWORD` for rules that were noted by name, when the password was still known.
pub fn weak_by_name(app: &App, caller: &Caller, path: &'static str, names: &[String]) -> Error {
    let rules = Rule::ALL
        .into_iter()
        .filter(|rule| names.iter().any(|name| name == rule.name()));
    weak(app, caller, path, &rules.collect::<Vec<_>>())
}

/// The connection that an account lives in.
///
/// # Errors
/// When the database does not answer.
pub async fn connection_of(app: &App, user: &user::Model) -> Result<connection::Model> {
    let found = connection::Entity::find_by_id(user.connection_id)
        .one(app.db.read())
        .await?;
    found.ok_or_else(|| Error::internal("a user without a connection"))
}

/// What must not stand in the password of an account.
pub fn personal_data(user: &user::Model) -> Personal {
    Personal::default()
        .with(user.email.rsplit_once('@').map(|(local, _)| local))
        .with(user.username.as_deref())
        .with(Some(&user.display_name))
        .with(user.given_name.as_deref())
        .with(user.middle_name.as_deref())
        .with(user.family_name.as_deref())
        .with_metadata(&user.metadata)
}

/// The rules that are not met. The dear ones are asked only when the others are met.
pub async fn unmet(app: &App, caller: &Caller, candidate: &Candidate<'_>) -> Result<Vec<Rule>> {
    let cheap = cheap_unmet(
        candidate.connection,
        candidate.password,
        &candidate.personal,
    );
    if !cheap.is_empty() {
        return Ok(cheap);
    }
    Ok(failed(judge_at_length(app, caller, candidate).await?))
}

/// The rules that are not met, of those that need nothing but the password.
pub fn cheap_unmet(
    connection: &connection::Model,
    password: &Secret,
    personal: &Personal,
) -> Vec<Rule> {
    failed(judge(connection, password, personal))
}

/// The rules that need more than the password: a service, or former passwords.
pub async fn judge_at_length(
    app: &App,
    caller: &Caller,
    candidate: &Candidate<'_>,
) -> Result<Vec<Judged>> {
    let mut judged = Vec::new();
    if app.breaches.is_on() {
        judged.push(Judged {
            rule: Rule::Breached,
            met: !app.breaches.knows(candidate.password).await,
        });
    }
    let history = candidate.connection.password_history;
    if let (Some(user), true) = (candidate.user, history > 0) {
        let met = !was_used(app, &caller.turn, user, history, candidate.password).await?;
        judged.push(Judged {
            rule: Rule::History(history),
            met,
        });
    }
    Ok(judged)
}

/// Remembers the password that is being replaced, and forgets all but the last few. Every connection remembers them, so
/// that a rule that is switched on later has something to go by; those from before the change are all it knows.
///
/// # Errors
/// When the database does not answer.
pub async fn remember(app: &App, tx: &impl ConnectionTrait, user: &user::Model) -> Result<()> {
    let Some(hash) = &user.password_hash else {
        return Ok(());
    };
    let row = former_password::ActiveModel {
        id: Set(app.id()),
        user_id: Set(user.id),
        password_hash: Set(hash.clone()),
        replaced_at: Set(app.now()),
    };
    former_password::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    let kept = former(user, u64::try_from(MAX_HISTORY).unwrap_or_default())
        .all(tx)
        .await?;
    former_password::Entity::delete_many()
        .filter(former_password::Column::UserId.eq(user.id))
        .filter(former_password::Column::Id.is_not_in(kept.into_iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether it is the present password, or one of the last before it.
async fn was_used(
    app: &App,
    turn: &Turn,
    user: &user::Model,
    history: i32,
    password: &Secret,
) -> Result<bool> {
    let before = u64::try_from(history.clamp(0, MAX_HISTORY)).unwrap_or_default();
    let former = former(user, before).all(app.db.read()).await?;
    let hashes = user
        .password_hash
        .iter()
        .chain(former.iter().map(|row| &row.password_hash));
    app.hasher.admit_all(turn, 1 + former.len())?;
    for hash in hashes {
        if app.hasher.verify(turn, password, Some(hash)).await?.matches {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The passwords before the present one, newest first.
pub fn former(user: &user::Model, most: u64) -> sea_orm::Select<former_password::Entity> {
    former_password::Entity::find()
        .filter(former_password::Column::UserId.eq(user.id))
        .order_by_desc(former_password::Column::ReplacedAt)
        .order_by_desc(former_password::Column::Id)
        .limit(most)
}

fn failed(judged: Vec<Judged>) -> Vec<Rule> {
    judged
        .into_iter()
        .filter(|judged| !judged.met)
        .map(|judged| judged.rule)
        .collect()
}
