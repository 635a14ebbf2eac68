//! Keys: the master key that seals, the pairs that sign access tokens, and the tokens themselves.

mod pair;
mod reseal;
mod ring;
mod seal;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod token;

pub use reseal::{Resealed, reseal};
pub use ring::KeyRing;
pub use seal::{Sealer, open_with_token, seal_with_token};
pub use secret::{check_master_key, ensure_ticket_key, hold};
pub use store::{KeyState, NOTICE, NewKey, SigningKey, ensure_signing_key, list, note_ttl, retire};
pub use token::{Claims, HasuraClaims, TenantClaim, TokenError};
