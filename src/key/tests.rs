//! Public vectors, as far as they touch what we do: signatures are made and checked, and thumbprints taken, as the RFCs
//! say.

use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::{Value, json};

use super::pair::{Pair, thumbprint};
use super::token::jws;
use crate::config::TokenAlgorithm;

const ALGORITHMS: [TokenAlgorithm; 3] = [
    TokenAlgorithm::Es256,
    TokenAlgorithm::Rs256,
    TokenAlgorithm::EdDsa,
];

fn vectors() -> Vec<(TokenAlgorithm, Value)> {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let algorithm = |vector: &Value| {
        let named = |algorithm: &TokenAlgorithm| vector["algorithm"] == algorithm.as_str();
        ALGORITHMS.into_iter().find(named).unwrap()
    };
    vectors
        .into_iter()
        .map(|vector| (algorithm(&vector), vector))
        .collect()
}

fn pair(jwk: &Value) -> Pair {
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    match jwk["kty"].as_str().unwrap() {
        "RSA" => {
            let components = KeyPairComponents {
                public_key: PublicKeyComponents {
                    n: part("n"),
                    e: part("e"),
                },
                d: part("d"),
                p: part("p"),
                q: part("q"),
                dP: part("dp"),
                dQ: part("dq"),
                qInv: part("qi"),
            };
            Pair::Rs256(Box::new(RsaKeyPair::from_components(&components).unwrap()))
        }
        "EC" => {
            let point = [vec![4], part("x"), part("y")].concat();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &part("d"),
                &point,
            );
            Pair::Es256(Box::new(pair.unwrap()))
        }
        _ => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&part("d"), &part("x"));
            Pair::EdDsa(Box::new(pair.unwrap()))
        }
    }
}

fn verifies(algorithm: TokenAlgorithm, jwk: &Value, input: &str, signature: &str) -> bool {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).unwrap();
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    jsonwebtoken::crypto::verify(signature, input.as_bytes(), &key, jws(algorithm))
        .unwrap_or_default()
}

#[test]
fn signatures_of_the_rfcs_verify_under_their_keys_alone() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 3);
    for (algorithm, vector) in &vectors {
        let (input, signature) = (
            vector["input"].as_str().unwrap(),
            vector["signature"].as_str().unwrap(),
        );
        let verifies =
            |input: &str, signature: &str| verifies(*algorithm, &vector["jwk"], input, signature);
        assert!(verifies(input, signature), "{}", vector["source"]);
        assert!(!verifies(&format!("{input}x"), signature));
        let mut octets = URL_SAFE_NO_PAD.decode(signature).unwrap();
        octets[7] ^= 1;
        assert!(!verifies(input, &URL_SAFE_NO_PAD.encode(octets)));
        for (other, strange) in vectors.iter().filter(|(other, _)| other != algorithm) {
            let jwk = &strange["jwk"];
            assert!(!super::tests::verifies(*other, jwk, input, signature));
            assert!(!super::tests::verifies(*algorithm, jwk, input, signature));
        }
    }
}

#[test]
fn we_sign_as_the_rfcs_do() {
    for (algorithm, vector) in vectors() {
        let input = vector["input"].as_str().unwrap();
        let pair = pair(&vector["jwk"]);
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(input.as_bytes()).unwrap());
        // ECDSA draws a number for every signature; the others always make the same.
        if algorithm == TokenAlgorithm::Es256 {
            assert_ne!(vector["signature"], signature);
            assert!(verifies(algorithm, &vector["jwk"], input, &signature));
        } else {
            assert_eq!(vector["signature"], signature, "{}", vector["source"]);
        }
        let (kid, public) = pair.public_jwk().unwrap();
        for name in ["kty", "crv", "x", "y", "n", "e"] {
            assert_eq!(public.get(name), vector["jwk"].get(name), "{name}");
        }
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert_eq!(public.get(private), None, "{private}");
        }
        assert_eq!(
            (&public["kid"], &public["use"]),
            (&json!(kid), &json!("sig"))
        );
        if let Some(expected) = vector.get("thumbprint") {
            assert_eq!(*expected, kid);
        }
    }
}

/// RFC 7638 section 3.1; what is optional in a JWK does not count.
#[test]
fn thumbprints_are_those_of_the_rfc() {
    let jwk = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    });
    let kid = thumbprint(&jwk).unwrap();
    assert_eq!(kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_key_that_is_made_can_be_kept_and_signs() {
    for algorithm in ALGORITHMS {
        let (one, other) = (
            Pair::generate(algorithm).unwrap(),
            Pair::generate(algorithm).unwrap(),
        );
        assert_ne!(one, other);
        let pair = Pair::parse(algorithm, &one).unwrap();
        let (_, jwk) = pair.public_jwk().unwrap();
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(b"a token").unwrap());
        assert!(verifies(algorithm, &jwk, "a token", &signature));
        for wrong in ALGORITHMS.into_iter().filter(|wrong| *wrong != algorithm) {
            assert!(Pair::parse(wrong, &one).is_err(), "{algorithm:?} {wrong:?}");
        }
    }
}
