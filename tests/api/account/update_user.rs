//! `updateUser`.

use serde_json::{Value, json};

use crate::harness::{Answer, Client, TestApp};
use crate::support::{events, reason};

async fn update(client: &Client, input: Value) -> Answer {
    client.run("update_user", json!({ "input": input })).await
}

on_both_databases! {
    async fn what_is_left_out_stays_null_clears_and_metadata_is_replaced_whole(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let all = json!({
            "displayName": "Ann", "givenName": "Ann", "middleName": "B.", "familyName": "Doe", "phoneNumber": "+4930123456",
            "avatarUrl": "https://example.org/ann.png", "locale": "de-AT", "metadata": { "a": 1, "b": 2 },
        });
        let answer = update(&ann, all.clone()).await.ok();
        let mut expected = all;
        expected["id"] = json!(ann.user_id);
        expected["email"] = json!("ann@example.org");
        assert_eq!(answer.at("/data/updateUser"), expected);

        // Nothing, and then one field: the others keep.
        assert_eq!(update(&ann, json!({})).await.ok().at("/data/updateUser"), expected);
        expected["metadata"] = json!({ "b": 3 });
        assert_eq!(update(&ann, json!({ "metadata": { "b": 3 } })).await.ok().at("/data/updateUser"), expected);

        let cleared = json!({
            "displayName": null, "givenName": null, "middleName": null, "familyName": null, "phoneNumber": null,
            "avatarUrl": null, "locale": null, "metadata": null,
        });
        let answer = update(&ann, cleared.clone()).await.ok();
        let mut expected = cleared;
        for (name, value) in [
            ("id", json!(ann.user_id)), ("email", json!("ann@example.org")), ("displayName", json!("ann")),
            ("locale", json!("en")), ("metadata", json!({})),
        ] {
            expected[name] = value;
        }
        assert_eq!(answer.at("/data/updateUser"), expected);
        assert_eq!(ann.me().await.ok().at("/data/me/displayName"), "ann");
        assert_eq!(bob.me().await.ok().at("/data/me/displayName"), "bob");
        let told = events(&test, "user_updated").await;
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|event| event.user_id.map(|id| id.to_string()) == Some(ann.user_id.clone())));
    }

    async fn every_issue_is_told_at_its_path_and_nothing_is_stored(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let long = "x".repeat(101);
        let input = json!({
            "displayName": long, "givenName": long, "middleName": long, "familyName": long, "phoneNumber": "030",
            "avatarUrl": "http://example.org/", "locale": "not a locale", "metadata": { "plan": "x".repeat(501) },
        });
        let answer = update(&ann, input).await;
        assert_eq!(answer.code(), "INVALID_INPUT");
        let mut issues = answer.issues();
        issues.sort();
        assert_eq!(issues, [
            "avatarUrl:format", "displayName:too_long", "familyName:too_long", "givenName:too_long", "locale:format",
            "metadata.plan:too_long", "middleName:too_long", "phoneNumber:format",
        ]);
        let half = update(&ann, json!({ "givenName": "Ann", "phoneNumber": "030" })).await;
        assert_eq!(half.issues(), ["phoneNumber:format"]);
        assert!(ann.me().await.ok().at("/data/me/givenName").is_null());
        assert!(events(&test, "user_updated").await.is_empty());
        // At the limit all is well.
        update(&ann, json!({ "displayName": "ä".repeat(100), "metadata": { "plan": "x".repeat(500) } })).await.ok();
    }

    async fn a_picture_has_an_https_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let long = format!("https://example.org/{}", "x".repeat(1_981));
        for bad in ["http://example.org/a.png", "javascript:alert(1)", "data:image/png;base64,AA==", "//example.org/a", "a.png", &long] {
            assert_eq!(update(&ann, json!({ "avatarUrl": bad })).await.issues(), ["avatarUrl:format"], "{bad:.40}");
        }
        for good in ["https://example.org/a.png?s=1", &long[..2_000]] {
            assert_eq!(update(&ann, json!({ "avatarUrl": good })).await.ok().text("/data/updateUser/avatarUrl"), good);
        }
    }

    async fn nobody_changes_anything_without_being_signed_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        assert_eq!(reason(&update(&test.anon(), json!({ "displayName": "Ann" })).await), "TOKEN_MISSING");
    }
}
