//! `adminCreateUser`.

use serde_json::{Value, json};

use super::steps::{NEW, create, create_as, created};
use crate::harness::{PASSWORD, TestApp, race};
use crate::support::{
    PATIENT, accounts, assert_not_at_rest, events, open_verifications, reason, tally, verify_ticket,
};

async fn connection(test: &TestApp, mut fields: Value) {
    fields["name"] = json!("default");
    let input = json!({ "input": fields });
    test.admin()
        .run("admin_update_connection", input)
        .await
        .ok();
}

on_both_databases! {
    async fn the_least_is_an_address_and_the_defaults_are_those_of_a_sign_up(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = create(&test, json!({ "email": "New@Example.org" })).await.ok();
        let mut user = answer.at("/data/adminCreateUser");
        assert!(user["id"].take().is_string());
        let expected = json!({
            "id": null, "connection": "default", "email": "New@Example.org", "emailVerified": false, "username": null,
            "phoneNumber": null, "phoneNumberVerified": false, "displayName": "New", "givenName": null, "middleName": null,
            "familyName": null, "locale": "en", "metadata": {}, "appMetadata": {}, "defaultRole": "user",
            "roles": ["user", "me"], "disabled": false, "status": "INVITED", "credentials": { "password": false },
            "lastSignInAt": null, "sessions": [],
        });
        assert_eq!(user, expected);
        // Nobody is told without being asked to, and nobody comes in without a password.
        assert!(test.mails().await.is_empty());
        for password in ["", PASSWORD] {
            assert_eq!(test.anon().sign_in(NEW, password).await.code(), "INVALID_CREDENTIALS");
        }
        let told = events(&test, "user_created").await;
        assert_eq!((told.len(), told[0].actor.as_str(), told[0].actor_id), (1, "administrator", None));
        assert_eq!(told[0].details, json!({ "invited": false }));
    }

    async fn the_trail_tells_the_roles_that_were_given_and_nothing_of_the_person(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({
            "email": "annabella@example.org", "password": PASSWORD, "displayName": "Annabella", "roles": ["editor", "vestibule-admin"],
        });
        create(&test, fields).await.ok();
        let told = events(&test, "user_created").await;
        assert_eq!(told[0].details, json!({ "invited": false, "roles": ["editor", "vestibule-admin"], "defaultRole": "editor" }));
        let trail = format!("{told:?}").to_lowercase();
        assert!(!trail.contains("annabella") && !trail.contains("horse"), "{trail}");
    }

    async fn every_field_shows_and_the_password_opens(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, json!({ "usernameRequired": true })).await;
        let fields = json!({
            "connection": "default", "email": "ann@example.org", "password": PASSWORD, "emailVerified": true, "username": "Ann-1",
            "displayName": "Ann", "givenName": "Anna", "middleName": "B.", "familyName": "Doe", "phoneNumber": "+4930123456",
            "locale": "de-AT", "metadata": { "plan": "pro" }, "appMetadata": { "crm": 7 }, "roles": ["editor", "vestibule-admin"],
            "defaultRole": "editor",
        });
        let user = create(&test, fields.clone()).await.ok().at("/data/adminCreateUser");
        for (name, value) in fields.as_object().unwrap().iter().filter(|(name, _)| *name != "password") {
            assert_eq!(user[name], *value, "{name}");
        }
        assert_eq!((&user["status"], &user["credentials"]["password"]), (&json!("ACTIVE"), &json!(true)));
        for login in ["ann@example.org", "ann-1"] {
            let session = test.anon().sign_in(login, PASSWORD).await.ok();
            assert_eq!(session.text("/data/signIn/__typename"), "Session");
        }
        assert_not_at_rest(&test, backend, PASSWORD).await;
    }

    async fn an_address_that_is_not_verified_is_verified_at_the_first_sign_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let user = create(&test, json!({ "password": PASSWORD })).await.ok();
        assert_eq!(user.text("/data/adminCreateUser/status"), "UNVERIFIED");
        let pending = test.anon().sign_in(NEW, PASSWORD).await.ok();
        assert_eq!(pending.text("/data/signIn/__typename"), "PendingVerification");
        let ticket = test.mail_to(NEW).await.ticket();
        verify_ticket(&test.anon(), &ticket).await.ok();
        let session = test.anon().sign_in(NEW, PASSWORD).await.ok();
        assert_eq!(session.text("/data/signIn/__typename"), "Session");
    }

    async fn every_issue_is_told_and_nothing_is_made(backend: Backend) {
        let test = TestApp::start(backend).await;
        let long = "x".repeat(101);
        let table = [
            (json!({ "email": "" }), vec!["email:required"]), (json!({ "email": "ann" }), vec!["email:format"]),
            (json!({ "email": "new\0@example.org" }), vec!["email:format"]),
            (json!({ "connection": "nowhere" }), vec!["connection:unknown"]), (json!({ "connection": "default\0" }), vec!["connection:unknown"]),
            (json!({ "clientId": "nobody" }), vec!["clientId:unknown"]), (json!({ "clientId": "\0" }), vec!["clientId:unknown"]),
            (json!({ "username": "ann" }), vec!["username:not_allowed"]),
            (json!({ "displayName": long, "givenName": "a\0", "middleName": long, "familyName": "a\nb" }),
                vec!["displayName:too_long", "givenName:format", "middleName:too_long", "familyName:format"]),
            (json!({ "phoneNumber": "030", "locale": "no locale" }), vec!["phoneNumber:format", "locale:format"]),
            (json!({ "metadata": { "a.b": 1 }, "appMetadata": { "note": "x".repeat(501) } }),
                vec!["metadata.a.b:format", "appMetadata.note:too_long"]),
            (json!({ "roles": [] }), vec!["defaultRole:not_allowed"]),
            (json!({ "roles": ["user", "a b", "\u{443}ser", "a\0"] }), vec!["roles.1:format", "roles.2:format", "roles.3:format"]),
            (json!({ "roles": ["vestibule-root"] }), vec!["roles.0:not_allowed"]),
            (json!({ "roles": ["user", "user"] }), vec!["roles.1:not_allowed"]),
            (json!({ "roles": ["user"], "defaultRole": "me" }), vec!["defaultRole:not_allowed"]),
            (json!({ "defaultRole": "editor" }), vec!["defaultRole:not_allowed"]),
            (json!({ "password": PASSWORD, "sendInvitation": true }), vec!["sendInvitation:not_allowed"]),
        ];
        for (fields, issues) in table {
            let answer = create(&test, fields.clone()).await;
            assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", issues.into_iter().map(str::to_owned).collect()), "{fields}");
        }
        let weak = create(&test, json!({ "password": "password1" })).await;
        assert_eq!((weak.code().as_str(), weak.issues()), ("WEAK_PASSWORD", vec!["password:common".to_owned()]));
        let own = create(&test, json!({ "password": "my name is Annabella", "displayName": "Annabella" })).await;
        assert_eq!(own.issues(), ["password:personal_data"]);
        assert!(accounts(&test, NEW).await.is_empty());
        assert!(events(&test, "user_created").await.is_empty());
    }

    async fn a_username_is_asked_for_where_the_connection_has_them(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, json!({ "usernameRequired": true })).await;
        for missing in [json!({}), json!({ "username": null }), json!({ "username": "" })] {
            assert_eq!(create(&test, missing).await.issues(), ["username:required"]);
        }
        assert_eq!(create(&test, json!({ "username": "a@b.org" })).await.issues(), ["username:format"]);
        created(&test, json!({ "email": "ann@example.org", "username": "ann" })).await;
        assert_eq!(create(&test, json!({ "username": "ANN" })).await.code(), "USERNAME_TAKEN");
        assert!(accounts(&test, NEW).await.is_empty());
    }

    async fn without_roles_the_application_says_which(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({ "clientId": "default", "roles": ["user", "editor"], "signUpRoles": ["user"] });
        test.admin().run("admin_update_application", json!({ "input": fields })).await.ok();
        let of = async |fields: Value| {
            let user = create(&test, fields).await.ok().at("/data/adminCreateUser");
            (user["roles"].clone(), user["defaultRole"].clone())
        };
        assert_eq!(of(json!({ "email": "a@example.org" })).await, (json!(["user"]), json!("user")));
        assert_eq!(of(json!({ "email": "b@example.org", "roles": ["editor", "user"] })).await, (json!(["editor", "user"]), json!("user")));
        assert_eq!(of(json!({ "email": "c@example.org", "roles": ["editor", "x"] })).await, (json!(["editor", "x"]), json!("editor")));
        assert_eq!(of(json!({ "email": "d@example.org", "roles": ["a", "b"], "defaultRole": "b" })).await, (json!(["a", "b"]), json!("b")));
    }

    async fn closed_sign_up_and_lists_of_domains_do_not_bind_administrators(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, json!({ "signUpEnabled": false })).await;
        use entity::connection::{Column, Entity};
        use sea_orm::EntityTrait;
        let blocked = serde_json::json!(["example.org"]);
        Entity::update_many().col_expr(Column::BlockedEmailDomains, blocked.into()).exec(test.app.db.write()).await.unwrap();
        create(&test, json!({})).await.ok();
    }

    async fn an_address_that_is_taken_or_can_still_be_had_back_is_told(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for taken in ["ann@example.org", "ANN@example.ORG"] {
            assert_eq!(create(&test, json!({ "email": taken })).await.code(), "EMAIL_TAKEN");
        }
        let input = json!({ "newEmail": "ann2@example.org", "currentPassword": PASSWORD });
        ann.run("request_email_change", json!({ "input": input })).await.ok();
        let proof = json!({ "ticket": test.mail_to("ann2@example.org").await.ticket() });
        ann.run("confirm_email_change", json!({ "input": { "proof": proof } })).await.ok();
        assert_eq!(create(&test, json!({ "email": "ann@example.org" })).await.code(), "EMAIL_TAKEN");
        assert!(accounts(&test, "ann@example.org").await.is_empty());
        test.clock.advance(chrono::TimeDelta::hours(72));
        create(&test, json!({ "email": "ann@example.org" })).await.ok();
    }

    async fn pending_sign_ups_of_the_address_have_lost(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up(NEW).await.ok();
        let ticket = test.mail_to(NEW).await.ticket();
        let id = created(&test, json!({ "emailVerified": true })).await;
        assert!(open_verifications(&test).await.is_empty());
        assert_eq!(verify_ticket(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        let asked = events(&test, "sign_up_requested").await;
        assert_eq!(asked[0].user_id.map(|id| id.to_string()), Some(id));
    }

    async fn of_twenty_at_once_one_is_made(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let admin = test.admin();
        let answers = race(20, |_| {
            let admin = admin.clone();
            async move { create_as(&admin, json!({ "password": PASSWORD })).await }
        }).await;
        let tally = tally(&answers);
        assert_eq!((tally[""], tally["EMAIL_TAKEN"]), (1, 19), "{tally:?}");
        assert_eq!(accounts(&test, NEW).await.len(), 1);
        assert_eq!(events(&test, "user_created").await.len(), 1);
    }

    async fn nobody_else_may_create_anyone(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert_eq!(reason(&create_as(&test.anon(), json!({})).await), "TOKEN_MISSING");
        for fields in [json!({}), json!({ "email": "" }), json!({ "email": "ann@example.org" })] {
            assert_eq!(create_as(&ann, fields).await.code(), "FORBIDDEN");
        }
        assert!(accounts(&test, NEW).await.is_empty());
    }
}
