//! `signUp`: what is refused, and how it is told.

use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::support::{open_verifications, sign_up_with, verify_ticket};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn assert_nothing_happened(test: &TestApp) {
    assert_eq!(test.mails().await.len(), 0);
    assert_eq!(open_verifications(test).await.len(), 0);
}

on_both_databases! {
    async fn every_unacceptable_input_is_named_by_path_and_rule(backend: Backend) {
        let test = TestApp::start(backend).await;
        let many: serde_json::Map<String, Value> = (0..11).map(|i| (i.to_string(), json!(1))).collect();
        let long = "x".repeat(101);
        let table = [
            (json!({ "email": "" }), vec!["email:required"]),
            (json!({ "email": "ann" }), vec!["email:format"]),
            (json!({ "email": "ann@localhost" }), vec!["email:format"]),
            (json!({ "email": "ann@[127.0.0.1]" }), vec!["email:format"]),
            (json!({ "email": "\"ann\"@example.org" }), vec!["email:format"]),
            (json!({ "email": " ann@example.org" }), vec!["email:format"]),
            (json!({ "email": "ann\u{ff20}example.org" }), vec!["email:format"]),
            (json!({ "email": "a@example.org,b@example.org" }), vec!["email:format"]),
            (json!({ "email": "ann@example.org\r\nBcc: b@example.org" }), vec!["email:format"]),
            (json!({ "email": format!("ann@{}example.org", "b.".repeat(125)) }), vec!["email:too_long"]),
            (json!({ "phoneNumber": "030 1234567" }), vec!["phoneNumber:format"]),
            (json!({ "locale": "<script>" }), vec!["locale:format"]),
            (json!({ "displayName": long }), vec!["displayName:too_long"]),
            (json!({ "displayName": "Ann\r\nBcc: b@example.org" }), vec!["displayName:format"]),
            (json!({ "givenName": long }), vec!["givenName:too_long"]),
            (json!({ "middleName": long }), vec!["middleName:too_long"]),
            (json!({ "familyName": long }), vec!["familyName:too_long"]),
            (json!({ "metadata": many }), vec!["metadata:too_many"]),
            (json!({ "metadata": { "plan": "x".repeat(501) } }), vec!["metadata.plan:too_long"]),
            (json!({ "metadata": { "$set": 1 } }), vec!["metadata.$set:format"]),
            (json!({ "metadata": { "a": { "b": { "c": { "d": { "e": 1 } } } } } }), vec!["metadata.a:format"]),
            (json!({ "allowedRoles": ["user", "admin"] }), vec!["allowedRoles:not_allowed"]),
            (json!({ "allowedRoles": ["User"] }), vec!["allowedRoles:not_allowed", "defaultRole:not_allowed"]),
            (json!({ "allowedRoles": ["me"] }), vec!["defaultRole:not_allowed"]),
            (json!({ "defaultRole": "admin" }), vec!["defaultRole:not_allowed"]),
            (json!({ "codeChallenge": CHALLENGE }), vec!["codeChallenge:not_allowed"]),
            (json!({ "codeChallenge": "short", "redirectTo": "http://localhost:3000" }), vec!["codeChallenge:format"]),
            (json!({ "clientId": "nobody" }), vec!["clientId:unknown"]),
            (json!({ "connection": "nowhere" }), vec!["connection:unknown"]),
            (json!({ "email": "ann", "phoneNumber": "1", "locale": "?" }), vec!["email:format", "phoneNumber:format", "locale:format"]),
        ];
        for (fields, issues) in table {
            let answer = sign_up_with(&test.anon(), fields.clone()).await;
            assert_eq!(answer.code_or_ok(), "INVALID_INPUT", "{fields}");
            let found: Vec<String> = answer.issues();
            if fields["metadata"]["a"].is_null() {
                assert_eq!(found, issues, "{fields}");
            } else {
                assert!(found.len() == 1 && found[0].starts_with("metadata.a") && found[0].ends_with(":format"), "{found:?}");
            }
            assert!(answer.at("/data").is_null(), "{fields}");
        }
        assert_nothing_happened(&test).await;
    }

    async fn an_unknown_application_in_the_header_is_refused_too(backend: Backend) {
        let test = TestApp::start(backend).await;
        let stranger = test.anon().header("x-client-id", "nobody");
        let answer = stranger.sign_up("ann@example.org").await;
        assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec!["clientId:unknown".to_owned()]));
        // What the input names comes before the header.
        sign_up_with(&stranger, json!({ "clientId": "default" })).await.ok();
    }

    async fn what_a_sign_up_may_not_set_is_no_part_of_the_schema(backend: Backend) {
        let test = TestApp::start(backend).await;
        for field in ["emailVerified", "appMetadata", "tenantId", "roles", "disabled", "id"] {
            let answer = sign_up_with(&test.anon(), json!({ field: true })).await;
            assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{field}");
        }
        assert_nothing_happened(&test).await;
    }

    async fn metadata_grants_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let metadata = json!({ "roles": ["admin"], "emailVerified": true, "appMetadata": { "plan": "gold" } });
        sign_up_with(&test.anon(), json!({ "metadata": metadata })).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let session = verify_ticket(&test.anon(), &ticket).await.ok();
        let ann = test.anon().signed_in(&session.at("/data/verifyEmail"));
        let me = ann.query("{ me { roles appMetadata metadata } }", json!({})).await.ok();
        assert_eq!(me.at("/data/me"), json!({ "roles": ["user", "me"], "appMetadata": {}, "metadata": metadata }));
    }

    async fn a_redirect_that_leads_elsewhere_is_refused_before_any_mail(backend: Backend) {
        let test = TestApp::start(backend).await;
        let elsewhere = [
            "", "/verify", "//evil.example/", "evil.example", "javascript:alert(1)", "data:text/html,x",
            "https://evil.example/", "http://evil.example/http://127.0.0.1:4000/",
            "http://127.0.0.1:4000@evil.example/", "http://127.0.0.1:4000.evil.example/", "http://127.0.0.1:4001/",
            "https://127.0.0.1:4000/", "http:\\\\evil.example", "http://127.0.0.1:4000\\@evil.example/",
            "http://localhost\\@evil.example/", "http://user:password@localhost:3000/", "http://user@127.0.0.1:4000/",
            "http://localhost.evil.example/", "http://localhostXcom/", "http://localhost\u{3002}evil.example/",
            "http://localhost%2eevil.example/", "https://localhost:3000/", "ftp://localhost/",
            "http://localhost:3000/\r\nSet-Cookie: a=b", "http://local\thost:3000/", " http://localhost:3000/",
            "http://localhost:3000/\0", "http://localhost:99999/",
        ];
        for address in elsewhere {
            let answer = sign_up_with(&test.anon(), json!({ "redirectTo": address })).await;
            assert_eq!(answer.code(), "REDIRECT_NOT_ALLOWED", "{address:?}");
        }
        let endless = format!("http://localhost:3000/{}", "x".repeat(2_000));
        let answer = sign_up_with(&test.anon(), json!({ "redirectTo": endless })).await;
        assert_eq!(answer.code(), "REDIRECT_NOT_ALLOWED");
        assert_nothing_happened(&test).await;
        for address in ["http://localhost:3000/in?next=%2Fhome", "http://LOCALHOST/", "http://127.0.0.1:4000/done"] {
            sign_up_with(&test.anon(), json!({ "redirectTo": address })).await.ok();
        }
    }

    async fn an_address_that_the_application_lists_is_a_redirect(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_redirect(&test, "https://*.example.org/in").await;
        let refused = ["https://example.org/in", "https://app.example.org/inside", "https://app.example.org/in/../out",
            "http://app.example.org/in", "https://app.example.org.evil.example/in", "https://app.example.org:8443/in"];
        for address in refused {
            let answer = sign_up_with(&test.anon(), json!({ "redirectTo": address })).await;
            assert_eq!(answer.code(), "REDIRECT_NOT_ALLOWED", "{address}");
        }
        let listed = json!({ "redirectTo": "https://app.example.org/in/done" });
        sign_up_with(&test.anon(), listed).await.ok();
        let link = test.mail_to("ann@example.org").await.link();
        assert!(link.starts_with("https://app.example.org/in/done?ticket="), "{link}");
    }

    async fn a_weak_password_is_told_with_every_rule_that_it_breaks(backend: Backend) {
        let test = TestApp::start(backend).await;
        let table = [
            ("wintermute@example.org", "zq8vT1k".to_owned(), vec!["min_length"]),
            ("wintermute@example.org", String::new(), vec!["min_length"]),
            // Seven code points in 28 octets.
            ("wintermute@example.org", "\u{1f98a}".repeat(7), vec!["min_length"]),
            ("wintermute@example.org", "x9".repeat(128) + "x", vec!["max_length"]),
            ("wintermute@example.org", "x9".repeat(20_000), vec!["max_length"]),
            ("wintermute@example.org", "password1".into(), vec!["common"]),
            ("wintermute@example.org", "PassWord1".into(), vec!["common"]),
            ("wintermute@example.org", "my-WinterMute-7391".into(), vec!["personal_data"]),
            ("pass@example.org", "password".into(), vec!["common", "personal_data"]),
            ("wintermute@example.org", "123456".into(), vec!["min_length", "common"]),
        ];
        for (email, password, rules) in table {
            let answer = sign_up_with(&test.anon(), json!({ "email": email, "password": password })).await;
            assert_eq!(answer.code(), "WEAK_PASSWORD", "{password:.20}");
            let expected: Vec<_> = rules.iter().map(|rule| format!("password:{rule}")).collect();
            assert_eq!(answer.issues(), expected, "{password:.20}");
        }
        assert_nothing_happened(&test).await;
    }

    async fn length_is_counted_in_code_points_and_nothing_else_is_asked_for(backend: Backend) {
        let test = TestApp::start(backend).await;
        let good = ["\u{1f98a}\u{1f989}\u{1f422}\u{1f419}\u{1f980}\u{1f41d}\u{1f98b}\u{1f41e}", "kzqvwxpj", "        ", "7391 5826 0417"];
        for password in good.map(str::to_owned).into_iter().chain(["x9".repeat(128)]) {
            sign_up_with(&test.anon(), json!({ "password": password })).await.ok();
        }
    }
}

/// Nothing of the API lists redirect addresses yet.
async fn list_redirect(test: &TestApp, address: &str) {
    use entity::{StringList, application};
    use sea_orm::{ActiveValue::Set, EntityTrait};
    let change = application::ActiveModel {
        allowed_redirect_urls: Set(StringList::of([address])),
        ..Default::default()
    };
    application::Entity::update_many()
        .set(change)
        .exec(test.app.db.write())
        .await
        .expect("a listed address");
}
