//! Tenants, and who belongs to them.

pub mod create;
pub mod delete;
pub mod member;
pub mod read;
pub mod update;
mod view;

pub use create::AdminCreateTenantInput;
pub use delete::{AdminDeleteTenantInput, DeleteTenantPayload};
pub use member::{AdminRemoveTenantMemberInput, AdminSetTenantMemberInput};
pub use update::AdminUpdateTenantInput;
pub use view::Tenant;
