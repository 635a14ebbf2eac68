//! `adminUpdateUser`.

use serde_json::{Value, json};

use super::steps::{NOBODY, OTHER_PASSWORD};
use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::support::{
    accounts, administer, another_session, assert_alive, assert_not_at_rest, events, jwt_part,
    open_verifications, reason, tally,
};

const ANN: &str = "ann@example.org";

/// Changes it, and answers it.
async fn updated(test: &TestApp, user_id: &str, fields: Value) -> Value {
    let answer = administer(test, user_id, fields).await.ok();
    answer.at("/data/adminUpdateUser")
}

async fn ask_for_reset(client: &Client, email: &str) -> Answer {
    let input = json!({ "input": { "email": email } });
    client.run("request_password_reset", input).await.ok()
}

async fn reset(client: &Client, ticket: &str) -> Answer {
    let input = json!({ "proof": { "ticket": ticket }, "newPassword": "a third horse battery" });
    client
        .run("reset_password", json!({ "input": input }))
        .await
}

on_both_databases! {
    async fn what_is_left_out_stays_and_null_clears(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let mut expected = updated(&test, &ann.user_id, json!({})).await;
        let changes = json!({
            "displayName": "Ann", "givenName": "Anna", "middleName": "B.", "familyName": "Doe", "phoneNumber": "+4930123456",
            "phoneNumberVerified": true, "locale": "de-AT", "metadata": { "a": 1 }, "appMetadata": { "crm": { "id": 7 } },
            "roles": ["user", "editor"], "defaultRole": "editor", "emailVerified": false,
        });
        for (name, value) in changes.as_object().unwrap() {
            // Every field on its own; the role must be there before it can be the default.
            let mut fields = json!({ name: value });
            if name == "defaultRole" {
                fields["roles"] = changes["roles"].clone();
                expected["roles"] = changes["roles"].clone();
            }
            if name == "phoneNumberVerified" {
                fields["phoneNumber"] = changes["phoneNumber"].clone();
                expected["phoneNumber"] = changes["phoneNumber"].clone();
            }
            expected[name] = value.clone();
            if name == "emailVerified" {
                expected["status"] = json!("UNVERIFIED");
            }
            assert_eq!(updated(&test, &ann.user_id, fields).await, expected, "{name}");
        }
        assert_eq!(updated(&test, &ann.user_id, json!({})).await, expected);
        for (name, cleared) in [
            ("displayName", json!("ann")), ("givenName", json!(null)), ("middleName", json!(null)), ("familyName", json!(null)),
            ("locale", json!("en")), ("metadata", json!({})), ("appMetadata", json!({})), ("phoneNumber", json!(null)),
        ] {
            expected[name] = cleared;
            if name == "phoneNumber" {
                expected["phoneNumberVerified"] = json!(false);
            }
            assert_eq!(updated(&test, &ann.user_id, json!({ name: null })).await, expected, "{name}");
        }
        assert_eq!(bob.me().await.ok().at("/data/me/displayName"), "bob");
        let me = ann.me().await.ok();
        assert_eq!((me.at("/data/me/roles"), me.at("/data/me/locale")), (json!(["user", "editor"]), json!("en")));
    }

    async fn the_trail_names_the_fields_and_no_value_of_the_person(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let fields = json!({
            "displayName": "ann", "givenName": "Annabella", "roles": ["user", "editor"], "password": OTHER_PASSWORD,
            "email": "annabella@example.org",
        });
        administer(&test, &ann.user_id, fields).await.ok();
        let told = events(&test, "user_updated").await;
        assert_eq!(told.len(), 1);
        let names = ["email", "emailVerified", "givenName", "roles", "password"];
        assert_eq!(told[0].details, json!({ "fields": names, "roles": ["user", "editor"] }));
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!((told[0].actor.as_str(), told[0].actor_id), ("administrator", None));
        let trail = format!("{told:?}").to_lowercase();
        assert!(!trail.contains("annabella") && !trail.contains("horse"), "{trail}");
    }

    async fn the_trail_tells_who_was_made_an_administrator_and_who_is_none_any_more(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let changes = [
            (json!({ "roles": ["user", "me", "vestibule-admin"] }), json!({ "fields": ["roles"], "roles": ["user", "me", "vestibule-admin"] })),
            (json!({ "defaultRole": "me" }), json!({ "fields": ["defaultRole"], "defaultRole": "me" })),
            (json!({ "roles": ["user"], "defaultRole": "user" }), json!({ "fields": ["roles", "defaultRole"], "roles": ["user"], "defaultRole": "user" })),
            // What is as it was is no change.
            (json!({ "roles": ["user"], "givenName": "Annabella" }), json!({ "fields": ["givenName"] })),
        ];
        for (fields, details) in changes {
            administer(&test, &ann.user_id, fields).await.ok();
            assert_eq!(events(&test, "user_updated").await.pop().expect("an event").details, details);
            test.clock.advance(chrono::TimeDelta::seconds(1));
        }
    }

    async fn every_issue_is_told_and_nothing_changes(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let before = updated(&test, &ann.user_id, json!({})).await;
        let long = "x".repeat(101);
        let table = [
            (json!({ "email": null, "emailVerified": null, "phoneNumberVerified": null, "roles": null, "defaultRole": null, "disabled": null }),
                vec!["email:required", "emailVerified:required", "phoneNumberVerified:required", "roles:required", "defaultRole:required", "disabled:required"]),
            (json!({ "password": null }), vec!["password:required"]),
            (json!({ "email": "ann" }), vec!["email:format"]), (json!({ "email": "" }), vec!["email:required"]),
            (json!({ "username": "ann" }), vec!["username:not_allowed"]),
            (json!({ "displayName": long, "givenName": "a\0" }), vec!["displayName:too_long", "givenName:format"]),
            (json!({ "phoneNumber": "030" }), vec!["phoneNumber:format"]), (json!({ "phoneNumberVerified": true }), vec!["phoneNumberVerified:not_allowed"]),
            (json!({ "locale": "no locale" }), vec!["locale:format"]), (json!({ "appMetadata": { "$set": 1 } }), vec!["appMetadata.$set:format"]),
            (json!({ "metadata": { "note": "nul\0" } }), vec!["metadata.note:format"]),
            (json!({ "roles": [] }), vec!["defaultRole:not_allowed"]), (json!({ "roles": ["me"] }), vec!["defaultRole:not_allowed"]),
            (json!({ "roles": ["user", "Vestibule-Admin"] }), vec!["roles.1:not_allowed"]),
            (json!({ "defaultRole": "editor" }), vec!["defaultRole:not_allowed"]),
        ];
        for (fields, issues) in table {
            let mut with_more = fields.clone();
            with_more["familyName"] = json!("Changed");
            let answer = administer(&test, &ann.user_id, with_more).await;
            assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", issues.into_iter().map(str::to_owned).collect()), "{fields}");
        }
        let weak = administer(&test, &ann.user_id, json!({ "password": "password1", "familyName": "Changed" })).await;
        assert_eq!(weak.issues(), ["password:common"]);
        // What the account is about to hold counts, too.
        let own = administer(&test, &ann.user_id, json!({ "password": "I am Annabella, not Ann", "familyName": "Annabella" })).await;
        assert_eq!(own.issues(), ["password:personal_data"]);
        assert_eq!(updated(&test, &ann.user_id, json!({})).await, before);
        assert_alive(&ann.me().await.ok());
    }

    async fn who_is_not_there_is_not_found_and_nobody_else_may(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for id in [NOBODY, "", "x", "\0", &ann.session_id] {
            assert_eq!(administer(&test, id, json!({ "displayName": "X" })).await.code(), "NOT_FOUND", "{id:?}");
        }
        let input = json!({ "input": { "userId": ann.user_id, "roles": ["user", "vestibule-admin"] } });
        assert_eq!(reason(&test.anon().run("admin_update_user", input.clone()).await), "TOKEN_MISSING");
        assert_eq!(ann.run("admin_update_user", input).await.code(), "FORBIDDEN");
        assert_eq!(ann.me().await.ok().at("/data/me/roles"), json!(["user", "me"]));
    }

    async fn another_address_counts_at_once_and_is_not_verified(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        ask_for_reset(&test.anon(), ANN).await;
        let ticket = test.mail_to(ANN).await.ticket();
        test.anon().sign_up("ann2@example.org").await.ok();
        let user = updated(&test, &ann.user_id, json!({ "email": "Ann2@example.org" })).await;
        assert_eq!((&user["email"], &user["emailVerified"]), (&json!("Ann2@example.org"), &json!(false)));
        assert!(open_verifications(&test).await.is_empty());
        assert_eq!(reset(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        assert_eq!(test.anon().sign_in(ANN, PASSWORD).await.code(), "INVALID_CREDENTIALS");
        assert_eq!(test.anon().sign_in("ann2@example.org", PASSWORD).await.text("/data/signIn/__typename"), "PendingVerification");
        // The session goes on; the address of its next token is the new one.
        let next = ann.refresh(&ann.refresh_token).await.ok();
        let claims = jwt_part(&next.text("/data/refreshSession/accessToken"), 1);
        assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("Ann2@example.org"), &json!(false)));
        // The same address in another spelling stays what it is, and one may be verified with the change.
        assert_eq!(updated(&test, &ann.user_id, json!({ "email": ANN, "emailVerified": true })).await["emailVerified"], json!(true));
        let user = updated(&test, &ann.user_id, json!({ "email": "ANN@example.org" })).await;
        assert_eq!((&user["email"], &user["emailVerified"]), (&json!("ANN@example.org"), &json!(true)));
    }

    async fn an_administrator_has_the_last_word_over_a_former_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let input = json!({ "newEmail": "ann2@example.org", "currentPassword": PASSWORD });
        ann.run("request_email_change", json!({ "input": input })).await.ok();
        let proof = json!({ "ticket": test.mail_to("ann2@example.org").await.ticket() });
        ann.run("confirm_email_change", json!({ "input": { "proof": proof } })).await.ok();
        let undo = test.mail_to(ANN).await.ticket();
        updated(&test, &ann.user_id, json!({ "email": "ann3@example.org" })).await;
        let answer = test.anon().run("undo_email_change", json!({ "input": { "ticket": undo } })).await;
        assert_eq!(answer.code(), "INVALID_TICKET");
        // The former address is free.
        let bob = test.user("bob").await;
        assert_eq!(updated(&test, &bob.user_id, json!({ "email": ANN })).await["email"], ANN);
    }

    async fn an_address_or_a_username_that_is_taken_is_told(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        for taken in ["bob@example.org", "BOB@Example.org"] {
            assert_eq!(administer(&test, &ann.user_id, json!({ "email": taken })).await.code(), "EMAIL_TAKEN");
        }
        let input = json!({ "newEmail": "bob2@example.org", "currentPassword": PASSWORD });
        bob.run("request_email_change", json!({ "input": input })).await.ok();
        let proof = json!({ "ticket": test.mail_to("bob2@example.org").await.ticket() });
        bob.run("confirm_email_change", json!({ "input": { "proof": proof } })).await.ok();
        assert_eq!(administer(&test, &ann.user_id, json!({ "email": "bob@example.org" })).await.code(), "EMAIL_TAKEN");
        assert_eq!(ann.me().await.ok().at("/data/me/email"), ANN);

        let input = json!({ "input": { "name": "default", "usernameRequired": true } });
        test.admin().run("admin_update_connection", input).await.ok();
        assert_eq!(updated(&test, &bob.user_id, json!({ "username": "Bob" })).await["username"], "Bob");
        assert_eq!(administer(&test, &ann.user_id, json!({ "username": "bOB" })).await.code(), "USERNAME_TAKEN");
        assert_eq!(administer(&test, &bob.user_id, json!({ "username": null })).await.issues(), ["username:required"]);
        test.anon().sign_in("bob", PASSWORD).await.ok();
        let input = json!({ "input": { "name": "default", "usernameRequired": false } });
        test.admin().run("admin_update_connection", input).await.ok();
        assert_eq!(updated(&test, &bob.user_id, json!({ "username": null })).await["username"], json!(null));
    }

    async fn a_new_password_ends_whatever_the_old_one_opened(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let input = json!({ "input": { "name": "default", "passwordPolicy": { "history": 2 } } });
        test.admin().run("admin_update_connection", input).await.ok();
        let other = another_session(&test, "ann").await;
        let bob = test.user("bob").await;
        ask_for_reset(&test.anon(), ANN).await;
        let ticket = test.mail_to(ANN).await.ticket();
        assert_eq!(administer(&test, &ann.user_id, json!({ "password": PASSWORD })).await.issues(), ["password:history"]);
        let user = updated(&test, &ann.user_id, json!({ "password": OTHER_PASSWORD })).await;
        assert_eq!(user["sessions"], json!([]));
        for dead in [&ann, &other] {
            assert_eq!(reason(&dead.me().await), "SESSION_REVOKED");
            assert_eq!(dead.refresh(&dead.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_eq!(reset(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        assert_alive(&bob.me().await.ok());
        assert_eq!(test.anon().sign_in(ANN, PASSWORD).await.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in(ANN, OTHER_PASSWORD).await.ok();
        // The one that was replaced is remembered.
        assert_eq!(administer(&test, &ann.user_id, json!({ "password": PASSWORD })).await.issues(), ["password:history"]);
        assert_not_at_rest(&test, backend, OTHER_PASSWORD).await;
    }

    async fn a_disabled_account_is_out_at_once_and_its_old_sessions_stay_dead(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        ask_for_reset(&test.anon(), ANN).await;
        let ticket = test.mail_to(ANN).await.ticket();
        let user = updated(&test, &ann.user_id, json!({ "disabled": true })).await;
        assert_eq!((&user["disabled"], &user["status"], &user["sessions"]), (&json!(true), &json!("DISABLED"), &json!([])));
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(test.anon().sign_in(ANN, PASSWORD).await.code(), "ACCOUNT_DISABLED");
        // Another change leaves it so.
        assert_eq!(updated(&test, &ann.user_id, json!({ "displayName": "Ann" })).await["disabled"], json!(true));
        let user = updated(&test, &ann.user_id, json!({ "disabled": false })).await;
        assert_eq!((&user["disabled"], &user["status"]), (&json!(false), &json!("ACTIVE")));
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(reset(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        test.anon().sign_in(ANN, PASSWORD).await.ok();
    }

    async fn a_role_that_is_taken_away_is_gone_with_the_next_request_and_the_next_token(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let roles = |token: &str| {
            let claims = jwt_part(token, 1)["https://hasura.io/jwt/claims"].clone();
            (claims["x-hasura-allowed-roles"].clone(), claims["x-hasura-default-role"].clone())
        };
        assert_eq!(roles(&ann.access_token), (json!(["user", "me"]), json!("user")));
        updated(&test, &ann.user_id, json!({ "roles": ["me"], "defaultRole": "me" })).await;
        assert_eq!(ann.me().await.ok().at("/data/me/roles"), json!(["me"]));
        let next = ann.refresh(&ann.refresh_token).await.ok();
        assert_eq!(roles(&next.text("/data/refreshSession/accessToken")), (json!(["me"]), json!("me")));
        assert_eq!(next.at("/data/refreshSession/user/roles"), json!(["me"]));
    }

    async fn another_number_is_not_verified_whoever_changes_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let verified = async || updated(&test, &ann.user_id, json!({})).await["phoneNumberVerified"].clone();
        let own = async |number: Value| {
            ann.run("update_user", json!({ "input": { "phoneNumber": number } })).await.ok();
        };
        updated(&test, &ann.user_id, json!({ "phoneNumber": "+4930123456", "phoneNumberVerified": true })).await;
        // The same one once more stays verified.
        own(json!("+4930123456")).await;
        assert_eq!(verified().await, json!(true));
        updated(&test, &ann.user_id, json!({ "phoneNumber": "+4930123456" })).await;
        ann.run("update_user", json!({ "input": { "displayName": "Ann" } })).await.ok();
        assert_eq!(verified().await, json!(true));
        own(json!("+4930123457")).await;
        assert_eq!(verified().await, json!(false));
        updated(&test, &ann.user_id, json!({ "phoneNumberVerified": true })).await;
        assert_eq!(verified().await, json!(true));
        updated(&test, &ann.user_id, json!({ "phoneNumber": "+4930123458" })).await;
        assert_eq!(verified().await, json!(false));
        updated(&test, &ann.user_id, json!({ "phoneNumberVerified": true })).await;
        own(json!(null)).await;
        assert_eq!(verified().await, json!(false));
        own(json!("+4930123458")).await;
        assert_eq!(verified().await, json!(false));
    }

    async fn changes_at_once_are_all_kept_and_one_address_goes_to_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let changes = [json!({ "givenName": "Anna" }), json!({ "familyName": "Doe" }), json!({ "roles": ["user", "x"] }), json!({ "appMetadata": { "a": 1 } })];
        let (admin, id) = (test.admin(), ann.user_id.clone());
        let answers = race(4, |number| {
            let (admin, mut fields) = (admin.clone(), changes[number].clone());
            fields["userId"] = json!(id);
            async move { admin.run("admin_update_user", json!({ "input": fields })).await }
        }).await;
        assert_eq!(tally(&answers)[""], 4);
        let user = updated(&test, &ann.user_id, json!({})).await;
        for change in &changes {
            for (name, value) in change.as_object().unwrap() {
                assert_eq!(user[name], *value, "{name}");
            }
        }
        let mut ids = vec![ann.user_id.clone()];
        for name in ["bob", "eve", "joe"] {
            ids.push(test.user(name).await.user_id);
        }
        let answers = race(4, |number| {
            let (admin, id) = (admin.clone(), ids[number].clone());
            let input = json!({ "userId": id, "email": "one@example.org" });
            async move { admin.run("admin_update_user", json!({ "input": input })).await }
        }).await;
        let tally = tally(&answers);
        assert_eq!((tally[""], tally["EMAIL_TAKEN"]), (1, 3), "{tally:?}");
        assert_eq!(accounts(&test, "one@example.org").await.len(), 1);
    }

    async fn a_sign_in_beside_a_disabling_leaves_no_session(backend: Backend) {
        let test = TestApp::with(backend, crate::support::PATIENT).await;
        let ann = test.user("ann").await;
        let (anon, admin, id) = (test.anon(), test.admin(), ann.user_id.clone());
        let answers = race(8, |number| {
            let (anon, admin) = (anon.clone(), admin.clone());
            let input = json!({ "userId": id, "disabled": true });
            async move {
                match number {
                    0 => admin.run("admin_update_user", json!({ "input": input })).await,
                    _ => anon.sign_in(ANN, PASSWORD).await,
                }
            }
        }).await;
        answers.iter().for_each(|answer| assert!(["", "ACCOUNT_DISABLED", "INVALID_CREDENTIALS"].contains(&answer.code_or_ok().as_str()), "{}", answer.body));
        assert_eq!(updated(&test, &ann.user_id, json!({})).await["sessions"], json!([]));
    }
}
