use serde_json::{Value, json};

use super::{admin, assert_issues, member, only, set_member, sign_in_with, tenant};
use crate::harness::{Client, Server, TestApp, wire};
use crate::support::{assert_alive, jwt_part, sign_up_with, verify_code, verify_ticket};

async fn allow(test: &TestApp, names: &[&str]) {
    let input = json!({ "clientId": "default", "allowedCustomClaims": names });
    only(admin(test, "update_application", input).await);
}

async fn refreshed(client: &Client) -> Client {
    let answer = client.refresh(&client.refresh_token).await.ok();
    client.clone().signed_in(&answer.at("/data/refreshSession"))
}

fn claim(client: &Client, name: &str) -> Value {
    jwt_part(&client.access_token, 1)[name].clone()
}

on_both_databases! {
    async fn a_claim_is_in_the_token_and_in_every_refreshed_one_until_it_is_allowed_no_more(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        allow(&test, &["plan", "https://example.org/desk"]).await;
        let claims = json!({ "plan": { "tier": [1, "two", null] }, "https://example.org/desk": "b\u{fc}ro" });
        let answer = sign_in_with(&test.anon(), json!({ "customClaims": claims })).await.ok();
        let mut ann = test.anon().signed_in(&answer.at("/data/signIn"));
        for _ in 0..3 {
            assert_eq!(claim(&ann, "plan"), claims["plan"]);
            assert_eq!(claim(&ann, "https://example.org/desk"), json!("b\u{fc}ro"));
            assert_alive(&ann.me().await);
            ann = refreshed(&ann).await;
        }
        allow(&test, &["https://example.org/desk"]).await;
        ann = refreshed(&ann).await;
        assert!(claim(&ann, "plan").is_null() && claim(&ann, "https://example.org/desk").is_string());
        // Another session has its own.
        let other = sign_in_with(&test.anon(), json!({})).await.ok();
        assert!(claim(&test.anon().signed_in(&other.at("/data/signIn")), "https://example.org/desk").is_null());
    }

    async fn a_sign_up_and_a_sign_in_that_had_to_verify_carry_theirs(backend: Backend) {
        let test = TestApp::start(backend).await;
        allow(&test, &["plan"]).await;
        let ann = member(&test, &test.anon(), json!({ "customClaims": { "plan": "gold" } })).await;
        assert_eq!(claim(&ann, "plan"), json!("gold"));
        assert_eq!(claim(&refreshed(&ann).await, "plan"), json!("gold"));

        test.require_verification(false).await;
        let fields = json!({ "email": "bob@example.org", "customClaims": { "plan": "silver" } });
        let bob = sign_up_with(&test.anon(), fields).await.ok();
        assert_eq!(claim(&test.anon().signed_in(&bob.at("/data/signUp")), "plan"), json!("silver"));
        test.require_verification(true).await;
        let fields = json!({ "login": "bob@example.org", "customClaims": { "plan": "bronze" } });
        let pending = sign_in_with(&test.anon(), fields).await.ok();
        let code = test.mail_to("bob@example.org").await.code();
        let answer = verify_code(&test.anon(), &pending.text("/data/signIn/verificationId"), &code).await.ok();
        let bob = test.anon().signed_in(&answer.at("/data/verifyEmail"));
        assert_eq!(claim(&bob, "plan"), json!("bronze"));
    }

    async fn only_names_that_the_application_lists_and_values_within_bounds_are_taken(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        allow(&test, &["plan", "desk"]).await;
        let nested = json!([[[[["too deep"]]]]]);
        let table = [
            (json!({ "other": 1 }), "customClaims.other:not_allowed"), (json!({ "Plan": 1 }), "customClaims.Plan:not_allowed"),
            (json!({ "sub": "root" }), "customClaims.sub:not_allowed"), (json!({ "x-hasura-role": "admin" }), "customClaims.x-hasura-role:not_allowed"),
            (json!({ "https://hasura.io/jwt/claims": {} }), "customClaims.https://hasura.io/jwt/claims:not_allowed"),
            (json!({ "plan": "x".repeat(1_100) }), "customClaims:too_long"), (json!({ "plan": vec!["x".repeat(100); 11] }), "customClaims:too_long"),
            (json!({ "plan": "nul\0" }), "customClaims.plan:format"), (json!({ "plan": nested }), "customClaims.plan:format"),
        ];
        for (claims, issue) in table {
            let fields = json!({ "email": "eve@example.org", "customClaims": claims });
            assert_issues(&sign_up_with(&test.anon(), fields).await, &[issue]);
            assert_issues(&sign_in_with(&test.anon(), json!({ "customClaims": claims })).await, &[issue]);
        }
        // 1,024 octets of JSON are the most.
        let most = json!({ "plan": vec!["x".repeat(97); 10], "desk": "" });
        let room = 1_024 - most.to_string().len();
        let most = json!({ "plan": most["plan"], "desk": "x".repeat(room) });
        sign_in_with(&test.anon(), json!({ "customClaims": most })).await.ok();
        let over = json!({ "plan": most["plan"], "desk": "x".repeat(room + 1) });
        assert_issues(&sign_in_with(&test.anon(), json!({ "customClaims": over })).await, &["customClaims:too_long"]);
    }

    async fn the_largest_roles_tenants_and_claims_together_still_make_a_token_that_works(backend: Backend) {
        let server = Server::start(backend).await;
        let test = &server.test;
        let roles: Vec<String> = (0..50).map(|number| format!("{number:02}{}", "r".repeat(62))).collect();
        let input = json!({ "clientId": "default", "roles": roles, "signUpRoles": roles, "defaultRole": roles[0], "allowedCustomClaims": ["plan"] });
        only(admin(test, "update_application", input).await);
        // An address of 254 octets, of which each is one of the claim, too.
        let email = format!("{}@{}.{}.{}.example", "a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60));
        let claims = json!({ "plan": vec!["\"".repeat(98); 5] });
        let fields = json!({ "email": email, "customClaims": claims });
        let mut ann = member(test, &test.anon(), fields).await;
        // Tenants without roles cost the most beside their names: as many as are let in.
        let mut number = 0;
        loop {
            let id = tenant(test, &format!("Tenant {number}")).await;
            let set = set_member(test, &id, &ann.user_id, &[]).await;
            if !set.code_or_ok().is_empty() {
                assert_issues(&set, &["roles:too_many"]);
                break;
            }
            number += 1;
        }
        assert!(number > 20, "{number} memberships");
        ann = refreshed(&ann).await;
        let token = ann.access_token.clone();
        assert!(token.len() > 10_000, "{}", token.len());
        assert_eq!(claim(&ann, "plan"), claims["plan"]);
        assert_eq!(claim(&ann, "tenants").as_object().map(serde_json::Map::len), Some(number));
        assert_alive(&ann.me().await);
        // Through a real socket, whose server bounds its headers.
        let bearer = format!("Bearer {token}");
        let answer = wire::run(server.address, "me", json!({}), &[("authorization", &bearer)]).await;
        assert_eq!(answer.json()["data"]["me"]["id"], json!(ann.user_id), "{answer:?}");
        server.stop().await;
    }

    async fn a_claim_of_a_sign_up_is_worth_nothing_before_its_mail_is_answered(backend: Backend) {
        let test = TestApp::start(backend).await;
        allow(&test, &["plan"]).await;
        sign_up_with(&test.anon(), json!({ "customClaims": { "plan": "gold" } })).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        // Narrowed before the mail is answered.
        allow(&test, &[]).await;
        let answer = verify_ticket(&test.anon(), &ticket).await.ok();
        assert!(claim(&test.anon().signed_in(&answer.at("/data/verifyEmail")), "plan").is_null());
    }
}
