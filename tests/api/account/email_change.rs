//! `requestEmailChange` and `confirmEmailChange`.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp, by_code, by_ticket, race};
use crate::password::steps;
use crate::password::turn::{Crowd, ONE_AT_A_TIME};
use crate::support::{
    PATIENT, another_session, assert_alive, events, jwt_part, open_verifications, reason, shape,
    sign_up_with, tally, verify_ticket,
};

/// That many hashes take longer than what is done meanwhile.
const CROWD: usize = 30;
const SLOW: (&str, &str) = ("VESTIBULE_PASSWORD_PASSES", "8");

pub async fn request(client: &Client, email: &str) -> Answer {
    request_with(client, json!({ "newEmail": email })).await
}

async fn request_with(client: &Client, fields: Value) -> Answer {
    let mut input = json!({ "currentPassword": PASSWORD });
    for (name, value) in fields.as_object().expect("an object") {
        input[name] = value.clone();
    }
    client
        .run("request_email_change", json!({ "input": input }))
        .await
}

pub async fn confirm(client: &Client, ticket: &str) -> Answer {
    client.run("confirm_email_change", by_ticket(ticket)).await
}

/// Asks and answers; the client goes on under the fresh tokens.
pub async fn change(test: &TestApp, client: &Client, email: &str) -> Client {
    request(client, email).await.ok();
    let letter = test.mail_to(email).await;
    assert_eq!(letter.purpose(), "EMAIL_CHANGE");
    let answer = confirm(client, &letter.ticket()).await.ok();
    test.anon()
        .signed_in(&answer.at("/data/confirmEmailChange"))
}

async fn address(client: &Client) -> String {
    client.me().await.ok().text("/data/me/email")
}

/// Of somebody whose password is hashed while this is done.
async fn asked_while(test: &TestApp, ann: &Client, done: impl Future<Output = ()>) -> Answer {
    let slow = test
        .second_instance_with(&[&[ONE_AT_A_TIME, SLOW], PATIENT].concat())
        .await;
    let thief = Client::new(slow.front.clone()).bearer(&ann.access_token);
    let crowd = Crowd::comes(&slow, CROWD, false).await;
    let asked = tokio::spawn(async move { request(&thief, "evil@example.org").await });
    let end = Instant::now() + Duration::from_secs(120);
    while slow.app.hasher.waiting() < CROWD {
        assert!(Instant::now() < end, "nobody asks");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    done.await;
    crowd.leave().await;
    asked.await.expect("an answer")
}

on_both_databases! {
    /// Whoever has the old password, and an access token, has a request under way at all times.
    async fn a_request_under_way_does_not_outlive_what_the_owner_does_against_it(backend: Backend) {
        // The hash costs the same everywhere: to raise it would be one more.
        let test = TestApp::with(backend, &[&[SLOW], PATIENT].concat()).await;
        let ann = test.user("ann").await;
        steps::ask(&test.anon(), "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let reset = async { drop(steps::by_ticket(&test.anon(), &ticket, steps::NEW).await.ok()) };
        let asked = asked_while(&test, &ann, reset).await;
        assert_eq!(asked.code(), "INVALID_CREDENTIALS");

        let ann = test.anon().sign_in("ann@example.org", steps::NEW).await.ok();
        let ann = test.anon().signed_in(&ann.at("/data/signIn"));
        steps::change(&ann, steps::NEW, PASSWORD).await.ok();
        let ann = another_session(&test, "ann").await;
        let sign_out = async {
            let all = json!({ "input": { "scope": "ALL", "refreshToken": ann.refresh_token } });
            test.anon().run("sign_out", all).await.ok();
        };
        let asked = asked_while(&test, &ann, sign_out).await;
        assert_eq!(reason(&asked), "SESSION_REVOKED");
        assert_eq!(test.mails_to("evil@example.org").await, 0);
        let open = open_verifications(&test).await;
        assert!(open.is_empty(), "{open:?}");
    }

    async fn a_domain_that_was_blocked_meanwhile_is_refused_and_the_mail_stays_good(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        request(&ann, "ann@new.example").await.ok();
        let ticket = test.mail_to("ann@new.example").await.ticket();
        let block = async |domains: Value| {
            let input = json!({ "name": "default", "blockedEmailDomains": domains });
            test.admin().run("admin_update_connection", json!({ "input": input })).await.ok();
        };
        block(json!(["new.example"])).await;
        let answer = confirm(&ann, &ticket).await;
        assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec!["email:not_allowed".to_owned()]));
        assert_eq!(address(&ann).await, "ann@example.org");
        block(json!([])).await;
        confirm(&ann, &ticket).await.ok();
    }

    async fn the_answered_mail_changes_the_address_and_this_session_goes_on_under_fresh_tokens(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let pending = request(&ann, "New@example.org").await.ok();
        assert_eq!(pending.text("/data/requestEmailChange/__typename"), "PendingVerification");
        assert_eq!(pending.text("/data/requestEmailChange/purpose"), "EMAIL_CHANGE");
        assert_eq!(pending.text("/data/requestEmailChange/email"), "New@example.org");
        let letter = test.mail_to("New@example.org").await;
        assert_eq!(letter.link(), format!("http://127.0.0.1:4000/confirm-email?ticket={}", letter.ticket()));
        // Nothing has changed yet.
        assert_eq!(address(&ann).await, "ann@example.org");
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(test.anon().sign_in("new@example.org", PASSWORD).await.code(), "INVALID_CREDENTIALS");

        let answer = confirm(&ann, &letter.ticket()).await.ok();
        let session = answer.at("/data/confirmEmailChange");
        assert_eq!(session["sessionId"], json!(ann.session_id));
        assert_eq!(session["user"]["email"], json!("New@example.org"));
        assert_eq!(session["user"]["emailVerified"], json!(true));
        let fresh = test.anon().signed_in(&session);
        assert_eq!(jwt_part(&fresh.access_token, 1)["email"], json!("New@example.org"));
        assert_eq!(jwt_part(&fresh.access_token, 1)["email_verified"], json!(true));
        assert_eq!(address(&fresh).await, "New@example.org");
        assert_alive(&other.me().await.ok());
        assert_ne!(fresh.refresh_token, ann.refresh_token);
        fresh.refresh(&fresh.refresh_token).await.ok();
        test.anon().sign_in("new@example.org", PASSWORD).await.ok();
        assert_eq!(test.anon().sign_in("ann@example.org", PASSWORD).await.code(), "INVALID_CREDENTIALS");
        assert_eq!(confirm(&fresh, &letter.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(events(&test, "email_changed").await.len(), 1);

        let told = test.mail_to("ann@example.org").await;
        assert_eq!(told.purpose(), "EMAIL_CHANGED");
        assert!(told.text().contains("New@example.org"), "{}", told.text());
        assert_eq!(told.link(), format!("http://127.0.0.1:4000/undo-email-change?ticket={}", told.ticket()));
    }

    async fn the_code_works_as_well_as_the_link_and_only_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let pending = request(&ann, "new@example.org").await.ok();
        let handle = pending.text("/data/requestEmailChange/verificationId");
        let letter = test.mail_to("new@example.org").await;
        let code = letter.code();
        let wrong = if code == "000000" { "000001" } else { "000000" };
        assert_eq!(ann.run("confirm_email_change", by_code(&handle, wrong)).await.code(), "INVALID_CODE");
        let answer = ann.run("confirm_email_change", by_code(&handle, &code)).await.ok();
        let fresh = test.anon().signed_in(&answer.at("/data/confirmEmailChange"));
        assert_eq!(address(&fresh).await, "new@example.org");
        assert_eq!(fresh.run("confirm_email_change", by_code(&handle, &code)).await.code(), "INVALID_CODE");
        assert_eq!(confirm(&fresh, &letter.ticket()).await.code(), "INVALID_TICKET");
    }

    async fn a_wrong_password_an_own_or_a_malformed_address_starts_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let mails = test.mails().await.len();
        for wrong in ["", "not the password", &"x".repeat(257)] {
            let answer = request_with(&ann, json!({ "newEmail": "new@example.org", "currentPassword": wrong })).await;
            assert_eq!(answer.code(), "INVALID_CREDENTIALS", "{wrong:.20}");
        }
        for (email, issue) in [
            ("", "newEmail:required"), ("new", "newEmail:format"), ("new@example.org\r\nBcc: x@example.org", "newEmail:format"),
            ("ann@example.org", "newEmail:not_allowed"), ("ANN@Example.org", "newEmail:not_allowed"),
        ] {
            let answer = request(&ann, email).await;
            assert_eq!(answer.code(), "INVALID_INPUT", "{email:?}");
            assert_eq!(answer.issues(), [issue], "{email:?}");
        }
        assert_eq!(test.mails().await.len(), mails);
        assert!(events(&test, "email_change_requested").await.is_empty());
    }

    async fn nobody_asks_or_confirms_without_being_signed_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        assert_eq!(reason(&request(&test.anon(), "new@example.org").await), "TOKEN_MISSING");
        let pending = request(&ann, "new@example.org").await.ok();
        let handle = pending.text("/data/requestEmailChange/verificationId");
        let letter = test.mail_to("new@example.org").await;
        assert_eq!(reason(&confirm(&test.anon(), &letter.ticket()).await), "TOKEN_MISSING");
        // Another user's proof is as unknown as any.
        assert_eq!(confirm(&bob, &letter.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(bob.run("confirm_email_change", by_code(&handle, &letter.code())).await.code(), "INVALID_CODE");
        assert_eq!(address(&bob).await, "bob@example.org");
        // Of another purpose, too.
        assert_eq!(verify_ticket(&ann, &letter.ticket()).await.code(), "INVALID_TICKET");
        confirm(&ann, &letter.ticket()).await.ok();
    }

    async fn a_taken_address_gets_the_same_answer_its_owner_is_told_and_nothing_redeems(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, _) = (test.user("ann").await, test.user("bob").await);
        let free = request(&ann, "new@example.org").await.ok();
        let taken = request(&ann, "BOB@example.org").await.ok();
        assert_eq!(shape(&free), shape(&taken));
        assert_eq!(taken.text("/data/requestEmailChange/email"), "BOB@example.org");
        assert_eq!(test.mails_to("BOB@example.org").await, 0);
        let told = test.mail_to("bob@example.org").await;
        assert_eq!(told.purpose(), "EMAIL_CHANGE_TAKEN");
        assert!(told.0.mail.content.proof.is_none());
        // Not even with what the mail would have held.
        let row = crate::support::open_verifications(&test).await.pop().expect("the decoy");
        let (ticket, code) = (test.app.tickets.ticket(row.id), test.app.tickets.code(row.purpose, row.id, row.code_round));
        assert_eq!(confirm(&ann, ticket.expose()).await.code(), "INVALID_TICKET");
        let handle = taken.text("/data/requestEmailChange/verificationId");
        assert_eq!(ann.run("confirm_email_change", by_code(&handle, code.expose())).await.code(), "INVALID_CODE");
        assert_eq!(address(&ann).await, "ann@example.org");
    }

    async fn only_the_last_request_counts_for_24_hours(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        request(&ann, "one@example.org").await.ok();
        let first = test.mail_to("one@example.org").await.ticket();
        request(&ann, "two@example.org").await.ok();
        let second = test.mail_to("two@example.org").await.ticket();
        assert_eq!(confirm(&ann, &first).await.code(), "INVALID_TICKET");
        test.clock.advance(TimeDelta::hours(24));
        let ann = another_session(&test, "ann").await;
        assert_eq!(confirm(&ann, &second).await.code(), "INVALID_TICKET");
        request(&ann, "three@example.org").await.ok();
        let third = test.mail_to("three@example.org").await.ticket();
        test.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        let ann = another_session(&test, "ann").await;
        confirm(&ann, &third).await.ok();
    }

    async fn tickets_mailed_to_the_old_address_are_void(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let reset = "mutation { requestPasswordReset(input: { email: \"ann@example.org\" }) { __typename } }";
        test.anon().query(reset, json!({})).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        change(&test, &ann, "new@example.org").await;
        let redeem = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }";
        let input = json!({ "input": { "proof": { "ticket": ticket }, "newPassword": "a brand new horse battery" } });
        assert_eq!(test.anon().query(redeem, input).await.code(), "INVALID_TICKET");
        test.anon().sign_in("new@example.org", PASSWORD).await.ok();
    }

    async fn the_old_address_is_reserved_for_72_hours_and_then_free(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let for_taken = test.anon().sign_up("bob@example.org").await.ok();
        change(&test, &ann, "new@example.org").await;
        let before = test.mails_to("ann@example.org").await;
        let reserved = sign_up_with(&test.anon(), json!({})).await.ok();
        assert_eq!(shape(&reserved), shape(&for_taken));
        request(&bob, "ann@example.org").await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, before);
        for row in crate::support::open_verifications(&test).await.iter().filter(|row| row.email_key == "ann@example.org" && row.decoy) {
            let ticket = test.app.tickets.ticket(row.id);
            assert_eq!(verify_ticket(&test.anon(), ticket.expose()).await.code(), "INVALID_TICKET");
            assert_eq!(confirm(&bob, ticket.expose()).await.code(), "INVALID_TICKET");
        }
        test.require_verification(false).await;
        test.clock.advance(TimeDelta::hours(72) - TimeDelta::seconds(1));
        assert_eq!(sign_up_with(&test.anon(), json!({})).await.code(), "EMAIL_TAKEN");
        test.clock.advance(TimeDelta::seconds(1));
        sign_up_with(&test.anon(), json!({})).await.ok();
    }

    async fn of_fifty_answers_to_one_mail_one_changes_the_address(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        request(&ann, "new@example.org").await.ok();
        let ticket = test.mail_to("new@example.org").await.ticket();
        let answers = race(50, |_| {
            let (client, ticket) = (ann.clone(), ticket.clone());
            async move { confirm(&client, &ticket).await }
        }).await;
        assert_eq!(tally(&answers)[""], 1);
        assert_eq!(tally(&answers)["INVALID_TICKET"], 49);
        assert_eq!(events(&test, "email_changed").await.len(), 1);
        assert_eq!(address(&ann).await, "new@example.org");
    }

    async fn of_two_users_who_confirm_one_address_one_gets_it(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let mut users = Vec::new();
        for name in ["ann", "bob"] {
            let client = test.user(name).await;
            request(&client, "new@example.org").await.ok();
            let ticket = test.mail_to("new@example.org").await.ticket();
            users.push((client, ticket));
        }
        let answers = race(2, |number| {
            let (client, ticket) = users[number].clone();
            async move { confirm(&client, &ticket).await }
        }).await;
        assert_eq!(tally(&answers)[""], 1);
        assert_eq!(tally(&answers)["INVALID_TICKET"], 1);
        let loser = answers.iter().position(|answer| !answer.code_or_ok().is_empty()).expect("a loser");
        assert_eq!(address(&users[loser].0).await, ["ann@example.org", "bob@example.org"][loser]);
        assert_eq!(address(&users[1 - loser].0).await, "new@example.org");
    }

    async fn the_link_leads_to_the_listed_redirect_and_options_are_listed_ones(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let fields = json!({ "newEmail": "new@example.org", "redirectTo": "http://localhost:3000/account?x=1" });
        request_with(&ann, fields).await.ok();
        let letter = test.mail_to("new@example.org").await;
        assert_eq!(letter.link(), format!("http://localhost:3000/account?x=1&ticket={}&purpose=EMAIL_CHANGE", letter.ticket()));
        let refused = request_with(&ann, json!({ "newEmail": "new@example.org", "redirectTo": "https://evil.example/" })).await;
        assert_eq!(refused.code(), "REDIRECT_NOT_ALLOWED");
        let refused = request_with(&ann, json!({ "newEmail": "new@example.org", "templateOptions": { "surprise": "x" } })).await;
        assert_eq!(refused.issues(), ["templateOptions.surprise:not_allowed"]);
        // A refused request voids nothing.
        confirm(&ann, &letter.ticket()).await.ok();
    }
}
