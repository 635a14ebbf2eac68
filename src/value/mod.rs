//! Values that are parsed once, at the door of a use case, and valid ever after.

mod email;
mod locale;
mod network;
mod profile;
mod username;

pub use email::Email;
pub use locale::Locale;
pub use network::network_of;
pub use profile::{Issues, client_text, json_within, metadata, phone_number, storable, text};
pub use username::Username;
