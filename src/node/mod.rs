//! Relay's way to anything that has an id (GraphQL Global Object Identification): by that id alone. Ids are UUIDs, unique
//! over all types, so that they need no type in them.

mod find;

use async_graphql::{Context, ID, Interface, Object};

use crate::admin::{
    Application, AuditEvent, ConnectionSettings, OutboxMail, PendingSignUp, Tenant,
};
use crate::error::Result;
use crate::user::{User, UserSession};

/// Anything that `node` finds.
#[derive(Clone, Debug, Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "Unique over all types."))]
pub enum Node {
    User(Box<User>),
    UserSession(UserSession),
    Tenant(Tenant),
    Application(Application),
    ConnectionSettings(ConnectionSettings),
    PendingSignUp(PendingSignUp),
    AuditEvent(AuditEvent),
    OutboxMail(OutboxMail),
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything by its id, for Relay: your own account and sessions; for administrators everything. Null for an id that is
    /// unknown, malformed or not yours, and without a bearer; with an expired or revoked one null beside an error
    /// `UNAUTHENTICATED`, as `me`.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The field `id` of anything.")] id: ID,
    ) -> Result<Option<Node>> {
        Box::pin(find::node(ctx, id)).await
    }

    /// Several at once, at most 100 and each once, in the order of their ids; each as `node` answers it.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Fields `id` of anything.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        Box::pin(find::nodes(ctx, &ids)).await
    }
}
