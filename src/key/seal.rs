//! Sealing at rest: AES-256-GCM with a random nonce before the ciphertext.

use std::fmt;
use std::io::Write;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Rng;
use crate::config::MasterKey;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Seals and opens with the master key. What a secret is for is bound to it, so that one cannot stand in for another.
pub struct Sealer {
    key: LessSafeKey,
    rng: Rng,
}

impl Sealer {
    /// Reads the master key, or makes it (development only) in a file that its owner alone can read.
    ///
    /// # Errors
    /// When the key is not 32 bytes of base64, or its file cannot be read or made. The value is never named.
    pub fn new(master_key: &MasterKey, rng: Rng) -> Result<Self> {
        let text = match master_key {
            MasterKey::Given(key) => key.clone(),
            MasterKey::KeptIn(path) => read_or_make(path, &rng)?,
        };
        Self::of("VESTIBULE_MASTER_KEY", &text, rng)
    }

    /// Seals and opens with the key that this setting holds.
    ///
    /// # Errors
    /// As [`Sealer::new`].
    pub fn of(setting: &str, text: &Secret, rng: Rng) -> Result<Self> {
        let key = STANDARD
            .decode(text.expose().trim())
            .ok()
            .filter(|key| key.len() == 32)
            .ok_or_else(|| Error::internal(format!("{setting}: must be 32 bytes in base64")))?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(Error::internal(format!(
                "{setting}: is a sample, not a random key"
            )));
        }
        Ok(Self {
            key: aes(&key)?,
            rng,
        })
    }

    /// # Errors
    /// When the cipher refuses, which it does not for the sizes used here.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        seal(&self.key, &self.rng, purpose, plain)
    }

    /// # Errors
    /// When it was sealed with another master key, for another purpose, or has been changed.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        open(&self.key, purpose, sealed).ok_or_else(|| {
            Error::internal("a stored secret does not open: was VESTIBULE_MASTER_KEY changed?")
        })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

/// Seals the successor of a refresh token under that token, so that only who presents it again can have it again.
///
/// # Errors
/// When the cipher refuses, which it does not for the sizes used here.
pub fn seal_with_token(token: &Secret, rng: &Rng, successor: &Secret) -> Result<Vec<u8>> {
    seal(
        &key_of_token(token)?,
        rng,
        SUCCESSOR,
        successor.expose().as_bytes(),
    )
}

/// Nothing, when it was sealed under another token.
pub fn open_with_token(token: &Secret, sealed: &[u8]) -> Option<Secret> {
    let plain = open(&key_of_token(token).ok()?, SUCCESSOR, sealed)?;
    String::from_utf8(plain).ok().map(Secret::new)
}

const SUCCESSOR: &str = "successor";

/// HKDF-SHA-256 (RFC 5869): the digest that rests in the database tells nothing about this key.
fn key_of_token(token: &Secret) -> Result<LessSafeKey> {
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule refresh token")
        .extract(token.expose().as_bytes());
    let mut key = [0; 32];
    secret
        .expand(&[SUCCESSOR.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(Error::internal)?;
    aes(&key)
}

fn aes(key: &[u8]) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(Error::internal)
}

fn seal(key: &LessSafeKey, rng: &Rng, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
    let nonce = rng.bytes::<NONCE_LEN>();
    let mut text = plain.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(purpose),
        &mut text,
    )
    .map_err(Error::internal)?;
    Ok([nonce.as_slice(), &text].concat())
}

fn open(key: &LessSafeKey, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut text = text.to_vec();
    let plain = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(purpose),
            &mut text,
        )
        .ok()?;
    Some(plain.to_vec())
}

fn read_or_make(path: &Path, rng: &Rng) -> Result<Secret> {
    let unusable = |cause: std::io::Error| {
        Error::internal(format!("the master key's file {}: {cause}", path.display()))
    };
    let text = STANDARD.encode(rng.bytes::<32>());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(unusable)?;
            Ok(Secret::new(text))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(path)
                .map(Secret::new)
                .map_err(unusable)
        }
        Err(error) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_under_its_key_and_purpose_and_unchanged() {
        let rng = Rng::system();
        let key = |byte: u8| {
            MasterKey::Given(Secret::new(STANDARD.encode([[byte; 16], [9; 16]].concat())))
        };
        let sealer = Sealer::new(&key(1), rng.clone()).unwrap();
        let mut sealed = sealer.seal("signing key", b"plain").unwrap();
        assert_eq!(sealer.open("signing key", &sealed).unwrap(), b"plain");
        assert!(sealer.open("ticket key", &sealed).is_err());
        assert!(
            Sealer::new(&key(2), rng)
                .unwrap()
                .open("signing key", &sealed)
                .is_err()
        );
        *sealed.last_mut().unwrap() ^= 1;
        assert!(sealer.open("signing key", &sealed).is_err());
        assert!(sealer.open("signing key", b"short").is_err());
    }

    #[test]
    fn a_short_or_sample_master_key_is_refused_without_naming_it() {
        for key in ["", "c2hvcnQ=", "not base64!", &STANDARD.encode([0; 32])] {
            let error =
                Sealer::new(&MasterKey::Given(Secret::new(key)), Rng::system()).unwrap_err();
            let shown = format!("{error:?}");
            assert!(
                shown.contains("VESTIBULE_MASTER_KEY") && (key.is_empty() || !shown.contains(key)),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_successor_opens_under_its_predecessor_alone() {
        let (rng, token) = (Rng::system(), Secret::new("old"));
        let sealed = seal_with_token(&token, &rng, &Secret::new("new")).unwrap();
        assert_eq!(open_with_token(&token, &sealed), Some(Secret::new("new")));
        assert_eq!(open_with_token(&Secret::new("other"), &sealed), None);
    }
}
