use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Client, TestApp};
use crate::support::{another_session, reason};

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

async fn node(client: &Client, id: &str) -> Answer {
    client.run("node", json!({ "id": id })).await
}

async fn nodes(client: &Client, ids: &[&str]) -> Answer {
    client.run("nodes", json!({ "ids": ids })).await
}

on_both_databases! {
    async fn one_finds_ones_own_account_and_sessions_by_their_ids(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let account = node(&ann, &ann.user_id).await.ok();
        assert_eq!(account.text("/data/node/__typename"), "User");
        assert_eq!(account.text("/data/node/email"), "ann@example.org");
        assert_eq!(account.text("/data/node/connection"), "default");
        assert_eq!(account.at("/data/node/sessions").as_array().map(Vec::len), Some(2));
        for (session, current) in [(&ann.session_id, true), (&other.session_id, false)] {
            let found = node(&ann, session).await.ok();
            assert_eq!(found.text("/data/node/__typename"), "UserSession");
            assert_eq!(found.text("/data/node/id"), *session);
            assert_eq!(found.at("/data/node/current"), json!(current));
        }
    }

    async fn what_is_unknown_malformed_or_somebody_elses_is_null_alike(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let tenant = tenant(&test).await;
        let null = json!({ "data": { "node": null } });
        for id in [NOBODY, "", "x", "\u{0}", &bob.user_id, &bob.session_id, &tenant] {
            for client in [&ann, &test.anon()] {
                assert_eq!(node(client, id).await.ok().body, null, "{id}");
            }
        }
        assert_eq!(node(&test.anon(), &ann.user_id).await.ok().body, null);
    }

    async fn a_session_that_is_over_is_found_no_more(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let end = json!({ "input": { "sessionId": other.session_id } });
        ann.run("revoke_session", end).await.ok();
        let found = node(&ann, &other.session_id).await.ok();
        assert_eq!(found.at("/data/node"), Value::Null);
    }

    async fn an_expired_bearer_is_an_error_beside_each_null(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::minutes(16));
        let one = node(&ann, &ann.user_id).await;
        assert_eq!(reason(&one), "TOKEN_EXPIRED");
        assert_eq!(one.at("/errors/0/path"), json!(["node"]));
        assert_eq!(one.at("/data"), json!({ "node": null }));
        let two = nodes(&ann, &[&ann.user_id, NOBODY]).await;
        assert_eq!(two.at("/data"), json!({ "nodes": [null, null] }));
        assert_eq!(two.at("/errors/1/path"), json!(["nodes", 1]));
        assert_eq!(two.at("/errors/1/extensions/reason"), json!("TOKEN_EXPIRED"));
    }

    async fn administrators_find_everything_that_has_an_id(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let tenant = tenant(&test).await;
        test.anon().sign_up("bob@example.org").await.ok();
        let lists = "{
            adminApplications(first: 1) { nodes { id } } adminConnections(first: 1) { nodes { id } }
            adminPendingSignUps(first: 1) { nodes { id } } adminAuditEvents(first: 1) { nodes { id } }
            adminMails(first: 1) { nodes { id } }
        }";
        let admin = test.admin();
        let newest = admin.query(lists, json!({})).await.ok();
        let newest = |list: &str| newest.text(&format!("/data/{list}/nodes/0/id"));
        let (application, connection) = (newest("adminApplications"), newest("adminConnections"));
        let (pending, event, mail) = (newest("adminPendingSignUps"), newest("adminAuditEvents"), newest("adminMails"));
        // The newest event is about the newest sign-up: each has an id of its own.
        let expected = [
            (mail.as_str(), "OutboxMail"),
            (&ann.user_id, "User"),
            (&ann.session_id, "UserSession"),
            (&tenant, "Tenant"),
            (&application, "Application"),
            (&connection, "ConnectionSettings"),
            (&pending, "PendingSignUp"),
            (&event, "AuditEvent"),
        ];
        for (id, kind) in expected {
            assert_eq!(node(&admin, id).await.ok().text("/data/node/__typename"), kind);
        }
        let mut ids: Vec<&str> = expected.iter().map(|(id, _)| *id).collect();
        ids.insert(1, NOBODY);
        let found = nodes(&admin, &ids).await.ok();
        let found: Vec<Value> = found.at("/data/nodes").as_array().unwrap().clone();
        let kinds: Vec<&str> = found.iter().map(|node| node["__typename"].as_str().unwrap_or("null")).collect();
        let mut wanted: Vec<&str> = expected.iter().map(|(_, kind)| *kind).collect();
        wanted.insert(1, "null");
        assert_eq!(kinds, wanted);
        for (node, id) in found.iter().zip(&ids).filter(|(node, _)| !node.is_null()) {
            assert_eq!(node["id"], json!(id));
        }
    }

    async fn more_than_a_hundred_ids_are_refused(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let others: Vec<String> = (1..=100).map(|number| Uuid::from_u128(number).to_string()).collect();
        let mut ids: Vec<&str> = others.iter().map(String::as_str).collect();
        ids[99] = &ann.user_id;
        let most = nodes(&ann, &ids).await.ok();
        assert_eq!(most.text("/data/nodes/99/id"), ann.user_id);
        ids.push(&others[99]);
        assert_eq!(nodes(&ann, &ids).await.issues(), ["ids:too_many"]);
        assert_eq!(nodes(&ann, &[]).await.ok().at("/data/nodes"), json!([]));
    }

    async fn an_answer_is_no_larger_than_what_it_is_about(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let twice = [ann.user_id.as_str(), ann.session_id.as_str(), ann.user_id.as_str()];
        assert_eq!(nodes(&ann, &twice).await.issues(), ["ids:not_allowed"]);
        let id = &ann.user_id;
        let braced = format!("{{{id}}}");
        for spelling in [id.to_uppercase(), braced, format!("urn:uuid:{id}"), id.replace('-', "")] {
            assert_eq!(nodes(&ann, &[id, &spelling]).await.issues(), ["ids:not_allowed"], "{spelling}");
        }
        assert_eq!(nodes(&ann, &["x", "x"]).await.issues(), ["ids:not_allowed"]);
        assert_eq!(nodes(&ann, &["x", "X"]).await.ok().at("/data/nodes"), json!([null, null]));
        let query = "query($ids: [ID!]!) { a: nodes(ids: $ids) { id } b: nodes(ids: $ids) { id } }";
        let answer = ann.query(query, json!({ "ids": [ann.user_id] })).await;
        assert_eq!(answer.code(), "QUERY_TOO_COMPLEX");
    }
}

async fn tenant(test: &TestApp) -> String {
    let input = json!({ "input": { "name": "Acme" } });
    let made = test.admin().run("admin_create_tenant", input).await.ok();
    made.text("/data/adminCreateTenant/id")
}
