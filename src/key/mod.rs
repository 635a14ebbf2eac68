//! Keys: the master key that seals, the pairs that sign access tokens, and the tokens themselves.

mod ring;
mod seal;
mod token;

pub use ring::{KeyRing, ensure_signing_key, ensure_ticket_key};
pub use seal::{Sealer, open_with_token, seal_with_token};
pub use token::{Claims, HasuraClaims, TenantClaim, TokenError};
