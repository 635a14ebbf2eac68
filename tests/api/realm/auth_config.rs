use serde_json::json;

use crate::harness::TestApp;

on_both_databases! {
    async fn a_page_learns_the_rules_before_anyone_types(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = test.anon().run("auth_config", json!({})).await.ok();
        let mut config = answer.at("/data/authConfig");
        let codes = config["errorCodes"].take();
        let expected = json!({
            "signUpEnabled": true, "emailVerificationRequired": true, "usernameRequired": false,
            "signUpRoles": ["user", "me"], "defaultRole": "user", "locales": ["de", "en", "es", "fr"], "errorCodes": null,
            "passwordPolicy": {
                "strength": "NONE", "minLength": 8, "maxLength": 256, "history": 0, "rejectCommon": true,
                "rejectPersonalData": true,
            },
        });
        assert_eq!(config, expected);
        for code in ["UNAUTHENTICATED", "WEAK_PASSWORD", "EMAIL_TAKEN", "GRAPHQL_PARSE_FAILED", "INTERNAL"] {
            assert!(codes.as_array().is_some_and(|codes| codes.contains(&json!(code))), "{code}: {codes}");
        }
        for (id, connection) in [("default", json!(null)), ("default", json!("default"))] {
            let named = test.anon().run("auth_config", json!({ "clientId": id, "connection": connection })).await.ok();
            assert_eq!(named.at("/data"), answer.at("/data"));
        }
    }

    async fn an_unknown_place_is_named(backend: Backend) {
        let test = TestApp::start(backend).await;
        for (variables, issue) in [
            (json!({ "clientId": "nobody" }), "clientId:unknown"), (json!({ "connection": "nowhere" }), "connection:unknown"),
            (json!({ "clientId": "" }), "clientId:unknown"), (json!({ "clientId": "Default" }), "clientId:unknown"),
        ] {
            let answer = test.anon().run("auth_config", variables).await;
            assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec![issue.to_owned()]));
        }
        let header = test.anon().header("x-client-id", "nobody").run("auth_config", json!({})).await;
        assert_eq!(header.issues(), ["clientId:unknown"]);
    }

    async fn every_code_that_an_answer_can_hold_is_listed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = test.anon().run("auth_config", json!({})).await.ok();
        let schema = test.anon().query("{ __type(name: \"ErrorCode\") { enumValues { name } } }", json!({})).await.ok();
        let listed = answer.at("/data/authConfig/errorCodes");
        let names = schema.at("/data/__type/enumValues");
        let names: Vec<_> = names.as_array().expect("values").iter().map(|value| value["name"].clone()).collect();
        assert_eq!(listed, json!(names));
    }
}
