//! What the API shows of an account. Views, not entities: a new column leaks nowhere by itself.

pub mod find;
mod session;
pub mod view;

pub use session::UserSession;
pub use view::{Selection, TenantMembership, User};
