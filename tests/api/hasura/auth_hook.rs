//! `/hasura/auth-hook` keeps the contract of Hasura's webhook mode.

use axum::http::Request;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{HOOK, NAMESPACE, assert_refused, posted};
use crate::harness::{Answer, Client, TestApp};
use crate::support::{administer, another_session, disable, jwt_part};

const ANONYMOUS: &[(&str, &str)] = &[("VESTIBULE_HASURA_ANONYMOUS_ROLE", "anonymous")];

/// Both ways to ask; they answer alike.
async fn asked(client: &Client, more: &[(&str, &str)]) -> Answer {
    let token = format!("Bearer {}", client.access_token);
    let mut headers = json!({ "Authorization": token, "Accept-Language": "de" });
    let mut plain = client.clone();
    for (name, value) in more {
        headers[*name] = json!(value);
        plain = plain.header(name, value);
    }
    let by_get = plain.get(HOOK).await;
    let nobody = client.clone().without_header("authorization");
    let by_post = posted(&nobody, headers).await;
    assert_eq!(
        by_get.status, by_post.status,
        "{} {}",
        by_get.body, by_post.body
    );
    assert_eq!(by_get.body, by_post.body);
    by_get
}

async fn tenant(test: &TestApp, name: &str, user: &str, roles: &[&str]) -> String {
    let input = json!({ "input": { "name": name } });
    let made = test.admin().run("admin_create_tenant", input).await.ok();
    let id = made.text("/data/adminCreateTenant/id");
    let input = json!({ "tenantId": id, "userId": user, "roles": roles });
    let admin = test.admin();
    admin
        .run("admin_set_tenant_member", json!({ "input": input }))
        .await
        .ok();
    id
}

/// A token's claims, as Hasura's documentation spells session variables.
fn spelt(name: &str) -> String {
    let words = name
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect::<Vec<_>>().join("-")
}

on_both_databases! {
    async fn tokens_of_applications_that_the_address_does_not_name_are_refused(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let token = format!("Bearer {}", ann.access_token);
        for (query, counts) in [
            ("", true),
            ("?client_id=default", true),
            ("?client_id=shop&client_id=default", true),
            ("?client_id=shop", false),
            ("?client_id=", false),
        ] {
            let address = format!("{HOOK}{query}");
            let by_get = ann.get(&address).await;
            let body = json!({ "headers": { "authorization": token, "x-client-id": "default" } });
            let request = Request::post(&address).header("content-type", "application/json");
            let by_post = test.anon().send(request.body(body.to_string().into()).unwrap()).await;
            for answer in [by_get, by_post] {
                if counts {
                    answer.ok();
                } else {
                    assert_refused(&answer);
                }
            }
        }
    }

    async fn a_bearer_is_vouched_for_in_texts_with_what_a_token_says(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let answer = asked(&ann, &[]).await.ok();
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
        assert_eq!(answer.body, json!({
            "X-Hasura-Role": "user", "X-Hasura-User-Id": ann.user_id, "X-Hasura-User-Is-Anonymous": "false",
            "Cache-Control": "max-age=300",
        }));
        // With memberships: told at once, as the next token has them.
        let acme = tenant(&test, "Acme", &ann.user_id, &["editor", "org:billing"]).await;
        assert_eq!(asked(&ann, &[]).await.ok().text("/X-Hasura-Tenant-Id"), acme);
        tenant(&test, "Bolt", &ann.user_id, &[]).await;
        let answer = asked(&ann, &[]).await.ok();
        let mut told = answer.body.as_object().unwrap().clone();
        assert!(told.values().all(Value::is_string), "{told:?}");
        let next = another_session(&test, "ann").await;
        let mut claims = jwt_part(&next.access_token, 1)[NAMESPACE].as_object().unwrap().clone();
        let roles = claims.remove("x-hasura-allowed-roles").unwrap();
        assert_eq!(roles, json!(["user", "me"]));
        assert_eq!(told.remove("X-Hasura-Role"), claims.remove("x-hasura-default-role"));
        told.remove("Cache-Control");
        let claims = claims.into_iter().map(|(name, value)| (spelt(&name), value)).collect();
        assert_eq!(told, claims);
    }

    async fn the_role_is_the_one_that_is_asked_for_among_those_of_the_user(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for role in ["me", "user"] {
            let answer = asked(&ann, &[("X-Hasura-Role", role)]).await.ok();
            assert_eq!(answer.text("/X-Hasura-Role"), role);
        }
        for role in ["admin", "User", "user ", "", "user,me", "vestibule-admin", "anonymous"] {
            assert_refused(&asked(&ann, &[("X-Hasura-Role", role)]).await);
        }
        // A role that was taken away is gone before the token that names it.
        administer(&test, &ann.user_id, json!({ "roles": ["user"], "defaultRole": "user" })).await.ok();
        assert_refused(&asked(&ann, &[("X-Hasura-Role", "me")]).await);
        assert_eq!(asked(&ann, &[]).await.ok().text("/X-Hasura-Role"), "user");
        // Without a role that the application knows there is nothing to be.
        administer(&test, &ann.user_id, json!({ "roles": ["elsewhere"], "defaultRole": "elsewhere" })).await.ok();
        assert_refused(&asked(&ann, &[]).await);
        for role in ["", "user", "elsewhere"] {
            assert_refused(&asked(&ann, &[("X-Hasura-Role", role)]).await);
        }
        // Nor does a token name one: Hasura takes no token whose default role is none.
        let next = another_session(&test, "ann").await;
        let claims = &jwt_part(&next.access_token, 1)[NAMESPACE];
        assert_eq!((&claims["x-hasura-default-role"], &claims["x-hasura-allowed-roles"]), (&json!(""), &json!([])));
        crate::support::assert_alive(&next.me().await);
    }

    async fn whoever_is_revoked_disabled_or_late_is_refused_at_once(backend: Backend) {
        let test = TestApp::with(backend, ANONYMOUS).await;
        let (ann, bob, eve) = (test.user("ann").await, test.user("bob").await, test.user("eve").await);
        for client in [&ann, &bob, &eve] {
            asked(client, &[]).await.ok();
        }
        ann.run("sign_out", json!({})).await.ok();
        disable(&test, "bob@example.org").await;
        for (client, reason) in [(&ann, "SESSION_REVOKED"), (&bob, "SESSION_REVOKED")] {
            let answer = asked(client, &[]).await;
            assert_refused(&answer);
            assert_eq!(answer.text("/reason"), reason);
        }
        let other = asked(&eve, &[("x-client-id", "elsewhere")]).await;
        assert_eq!((other.status.as_u16(), other.text("/reason").as_str()), (401, "TOKEN_INVALID"));
        test.clock.advance(TimeDelta::seconds(899));
        assert_eq!(asked(&eve, &[]).await.ok().text("/Cache-Control"), "max-age=1");
        test.clock.advance(TimeDelta::seconds(1));
        let late = asked(&eve, &[]).await;
        assert_refused(&late);
        assert_eq!(late.text("/reason"), "TOKEN_EXPIRED");
    }

    async fn an_answer_is_never_good_for_longer_than_the_token_or_the_setting(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_HASURA_MAX_AGE", "600")]).await;
        let ann = test.user("ann").await;
        assert_eq!(asked(&ann, &[]).await.ok().text("/Cache-Control"), "max-age=600");
        test.clock.advance(TimeDelta::seconds(400));
        assert_eq!(asked(&ann, &[]).await.ok().text("/Cache-Control"), "max-age=500");
    }

    async fn without_a_bearer_one_is_nobody_or_anonymous_as_it_is_set(backend: Backend) {
        let closed = TestApp::start(backend).await;
        for answer in [closed.anon().get(HOOK).await, posted(&closed.anon(), json!({})).await] {
            assert_refused(&answer);
            assert_eq!(answer.text("/reason"), "TOKEN_MISSING");
        }
        let open = closed.second_instance_with(ANONYMOUS).await;
        let nobody = json!({
            "X-Hasura-Role": "anonymous", "X-Hasura-User-Is-Anonymous": "true", "Cache-Control": "max-age=300",
        });
        assert_eq!(open.anon().get(HOOK).await.ok().body, nobody);
        let named = posted(&open.anon(), json!({ "x-hasura-role": "anonymous", "X-Hasura-User-Id": "7" })).await;
        assert_eq!(named.ok().body, nobody);
        for role in ["user", "admin", ""] {
            assert_refused(&posted(&open.anon(), json!({ "x-hasura-role": role })).await);
        }
        // Whoever has a session is somebody all the same.
        let ann = open.user("ann").await;
        assert_eq!(asked(&ann, &[]).await.ok().text("/X-Hasura-Role"), "user");
        assert_refused(&asked(&ann, &[("x-hasura-role", "anonymous")]).await);
    }

    async fn a_database_that_is_gone_is_told_as_such(backend: Backend) {
        let test = TestApp::with(backend, ANONYMOUS).await;
        let ann = test.user("ann").await;
        test.app.db.clone().close().await;
        let answer = ann.get(HOOK).await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.headers.contains_key("retry-after"));
    }
}
