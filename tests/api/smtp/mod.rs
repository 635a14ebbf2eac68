//! Mail leaves by SMTP, to a small server of the tests' own.

mod delivery;
mod failure;
mod server;
mod tls;
