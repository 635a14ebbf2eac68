//! What Hasura (version 2) needs to know of the house: metadata with the API as a remote schema, each role's part of it, and
//! the settings of its engine. Built from the schema and nothing else, so that it cannot tell of what is not there.
//!
//! The formats are those of Hasura's metadata, version 3: <https://hasura.io/docs/2.0/api-reference/metadata-api/index/>.

mod environment;
mod metadata;
mod print;
mod role_schema;

pub use environment::{JwtSecret, Mode, environment};
pub use metadata::{Customization, Plan, PlanError, RemoteSchema, bulk, replacement, yaml};
pub use role_schema::{Reach, SIGNED_IN_ONLY, role_schema};

/// The role of who is not signed in, where the operator names no other.
pub const ANONYMOUS: &str = "anonymous";
/// To whom Hasura allows everything; it takes no permissions for it.
pub const ADMIN: &str = "admin";
