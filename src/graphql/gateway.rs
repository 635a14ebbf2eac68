//! The house as a subgraph of a federation gateway: the same schema with `_service` and `_entities`, for requests that
//! prove to be a gateway's, and the text that gateways compose.

use async_graphql::{EmptySubscription, MergedObject, ObjectType, SDLExportOptions, Schema};

use super::{Mutation, bare, furnished};
use crate::account::{AccountMutation, AccountQuery};
use crate::admin::AdminQuery;
use crate::app::App;
use crate::federation::{FederationQuery, Subgraph};
use crate::node::NodeQuery;
use crate::password::PasswordMutation;
use crate::realm::RealmQuery;
use crate::session::SessionMutation;

/// What can be asked, by a gateway.
#[derive(Default, MergedObject)]
#[graphql(name = "Query")]
pub struct GatewayQuery(
    AccountQuery,
    RealmQuery,
    AdminQuery,
    NodeQuery,
    FederationQuery,
);

/// What can be asked. Nothing here changes anything.
#[derive(Default, MergedObject)]
#[graphql(name = "Query")]
struct OpenQuery(AccountQuery, RealmQuery);

/// What can be done. Everything that may change who is signed in answers a `SessionResult`. One operation may hold one
/// mutation that takes a password, ticket, code or refresh token.
#[derive(Default, MergedObject)]
#[graphql(name = "Mutation")]
struct OpenMutation(AccountMutation, PasswordMutation, SessionMutation);

/// What is asked through a gateway.
pub type GatewaySchema = Schema<GatewayQuery, Mutation, EmptySubscription>;

/// The schema for requests of gateways, with the house behind it; nothing where there is no federation. It is another
/// schema, so that for everybody else `_entities` is as unknown as any other name.
pub fn gateway_schema(app: App) -> Option<GatewaySchema> {
    app.config.gateway_secret()?;
    let builder = furnished(bare::<GatewayQuery, Mutation>(), app);
    Some(builder.data(Subgraph(subgraph(false))).finish())
}

/// What a gateway composes, in the schema definition language of Apollo Federation 2. Administration is left out, which
/// no graph should show unless somebody wants it to, and so is `node`, because it can belong to one subgraph only;
/// `whole` has both.
pub fn subgraph(whole: bool) -> String {
    if whole {
        text::<super::Query, Mutation>()
    } else {
        text::<OpenQuery, OpenMutation>()
    }
}

/// The types of everything that can be asked, `_entities` with it.
pub(super) fn types() -> String {
    bare::<GatewayQuery, Mutation>().finish().sdl()
}

fn text<Q, M>() -> String
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
{
    let options = SDLExportOptions::new().federation();
    let text = bare::<Q, M>().finish().sdl_with_options(options);
    // The engine writes keys where it answers `_entities` itself.
    let mut lines = Vec::new();
    for line in text.lines() {
        let is_user = line == "type User {" || line.starts_with("type User implements ");
        lines.push(match line.strip_suffix(" {").filter(|_| is_user) {
            Some(head) => format!("{head} @key(fields: \"id\") {{"),
            None => line.to_owned(),
        });
    }
    lines.push(String::new());
    lines.join("\n")
}
