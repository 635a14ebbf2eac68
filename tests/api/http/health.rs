//! What those who watch and those who verify ask for.

use crate::harness::{Backend, TestApp};

on_both_databases! {
    async fn a_house_without_its_database_lives_and_is_not_ready(backend: Backend) {
        let test = TestApp::start(backend).await;
        let client = test.anon().header("accept", "*/*");
        for path in ["/livez", "/readyz"] {
            assert_eq!(client.get(path).await.status, 200, "{path}");
        }
        test.app.db.clone().close().await;
        assert_eq!(client.get("/livez").await.status, 200);
        let away = client.get("/readyz").await;
        assert_eq!(away.status, 503);
        assert_eq!(away.headers["retry-after"], "2");
    }
}

#[tokio::test]
async fn the_published_keys_are_public_and_may_be_cached() {
    let test = TestApp::start(Backend::Sqlite).await;
    let answer = test.anon().get("/.well-known/jwks.json").await.ok();
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert_eq!(answer.headers["content-type"], "application/json");
    let keys = answer.body["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 1);
    let mut members: Vec<_> = keys[0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
        "nothing private among them"
    );
    assert_eq!(
        (&keys[0]["use"], &keys[0]["alg"]),
        (&"sig".into(), &"ES256".into())
    );
}
