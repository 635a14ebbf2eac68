//! An error that stands beside a null instead of failing its field: the engine would leave the field out.

use async_graphql::{Context, PathSegment};

use crate::error::Error;

/// Adds the error to the answer, at the field itself or at one entry of its list, which then must be null.
pub fn beside(ctx: &Context<'_>, entry: Option<usize>, error: Error) {
    let error = async_graphql::Error::from(error).into_server_error(ctx.item.pos);
    let mut error = ctx.set_error_path(error);
    error.path.extend(entry.map(PathSegment::Index));
    ctx.add_error(error);
}
