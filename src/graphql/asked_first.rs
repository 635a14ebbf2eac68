//! A root whose commonest part is asked first. The engine asks the parts of a merged object from the last to the first, each
//! for a field that only one of them has, and lists their fields from the first to the last: readers want the commonest
//! part at the beginning, and what is asked most would pay for all the others.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult,
    Value,
};

/// `A` as the schema shows it; `F`, one of its parts, is asked before the rest.
#[derive(Default)]
pub struct AskedFirst<F, A> {
    first: F,
    all: A,
}

impl<F: ContainerType, A: ContainerType> ContainerType for AskedFirst<F, A> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        match self.first.resolve_field(ctx).await {
            Ok(None) => self.all.resolve_field(ctx).await,
            found => found,
        }
    }

    async fn find_entity(&self, ctx: &Context<'_>, params: &Value) -> ServerResult<Option<Value>> {
        self.all.find_entity(ctx, params).await
    }
}

impl<F: ContainerType, A: ContainerType> OutputType for AskedFirst<F, A> {
    fn type_name() -> Cow<'static, str> {
        A::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        A::create_type_info(registry)
    }

    /// For queries: the engine itself runs the fields of a mutation, one after the other.
    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<F: ContainerType, A: ObjectType> ObjectType for AskedFirst<F, A> {}
