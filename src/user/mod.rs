//! What the API shows of an account. Views, not entities: a new column leaks nowhere by itself.

pub mod find;
pub mod view;

pub use view::{Selection, TenantMembership, User, UserSession};
