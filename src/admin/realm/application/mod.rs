//! Applications: the clients of the front door.

pub mod create;
pub mod delete;
mod enable;
pub mod read;
mod rules;
pub mod update;
mod view;

pub use create::AdminCreateApplicationInput;
pub use delete::{AdminDeleteApplicationInput, DeleteApplicationPayload};
pub use update::AdminUpdateApplicationInput;
pub use view::Application;
