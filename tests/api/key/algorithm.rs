use serde_json::Value;
use vestibule::locksmith::Start;

use super::{kid_of, kids, pass, published, rotate, rows, sign_in};
use crate::harness::TestApp;
use crate::support::{assert_alive, jwt_part};

fn names(key: &Value) -> Vec<&str> {
    let mut names: Vec<_> = key.as_object().expect("a key").keys().collect();
    names.sort_unstable();
    names.into_iter().map(String::as_str).collect()
}

on_both_databases! {
    async fn by_setting_keys_are_of_one_of_three_algorithms_and_show_public_parts_only(backend: Backend) {
        let shapes: [(&str, &[&str]); 3] = [
            ("ES256", &["alg", "crv", "kid", "kty", "use", "x", "y"]),
            ("RS256", &["alg", "e", "kid", "kty", "n", "use"]),
            ("EdDSA", &["alg", "crv", "kid", "kty", "use", "x"]),
        ];
        for (algorithm, shape) in shapes {
            let test = TestApp::with(backend, &[("VESTIBULE_TOKEN_ALGORITHM", algorithm)]).await;
            let ann = test.user("ann").await;
            let set = published(&test).await;
            assert_eq!((set.len(), names(&set[0])), (1, shape.to_vec()));
            assert_eq!((&set[0]["alg"], &set[0]["use"]), (&algorithm.into(), &"sig".into()));
            assert_eq!(jwt_part(&ann.access_token, 0)["alg"], algorithm);
            assert_alive(&ann.me().await.ok());
            // Whatever else it says, no private part of it is among what it shows.
            let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(set[0].clone()).expect("a JWK");
            let kid = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).expect("a thumbprint");
            assert_eq!(set[0]["kid"], kid.as_str());
        }
    }

    async fn a_changed_algorithm_makes_a_key_at_the_next_start_and_the_old_one_goes_on(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let mut tokens = vec![ann.access_token.clone()];
        for (number, algorithm) in ["RS256", "EdDSA", "ES256"].into_iter().enumerate() {
            for _ in 0..2 {
                let next = test.second_instance_with(&[("VESTIBULE_TOKEN_ALGORITHM", algorithm)]).await;
                assert_eq!(kids(&next).await.len(), number + 2);
            }
            let next = test.second_instance_with(&[("VESTIBULE_TOKEN_ALGORITHM", algorithm)]).await;
            let early = sign_in(&next).await;
            assert_ne!(jwt_part(&early, 0)["alg"], algorithm);
            pass(&test, 10);
            let token = sign_in(&next).await;
            assert_eq!(jwt_part(&token, 0)["alg"], algorithm);
            assert_alive(&next.anon().bearer(&token).me().await.ok());
            assert_alive(&next.anon().bearer(&early).me().await.ok());
            tokens.push(token);
        }
        let kids: std::collections::BTreeSet<_> = tokens.iter().map(|token| kid_of(token)).collect();
        assert_eq!(kids.len(), 4);
    }

    async fn a_rotation_follows_the_setting(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_TOKEN_ALGORITHM", "EdDSA")]).await;
        test.user("ann").await;
        let new = rotate(&test, Start::Now).await;
        assert_eq!(new.algorithm.as_str(), "EdDSA");
        assert_eq!(kid_of(&sign_in(&test).await), new.kid);
        let rows = rows(&test).await;
        assert!(rows.iter().all(|row| row.algorithm == "EdDSA"));
        assert_ne!(rows[0].public_jwk, rows[1].public_jwk);
    }
}
