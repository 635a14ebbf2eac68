//! `adminPendingSignUps` and `adminDiscardPendingSignUp`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::steps::NOBODY;
use crate::harness::{Answer, Client, TestApp, race};
use crate::support::{
    events, reason, resend, sign_up_with, tally, time, verify_code, verify_ticket,
};

async fn list(test: &TestApp, arguments: Value) -> Answer {
    test.admin().run("admin_pending_sign_ups", arguments).await
}

fn emails(answer: &Answer) -> Vec<String> {
    let nodes = answer.at("/data/adminPendingSignUps/nodes");
    let nodes = nodes
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.body));
    nodes
        .iter()
        .map(|node| node["email"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn discard(client: &Client, id: &str) -> Answer {
    let input = json!({ "input": { "pendingSignUpId": id } });
    client.run("admin_discard_pending_sign_up", input).await
}

on_both_databases! {
    async fn what_was_asked_for_shows_newest_first_and_no_secret_of_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let input = json!({ "input": { "name": "default", "usernameRequired": true } });
        test.admin().run("admin_update_connection", input).await.ok();
        let from = test.anon().calling_from("203.0.113.77");
        let fields = json!({ "email": "Ann@Example.org", "username": "Ann-1", "displayName": "Ann", "locale": "de-AT" });
        let pending = sign_up_with(&from, fields).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        sign_up_with(&test.anon(), json!({ "email": "bob@example.org", "username": "bob" })).await.ok();
        let answer = list(&test, json!({})).await.ok();
        assert_eq!(emails(&answer), ["bob@example.org", "Ann@Example.org"]);
        assert_eq!(answer.at("/data/adminPendingSignUps/totalCount"), json!(2));
        let mut ann = answer.at("/data/adminPendingSignUps/nodes/1");
        let now = test.app.now() - TimeDelta::seconds(1);
        assert_eq!(time(&answer, "/data/adminPendingSignUps/nodes/1/createdAt"), now);
        assert_eq!(time(&answer, "/data/adminPendingSignUps/nodes/1/expiresAt"), now + TimeDelta::hours(24));
        for name in ["id", "createdAt", "expiresAt"] {
            assert!(ann[name].take().is_string());
        }
        let expected = json!({
            "id": null, "email": "Ann@Example.org", "connection": "default", "clientId": "default", "displayName": "Ann",
            "username": "Ann-1", "locale": "de-AT", "askedFrom": "203.0.113.77", "createdAt": null, "expiresAt": null,
        });
        assert_eq!(ann, expected);
        // What is answered is no handle: no code can be tried with it.
        let letter = test.mail_to("Ann@Example.org").await;
        let id = answer.text("/data/adminPendingSignUps/nodes/1/id");
        assert_eq!(verify_code(&test.anon(), &id, &letter.code()).await.code(), "INVALID_CODE");
        let handle = pending.text("/data/signUp/verificationId");
        let told = answer.body.to_string();
        assert!(!told.contains(&handle) && !told.contains(&letter.ticket()) && !told.contains(&letter.code()));
    }

    async fn only_what_can_still_become_an_account_is_listed(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        test.anon().sign_up("old@example.org").await.ok();
        test.clock.advance(TimeDelta::hours(24));
        // A decoy, one that was answered, one that was pushed out, and mails of other purposes.
        test.anon().sign_up("ann@example.org").await.ok();
        let input = json!({ "input": { "email": "ann@example.org" } });
        test.anon().run("request_password_reset", input).await.ok();
        for _ in 0..6 {
            test.anon().sign_up("bob@example.org").await.ok();
        }
        let answer = list(&test, json!({})).await.ok();
        assert_eq!(emails(&answer), ["bob@example.org"; 5]);
        assert_eq!(answer.at("/data/adminPendingSignUps/totalCount"), json!(5));
        let ticket = test.mail_to("bob@example.org").await.ticket();
        verify_ticket(&test.anon(), &ticket).await.ok();
        assert!(emails(&list(&test, json!({})).await.ok()).is_empty());
    }

    async fn pages_and_filters_are_those_of_every_list(backend: Backend) {
        let test = TestApp::start(backend).await;
        for name in ["anna", "ann", "bob"] {
            test.anon().sign_up(&format!("{name}@example.org")).await.ok();
            test.clock.advance(TimeDelta::milliseconds(1));
        }
        let page = list(&test, json!({ "first": 2 })).await.ok();
        assert_eq!(emails(&page), ["bob@example.org", "ann@example.org"]);
        assert_eq!(page.at("/data/adminPendingSignUps/pageInfo/hasNextPage"), json!(true));
        let after = page.text("/data/adminPendingSignUps/pageInfo/endCursor");
        assert_eq!(emails(&list(&test, json!({ "first": 2, "after": after })).await.ok()), ["anna@example.org"]);
        assert_eq!(emails(&list(&test, json!({ "last": 1 })).await.ok()), ["anna@example.org"]);
        let foreign = test.admin().run("admin_users", json!({ "after": after })).await;
        assert_eq!(foreign.issues(), ["after:format"]);
        assert_eq!(list(&test, json!({ "first": 101 })).await.issues(), ["first:not_allowed"]);
        for (filter, expected) in [
            (json!({ "emailStartsWith": "ANN" }), 2), (json!({ "emailStartsWith": "ann@" }), 1), (json!({ "connection": "default" }), 3),
            (json!({ "connection": "nowhere" }), 0), (json!({ "emailStartsWith": "ann", "connection": "default" }), 2),
            (json!({ "emailStartsWith": "ann\0" }), 0), (json!({ "emailStartsWith": "%" }), 0), (json!({ "connection": "\0" }), 0), (json!({}), 3),
        ] {
            assert_eq!(emails(&list(&test, json!({ "filter": filter })).await.ok()).len(), expected, "{filter}");
        }
    }

    async fn nothing_comes_of_what_is_discarded(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = test.anon().sign_up("ann@example.org").await.ok();
        let handle = pending.text("/data/signUp/verificationId");
        let letter = test.mail_to("ann@example.org").await;
        let id = list(&test, json!({})).await.ok().text("/data/adminPendingSignUps/nodes/0/id");
        let answer = discard(&test.admin(), &id).await.ok();
        assert_eq!(answer.text("/data/adminDiscardPendingSignUp/pendingSignUpId"), id);
        assert!(emails(&list(&test, json!({})).await.ok()).is_empty());
        assert_eq!(verify_ticket(&test.anon(), &letter.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(verify_code(&test.anon(), &handle, &letter.code()).await.code(), "INVALID_CODE");
        resend(&test.anon(), &handle).await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 1);
        assert_eq!(discard(&test.admin(), &id).await.code(), "NOT_FOUND");
        let told = events(&test, "sign_up_discarded").await;
        assert_eq!((told.len(), told[0].actor.as_str()), (1, "administrator"));
        // The address is as free as before.
        test.user("ann").await;
    }

    async fn the_trail_tells_which_sign_up_was_discarded_and_not_whose(backend: Backend) {
        let test = TestApp::start(backend).await;
        for name in ["ann", "bob"] {
            test.anon().sign_up(&format!("{name}@example.org")).await.ok();
            test.clock.advance(TimeDelta::seconds(1));
        }
        let id = list(&test, json!({})).await.ok().text("/data/adminPendingSignUps/nodes/1/id");
        discard(&test.admin(), &id).await.ok();
        let told = async |kind: &str| {
            let filter = json!({ "filter": { "kind": kind } });
            test.admin().run("admin_audit_events", filter).await.ok().at("/data/adminAuditEvents/nodes")
        };
        let (discarded, requested) = (told("SIGN_UP_DISCARDED").await, told("SIGN_UP_REQUESTED").await);
        // The older of the two.
        let event = &requested[1]["id"];
        assert_eq!(discarded[0]["details"], json!({ "pendingSignUpId": id, "eventId": event }));
        let asked = test.admin().run("node", json!({ "id": event })).await.ok();
        assert_eq!((asked.at("/data/node/id"), asked.at("/data/node/__typename")), (event.clone(), json!("AuditEvent")));
        assert!(!discarded.to_string().contains("ann@"), "{discarded}");
    }

    async fn a_mail_that_has_not_left_stays_here(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let id = list(&test, json!({})).await.ok().text("/data/adminPendingSignUps/nodes/0/id");
        discard(&test.admin(), &id).await.ok();
        assert!(test.mails().await.is_empty());
    }

    async fn what_is_not_open_is_not_found_and_nobody_else_may(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.anon().sign_up("ann@example.org").await.ok();
        let input = json!({ "input": { "email": "ann@example.org" } });
        test.anon().run("request_password_reset", input).await.ok();
        // Decoys and mails of other purposes have ids of the same kind.
        let mut ids: Vec<String> = crate::support::open_verifications(&test).await.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids.len(), 2);
        ids.extend([NOBODY, "", "x", "\0"].map(str::to_owned));
        for id in &ids {
            assert_eq!(discard(&test.admin(), id).await.code(), "NOT_FOUND", "{id:?}");
        }
        assert_eq!(crate::support::open_verifications(&test).await.len(), 2);
        test.anon().sign_up("bob@example.org").await.ok();
        let id = list(&test, json!({})).await.ok().text("/data/adminPendingSignUps/nodes/0/id");
        assert_eq!(reason(&discard(&test.anon(), &id).await), "TOKEN_MISSING");
        assert_eq!(discard(&ann, &id).await.code(), "FORBIDDEN");
        assert_eq!(reason(&test.anon().run("admin_pending_sign_ups", json!({})).await), "TOKEN_MISSING");
        assert_eq!(ann.run("admin_pending_sign_ups", json!({})).await.code(), "FORBIDDEN");
        test.clock.advance(TimeDelta::hours(24));
        assert_eq!(discard(&test.admin(), &id).await.code(), "NOT_FOUND");
        assert!(events(&test, "sign_up_discarded").await.is_empty());
    }

    async fn of_those_who_discard_and_who_answers_one_wins(backend: Backend) {
        let test = TestApp::with(backend, crate::support::PATIENT).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let id = list(&test, json!({})).await.ok().text("/data/adminPendingSignUps/nodes/0/id");
        let (admin, anon) = (test.admin(), test.anon());
        let answers = race(10, |number| {
            let (admin, anon, id, ticket) = (admin.clone(), anon.clone(), id.clone(), ticket.clone());
            async move {
                match number % 2 {
                    0 => discard(&admin, &id).await,
                    _ => verify_ticket(&anon, &ticket).await,
                }
            }
        }).await;
        let tally = tally(&answers);
        assert_eq!(tally[""], 1, "{tally:?}");
        let (made, discarded) = (events(&test, "signed_up").await.len(), events(&test, "sign_up_discarded").await.len());
        assert_eq!(made + discarded, 1);
    }
}
