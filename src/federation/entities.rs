//! `_entities`: users by their ids, for a gateway. Its secret proves the gateway; who is shown what is decided by the
//! bearer that it passes on.

use std::collections::HashMap;

use async_graphql::{Any, Context, SelectionField, Value};
use uuid::Uuid;

use super::Entity;
use crate::app::App;
use crate::beside::beside;
use crate::caller::{Caller, Sight};
use crate::error::{Error, Issue, Result};
use crate::user::{Selection, User, find};
use crate::value::Issues;

/// Representations of one question.
const MOST: usize = 100;

/// # Errors
/// `INVALID_INPUT` for representations that are too many or name no user by id; else when the database does not answer.
/// Users that the caller may not see are errors beside nulls.
pub async fn entities(ctx: &Context<'_>, representations: &[Any]) -> Result<Vec<Option<Entity>>> {
    let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
    let ids = ids(representations)?;
    let sight = caller.sight(app).await?;
    let (visible, current): (Vec<Uuid>, _) = match sight {
        Sight::All(identity) => (
            ids.iter().filter_map(|id| id.parse().ok()).collect(),
            identity.map(|identity| identity.session.id),
        ),
        Sight::Own(identity) => {
            let own = identity.user.id;
            let asked = ids.iter().any(|id| id.parse() == Ok(own));
            (
                asked.then_some(own).into_iter().collect(),
                Some(identity.session.id),
            )
        }
        Sight::Nothing(_) => (Vec::new(), None),
    };
    let selection = Selection::of(&ctx.look_ahead());
    let found = find::users(app.db.read(), &visible, current, selection, app.now()).await?;
    let found: HashMap<Uuid, User> = found.into_iter().collect();
    let id_alone = ctx.field().selection_set().all(is_id);
    let mut answers = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        let user = id.parse().ok().and_then(|id: Uuid| found.get(&id).cloned());
        let answer = match (user, sight) {
            (Some(user), _) => Some(user),
            (None, Sight::All(_)) => None,
            // Whoever asks has the id already: saying it again tells nothing, not even whether there is such a user.
            (None, _) if id_alone => Some(User::of_id(id)),
            (None, Sight::Own(_)) => {
                beside(ctx, Some(at), Error::Forbidden);
                None
            }
            (None, Sight::Nothing(reason)) => {
                beside(ctx, Some(at), Error::Unauthenticated(reason));
                None
            }
        };
        answers.push(answer.map(Entity::User));
    }
    Ok(answers)
}

/// The ids of the representations, as they were given: a malformed one names nobody.
fn ids(representations: &[Any]) -> Result<Vec<&str>> {
    if representations.len() > MOST {
        let message = format!("At most {MOST} representations.");
        return Err(Error::invalid("representations", "too_many", message));
    }
    let mut issues = Issues::default();
    let mut ids = Vec::with_capacity(representations.len());
    for (at, Any(representation)) in representations.iter().enumerate() {
        let member = |name: &str| match representation {
            Value::Object(members) => members.get(name),
            _ => None,
        };
        match (member("__typename"), member("id")) {
            (Some(Value::String(kind)), Some(Value::String(id))) if kind == "User" => {
                ids.push(&**id)
            }
            _ => issues.push(Issue::new(
                format!("representations.{at}"),
                "format",
                "It must name a `User` by its `id`.",
            )),
        }
    }
    issues.none()?;
    Ok(ids)
}

fn is_id(field: SelectionField<'_>) -> bool {
    matches!(field.name(), "id" | "__typename")
}
