//! Mail: what it says, and how it leaves the house.

mod in_turn;
mod inbox;
mod letter;
pub mod redirect;
mod smtp;
mod transport;

pub use inbox::{Inbox, Received};
pub use letter::{Asked, Content, Letter, Options, Proof};
pub use transport::{MailError, Mailer, SmtpOptions};

/// A rendered mail to one address.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub content: Content,
}
