//! Connections: sets of accounts, and the rules for them.

pub mod create;
pub mod delete;
pub mod read;
mod rules;
pub mod update;
mod view;

pub use create::AdminCreateConnectionInput;
pub use delete::{AdminDeleteConnectionInput, DeleteConnectionPayload};
pub use update::AdminUpdateConnectionInput;
pub use view::ConnectionSettings;
