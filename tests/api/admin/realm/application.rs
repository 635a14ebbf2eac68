use entity::session;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;

use super::{
    admin, application, assert_issues, connection, member, only, refuse_handoff, sign_in_with,
};
use crate::harness::{TestApp, race};
use crate::support::{
    PATIENT, accounts, dump, events, jwt_part, reason, sign_up_with, verify_ticket,
};

on_both_databases! {
    async fn a_new_application_is_as_the_default_one_but_for_what_is_given(backend: Backend) {
        let test = TestApp::start(backend).await;
        let made = only(admin(&test, "create_application", json!({ "name": "The Shop" })).await);
        let id = made["clientId"].as_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let read = test.admin().run("admin_application", json!({ "clientId": "default" })).await.ok();
        let mut expected = read.at("/data/adminApplication");
        (expected["clientId"], expected["name"]) = (json!(id), json!("The Shop"));
        assert_eq!(made, expected);
        connection(&test, "staff", json!({})).await;
        let given = json!({
            "name": "Back office", "clientId": "back.office", "connections": ["staff", "default"], "allowedRedirectUrls": ["https://office.example/in"],
            "allowedOrigins": ["HTTPS://B\u{fc}cher.Example:443", "http://localhost:3000"], "roles": ["clerk", "boss"], "signUpRoles": ["clerk"],
            "defaultRole": "clerk", "allowedCustomClaims": ["plan", "https://office.example/desk"], "allowedTemplateOptions": ["team"],
            "passwordInResetRequestAllowed": true, "accessTokenTtl": 60, "refreshTokenTtl": 300,
        });
        let made = only(admin(&test, "create_application", given.clone()).await);
        let mut expected = given;
        expected["allowedOrigins"] = json!(["http://localhost:3000", "https://xn--bcher-kva.example"]);
        (expected["disabled"], expected["disabledAt"]) = (json!(false), json!(null));
        assert_eq!(made, expected);
        let read = test.admin().run("admin_application", json!({ "clientId": "back.office" })).await.ok();
        assert_eq!(read.at("/data/adminApplication"), made);
        assert_eq!(events(&test, "application_created").await[1].details["roles"], json!(["clerk", "boss"]));
        let nobody = test.admin().run("admin_application", json!({ "clientId": "nobody\0" })).await.ok();
        assert!(nobody.at("/data/adminApplication").is_null());
    }

    async fn roles_that_are_left_out_give_nobody_more_than_was_said(backend: Backend) {
        let test = TestApp::start(backend).await;
        let roles = async |fields: serde_json::Value| {
            let mut input = fields;
            input["name"] = json!("An application");
            let made = only(admin(&test, "create_application", input).await);
            json!([made["roles"], made["signUpRoles"], made["defaultRole"]])
        };
        assert_eq!(roles(json!({ "roles": ["me", "admin"] })).await, json!([["me", "admin"], ["me"], "me"]));
        assert_eq!(roles(json!({ "roles": ["a", "b"], "defaultRole": "b" })).await, json!([["a", "b"], ["b"], "b"]));
        assert_eq!(roles(json!({ "roles": ["a", "b"], "signUpRoles": ["b"] })).await, json!([["a", "b"], ["b"], "b"]));
        let answer = admin(&test, "create_application", json!({ "name": "x", "roles": ["admin"] })).await;
        assert_issues(&answer, &["defaultRole:not_allowed"]);
    }

    async fn what_is_not_acceptable_is_told_and_makes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let table = [
            (json!({ "name": "" }), vec!["name:required"]),
            (json!({ "clientId": "" }), vec!["clientId:format"]), (json!({ "clientId": "a b" }), vec!["clientId:format"]),
            (json!({ "clientId": "nul\0" }), vec!["clientId:format"]), (json!({ "clientId": "x".repeat(65) }), vec!["clientId:format"]),
            (json!({ "connections": [] }), vec!["connections:required"]),
            (json!({ "connections": ["nowhere", "default", "default", "nul\0", ""] }),
                vec!["connections.0:unknown", "connections.2:not_allowed", "connections.3:unknown", "connections.4:unknown"]),
            (json!({ "connections": vec!["default"; 101] }), vec!["connections:too_many"]),
            (json!({ "allowedOrigins": ["https://*.example.org", "null", "*", "https://a.example/", "https://ok.example"] }),
                vec!["allowedOrigins.0:format", "allowedOrigins.1:format", "allowedOrigins.2:format", "allowedOrigins.3:format"]),
            (json!({ "allowedCustomClaims": ["plan", "sub", "X-Hasura-Role", "x-hasura-user-id", "https://hasura.io/jwt/claims", "tenants", "", "nul\0"] }),
                (1..8).map(|number| ["", "allowedCustomClaims.1:not_allowed", "allowedCustomClaims.2:not_allowed", "allowedCustomClaims.3:not_allowed",
                    "allowedCustomClaims.4:not_allowed", "allowedCustomClaims.5:not_allowed", "allowedCustomClaims.6:not_allowed", "allowedCustomClaims.7:not_allowed"][number]).collect()),
            (json!({ "roles": ["user", "vestibule-admin"] }), vec!["roles.1:not_allowed"]),
            (json!({ "roles": ["user", "USER"] }), vec!["roles.1:not_allowed"]),
            (json!({ "signUpRoles": ["user", "admin"] }), vec!["signUpRoles:not_allowed"]),
            (json!({ "defaultRole": "admin" }), vec!["signUpRoles:not_allowed"]),
            (json!({ "accessTokenTtl": 59, "refreshTokenTtl": 7_776_001 }), vec!["accessTokenTtl:not_allowed", "refreshTokenTtl:not_allowed"]),
        ];
        for (fields, issues) in table {
            let mut input = json!({ "name": "The Shop" });
            for (name, value) in fields.as_object().unwrap() {
                input[name] = value.clone();
            }
            assert_issues(&admin(&test, "create_application", input).await, &issues);
        }
        assert!(events(&test, "application_created").await.is_empty());
        application(&test, "shop", json!({})).await;
        for taken in ["shop", "default"] {
            assert_eq!(admin(&test, "create_application", json!({ "name": "x", "clientId": taken })).await.code(), "ALREADY_EXISTS");
        }
        for fields in [json!({ "connections": [] }), json!({ "connections": ["nowhere"] })] {
            let mut input = fields;
            input["clientId"] = json!("shop");
            assert_eq!(admin(&test, "update_application", input).await.code(), "INVALID_INPUT");
        }
    }

    async fn the_first_connection_is_the_default_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, "staff", json!({})).await;
        let fields = json!({ "clientId": "default", "connections": ["staff", "default"] });
        let changed = only(admin(&test, "update_application", fields).await);
        assert_eq!(changed["connections"], json!(["staff", "default"]));
        let ann = member(&test, &test.anon(), json!({})).await;
        assert_eq!(ann.me().await.ok().at("/data/me/connection"), json!("staff"));
        let listed = test.admin().run("admin_applications", json!({})).await.ok();
        assert_eq!(listed.at("/data/adminApplications/nodes"), json!([{ "clientId": "default", "connections": ["staff", "default"] }]));
    }

    async fn a_deleted_application_ends_its_sessions_and_keeps_its_users(backend: Backend) {
        let test = TestApp::start(backend).await;
        assert_issues(&admin(&test, "delete_application", json!({ "clientId": "default" })).await, &["clientId:not_allowed"]);
        for id in ["nobody", "", "Default", "default\0"] {
            assert_eq!(admin(&test, "delete_application", json!({ "clientId": id })).await.code(), "NOT_FOUND");
        }
        application(&test, "shop", json!({})).await;
        let ann = test.user("ann").await;
        let shop = test.anon().header("x-client-id", "shop");
        let signed = shop.sign_in("ann@example.org", crate::harness::PASSWORD).await.ok();
        let in_shop = shop.clone().signed_in(&signed.at("/data/signIn"));
        in_shop.me().await.ok();
        sign_up_with(&shop, json!({ "email": "eve@example.org" })).await.ok();
        let ticket = test.mail_to("eve@example.org").await.ticket();

        let gone = only(admin(&test, "delete_application", json!({ "clientId": "shop" })).await);
        assert_eq!(gone, json!({ "clientId": "shop" }));
        let second = test.second_instance().await;
        for house in [&test, &second] {
            let moved = house.anon().header("x-client-id", "shop").bearer(&in_shop.access_token);
            assert_eq!(reason(&moved.me().await), "SESSION_REVOKED");
            assert_eq!(house.anon().refresh(&in_shop.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
            assert_issues(&house.anon().header("x-client-id", "shop").sign_in("ann@example.org", "x").await, &["clientId:unknown"]);
            assert_eq!(crate::support::verify_ticket(&house.anon(), &ticket).await.code(), "INVALID_TICKET");
        }
        ann.me().await.ok();
        assert_eq!(events(&test, "application_deleted").await[0].details, json!({ "clientId": "shop", "name": "shop" }));
        // One that is made again is another one.
        application(&test, "shop", json!({})).await;
        assert_eq!(reason(&in_shop.me().await), "SESSION_REVOKED");
        assert_eq!(in_shop.refresh(&in_shop.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn what_was_asked_for_in_a_deleted_application_leaves_no_personal_data(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_MAIL_ATTEMPTS", "1")]).await;
        application(&test, "shop", json!({})).await;
        let there = test.anon().calling_from("203.0.113.9").header("user-agent", "A telling browser").header("x-client-id", "shop");
        let pending = sign_up_with(&there, json!({ "email": "eve@shop.example" })).await.ok();
        let ticket = test.mail_to("eve@shop.example").await.ticket();
        refuse_handoff(&test, &there, &ticket, &pending).await;
        sign_up_with(&there, json!({ "email": "joe@shop.example" })).await.ok();
        let unsent = test.second_instance_with(&[("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:1"), ("VESTIBULE_MAIL_ATTEMPTS", "1")]).await;
        unsent.run_jobs().await;
        let failed = test.admin().run("admin_mails", json!({ "filter": { "state": "FAILED" } })).await.ok();
        assert_eq!(failed.at("/data/adminMails/nodes/0/to"), json!("joe@shop.example"));

        only(admin(&test, "delete_application", json!({ "clientId": "shop" })).await);
        let left = test.admin().run("admin_mails", json!({ "filter": {} })).await.ok();
        assert_eq!(left.at("/data/adminMails/nodes"), json!([]));
        assert_eq!(events(&test, "handoff_refused").await.len(), 1);
        let dump = dump(&test, backend).await;
        for personal in ["eve@shop.example", "joe@shop.example", "203.0.113.9", "A telling browser"] {
            assert!(!dump.contains(personal), "{personal}");
        }
    }

    async fn one_with_many_sessions_goes_whole(backend: Backend) {
        let test = TestApp::start(backend).await;
        application(&test, "shop", json!({})).await;
        test.user("ann").await;
        test.clock.advance(chrono::TimeDelta::seconds(1));
        sign_in_with(&test.anon(), json!({ "clientId": "shop" })).await.ok();
        let sessions = async || session::Entity::find().order_by_desc(session::Column::Id).all(test.app.db.read()).await.unwrap();
        let in_shop = sessions().await.remove(0);
        let another = |_| session::ActiveModel::from(session::Model { id: test.app.id(), ..in_shop.clone() });
        for _ in 0..2 {
            session::Entity::insert_many((0..700).map(another)).exec_without_returning(test.app.db.write()).await.unwrap();
        }
        let own = in_shop.application_id;
        only(admin(&test, "delete_application", json!({ "clientId": "shop" })).await);
        let left = sessions().await;
        assert!(left.len() == 1 && left.iter().all(|session| session.application_id != own), "{}", left.len());
        assert_eq!(events(&test, "application_deleted").await.len(), 1);
    }

    async fn changes_at_once_lose_nothing_of_each_other(backend: Backend) {
        let test = std::sync::Arc::new(TestApp::with(backend, PATIENT).await);
        for round in 0..4 {
            let changes = json!({
                "name": format!("Round {round}"), "allowedRedirectUrls": [format!("https://r{round}.example")], "allowedOrigins": [format!("https://o{round}.example")],
                "allowedCustomClaims": [format!("claim{round}")], "allowedTemplateOptions": [format!("option{round}")],
                "passwordInResetRequestAllowed": round % 2 == 0, "accessTokenTtl": 100 + round, "refreshTokenTtl": 400 + round,
            });
            let all: Vec<_> = changes.as_object().unwrap().clone().into_iter().collect();
            race(all.len(), |number| {
                let (test, (name, value)) = (test.clone(), all[number].clone());
                async move { admin(&test, "update_application", json!({ "clientId": "default", name: value })).await.ok() }
            }).await;
            let left = test.admin().run("admin_application", json!({ "clientId": "default" })).await.ok().at("/data/adminApplication");
            for (name, value) in &all {
                assert_eq!(left[name], *value, "{name}");
            }
        }
    }

    async fn a_role_that_is_taken_from_an_application_leaves_its_tokens_at_the_next_refresh(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let fields = json!({ "clientId": "default", "roles": ["me"], "signUpRoles": ["me"], "defaultRole": "me" });
        only(admin(&test, "update_application", fields).await);
        let token = ann.refresh(&ann.refresh_token).await.ok().text("/data/refreshSession/accessToken");
        assert_eq!(jwt_part(&token, 1)["https://hasura.io/jwt/claims"]["x-hasura-allowed-roles"], json!(["me"]));
        let again = sign_in_with(&test.anon(), json!({})).await.ok();
        assert_eq!(jwt_part(&again.text("/data/signIn/accessToken"), 1)["https://hasura.io/jwt/claims"]["x-hasura-default-role"], json!("me"));
    }

    async fn a_role_that_is_struck_from_the_sign_up_roles_is_granted_by_no_mail_that_waits(backend: Backend) {
        let test = TestApp::start(backend).await;
        let roles = async |all: &[&str]| {
            let fields = json!({ "clientId": "default", "roles": ["user", "me", "editor"], "signUpRoles": all, "defaultRole": "user" });
            only(admin(&test, "update_application", fields).await);
        };
        roles(&["user", "me", "editor"]).await;
        let table = [
            ("ann", json!(["user", "me", "editor"]), "editor", vec!["user", "me"], "user"),
            ("bob", json!(["me", "editor"]), "me", vec!["me"], "me"),
            // The default role is the application's, and one of the user's in any case.
            ("cleo", json!(["me", "editor"]), "editor", vec!["me", "user"], "user"),
            ("dan", json!(["editor"]), "editor", vec!["user"], "user"),
            ("eve", json!(["user", "me"]), "me", vec!["user", "me"], "me"),
        ];
        for (name, all, default, ..) in &table {
            let fields = json!({ "email": format!("{name}@example.org"), "allowedRoles": all, "defaultRole": default });
            sign_up_with(&test.anon(), fields).await.ok();
        }
        roles(&["user", "me"]).await;
        for (number, (name, _, _, all, default)) in table.iter().enumerate() {
            let email = format!("{name}@example.org");
            let ticket = test.mail_to(&email).await.ticket();
            // By the page, too.
            if number % 2 == 0 {
                verify_ticket(&test.anon(), &ticket).await.ok();
            } else {
                let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("ticket", &ticket).finish();
                let request = axum::http::Request::post("/verify").header("content-type", "application/x-www-form-urlencoded");
                assert_eq!(test.anon().send(request.body(form.into()).unwrap()).await.status, 200);
            }
            let user = accounts(&test, &email).await.pop().expect("an account");
            assert_eq!((user.roles.0, user.default_role.as_str()), (all.iter().map(|&role| role.to_owned()).collect(), *default), "{name}");
        }
    }
}
