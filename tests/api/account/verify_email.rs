use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp};
use crate::support::{
    disable, events, open_verifications, resend, sign_up_with, time, verify_code, verify_ticket,
};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn pending(test: &TestApp, email: &str) -> String {
    let answer = test.anon().sign_up(email).await.ok();
    answer.text("/data/signUp/verificationId")
}

async fn verify(client: &Client, proof: Value, verifier: Option<&str>) -> crate::harness::Answer {
    let input = json!({ "proof": proof, "codeVerifier": verifier });
    client.run("verify_email", json!({ "input": input })).await
}

on_both_databases! {
    async fn a_page_that_could_not_use_the_cookie_spends_no_try_of_the_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = test.anon().sign_up("ann@example.org").await.ok().text("/data/signUp/verificationId");
        let code = test.mail_to("ann@example.org").await.code();
        let elsewhere = test.anon().header("origin", "https://elsewhere.example.org");
        let mut by_cookie = crate::harness::by_code(&handle, &code);
        by_cookie["input"]["tokenTransport"] = json!("COOKIE");
        for _ in 0..6 {
            assert_eq!(elsewhere.run("verify_email", by_cookie.clone()).await.code(), "ORIGIN_NOT_ALLOWED");
        }
        verify_code(&test.anon(), &handle, &code).await.ok();
    }

    async fn nothing_of_the_sign_ups_is_kept_once_the_mail_is_answered(backend: Backend) {
        use sea_orm::{EntityTrait, PaginatorTrait};
        let test = TestApp::start(backend).await;
        for _ in 0..3 {
            pending(&test, "ann@example.org").await;
        }
        pending(&test, "bob@example.org").await;
        let kept = async || entity::pending_sign_up::Entity::find().count(test.app.db.read()).await.unwrap();
        assert_eq!(kept().await, 4);
        let ticket = test.mail_to("ann@example.org").await.ticket();
        verify_ticket(&test.anon(), &ticket).await.ok();
        assert_eq!(kept().await, 1);
    }

    async fn a_ticket_works_once_and_ends_the_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let letter = test.mail_to("ann@example.org").await;
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();
        assert_eq!(verify_ticket(&test.anon(), &letter.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(verify_code(&test.anon(), &handle, &letter.code()).await.code(), "INVALID_CODE");
    }

    async fn a_code_works_once_and_ends_the_ticket(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let letter = test.mail_to("ann@example.org").await;
        let spaced = format!(" {} - {}", &letter.code()[..3], &letter.code()[3..]);
        verify_code(&test.anon(), &handle, &spaced).await.ok();
        assert_eq!(verify_code(&test.anon(), &handle, &letter.code()).await.code(), "INVALID_CODE");
        assert_eq!(verify_ticket(&test.anon(), &letter.ticket()).await.code(), "INVALID_TICKET");
    }

    async fn the_answer_is_a_whole_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        pending(&test, "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let session = verify_ticket(&test.anon(), &ticket).await.ok();
        let now = test.app.now();
        assert_eq!(session.text("/data/verifyEmail/tokenType"), "Bearer");
        assert_eq!(time(&session, "/data/verifyEmail/expiresAt"), now + TimeDelta::minutes(15));
        assert_eq!(time(&session, "/data/verifyEmail/refreshTokenExpiresAt"), now + TimeDelta::days(30));
        let user = json!({
            "id": session.text("/data/verifyEmail/user/id"), "email": "ann@example.org", "emailVerified": true,
            "displayName": "ann", "roles": ["user", "me"], "defaultRole": "user", "status": "ACTIVE",
        });
        assert_eq!(session.at("/data/verifyEmail/user"), user);
        assert_eq!(test.anon().signed_in(&session.at("/data/verifyEmail")).me().await.text("/data/me/email"), "ann@example.org");
    }

    async fn a_code_of_one_request_is_worth_nothing_for_another(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = pending(&test, "ann@example.org").await;
        let bob = pending(&test, "bob@example.org").await;
        let (of_ann, of_bob) = (test.mail_to("ann@example.org").await, test.mail_to("bob@example.org").await);
        assert_eq!(verify_code(&test.anon(), &bob, &of_ann.code()).await.code(), "INVALID_CODE");
        assert_eq!(verify_code(&test.anon(), &ann, &of_bob.code()).await.code(), "INVALID_CODE");
        // Nor do ticket and handle stand in for each other.
        assert_eq!(verify_ticket(&test.anon(), &ann).await.code(), "INVALID_TICKET");
        assert_eq!(verify_code(&test.anon(), &of_ann.ticket(), &of_ann.code()).await.code(), "INVALID_CODE");
    }

    async fn a_changed_ticket_is_unknown(backend: Backend) {
        let test = TestApp::start(backend).await;
        pending(&test, "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let flipped: String = ticket.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
        let changed = [String::new(), "x".into(), ticket[1..].into(), format!("{ticket}="), format!("{ticket}A"), format!(" {ticket}"), flipped];
        for changed in changed {
            assert_eq!(verify_ticket(&test.anon(), &changed).await.code(), "INVALID_TICKET", "{changed}");
        }
        verify_ticket(&test.anon(), &ticket).await.ok();
    }

    async fn after_five_wrong_codes_the_right_one_is_dead_and_the_link_lives(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let letter = test.mail_to("ann@example.org").await;
        for number in 1..=5 {
            let wrong = crate::account::verify_email_race::wrong(&letter.code(), number);
            assert_eq!(verify_code(&test.anon(), &handle, &wrong).await.code(), "INVALID_CODE");
        }
        assert_eq!(verify_code(&test.anon(), &handle, &letter.code()).await.code(), "INVALID_CODE");
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();
    }

    async fn four_wrong_codes_leave_the_right_one_alive(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let letter = test.mail_to("ann@example.org").await;
        for number in 1..=4 {
            let wrong = crate::account::verify_email_race::wrong(&letter.code(), number);
            assert_eq!(verify_code(&test.anon(), &handle, &wrong).await.code(), "INVALID_CODE");
        }
        verify_code(&test.anon(), &handle, &letter.code()).await.ok();
    }

    async fn a_code_lives_ten_minutes_from_handing_its_mail_over(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = pending(&test, "ann@example.org").await;
        let bob = pending(&test, "bob@example.org").await;
        // The outbox was late: that costs nobody any time.
        test.clock.advance(TimeDelta::minutes(30));
        let (of_ann, of_bob) = (test.mail_to("ann@example.org").await, test.mail_to("bob@example.org").await);
        test.clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
        verify_code(&test.anon(), &ann, &of_ann.code()).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(verify_code(&test.anon(), &bob, &of_bob.code()).await.code(), "INVALID_CODE");
        verify_ticket(&test.anon(), &of_bob.ticket()).await.ok();
    }

    async fn a_link_lives_twenty_four_hours(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(time(&asked, "/data/signUp/expiresAt"), test.app.now() + TimeDelta::hours(24));
        pending(&test, "bob@example.org").await;
        let (ann, bob) = (test.mail_to("ann@example.org").await, test.mail_to("bob@example.org").await);
        test.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        verify_ticket(&test.anon(), &ann.ticket()).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(verify_ticket(&test.anon(), &bob.ticket()).await.code(), "INVALID_TICKET");
    }

    async fn a_code_is_worth_nothing_before_its_mail_was_handed_over(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let id = open_verifications(&test).await[0].id;
        let code = test.app.tickets.code(entity::verification::Purpose::SignUp, id, 1).expose().to_owned();
        assert_eq!(verify_code(&test.anon(), &handle, &code).await.code(), "INVALID_CODE");
        assert_eq!(test.mail_to("ann@example.org").await.code(), code);
        verify_code(&test.anon(), &handle, &code).await.ok();
    }

    async fn another_mail_carries_the_same_ticket_and_a_new_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let first = test.mail_to("ann@example.org").await;
        let again = resend(&test.anon(), &handle).await.ok();
        assert_eq!(again.text("/data/resendVerification/verificationId"), handle);
        // The first code is dead from the request on, not only from the second mail on.
        assert_eq!(verify_code(&test.anon(), &handle, &first.code()).await.code(), "INVALID_CODE");
        let second = test.mail_to("ann@example.org").await;
        assert_eq!(second.ticket(), first.ticket());
        assert_ne!(second.code(), first.code());
        assert_eq!(verify_code(&test.anon(), &handle, &first.code()).await.code(), "INVALID_CODE");
        verify_code(&test.anon(), &handle, &second.code()).await.ok();
    }

    async fn only_the_holder_of_the_verifier_redeems_and_others_consume_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        for by_code in [true, false] {
            let email = format!("ann{}@example.org", u8::from(by_code));
            let fields = json!({ "email": email, "redirectTo": "http://localhost:3000/done", "codeChallenge": CHALLENGE });
            let asked = sign_up_with(&test.anon(), fields).await.ok();
            let letter = test.mail_to(&email).await;
            let handle = asked.text("/data/signUp/verificationId");
            let code = json!({ "code": { "verificationId": handle, "code": letter.code() } });
            let ticket = json!({ "ticket": letter.ticket() });
            // More often than a code may be tried.
            for verifier in [None, Some(""), Some("wrong"), Some(CHALLENGE)].into_iter().cycle().take(8) {
                assert_eq!(verify(&test.anon(), ticket.clone(), verifier).await.code(), "INVALID_TICKET", "{verifier:?}");
                assert_eq!(verify(&test.anon(), code.clone(), verifier).await.code(), "INVALID_CODE", "{verifier:?}");
            }
            let proof = if by_code { code } else { ticket };
            verify(&test.anon(), proof, Some(VERIFIER)).await.ok();
        }
    }

    async fn a_verifier_without_a_challenge_is_refused(backend: Backend) {
        let test = TestApp::start(backend).await;
        pending(&test, "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let proof = json!({ "ticket": ticket });
        assert_eq!(verify(&test.anon(), proof.clone(), Some(VERIFIER)).await.code(), "INVALID_TICKET");
        verify(&test.anon(), proof, None).await.ok();
    }

    async fn another_application_redeems_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = pending(&test, "ann@example.org").await;
        let letter = test.mail_to("ann@example.org").await;
        let other = test.anon().header("x-client-id", "other");
        assert_eq!(verify_ticket(&other, &letter.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(verify_code(&other, &handle, &letter.code()).await.code(), "INVALID_CODE");
        verify_ticket(&test.anon().header("x-client-id", "default"), &letter.ticket()).await.ok();
    }

    async fn exactly_one_proof_is_taken(backend: Backend) {
        let test = TestApp::start(backend).await;
        for proof in [json!({}), json!({ "ticket": "a", "code": { "verificationId": "b", "code": "c" } }), json!({ "ticket": null })] {
            assert_eq!(verify(&test.anon(), proof.clone(), None).await.code(), "GRAPHQL_VALIDATION_FAILED", "{proof}");
        }
    }

    async fn an_account_from_before_verification_was_required_proves_its_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.require_verification(true).await;
        let asked = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(asked.text("/data/signIn/__typename"), "PendingVerification");
        let letter = test.mail_to("ann@example.org").await;
        let session = verify_ticket(&test.anon(), &letter.ticket()).await.ok();
        assert_eq!(session.at("/data/verifyEmail/user/emailVerified"), json!(true));
        assert_eq!(events(&test, "email_verified").await.len(), 1);
        let again = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(again.text("/data/signIn/__typename"), "Session");
    }

    async fn a_disabled_account_proves_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.require_verification(true).await;
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        disable(&test, "ann@example.org").await;
        assert_eq!(verify_ticket(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
    }
}
