//! What makes this API a subgraph of a gateway (Apollo Federation 2): `_service` tells the schema, `_entities` finds users
//! for fields of other subgraphs. The engine has both, but asks for each user by itself, and lets one that is not found
//! fail all others.

mod entities;

use async_graphql::{Any, Context, Object, SimpleObject, Union};

use crate::error::Result;
use crate::user::User;

/// The schema that gateways are told.
#[derive(Clone, Debug)]
pub struct Subgraph(pub String);

/// What other subgraphs can extend.
#[derive(Clone, Debug, Union)]
#[graphql(name = "_Entity")]
pub enum Entity {
    User(User),
}

/// This subgraph.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "_Service")]
pub struct Service {
    /// Its schema.
    sdl: String,
}

#[derive(Default)]
pub struct FederationQuery;

#[Object]
impl FederationQuery {
    /// This subgraph, for whoever composes it with others.
    #[graphql(name = "_service")]
    async fn service(&self, ctx: &Context<'_>) -> Service {
        let Subgraph(sdl) = ctx.data_unchecked::<Subgraph>().clone();
        Service { sdl }
    }

    /// Users by their ids, in the order of the representations, at most 100: your own account; for administrators
    /// everybody's, null where there is none. Of anybody else, known or not, nothing but the id: null beside an error
    /// where more is selected.
    #[graphql(name = "_entities")]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Each `{ __typename: \"User\", id }`.")] representations: Vec<Any>,
    ) -> Result<Vec<Option<Entity>>> {
        Box::pin(entities::entities(ctx, &representations)).await
    }
}
