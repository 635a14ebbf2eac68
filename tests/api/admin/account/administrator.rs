//! Administration by a signed-in user with the role `vestibule-admin`.

use serde_json::{Value, json};

use super::steps::{NEW, create_as, delete_as};
use crate::harness::{Answer, Client, TestApp};
use crate::support::{
    accounts, administer, another_session, events, jwt_part, reason, sign_up_with,
};

const ADMINISTRATOR: &str = "vestibule-admin";

async fn list(client: &Client) -> Answer {
    client.run("admin_users", json!({})).await
}

async fn set_roles(test: &TestApp, user_id: &str, roles: Value) {
    administer(test, user_id, json!({ "roles": roles }))
        .await
        .ok();
}

on_both_databases! {
    async fn the_role_counts_with_the_next_request_and_no_longer(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        assert_eq!(list(&ann).await.code(), "FORBIDDEN");
        set_roles(&test, &ann.user_id, json!(["user", ADMINISTRATOR])).await;
        // The token is the one from before.
        for client in [&ann, &other] {
            list(client).await.ok();
        }
        create_as(&ann, json!({})).await.ok();
        set_roles(&test, &ann.user_id, json!(["user"])).await;
        for client in [&ann, &other] {
            assert_eq!(list(client).await.code(), "FORBIDDEN");
        }
        assert_eq!(delete_as(&ann, &ann.user_id).await.code(), "FORBIDDEN");
        assert_eq!(accounts(&test, NEW).await.len(), 1);
    }

    async fn the_trail_names_who_acted(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        set_roles(&test, &ann.user_id, json!(["user", ADMINISTRATOR])).await;
        test.clock.advance(chrono::TimeDelta::milliseconds(1));
        let input = json!({ "userId": bob.user_id, "givenName": "Bob" });
        ann.run("admin_update_user", json!({ "input": input })).await.ok();
        test.clock.advance(chrono::TimeDelta::milliseconds(1));
        // Who holds the secret, too, is nobody in particular.
        let both = ann.clone().header("x-vestibule-admin-secret", crate::harness::ADMIN_SECRET);
        let input = json!({ "userId": bob.user_id, "familyName": "Bobson" });
        both.run("admin_update_user", json!({ "input": input })).await.ok();
        delete_as(&ann, &bob.user_id).await.ok();
        let actors = |events: &[entity::audit_event::Model]| -> Vec<_> {
            events.iter().map(|event| (event.actor.clone(), event.actor_id.map(|id| id.to_string()))).collect()
        };
        let administrator = "administrator".to_owned();
        let secret = (administrator.clone(), None);
        let by_ann = (administrator, Some(ann.user_id.clone()));
        assert_eq!(actors(&events(&test, "user_updated").await), [secret.clone(), by_ann.clone(), secret]);
        let deleted = events(&test, "user_deleted").await;
        assert_eq!(actors(&deleted), [by_ann]);
        assert_eq!(deleted[0].user_id.map(|id| id.to_string()), Some(bob.user_id));
    }

    async fn no_sign_up_and_no_owner_can_have_the_role(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        for wish in [json!({ "allowedRoles": ["user", ADMINISTRATOR] }), json!({ "defaultRole": ADMINISTRATOR })] {
            assert_eq!(sign_up_with(&test.anon(), wish).await.code(), "INVALID_INPUT");
        }
        let ann = sign_up_with(&test.anon(), json!({ "metadata": { "roles": [ADMINISTRATOR] } })).await.ok();
        let ann = test.anon().signed_in(&ann.at("/data/signUp"));
        let own = json!({ "input": { "roles": ["user", ADMINISTRATOR] } });
        assert_eq!(ann.run("update_user", own).await.code(), "GRAPHQL_VALIDATION_FAILED");
        let own = json!({ "input": { "metadata": { "roles": [ADMINISTRATOR] } } });
        ann.run("update_user", own).await.ok();
        assert_eq!(list(&ann).await.code(), "FORBIDDEN");
        // Nor another spelling of it, whoever grants it.
        for spelling in ["Vestibule-Admin", "VESTIBULE-ADMIN", "vestibule-admin ", "vestibule-admin\0", "vestibule\u{2010}admin"] {
            let refused = administer(&test, &ann.user_id, json!({ "roles": ["user", spelling] })).await;
            assert_eq!(refused.code(), "INVALID_INPUT", "{spelling:?}");
        }
    }

    async fn a_disabled_signed_out_or_expired_administrator_is_none(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        for user in [&ann, &bob] {
            set_roles(&test, &user.user_id, json!(["user", ADMINISTRATOR])).await;
        }
        let gone = another_session(&test, "ann").await;
        gone.run("sign_out", json!({ "input": {} })).await.ok();
        assert_eq!(reason(&list(&gone).await), "SESSION_REVOKED");
        let input = json!({ "userId": bob.user_id, "disabled": true });
        ann.run("admin_update_user", json!({ "input": input })).await.ok();
        assert_eq!(reason(&list(&bob).await), "SESSION_REVOKED");
        test.clock.advance(chrono::TimeDelta::minutes(15));
        assert_eq!(reason(&list(&ann).await), "TOKEN_EXPIRED");
        let next = ann.refresh(&ann.refresh_token).await.ok();
        let token = next.text("/data/refreshSession/accessToken");
        list(&test.anon().bearer(&token)).await.ok();
        // No application knows the role, so that no token carries it to others.
        assert_eq!(jwt_part(&token, 1)["https://hasura.io/jwt/claims"]["x-hasura-allowed-roles"], json!(["user"]));
    }
}
