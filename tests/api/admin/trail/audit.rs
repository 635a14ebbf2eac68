use chrono::{SecondsFormat, TimeDelta};
use entity::user;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::admin::realm::{admin, application, assert_issues, only};
use crate::harness::{PASSWORD, TestApp};

async fn trail(test: &TestApp, arguments: Value) -> Value {
    only(test.admin().run("admin_audit_events", arguments).await)
}

/// What the kinds of a page are, newest first.
async fn kinds(test: &TestApp, filter: Value) -> Vec<String> {
    let page = trail(test, json!({ "filter": filter })).await;
    let nodes = page["nodes"].as_array().expect("nodes").clone();
    assert_eq!(page["totalCount"], json!(nodes.len()));
    let kind = |node: &Value| node["kind"].as_str().expect("a kind").to_owned();
    nodes.iter().map(kind).collect()
}

fn now(test: &TestApp) -> String {
    test.app.now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same, without the requests that came before the accounts: an account's are told with it.
async fn since_signed_up(test: &TestApp, filter: Value) -> Vec<String> {
    let mut kinds = kinds(test, filter).await;
    kinds.retain(|kind| kind != "SIGN_UP_REQUESTED");
    kinds
}

on_both_databases! {
    async fn events_tell_who_did_what_when_from_where_and_with_what(backend: Backend) {
        let test = TestApp::start(backend).await;
        application(&test, "shop", json!({})).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::seconds(1));
        let shop = test.anon().header("x-client-id", "shop").header("user-agent", "A browser").calling_from("203.0.113.7");
        let session = shop.sign_in("ann@example.org", PASSWORD).await.ok().text("/data/signIn/sessionId");
        let signed_in = trail(&test, json!({ "first": 1 })).await["nodes"][0].clone();
        let id = signed_in["id"].clone();
        assert_eq!(signed_in, json!({
            "id": id, "at": now(&test), "kind": "SIGNED_IN", "actor": "USER", "actorId": null, "userId": ann.user_id, "sessionId": session,
            "clientId": "shop", "connection": "default", "tenantId": null, "ipAddress": "203.0.113.7", "userAgent": "A browser", "details": {},
        }));
        only(admin(&test, "delete_application", json!({ "clientId": "shop" })).await);
        let gone = trail(&test, json!({ "filter": { "kind": "SIGNED_IN" } })).await["nodes"][0].clone();
        assert_eq!((&gone["id"], &gone["clientId"], &gone["connection"]), (&id, &json!(null), &json!("default")));
        let deleted = trail(&test, json!({ "first": 1 })).await["nodes"][0].clone();
        assert_eq!((&deleted["kind"], &deleted["actor"], &deleted["clientId"]), (&json!("APPLICATION_DELETED"), &json!("ADMINISTRATOR"), &json!(null)));
        assert_eq!(deleted["details"], json!({ "clientId": "shop", "name": "shop" }));
    }

    async fn it_is_searched_by_user_actor_kind_and_time(backend: Backend) {
        let test = TestApp::start(backend).await;
        let minute = TimeDelta::minutes(1);
        let ann = test.user("ann").await;
        test.clock.advance(minute);
        let bob = test.user("bob").await;
        let roles = entity::StringList::of(["user", "vestibule-admin"]);
        user::Entity::update_many().set(user::ActiveModel { roles: sea_orm::Set(roles), ..Default::default() })
            .filter(user::Column::EmailKey.eq("bob@example.org")).exec(test.app.db.write()).await.unwrap();
        test.clock.advance(minute);
        let changed_at = now(&test);
        bob.run("admin_create_tenant", json!({ "input": { "name": "Acme" } })).await.ok();
        test.clock.advance(minute);
        ann.run("sign_out", json!({})).await.ok();

        assert_eq!(since_signed_up(&test, json!({ "userId": ann.user_id })).await, ["SIGNED_OUT", "SIGNED_UP"]);
        assert_eq!(since_signed_up(&test, json!({ "userId": bob.user_id })).await, ["SIGNED_UP"]);
        assert_eq!(since_signed_up(&test, json!({ "actorId": bob.user_id })).await, ["TENANT_CREATED"]);
        assert_eq!(since_signed_up(&test, json!({ "kind": "SIGNED_UP" })).await.len(), 2);
        assert_eq!(since_signed_up(&test, json!({ "kind": "SIGNED_UP", "userId": ann.user_id })).await.len(), 1);
        assert_eq!(since_signed_up(&test, json!({ "since": changed_at })).await, ["SIGNED_OUT", "TENANT_CREATED"]);
        assert_eq!(since_signed_up(&test, json!({ "since": changed_at, "until": now(&test) })).await, ["TENANT_CREATED"]);
        assert_eq!(since_signed_up(&test, json!({ "until": changed_at, "userId": ann.user_id })).await, ["SIGNED_UP"]);
        assert_eq!(since_signed_up(&test, json!({ "until": changed_at, "kind": "TENANT_CREATED" })).await, Vec::<String>::new());
        let everything = kinds(&test, json!({})).await;
        for bounds in [
            json!({ "since": "1960-01-01T00:00:00Z" }), json!({ "until": "9999-12-31T23:59:59Z" }), json!({ "since": "1970-01-01T00:00:00+14:00" }),
            json!({ "since": "+262142-01-01T00:00:00Z" }),
        ] {
            let found = test.admin().run("admin_audit_events", json!({ "filter": bounds })).await;
            let found = found.at("/data/adminAuditEvents/nodes").as_array().map_or(0, Vec::len);
            assert!(found == everything.len() || bounds["since"].as_str().is_some_and(|since| since.starts_with('+')), "{bounds}");
        }
        for nobody in ["x", "", "nul\0", "01940000-0000-7000-8000-000000000000"] {
            assert!(kinds(&test, json!({ "userId": nobody })).await.is_empty());
            assert!(kinds(&test, json!({ "actorId": nobody })).await.is_empty());
        }
        // Who acted is a user, and told by name.
        let made = trail(&test, json!({ "filter": { "kind": "TENANT_CREATED" } })).await["nodes"][0].clone();
        assert_eq!((&made["actor"], &made["actorId"], &made["userId"]), (&json!("ADMINISTRATOR"), &json!(bob.user_id), &json!(null)));
        assert!(made["tenantId"].is_string());
    }

    async fn it_is_walked_by_page_and_cursors_of_other_lists_are_none(backend: Backend) {
        let test = TestApp::start(backend).await;
        for number in 0..7 {
            test.clock.advance(TimeDelta::seconds(1));
            only(admin(&test, "create_tenant", json!({ "name": format!("Tenant {number}") })).await);
        }
        let (mut walked, mut after) = (Vec::new(), json!(null));
        loop {
            let page = trail(&test, json!({ "first": 3, "after": after, "filter": { "kind": "TENANT_CREATED" } })).await;
            walked.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["details"]["name"].clone()));
            if page["pageInfo"]["hasNextPage"] == json!(false) {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let expected: Vec<_> = (0..7).rev().map(|number| json!(format!("Tenant {number}"))).collect();
        assert_eq!(walked, expected);
        let tenants = only(test.admin().run("admin_tenants", json!({})).await);
        let foreign = &tenants["edges"][0]["cursor"];
        assert_issues(&test.admin().run("admin_audit_events", json!({ "after": foreign })).await, &["after:format"]);
        assert_issues(&test.admin().run("admin_mails", json!({ "before": foreign })).await, &["before:format"]);
    }

    async fn personal_data_leaves_with_its_user(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let there = ann.clone().calling_from("203.0.113.7").header("user-agent", "A telling browser");
        there.run("update_user", json!({ "input": { "displayName": "Ann" } })).await.ok();
        there.run("delete_user", json!({ "input": { "currentPassword": PASSWORD } })).await.ok();
        let page = trail(&test, json!({ "filter": { "userId": ann.user_id } })).await;
        let nodes = page["nodes"].as_array().unwrap();
        assert!(nodes.len() >= 3, "{nodes:?}");
        for node in nodes {
            assert_eq!((&node["ipAddress"], &node["userAgent"], &node["details"]), (&json!(null), &json!(null), &json!({})));
        }
    }
}

#[test]
fn no_mutation_changes_an_event() {
    let sdl = vestibule::graphql::sdl();
    let mutations = sdl.split("type Mutation {").nth(1).expect("mutations");
    let mutations = mutations.split("\n}").next().expect("an end");
    assert!(mutations.contains("adminCreateTenant") && !mutations.to_lowercase().contains("audit"));
}
