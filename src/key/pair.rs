//! A key pair that signs: made, kept as PKCS#8, parsed once for all the tokens that it signs.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::TokenAlgorithm;
use crate::error::{Error, Result};

pub(super) enum Pair {
    Es256(Box<EcdsaKeyPair>),
    Rs256(Box<RsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// A private key as PKCS#8 (RFC 5208).
pub(super) type Pkcs8 = Zeroizing<Vec<u8>>;

impl Pair {
    /// Makes a private key. Of RSA it takes a while.
    pub fn generate(algorithm: TokenAlgorithm) -> Result<Pkcs8> {
        let octets = match algorithm {
            TokenAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .map_err(Error::internal)?
                .as_ref()
                .to_vec(),
            TokenAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(Error::internal)?;
                let der: Pkcs8V1Der = pair.as_der().map_err(Error::internal)?;
                der.as_ref().to_vec()
            }
            // The first version: some libraries do not read the second, which holds the public key, too.
            TokenAlgorithm::EdDsa => Ed25519KeyPair::generate()
                .and_then(|pair| pair.to_pkcs8v1())
                .map_err(Error::internal)?
                .as_ref()
                .to_vec(),
        };
        Ok(Zeroizing::new(octets))
    }

    pub fn parse(algorithm: TokenAlgorithm, pkcs8: &[u8]) -> Result<Self> {
        let parsed = match algorithm {
            TokenAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map(|pair| Self::Es256(Box::new(pair)))
            }
            TokenAlgorithm::Rs256 => {
                RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rs256(Box::new(pair)))
            }
            TokenAlgorithm::EdDsa => {
                Ed25519KeyPair::from_pkcs8(pkcs8).map(|pair| Self::EdDsa(Box::new(pair)))
            }
        };
        parsed.map_err(Error::internal)
    }

    /// The signature as a JWS holds it (RFC 7515 section 3.1), before base64.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let rng = SystemRandom::new();
        match self {
            // A signature has room for the largest of all kinds, and is not to be moved about.
            Self::Es256(pair) => match &pair.sign(&rng, message) {
                Ok(signature) => Ok(signature.as_ref().to_vec()),
                Err(error) => Err(Error::internal(*error)),
            },
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature)
                    .map_err(Error::internal)?;
                Ok(signature)
            }
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public key as a JWK, and its thumbprint (RFC 7638), which is its `kid`.
    pub fn public_jwk(&self) -> Result<(String, Value)> {
        let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        let mut jwk = match self {
            Self::Es256(pair) => {
                // An uncompressed point: 4, x, y (SEC 1 section 2.3.3).
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "alg": "ES256" })
            }
            Self::Rs256(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e), "alg": "RS256" })
            }
            Self::EdDsa(pair) => {
                let x = text(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA" })
            }
        };
        let kid = thumbprint(&jwk)?;
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        Ok((kid, jwk))
    }
}

pub(super) fn thumbprint(jwk: &Value) -> Result<String> {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(Error::internal)?;
    jwk.thumbprint(ThumbprintHash::SHA256)
        .map_err(Error::internal)
}
