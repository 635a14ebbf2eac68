//! The answer to a mail is handed to the device that asked for it: what is picked on the phone signs the laptop in.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::support::{
    PATIENT, accounts, events, list_origins, open_verifications, resend, shape, sign_up_with,
    tally, verify_code, verify_ticket,
};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A mail that waits for its answer, as the laptop and as the phone know it.
pub struct Pending {
    pub handle: String,
    /// What the laptop shows.
    pub number: i32,
    /// What the link on the phone carries.
    pub ticket: String,
    pub code: String,
}

impl Pending {
    pub async fn of(test: &TestApp, email: &str) -> Self {
        Self::asked(test, email, json!({})).await
    }

    pub async fn asked(test: &TestApp, email: &str, mut fields: Value) -> Self {
        fields["email"] = json!(email);
        let answer = sign_up_with(&test.anon(), fields).await.ok();
        let letter = test.mail_to(email).await;
        Self {
            handle: answer.text("/data/signUp/verificationId"),
            number: number(&answer, "/data/signUp/handoffNumber"),
            ticket: letter.ticket(),
            code: letter.code(),
        }
    }

    /// One of the numbers that the laptop does not show.
    pub async fn wrong(&self, test: &TestApp) -> i32 {
        let choices = choices(test, &self.ticket).await;
        *choices
            .iter()
            .find(|choice| **choice != self.number)
            .expect("two others")
    }
}

pub fn number(answer: &Answer, pointer: &str) -> i32 {
    let number = answer.at(pointer).as_i64();
    let number = number.unwrap_or_else(|| panic!("no number at {pointer}: {}", answer.body));
    number.try_into().expect("two digits")
}

/// What the page behind the link offers.
pub async fn choices(test: &TestApp, ticket: &str) -> Vec<i32> {
    let input = json!({ "input": { "ticket": ticket } });
    let answer = test.anon().run("handoff_choices", input).await.ok();
    serde_json::from_value(answer.at("/data/handoffChoices/numbers")).expect("numbers")
}

pub async fn pick(client: &Client, ticket: &str, number: i32) -> Answer {
    let input = json!({ "ticket": ticket, "handoffNumber": number });
    client
        .run("approve_handoff", json!({ "input": input }))
        .await
}

pub async fn wait(client: &Client, handle: &str) -> Answer {
    wait_with(client, json!({ "verificationId": handle })).await
}

pub async fn wait_with(client: &Client, input: Value) -> Answer {
    client
        .run("await_verification", json!({ "input": input }))
        .await
}

pub fn kind(answer: &Answer) -> String {
    answer
        .at("/data/awaitVerification/__typename")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[track_caller]
fn assert_approved(answer: Answer, approved: bool) {
    assert_eq!(
        answer.ok().at("/data/approveHandoff/approved"),
        json!(approved)
    );
}

on_both_databases! {
    async fn the_laptop_that_waits_is_signed_in_when_its_number_is_picked_on_the_phone(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_VERIFICATION_WAIT", "25000")]).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let (laptop, handle) = (test.anon().calling_from("192.0.2.1"), pending.handle.clone());
        let waiting = tokio::spawn(async move { wait(&laptop, &handle).await });
        crate::account::handoff_wait::until_waiting(&test, 1).await;
        let choices = choices(&test, &pending.ticket).await;
        assert_eq!((choices.len(), choices.contains(&pending.number)), (3, true));
        assert!(accounts(&test, "ann@example.org").await.is_empty(), "nothing has happened yet");
        assert_approved(pick(&test.anon().calling_from("192.0.2.2"), &pending.ticket, pending.number).await, true);
        let session = waiting.await.expect("an answer").ok();
        assert_eq!(kind(&session), "Session");
        let me = test.anon().signed_in(&session.at("/data/awaitVerification")).me().await;
        assert_eq!(me.text("/data/me/email"), "ann@example.org");
        let claims = crate::support::jwt_part(&session.text("/data/awaitVerification/accessToken"), 1);
        assert_eq!(claims["amr"], json!(["otp"]));

        let user = accounts(&test, "ann@example.org").await.pop().expect("a user");
        let approved = events(&test, "handoff_approved").await;
        assert_eq!(approved.len(), 1);
        assert_eq!(approved[0].ip_address.as_deref(), Some("192.0.2.2"));
        assert_eq!(approved[0].user_id, Some(user.id), "what the sign-up left behind goes with the account");
        let signed_up = events(&test, "signed_up").await;
        assert_eq!((signed_up.len(), &signed_up[0].details), (1, &json!({ "handoff": true })));
        assert_eq!(signed_up[0].ip_address.as_deref(), Some("192.0.2.1"));
        assert!(signed_up[0].session_id.is_some());

        // Each ended the others.
        assert_eq!(kind(&wait_short(&test, &pending.handle).await), "PendingVerification");
        assert_eq!(verify_ticket(&test.anon(), &pending.ticket).await.code(), "INVALID_TICKET");
        assert_eq!(verify_code(&test.anon(), &pending.handle, &pending.code).await.code(), "INVALID_CODE");
        // A finger that taps twice has done what it wanted.
        assert_approved(pick(&test.anon(), &pending.ticket, pending.number).await, true);
        assert_eq!(events(&test, "handoff_approved").await.len(), 1);
    }

    async fn another_number_ends_the_hand_off_for_good_and_neither_link_nor_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        for by_code in [true, false] {
            let email = format!("ann{}@example.org", u8::from(by_code));
            let pending = Pending::of(&test, &email).await;
            assert_approved(pick(&test.anon(), &pending.ticket, pending.wrong(&test).await).await, false);
            assert_eq!(pick(&test.anon(), &pending.ticket, pending.number).await.code(), "INVALID_TICKET");
            let input = json!({ "input": { "ticket": pending.ticket } });
            assert_eq!(test.anon().run("handoff_choices", input).await.code(), "INVALID_TICKET");
            assert_eq!(kind(&wait(&test.anon(), &pending.handle).await.ok()), "PendingVerification");
            let again = resend(&test.anon(), &pending.handle).await.ok();
            assert_eq!(number(&again, "/data/resendVerification/handoffNumber"), pending.number);
            assert_eq!(pick(&test.anon(), &pending.ticket, pending.number).await.code(), "INVALID_TICKET");
            let verified = if by_code {
                verify_code(&test.anon(), &pending.handle, &test.mail_to(&email).await.code()).await
            } else {
                verify_ticket(&test.anon(), &pending.ticket).await
            };
            verified.ok();
        }
        assert_eq!(events(&test, "handoff_refused").await.len(), 2);
        assert!(events(&test, "handoff_approved").await.is_empty());
    }

    async fn a_number_that_was_not_offered_is_another_number(backend: Backend) {
        let test = TestApp::start(backend).await;
        for (name, number) in [("ann", 0), ("bob", -1), ("cid", i32::MAX)] {
            let pending = Pending::of(&test, &format!("{name}@example.org")).await;
            assert_approved(pick(&test.anon(), &pending.ticket, number).await, false);
            assert_eq!(pick(&test.anon(), &pending.ticket, pending.number).await.code(), "INVALID_TICKET");
        }
        for ticket in ["", "x", "\u{0}"] {
            assert_eq!(pick(&test.anon(), ticket, 42).await.code(), "INVALID_TICKET");
        }
    }

    async fn every_request_of_this_kind_shows_a_number_and_others_none(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let taken = test.anon().sign_up("ann@example.org").await.ok();
        let free = test.anon().sign_up("bob@example.org").await.ok();
        assert_eq!(shape(&taken), shape(&free));
        for (answer, email) in [(&taken, "ann@example.org"), (&free, "bob@example.org")] {
            test.mail_to(email).await;
            let handle = answer.text("/data/signUp/verificationId");
            let shown = number(answer, "/data/signUp/handoffNumber");
            assert!((10..=99).contains(&shown));
            let again = resend(&test.anon(), &handle).await.ok();
            assert_eq!(number(&again, "/data/resendVerification/handoffNumber"), shown);
            let waited = wait(&test.anon(), &handle).await.ok();
            assert_eq!(number(&waited, "/data/awaitVerification/handoffNumber"), shown);
        }
        let input = json!({ "input": { "email": "ann@example.org" } });
        let reset = test.anon().run("request_password_reset", input).await.ok();
        assert_eq!(reset.at("/data/requestPasswordReset/handoffNumber"), Value::Null);
        let input = json!({ "input": { "ticket": test.mail_to("ann@example.org").await.ticket() } });
        assert_eq!(test.anon().run("handoff_choices", input).await.code(), "INVALID_TICKET");
        let input = json!({ "input": { "newEmail": "new@example.org", "currentPassword": PASSWORD } });
        let change = ann.run("request_email_change", input).await.ok();
        assert_eq!(change.at("/data/requestEmailChange/handoffNumber"), Value::Null);
    }

    async fn who_signs_in_unverified_is_signed_in_by_the_phone_too(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        let user_id = test.anon().sign_up("ann@example.org").await.ok().text("/data/signUp/user/id");
        test.require_verification(true).await;
        let link = json!({ "userId": user_id, "purpose": "EMAIL_VERIFICATION" });
        let made = test.admin().run("admin_make_link", json!({ "input": link })).await.ok();
        let made = made.text("/data/adminMakeLink/link");
        let ticket = made.split("ticket=").nth(1).and_then(|rest| rest.split('&').next()).expect("a ticket");
        let input = json!({ "input": { "ticket": ticket } });
        assert_eq!(test.anon().run("handoff_choices", input).await.code(), "INVALID_TICKET", "no device waits for it");

        let asked = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        let (handle, shown) = (asked.text("/data/signIn/verificationId"), number(&asked, "/data/signIn/handoffNumber"));
        let ticket = test.mail_to("ann@example.org").await.ticket();
        assert_approved(pick(&test.anon(), &ticket, shown).await, true);
        let session = wait(&test.anon(), &handle).await.ok();
        assert_eq!(session.at("/data/awaitVerification/user/emailVerified"), json!(true));
        assert_eq!(events(&test, "email_verified").await[0].details, json!({ "handoff": true }));
    }

    async fn only_the_holder_of_the_verifier_takes_what_is_handed_over(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({ "redirectTo": "http://localhost:3000/done", "codeChallenge": CHALLENGE });
        let pending = Pending::asked(&test, "ann@example.org", fields).await;
        let plain = Pending::of(&test, "bob@example.org").await;
        for pending in [&pending, &plain] {
            assert_approved(pick(&test.anon(), &pending.ticket, pending.number).await, true);
        }
        for verifier in [None, Some(""), Some("wrong"), Some(CHALLENGE)] {
            let input = json!({ "verificationId": pending.handle, "codeVerifier": verifier });
            assert_eq!(kind(&wait_with(&test.anon(), input).await.ok()), "PendingVerification", "{verifier:?}");
        }
        let with = |pending: &Pending| json!({ "verificationId": pending.handle, "codeVerifier": VERIFIER });
        assert_eq!(kind(&wait_with(&test.anon(), with(&pending)).await.ok()), "Session");
        // Where there is no challenge, somebody has cut it out of the request.
        assert_eq!(kind(&wait_with(&test.anon(), with(&plain)).await.ok()), "PendingVerification");
        assert_eq!(kind(&wait(&test.anon(), &plain.handle).await.ok()), "Session");
    }

    async fn what_is_handed_over_is_good_for_ten_minutes_and_no_longer_than_the_link(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (Pending::of(&test, "ann@example.org").await, Pending::of(&test, "bob@example.org").await);
        for pending in [&ann, &bob] {
            assert_approved(pick(&test.anon(), &pending.ticket, pending.number).await, true);
        }
        test.clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
        assert_eq!(kind(&wait(&test.anon(), &ann.handle).await.ok()), "Session");
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(kind(&wait(&test.anon(), &bob.handle).await.ok()), "PendingVerification");
        assert_eq!(pick(&test.anon(), &bob.ticket, bob.number).await.code(), "INVALID_TICKET");
        verify_ticket(&test.anon(), &bob.ticket).await.ok();

        let (cid, dan) = (Pending::of(&test, "cid@example.org").await, Pending::of(&test, "dan@example.org").await);
        test.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        assert_approved(pick(&test.anon(), &cid.ticket, cid.number).await, true);
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(kind(&wait(&test.anon(), &cid.handle).await.ok()), "PendingVerification");
        assert_eq!(pick(&test.anon(), &dan.ticket, dan.number).await.code(), "INVALID_TICKET");
    }

    async fn of_link_code_and_two_devices_that_wait_one_gets_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        for round in 0..6 {
            let email = format!("ann{round}@example.org");
            let pending = Pending::of(&test, &email).await;
            // In half of the rounds those who wait are there before.
            if round % 2 == 0 {
                assert_approved(pick(&test.anon(), &pending.ticket, pending.number).await, true);
            }
            let answers = race(5, |number| {
                let (client, handle, ticket) = (test.anon(), pending.handle.clone(), pending.ticket.clone());
                let (code, shown) = (pending.code.clone(), pending.number);
                async move {
                    match number {
                        0 | 1 => wait(&client, &handle).await,
                        2 => verify_ticket(&client, &ticket).await,
                        3 => verify_code(&client, &handle, &code).await,
                        _ => pick(&client, &ticket, shown).await,
                    }
                }
            }).await;
            let opened = |answer: &&Answer| answer.body.to_string().contains("accessToken");
            assert_eq!(answers.iter().filter(opened).count(), 1, "{:?}", tally(&answers));
            assert!(!tally(&answers).contains_key("INTERNAL"), "{:?}", tally(&answers));
            assert_eq!(accounts(&test, &email).await.len(), 1);
        }
        assert_eq!(events(&test, "signed_up").await.len(), 6);
    }

    async fn of_many_picks_at_once_one_counts(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let choices = choices(&test, &pending.ticket).await;
        race(12, |number| {
            let (client, ticket, choice) = (test.anon(), pending.ticket.clone(), choices[number % 3]);
            async move { pick(&client, &ticket, choice).await }
        }).await;
        let approved = events(&test, "handoff_approved").await.len();
        let refused = events(&test, "handoff_refused").await.len();
        assert_eq!(approved + refused, 1);
        let expected = if approved == 1 { "Session" } else { "PendingVerification" };
        assert_eq!(kind(&wait(&test.anon(), &pending.handle).await.ok()), expected);
    }

    async fn of_many_taps_on_the_right_number_at_once_each_is_told_so_and_one_counts(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let taps = race(8, |_| {
            let (client, ticket, number) = (test.anon(), pending.ticket.clone(), pending.number);
            async move { pick(&client, &ticket, number).await }
        }).await;
        for tap in taps {
            assert_approved(tap, true);
        }
        assert_eq!(events(&test, "handoff_approved").await.len(), 1);
    }

    async fn the_session_is_the_waiting_applications_and_travels_as_it_asks(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &["https://app.example.org"]).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        assert_approved(pick(&test.anon(), &pending.ticket, pending.number).await, true);
        let other = test.anon().header("x-client-id", "other");
        assert_eq!(kind(&wait(&other, &pending.handle).await.ok()), "PendingVerification");
        let input = json!({ "verificationId": pending.handle, "tokenTransport": "COOKIE" });
        let foreign = test.anon().header("origin", "https://evil.example");
        assert_eq!(wait_with(&foreign, input.clone()).await.code(), "ORIGIN_NOT_ALLOWED");
        let own = test.anon().header("origin", "https://app.example.org").header("x-client-id", "default");
        let session = wait_with(&own, input).await.ok();
        assert_eq!(session.at("/data/awaitVerification/refreshToken"), Value::Null);
        assert!(session.headers.get("set-cookie").is_some());
    }

    async fn a_username_that_was_taken_meanwhile_is_asked_for_anew_and_nothing_is_lost(backend: Backend) {
        let test = TestApp::start(backend).await;
        let input = json!({ "name": "default", "usernameRequired": true });
        test.admin().run("admin_update_connection", json!({ "input": input })).await.ok();
        let ann = Pending::asked(&test, "ann@example.org", json!({ "username": "same" })).await;
        let bob = Pending::asked(&test, "bob@example.org", json!({ "username": "same" })).await;
        verify_ticket(&test.anon(), &ann.ticket).await.ok();
        assert_approved(pick(&test.anon(), &bob.ticket, bob.number).await, true);
        assert_eq!(wait(&test.anon(), &bob.handle).await.code(), "USERNAME_TAKEN");
        let input = json!({ "verificationId": bob.handle, "username": "bob" });
        assert_eq!(kind(&wait_with(&test.anon(), input).await.ok()), "Session");
    }

    async fn where_signing_up_was_closed_meanwhile_nothing_is_handed_over_and_nothing_lost(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let open = async |enabled: bool| {
            let input = json!({ "name": "default", "signUpEnabled": enabled });
            test.admin().run("admin_update_connection", json!({ "input": input })).await.ok();
        };
        open(false).await;
        assert_eq!(pick(&test.anon(), &pending.ticket, pending.number).await.code(), "SIGN_UP_DISABLED");
        assert!(open_verifications(&test).await[0].handoff_approved_at.is_none());
        open(true).await;
        assert_approved(pick(&test.anon(), &pending.ticket, pending.number).await, true);
        open(false).await;
        assert_eq!(wait(&test.anon(), &pending.handle).await.code(), "SIGN_UP_DISABLED");
        open(true).await;
        assert_eq!(kind(&wait(&test.anon(), &pending.handle).await.ok()), "Session");
    }

    async fn who_deletes_the_account_leaves_no_trace_of_the_phone(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = Pending::of(&test, "ann@example.org").await;
        let phone = test.anon().calling_from("192.0.2.2");
        assert_approved(pick(&phone, &pending.ticket, pending.number).await, true);
        let session = wait(&test.anon(), &pending.handle).await.ok();
        let ann = test.anon().signed_in(&session.at("/data/awaitVerification"));
        ann.run("delete_user", json!({ "input": { "currentPassword": PASSWORD } })).await.ok();
        let approved = events(&test, "handoff_approved").await;
        assert_eq!((approved.len(), approved[0].ip_address.as_deref()), (1, None));
    }
}

/// At the house's own patience a wait for nothing is long: its end is asked for.
async fn wait_short(test: &TestApp, handle: &str) -> Answer {
    let other = test.second_instance().await;
    wait(&other.anon(), handle).await.ok()
}
