//! Mail leaves by SMTP, to a small server of the tests' own.

pub mod delivery;
mod failure;
pub mod server;
mod tls;
