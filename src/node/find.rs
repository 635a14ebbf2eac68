//! `node` and `nodes`: one look into each table, however many ids there are. Who may see what is decided here, because
//! the engine does not ask the guards of fields that are reached through an interface.

use std::collections::{HashMap, HashSet};

use async_graphql::{Context, ID};
use uuid::Uuid;

use super::Node;
use crate::admin;
use crate::app::App;
use crate::beside::beside;
use crate::caller::{Caller, Sight};
use crate::error::{Error, Reason, Result};
use crate::identity::Identity;
use crate::user::{Selection, find};

/// Ids of one question.
const MOST: usize = 100;

/// What has an id. Accounts first: they are asked for most.
#[derive(Clone, Copy)]
enum Kind {
    User,
    UserSession,
    Tenant,
    Application,
    ConnectionSettings,
    PendingSignUp,
    AuditEvent,
    OutboxMail,
}

/// What everybody has of one's own.
const OWN: [Kind; 2] = [Kind::User, Kind::UserSession];

const ALL: [Kind; 8] = [
    Kind::User,
    Kind::UserSession,
    Kind::Tenant,
    Kind::Application,
    Kind::ConnectionSettings,
    Kind::PendingSignUp,
    Kind::AuditEvent,
    Kind::OutboxMail,
];

/// # Errors
/// When the database does not answer. A bad bearer is an error beside the null.
pub async fn node(ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
    match found(ctx, &[id]).await? {
        Found::Nodes(mut nodes) => Ok(nodes.pop().flatten()),
        Found::Refused(reason) => {
            beside(ctx, None, Error::Unauthenticated(reason));
            Ok(None)
        }
    }
}

/// One answer for each id, in their order.
///
/// # Errors
/// `INVALID_INPUT` for too many ids, or one twice; else when the database does not answer. A bad bearer is an error beside each null.
pub async fn nodes(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    if ids.len() > MOST {
        let message = format!("At most {MOST} ids.");
        return Err(Error::invalid("ids", "too_many", message));
    }
    // What is asked for once is answered once: an answer is to be no larger than what it is about.
    // A UUID can be spelled in several ways.
    let meant: HashSet<Result<Uuid, &str>> = ids
        .iter()
        .map(|id| id.parse().map_err(|_| id.as_str()))
        .collect();
    if meant.len() < ids.len() {
        let message = "An id is there twice.";
        return Err(Error::invalid("ids", "not_allowed", message));
    }
    match found(ctx, ids).await? {
        Found::Nodes(nodes) => Ok(nodes),
        Found::Refused(reason) => {
            for at in 0..ids.len() {
                beside(ctx, Some(at), Error::Unauthenticated(reason));
            }
            Ok(ids.iter().map(|_| None).collect())
        }
    }
}

enum Found {
    Nodes(Vec<Option<Node>>),
    /// The bearer is expired, revoked or none of ours.
    Refused(Reason),
}

async fn found(ctx: &Context<'_>, ids: &[ID]) -> Result<Found> {
    let (app, caller) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Caller>());
    // A malformed id names nothing.
    let ids: Vec<Option<Uuid>> = ids.iter().map(|id| id.parse().ok()).collect();
    let wanted = ids.iter().flatten().copied().collect();
    let selection = Selection::of(&ctx.look_ahead());
    let found = match caller.sight(app).await? {
        Sight::All(identity) => search(app, &ALL, wanted, (identity, None), selection).await?,
        Sight::Own(identity) => {
            let owner = Some(identity.user.id);
            search(app, &OWN, wanted, (Some(identity), owner), selection).await?
        }
        Sight::Nothing(Reason::TokenMissing) => HashMap::new(),
        Sight::Nothing(reason) => return Ok(Found::Refused(reason)),
    };
    let node = |id: &Option<Uuid>| id.and_then(|id| found.get(&id).cloned());
    Ok(Found::Nodes(ids.iter().map(node).collect()))
}

/// Looks through the tables until every id is found. With an owner, nothing of anybody else's is.
async fn search(
    app: &App,
    kinds: &[Kind],
    mut wanted: Vec<Uuid>,
    (caller, owner): (Option<&Identity>, Option<Uuid>),
    selection: Selection,
) -> Result<HashMap<Uuid, Node>> {
    let (db, now) = (app.db.read(), app.now());
    let current = caller.map(|identity| identity.session.id);
    let mut found = HashMap::new();
    for kind in kinds {
        if wanted.is_empty() {
            break;
        }
        let ids = wanted.as_slice();
        found.extend(match kind {
            Kind::User => {
                let mine = |id: &&Uuid| owner.is_none_or(|owner| owner == **id);
                let ids: Vec<Uuid> = ids.iter().filter(mine).copied().collect();
                let users = find::users(db, &ids, current, selection, now).await?;
                of(users, |user| Node::User(Box::new(user)))
            }
            Kind::UserSession => {
                let sessions = find::sessions(db, ids, owner, current, now).await?;
                of(sessions, Node::UserSession)
            }
            Kind::Tenant => of(admin::tenants_by_ids(app, ids).await?, Node::Tenant),
            Kind::Application => of(
                admin::applications_by_ids(app, ids).await?,
                Node::Application,
            ),
            Kind::ConnectionSettings => of(
                admin::connections_by_ids(app, ids).await?,
                Node::ConnectionSettings,
            ),
            Kind::PendingSignUp => of(admin::pending_by_ids(app, ids).await?, Node::PendingSignUp),
            Kind::AuditEvent => of(admin::events_by_ids(app, ids).await?, Node::AuditEvent),
            Kind::OutboxMail => of(admin::mails_by_ids(app, ids).await?, Node::OutboxMail),
        });
        wanted.retain(|id| !found.contains_key(id));
    }
    Ok(found)
}

fn of<T>(rows: Vec<(Uuid, T)>, node: impl Fn(T) -> Node) -> Vec<(Uuid, Node)> {
    rows.into_iter().map(|(id, row)| (id, node(row))).collect()
}
