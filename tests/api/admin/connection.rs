use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, TestApp};
use crate::support::{events, reason};

async fn update(client: &Client, input: Value) -> Answer {
    client
        .run("admin_update_connection", json!({ "input": input }))
        .await
}

on_both_databases! {
    async fn a_change_counts_from_the_next_request_on_and_absent_fields_keep(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = update(&test.admin(), json!({ "name": "default", "signUpEnabled": false })).await.ok();
        let connection = answer.at("/data/adminUpdateConnection");
        assert_eq!(connection["name"], json!("default"));
        assert_eq!(connection["signUpEnabled"], json!(false));
        assert_eq!(connection["emailVerificationRequired"], json!(true));
        let config = test.anon().run("auth_config", json!({})).await.ok();
        assert_eq!(config.at("/data/authConfig/signUpEnabled"), json!(false));
        assert_eq!(config.at("/data/authConfig/emailVerificationRequired"), json!(true));

        let answer = update(&test.admin(), json!({ "name": "default", "emailVerificationRequired": false })).await.ok();
        assert_eq!(answer.at("/data/adminUpdateConnection/signUpEnabled"), json!(false));
        assert_eq!(answer.at("/data/adminUpdateConnection/emailVerificationRequired"), json!(false));
        let nothing = update(&test.admin(), json!({ "name": "default" })).await.ok();
        assert_eq!(nothing.at("/data/adminUpdateConnection"), answer.at("/data/adminUpdateConnection"));
    }

    async fn null_empties_a_list_and_is_refused_where_nothing_can_be_empty(backend: Backend) {
        let test = TestApp::start(backend).await;
        let change = async |fields: Value| {
            let mut input = fields;
            input["name"] = json!("default");
            update(&test.admin(), input).await
        };
        let lists = json!({
            "allowedEmailDomains": ["example.org"], "blockedEmailDomains": ["example.com"],
            "passwordPolicy": { "minLength": 9, "dictionary": ["acme"] },
        });
        change(lists).await.ok();
        let nulls = json!({ "passwordPolicy": { "dictionary": null } });
        let emptied = change(nulls).await.ok().at("/data/adminUpdateConnection");
        let row = entity::connection::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!((row.password_dictionary.0.len(), row.password_min_length), (0, 9));
        for name in [
            "signUpEnabled", "emailVerificationRequired", "usernameRequired", "passwordPolicy", "disabled",
            // An empty one opens the door.
            "allowedEmailDomains", "blockedEmailDomains",
        ] {
            let answer = change(json!({ name: null })).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".to_owned(), vec![format!("{name}:required")]));
        }
        for name in ["strength", "minLength", "history", "rejectCommon", "rejectPersonalData"] {
            let answer = change(json!({ "passwordPolicy": { name: null } })).await;
            let issue = format!("passwordPolicy.{name}:required");
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".to_owned(), vec![issue]));
        }
        assert_eq!(change(json!({})).await.ok().at("/data/adminUpdateConnection"), emptied);
    }

    async fn an_unknown_name_is_not_found(backend: Backend) {
        let test = TestApp::start(backend).await;
        for name in ["nowhere", "", "Default", "default ", "%"] {
            let answer = update(&test.admin(), json!({ "name": name, "signUpEnabled": false })).await;
            assert_eq!(answer.code(), "NOT_FOUND", "{name:?}");
        }
        let config = test.anon().run("auth_config", json!({})).await.ok();
        assert_eq!(config.at("/data/authConfig/signUpEnabled"), json!(true));
        assert!(events(&test, "connection_updated").await.is_empty());
    }

    async fn nobody_else_may_change_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let input = json!({ "name": "default", "signUpEnabled": false });
        assert_eq!(reason(&update(&test.anon(), input.clone()).await), "TOKEN_MISSING");
        assert_eq!(update(&ann, input.clone()).await.code(), "FORBIDDEN");
        let guess = ann.header("x-vestibule-admin-secret", "a wrong admin secret");
        assert_eq!(update(&guess, input).await.code(), "FORBIDDEN");
        // Who may not change it does not learn either what is there.
        assert_eq!(update(&guess, json!({ "name": "nowhere" })).await.code(), "FORBIDDEN");
        let config = test.anon().run("auth_config", json!({})).await.ok();
        assert_eq!(config.at("/data/authConfig/signUpEnabled"), json!(true));
    }

    async fn the_audit_trail_tells_what_was_changed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = update(&test.admin().calling_from("203.0.113.7"), json!({ "name": "default", "signUpEnabled": false })).await.ok();
        let told = events(&test, "connection_updated").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].actor, "administrator");
        assert_eq!(told[0].details, json!({ "signUpEnabled": false }));
        assert_eq!(told[0].ip_address.as_deref(), Some("203.0.113.7"));
        let id = answer.text("/data/adminUpdateConnection/id");
        assert_eq!(told[0].connection_id.map(|id| id.to_string()), Some(id));
    }
}
