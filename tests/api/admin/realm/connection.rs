use entity::user;
use sea_orm::EntityTrait;
use serde_json::json;

use super::{admin, assert_issues, connection, member, only, refuse_handoff, sign_in_with};
use crate::harness::{TestApp, race};
use crate::support::{PATIENT, accounts, dump, events, reason, sign_up_with, tally};

on_both_databases! {
    async fn a_new_connection_is_as_the_default_one_but_for_what_is_given(backend: Backend) {
        let test = TestApp::start(backend).await;
        let made = only(admin(&test, "create_connection", json!({ "name": "staff" })).await);
        let read = test.admin().run("admin_connection", json!({ "name": "default" })).await.ok();
        let mut expected = read.at("/data/adminConnection");
        (expected["id"], expected["name"]) = (made["id"].clone(), json!("staff"));
        assert_eq!(made, expected);
        let rules = json!({
            "name": "Partners_1.eu", "signUpEnabled": false, "emailVerificationRequired": false, "usernameRequired": true,
            "allowedEmailDomains": ["Example.ORG", "*.B\u{fc}cher.example", "example.org"], "blockedEmailDomains": ["bad.example"],
            "passwordPolicy": { "strength": "FAIR", "history": 3, "dictionary": ["partnership"] },
        });
        let made = only(admin(&test, "create_connection", rules).await);
        assert_eq!(made["allowedEmailDomains"], json!(["example.org", "*.xn--bcher-kva.example"]));
        assert_eq!(made["blockedEmailDomains"], json!(["bad.example"]));
        assert_eq!((&made["signUpEnabled"], &made["emailVerificationRequired"], &made["usernameRequired"]), (&json!(false), &json!(false), &json!(true)));
        assert_eq!((&made["passwordPolicy"]["strength"], &made["passwordPolicy"]["minLength"]), (&json!("FAIR"), &json!(8)));
        let read = test.admin().run("admin_connection", json!({ "name": "Partners_1.eu" })).await.ok();
        assert_eq!(read.at("/data/adminConnection"), made);
        let told = &events(&test, "connection_created").await[1];
        assert_eq!(told.details["name"], json!("Partners_1.eu"));
        assert_eq!(told.details["passwordPolicy"], json!("changed"));
    }

    async fn a_name_lives_once_and_is_one_that_can_stand_anywhere(backend: Backend) {
        let test = TestApp::start(backend).await;
        only(admin(&test, "create_connection", json!({ "name": "staff" })).await);
        for name in ["staff", "default"] {
            assert_eq!(admin(&test, "create_connection", json!({ "name": name })).await.code(), "ALREADY_EXISTS");
        }
        for name in ["", " ", "a b", "a/b", "st\u{e4}ff", "nul\0", "a\n", &"x".repeat(65)] {
            assert_issues(&admin(&test, "create_connection", json!({ "name": name })).await, &["name:format"]);
        }
        let everything = json!({
            "name": "", "allowedEmailDomains": ["", "a@b.org"], "blockedEmailDomains": ["nul\0.org"],
            "passwordPolicy": { "minLength": 0, "history": 25, "dictionary": [""] },
        });
        assert_issues(&admin(&test, "create_connection", everything).await, &[
            "name:format", "allowedEmailDomains.0:format", "allowedEmailDomains.1:format", "blockedEmailDomains.0:format",
            "passwordPolicy.minLength:not_allowed", "passwordPolicy.history:not_allowed", "passwordPolicy.dictionary:format",
        ]);
        only(admin(&test, "create_connection", json!({ "name": "x".repeat(64) })).await);
        assert_eq!(events(&test, "connection_created").await.len(), 2);
    }

    async fn of_several_who_make_the_same_one_wins(backend: Backend) {
        let test = std::sync::Arc::new(TestApp::with(backend, PATIENT).await);
        let answers = race(8, |_| {
            let test = test.clone();
            async move { admin(&test, "create_connection", json!({ "name": "staff" })).await }
        }).await;
        assert_eq!(tally(&answers), [(String::new(), 1), ("ALREADY_EXISTS".to_owned(), 7)].into());
        assert_eq!(events(&test, "connection_created").await.len(), 1);
    }

    async fn disabled_twice_is_disabled_since_the_first_time(backend: Backend) {
        let test = TestApp::start(backend).await;
        let update = async |disabled: bool| only(admin(&test, "update_connection", json!({ "name": "default", "disabled": disabled })).await);
        let first = update(true).await;
        assert!(first["disabled"] == json!(true) && first["disabledAt"].is_string(), "{first}");
        test.clock.advance(chrono::TimeDelta::hours(1));
        assert_eq!(update(true).await, first);
        let again = update(false).await;
        assert_eq!((&again["disabled"], again["disabledAt"].is_null()), (&json!(false), true));
        let told: Vec<_> = events(&test, "connection_updated").await.into_iter().map(|event| event.details).collect();
        assert_eq!(told, [json!({ "disabled": true }), json!({ "disabled": true }), json!({ "disabled": false })]);
    }

    async fn the_default_one_stays_and_one_with_accounts_only_goes_with_them(backend: Backend) {
        let test = TestApp::start(backend).await;
        for users in [json!(null), json!(true)] {
            let answer = admin(&test, "delete_connection", json!({ "name": "default", "deleteUsers": users })).await;
            assert_issues(&answer, &["name:not_allowed"]);
        }
        for name in ["nowhere", "", "default\0", "Default"] {
            assert_eq!(admin(&test, "delete_connection", json!({ "name": name })).await.code(), "NOT_FOUND");
        }
        connection(&test, "staff", json!({})).await;
        let ann = member(&test, &test.anon(), json!({ "connection": "staff" })).await;
        for users in [json!(null), json!(false)] {
            let answer = admin(&test, "delete_connection", json!({ "name": "staff", "deleteUsers": users })).await;
            assert_issues(&answer, &["deleteUsers:required"]);
        }
        ann.me().await.ok();
        assert!(events(&test, "connection_deleted").await.is_empty());
        only(admin(&test, "create_connection", json!({ "name": "empty" })).await);
        let gone = only(admin(&test, "delete_connection", json!({ "name": "empty" })).await);
        assert_eq!(gone, json!({ "name": "empty", "deletedUsers": 0 }));
    }

    async fn whoever_lives_in_a_deleted_connection_goes_at_once_and_leaves_no_personal_data(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, "staff", json!({})).await;
        let there = test.anon().calling_from("203.0.113.9").header("user-agent", "A telling browser");
        let ann = member(&test, &there, json!({ "connection": "staff", "displayName": "Telling Name" })).await;
        let bob = member(&test, &there, json!({ "connection": "staff", "email": "bob@staff.example" })).await;
        let pending = sign_up_with(&there, json!({ "connection": "staff", "email": "eve@staff.example" })).await.ok();
        let stays = test.user("cleo").await;
        let ticket = test.mail_to("eve@staff.example").await.ticket();
        refuse_handoff(&test, &there, &ticket, &pending).await;

        let input = json!({ "name": "staff", "deleteUsers": true });
        let gone = only(admin(&test, "delete_connection", input.clone()).await);
        assert_eq!(gone, json!({ "name": "staff", "deletedUsers": 2 }));
        assert_eq!(admin(&test, "delete_connection", input).await.code(), "NOT_FOUND");
        for client in [&ann, &bob] {
            assert_eq!(reason(&client.me().await), "SESSION_REVOKED");
            assert_eq!(client.refresh(&client.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_issues(&sign_in_with(&test.anon(), json!({ "connection": "staff" })).await, &["connection:unknown"]);
        assert_eq!(crate::support::verify_ticket(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        assert_eq!(pending.text("/data/signUp/__typename"), "PendingVerification");
        stays.me().await.ok();

        let dump = dump(&test, backend).await;
        for personal in ["ann@example.org", "bob@staff.example", "eve@staff.example", "Telling Name", "203.0.113.9", "A telling browser"] {
            assert!(!dump.contains(personal), "{personal}");
        }
        let mut users: Vec<_> = events(&test, "user_deleted").await.into_iter().map(|event| event.user_id.unwrap().to_string()).collect();
        users.sort();
        let mut expected = vec![ann.user_id, bob.user_id];
        expected.sort();
        assert_eq!(users, expected);
        let told = &events(&test, "connection_deleted").await[0];
        assert_eq!(told.details, json!({ "name": "staff", "deletedUsers": 2 }));
    }

    async fn what_a_deleted_administrator_did_stays_told_but_not_from_where(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, "staff", json!({})).await;
        let there = test.anon().calling_from("203.0.113.9").header("user-agent", "A telling browser");
        let ann = member(&test, &there, json!({ "connection": "staff" })).await;
        let roles = entity::StringList::of(["user", "vestibule-admin"]);
        let administrator = user::ActiveModel { roles: sea_orm::Set(roles), ..Default::default() };
        user::Entity::update_many().set(administrator).exec(test.app.db.write()).await.unwrap();
        ann.run("admin_create_tenant", json!({ "input": { "name": "Acme" } })).await.ok();
        let told = async || events(&test, "tenant_created").await.remove(0);
        assert_eq!(told().await.ip_address.as_deref(), Some("203.0.113.9"));
        only(admin(&test, "delete_connection", json!({ "name": "staff", "deleteUsers": true })).await);
        let told = told().await;
        assert_eq!(told.actor_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!((told.ip_address, told.user_agent, told.details), (None, None, json!({ "name": "Acme" })));
    }

    async fn one_that_is_made_again_inherits_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let old = connection(&test, "staff", json!({ "usernameRequired": false })).await;
        let ann = member(&test, &test.anon(), json!({ "connection": "staff" })).await;
        only(admin(&test, "delete_connection", json!({ "name": "staff", "deleteUsers": true })).await);
        let new = only(admin(&test, "create_connection", json!({ "name": "staff" })).await);
        assert_ne!(new["id"], old["id"]);
        // No application enables it only because it has the name of one that was enabled.
        assert_issues(&sign_in_with(&test.anon(), json!({ "connection": "staff" })).await, &["connection:unknown"]);
        only(admin(&test, "update_application", json!({ "clientId": "default", "connections": ["default", "staff"] })).await);
        assert_eq!(sign_in_with(&test.anon(), json!({ "connection": "staff" })).await.code(), "INVALID_CREDENTIALS");
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn a_large_one_goes_whole(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, "staff", json!({})).await;
        member(&test, &test.anon(), json!({ "connection": "staff" })).await;
        let ann = accounts(&test, "ann@example.org").await.remove(0);
        let another = |number: usize| {
            let email_key = format!("user{number}@example.org");
            user::ActiveModel::from(user::Model { id: test.app.id(), email_key, ..ann.clone() })
        };
        for start in [0, 600] {
            user::Entity::insert_many((start..start + 600).map(another)).exec_without_returning(test.app.db.write()).await.unwrap();
        }
        let gone = only(admin(&test, "delete_connection", json!({ "name": "staff", "deleteUsers": true })).await);
        assert_eq!(gone, json!({ "name": "staff", "deletedUsers": 1_201 }));
        assert_eq!(events(&test, "user_deleted").await.len(), 1_201);
        assert!(user::Entity::find().all(test.app.db.read()).await.unwrap().is_empty());
    }

    async fn who_signs_up_while_it_is_deleted_lives_nowhere(backend: Backend) {
        let test = std::sync::Arc::new(TestApp::with(backend, PATIENT).await);
        connection(&test, "staff", json!({ "emailVerificationRequired": false })).await;
        let answers = race(7, |number| {
            let test = test.clone();
            async move {
                if number == 3 {
                    return admin(&test, "delete_connection", json!({ "name": "staff", "deleteUsers": true })).await;
                }
                let fields = json!({ "connection": "staff", "email": format!("user{number}@example.org") });
                sign_up_with(&test.anon(), fields).await
            }
        }).await;
        for answer in &answers {
            assert!(["", "INVALID_INPUT", "OVERLOADED"].contains(&answer.code_or_ok().as_str()), "{}", answer.body);
        }
        answers.into_iter().nth(3).unwrap().ok();
        for number in 0..7 {
            assert!(accounts(&test, &format!("user{number}@example.org")).await.is_empty());
        }
    }
}
