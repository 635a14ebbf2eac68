//! One call, in a crate of its own so that it is made fast where everything around it is made small: Argon2's outer loop is
//! compiled into whoever calls it, and for size it took two hashes in a hundred.

use argon2::{Argon2, Block, Result};

/// Hashes a password with this salt (RFC 9106) into `output`, which is as long as the parameters say.
///
/// # Errors
/// When the salt or the output has a length that Argon2 or the parameters do not allow, or `memory` has fewer blocks than they
/// ask for.
// Inlined, it would be made small again.
#[inline(never)]
pub fn hash(
    argon: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    memory: &mut [Block],
) -> Result<()> {
    argon.hash_password_into_with_memory(password, salt, output, memory)
}
