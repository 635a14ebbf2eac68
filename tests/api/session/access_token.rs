//! The access token: what it says, and that nobody else can make one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::signing_key;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use vestibule::clock::Rng;
use vestibule::key::Sealer;

use crate::harness::{Backend, Client, TestApp};
use crate::support::{assert_alive, jwt_part, reason};

/// What only the house can do: signs with the stored key.
struct Forge {
    key: signing_key::Model,
    algorithm: Algorithm,
    private: EncodingKey,
    claims: Value,
}

impl Forge {
    async fn open(test: &TestApp, ann: &Client) -> Self {
        let key = signing_key::Entity::find()
            .one(test.app.db.read())
            .await
            .expect("the keys")
            .expect("a key");
        let sealer = Sealer::new(&test.app.config.master_key, Rng::system()).expect("a sealer");
        let der = sealer
            .open("signing key", &key.sealed_private_key)
            .expect("the private key");
        Self {
            private: match key.algorithm.as_str() {
                "ES256" => EncodingKey::from_ec_der(&der),
                // The library wants PKCS#1, which PKCS#8 wraps.
                "RS256" => EncodingKey::from_rsa_der(&der[26..]),
                _ => EncodingKey::from_ed_der(&der),
            },
            algorithm: key.algorithm.parse().expect("an algorithm"),
            claims: jwt_part(&ann.access_token, 1),
            key,
        }
    }

    fn header(&self) -> Header {
        Header {
            typ: Some("at+jwt".into()),
            kid: Some(self.key.kid.clone()),
            ..Header::new(self.algorithm)
        }
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private).expect("a token")
    }

    /// A validly signed token with one claim changed, or without it.
    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        if value.is_null() {
            claims.as_object_mut().expect("claims").remove(name);
        } else {
            claims[name] = value;
        }
        self.sign(&self.header(), &claims)
    }
}

/// A house for each algorithm, on its own database.
async fn houses(backend: Backend) -> Vec<TestApp> {
    let mut houses = Vec::new();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        houses.push(TestApp::with(backend, &[("VESTIBULE_TOKEN_ALGORITHM", algorithm)]).await);
    }
    houses
}

/// The public key as other programs hold it: SPKI, as it is and as PEM.
fn public_key(jwk: &Value) -> (Vec<u8>, String) {
    let part = |name: &str| {
        let part = jwk[name].as_str().expect("a part");
        URL_SAFE_NO_PAD.decode(part).expect("base64url")
    };
    let der = match jwk["kty"].as_str() {
        Some("EC") => {
            let head = [
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
            ];
            [head.to_vec(), part("x"), part("y")].concat()
        }
        Some("RSA") => {
            let head = [
                0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a,
                0x02, 0x82, 0x01, 0x01, 0x00,
            ];
            let exponent = [vec![0x02, 0x03], part("e")].concat();
            [head.to_vec(), part("n"), exponent].concat()
        }
        _ => {
            let head = [
                0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
            ];
            [head.to_vec(), part("x")].concat()
        }
    };
    let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n");
    (der, pem)
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn assert_invalid(test: &TestApp, token: &str) {
    let me = test.anon().bearer(token).me().await;
    assert!(me.at("/data/me").is_null(), "{token}");
    assert_eq!(reason(&me), "TOKEN_INVALID", "{token}");
}

on_both_databases! {
    async fn it_holds_exactly_the_claims_of_the_contract(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let jwks = test.anon().get("/.well-known/jwks.json").await;
        let header = jwt_part(&ann.access_token, 0);
        assert_eq!(header, json!({ "typ": "at+jwt", "alg": "ES256", "kid": jwks.text("/keys/0/kid") }));
        let mut claims = jwt_part(&ann.access_token, 1);
        let jti = claims["jti"].take();
        assert!(jti.is_string());
        let now = test.app.now().timestamp();
        let expected = json!({
            "iss": "http://127.0.0.1:4000", "aud": "default", "client_id": "default", "sub": ann.user_id,
            "sid": ann.session_id, "jti": null, "iat": now, "exp": now + 900, "auth_time": now, "amr": ["otp"],
            "email": "ann@example.org", "email_verified": true, "locale": "en",
            "https://hasura.io/jwt/claims": {
                "x-hasura-user-id": ann.user_id, "x-hasura-default-role": "user",
                "x-hasura-allowed-roles": ["user", "me"], "x-hasura-user-is-anonymous": "false",
            },
        });
        assert_eq!(claims, expected);

        let again = test.anon().sign_in("ann@example.org", crate::harness::PASSWORD).await.ok();
        let claims = jwt_part(&again.text("/data/signIn/accessToken"), 1);
        assert_eq!(claims["amr"], json!(["pwd"]));
        assert_ne!(claims["jti"], jti);
    }

    async fn the_published_keys_verify_it_and_hold_no_private_part(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let jwks = test.anon().get("/.well-known/jwks.json").await;
        let key = jwks.at("/keys/0");
        let mut names: Vec<_> = key.as_object().expect("a key").keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key).expect("a JWK");
        let mut validation = jsonwebtoken::Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_audience(&["default"]);
        validation.set_issuer(&["http://127.0.0.1:4000"]);
        let verifier = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key");
        jsonwebtoken::decode::<Value>(&ann.access_token, &verifier, &validation).expect("it verifies");
    }

    async fn without_a_signature_of_ours_it_is_invalid(backend: Backend) {
        for test in houses(backend).await {
            let ann = test.user("ann").await;
            let forge = Forge::open(&test, &ann).await;
            let [header, claims, signature] = ann.access_token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
            for algorithm in ["none", "None", "NONE", "nOnE"] {
                let header = encoded(&json!({ "typ": "at+jwt", "alg": algorithm, "kid": forge.key.kid }));
                for signature in ["", signature] {
                    assert_invalid(&test, &format!("{header}.{claims}.{signature}")).await;
                }
            }
            let zero = URL_SAFE_NO_PAD.encode(vec![0; URL_SAFE_NO_PAD.decode(signature).expect("base64url").len()]);
            for forged in [
                format!("{header}.{claims}."), format!("{header}.{claims}"), format!("{header}..{signature}"),
                format!(".{claims}.{signature}"), format!("{header}.{claims}.{zero}"),
                format!("{header}.{claims}.{signature}.{signature}"), format!("{header}.{claims}.{}", &signature[..40]),
                format!("{header}.{}.{signature}", encoded(&json!({ "sub": ann.user_id }))),
            ] {
                assert_invalid(&test, &forged).await;
            }
            let mut grown = forge.claims.clone();
            grown["https://hasura.io/jwt/claims"]["x-hasura-default-role"] = json!("admin");
            assert_invalid(&test, &format!("{header}.{}.{signature}", encoded(&grown))).await;
        }
    }

    async fn a_public_key_is_no_shared_secret(backend: Backend) {
        for test in houses(backend).await {
            let ann = test.user("ann").await;
            let forge = Forge::open(&test, &ann).await;
            let jwk = &forge.key.public_jwk;
            let (der, pem) = public_key(jwk);
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = Header { alg: algorithm, ..forge.header() };
                for secret in [der.as_slice(), &der[der.len().saturating_sub(65)..], &der[der.len() - 32..], pem.as_bytes(), pem.trim().as_bytes(), jwk.to_string().as_bytes(), b""] {
                    let key = EncodingKey::from_secret(secret);
                    assert_invalid(&test, &jsonwebtoken::encode(&header, &forge.claims, &key).expect("a token")).await;
                }
            }
        }
    }

    async fn a_signed_token_of_another_kind_or_place_is_invalid(backend: Backend) {
        for test in houses(backend).await {
            let ann = test.user("ann").await;
            let forge = Forge::open(&test, &ann).await;
            // The forge is a good one: what is refused below is refused for what is changed there.
            assert_alive(&test.anon().bearer(&forge.sign(&forge.header(), &forge.claims)).me().await.ok());
            let wrong = [
                ("iss", json!("https://evil.example")), ("iss", json!("http://127.0.0.1:4000/")), ("iss", json!(null)),
                ("aud", json!("other")), ("aud", json!(null)), ("client_id", json!("other")), ("client_id", json!(null)),
                ("sub", json!(null)), ("sub", json!("ann")), ("sid", json!(null)), ("sid", json!("x")), ("exp", json!(null)),
                ("exp", json!("9999999999")), ("exp", json!(-1)), ("exp", json!(1e300)), ("exp", json!([9_999_999_999_i64])), ("exp", json!(true)),
                ("iat", json!(test.app.now().timestamp() + 3_600)), ("iat", json!(null)), ("email", json!(7)),
                ("nbf", json!(test.app.now().timestamp() + 3_600)), ("nbf", json!(0)), ("nbf", json!("0")), ("nbf", json!(-1)), ("nbf", json!(1e300)),
            ];
            for (name, value) in wrong {
                assert_invalid(&test, &forge.with(name, value)).await;
            }
            let (aud, client_id) = (json!("other"), json!("other"));
            let mut elsewhere = forge.claims.clone();
            (elsewhere["aud"], elsewhere["client_id"]) = (aud, client_id);
            assert_invalid(&test, &forge.sign(&forge.header(), &elsewhere)).await;
            for past in [0, 1, test.app.now().timestamp()] {
                let me = test.anon().bearer(&forge.with("exp", json!(past))).me().await;
                assert_eq!(reason(&me), "TOKEN_EXPIRED", "{past}");
            }
        }
    }

    async fn a_signed_token_with_another_header_is_invalid(backend: Backend) {
        for test in houses(backend).await {
            let ann = test.user("ann").await;
            let forge = Forge::open(&test, &ann).await;
            let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(forge.key.public_jwk.clone()).expect("a JWK");
            let headers = [
                Header { typ: Some("JWT".into()), ..forge.header() },
                Header { typ: None, ..forge.header() },
                Header { kid: None, ..forge.header() },
                Header { kid: Some(String::new()), ..forge.header() },
                Header { kid: Some("../../etc/passwd".into()), ..forge.header() },
                Header { kid: Some("' OR 1=1 --".into()), ..forge.header() },
                Header { kid: Some("x".repeat(5_000)), ..forge.header() },
                Header { kid: Some("\u{0}".into()), ..forge.header() },
                Header { jku: Some("http://127.0.0.1:1/jwks.json".into()), ..forge.header() },
                Header { x5u: Some("http://127.0.0.1:1/x.pem".into()), ..forge.header() },
                Header { jwk: Some(jwk), ..forge.header() },
                Header { x5c: Some(vec!["MAA=".into()]), ..forge.header() },
                Header { crit: Some(vec!["exp".into()]), ..forge.header() },
            ];
            for header in headers {
                assert_invalid(&test, &forge.sign(&header, &forge.claims)).await;
            }
        }
    }

    async fn a_session_of_another_user_is_none_of_the_tokens(backend: Backend) {
        for test in houses(backend).await {
            let (ann, bob) = (test.user("ann").await, test.user("bob").await);
            let forge = Forge::open(&test, &ann).await;
            let me = test.anon().bearer(&forge.with("sub", json!(bob.user_id))).me().await;
            assert!(me.at("/data/me").is_null(), "{}", me.body);
            assert_eq!(me.code(), "UNAUTHENTICATED");
        }
    }

    async fn a_key_that_another_instance_added_is_found_at_its_first_token(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let old = retire_nothing_and_add_a_key(&test).await;
        let other = test.second_instance().await;
        let answer = other.anon().sign_in("ann@example.org", crate::harness::PASSWORD).await.ok();
        let token = answer.text("/data/signIn/accessToken");
        assert_ne!(jwt_part(&token, 0)["kid"], json!(old), "the newest key signs");
        assert_alive(&test.anon().bearer(&token).me().await.ok());
        // The old one still verifies, on both.
        assert_alive(&ann.me().await.ok());
        assert_alive(&other.anon().bearer(&ann.access_token).me().await.ok());
        let jwks = test.anon().get("/.well-known/jwks.json").await.at("/keys");
        assert_eq!(jwks.as_array().map(Vec::len), Some(2));
    }
}

/// Answers the id of the key that was there.
async fn retire_nothing_and_add_a_key(test: &TestApp) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use sea_orm::IntoActiveModel;
    let old = signing_key::Entity::find()
        .one(test.app.db.read())
        .await
        .expect("the keys")
        .expect("a key");
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("a pair");
    let private = EncodingKey::from_ec_der(pair.as_ref());
    let mut jwk =
        jsonwebtoken::jwk::Jwk::from_encoding_key(&private, Algorithm::ES256).expect("a JWK");
    jwk.common.key_id = Some("the key of another instance".into());
    let sealer = Sealer::new(&test.app.config.master_key, Rng::system()).expect("a sealer");
    let row = signing_key::Model {
        id: test.app.id(),
        kid: "the key of another instance".into(),
        public_jwk: serde_json::to_value(&jwk).expect("JSON"),
        sealed_private_key: sealer
            .seal("signing key", pair.as_ref())
            .expect("a sealed key"),
        created_at: old.created_at + chrono::TimeDelta::seconds(1),
        ..old.clone()
    };
    signing_key::Entity::insert(row.into_active_model())
        .exec_without_returning(test.app.db.write())
        .await
        .expect("a second key");
    old.kid
}
