use chrono::TimeDelta;
use serde_json::json;

use super::steps::{
    CHALLENGE, NEW, VERIFIER, ask, ask_with, by_code, by_ticket, of_code, policy, reset_with, wrong,
};
use crate::harness::{Letter, PASSWORD, TestApp};
use crate::support::{
    another_session, assert_alive, disable, events, open_verifications, reason, resend, time,
    verify_code, verify_ticket,
};

const ANN: &str = "ann@example.org";

/// The handle of a reset for Ann, and its mail.
async fn asked(test: &TestApp) -> (String, Letter) {
    test.run_jobs().await;
    let handle = ask(&test.anon(), ANN).await;
    (handle, test.mail_to(ANN).await)
}

on_both_databases! {
    async fn a_page_that_could_not_use_the_cookie_spends_no_try_of_the_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (handle, letter) = asked(&test).await;
        let code = letter.code();
        let elsewhere = test.anon().header("origin", "https://elsewhere.example.org");
        let by_cookie = json!({ "newPassword": NEW, "tokenTransport": "COOKIE" });
        for _ in 0..6 {
            let answer = reset_with(&elsewhere, of_code(&handle, &code), by_cookie.clone()).await;
            assert_eq!(answer.code(), "ORIGIN_NOT_ALLOWED");
        }
        by_code(&test.anon(), &handle, &code, NEW).await.ok();
    }

    async fn the_link_sets_the_password_once_and_ends_the_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let (handle, letter) = asked(&test).await;
        let session = by_ticket(&test.anon(), &letter.ticket(), NEW).await.ok();
        let now = test.app.now();
        assert_eq!(session.text("/data/resetPassword/__typename"), "Session");
        assert_eq!(session.text("/data/resetPassword/tokenType"), "Bearer");
        assert_eq!(session.at("/data/resetPassword/firstSeen"), json!(false));
        assert_eq!(time(&session, "/data/resetPassword/expiresAt"), now + TimeDelta::minutes(15));
        let user = json!({ "id": ann.user_id, "email": ANN, "emailVerified": true, "status": "ACTIVE" });
        assert_eq!(session.at("/data/resetPassword/user"), user);
        let fresh = test.anon().signed_in(&session.at("/data/resetPassword"));
        assert_alive(&fresh.me().await.ok());
        fresh.refresh(&fresh.refresh_token).await.ok();

        test.anon().sign_in(ANN, NEW).await.ok();
        assert_eq!(test.anon().sign_in(ANN, PASSWORD).await.code(), "INVALID_CREDENTIALS");
        let again = "a third horse battery";
        assert_eq!(by_ticket(&test.anon(), &letter.ticket(), again).await.code(), "INVALID_TICKET");
        assert_eq!(by_code(&test.anon(), &handle, &letter.code(), again).await.code(), "INVALID_CODE");
        test.anon().sign_in(ANN, NEW).await.ok();
    }

    async fn the_code_is_ten_characters_and_takes_what_people_type(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let typed: [fn(&str) -> String; 4] = [
            |code| code.to_owned(),
            |code| format!("{}-{}", &code[..5], &code[5..]).to_lowercase(),
            |code| format!(" {} {} ", &code[..3], &code[3..]),
            |code| code.replace('0', "o").replace('1', "l"),
        ];
        for (number, typed) in typed.into_iter().enumerate() {
            let (handle, letter) = asked(&test).await;
            let code = letter.code();
            assert_eq!(code.len(), 10);
            assert!(code.chars().all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c)), "{code}");
            let password = format!("{NEW} {number}");
            by_code(&test.anon(), &handle, &typed(&code), &password).await.ok();
            test.anon().sign_in(ANN, &password).await.ok();
            assert_eq!(by_ticket(&test.anon(), &letter.ticket(), NEW).await.code(), "INVALID_TICKET");
        }
    }

    async fn every_session_and_every_other_mail_is_dead_at_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let bob = test.user("bob").await;
        let (old_handle, old) = asked(&test).await;
        let (_, letter) = asked(&test).await;
        let session = by_ticket(&test.anon(), &letter.ticket(), NEW).await.ok();
        for client in [&ann, &other] {
            assert_eq!(reason(&client.me().await), "SESSION_REVOKED");
            assert_eq!(client.refresh(&client.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_eq!(by_ticket(&test.anon(), &old.ticket(), "a third horse battery").await.code(), "INVALID_TICKET");
        assert_eq!(by_code(&test.anon(), &old_handle, &old.code(), "a third horse battery").await.code(), "INVALID_CODE");
        let mails = test.mails().await.len();
        resend(&test.anon(), &old_handle).await.ok();
        assert_eq!(test.mails().await.len(), mails);
        assert!(open_verifications(&test).await.is_empty());
        assert_alive(&bob.me().await.ok());
        assert_alive(&test.anon().signed_in(&session.at("/data/resetPassword")).me().await.ok());
    }

    async fn the_address_is_verified_and_a_mail_that_would_do_so_is_void(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        test.anon().sign_up(ANN).await.ok();
        test.require_verification(true).await;
        let waiting = test.anon().sign_in(ANN, PASSWORD).await.ok();
        assert_eq!(waiting.text("/data/signIn/__typename"), "PendingVerification");
        let verification = test.mail_to(ANN).await.ticket();
        let (_, letter) = asked(&test).await;
        let session = by_ticket(&test.anon(), &letter.ticket(), NEW).await.ok();
        assert_eq!(session.at("/data/resetPassword/user/emailVerified"), json!(true));
        assert_eq!(test.anon().sign_in(ANN, NEW).await.ok().text("/data/signIn/__typename"), "Session");
        assert_eq!(verify_ticket(&test.anon(), &verification).await.code(), "INVALID_TICKET");
    }

    async fn the_owner_is_told_by_mail(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let (_, letter) = asked(&test).await;
        let thief = test.anon().calling_from("203.0.113.7");
        let session = by_ticket(&thief, &letter.ticket(), NEW).await.ok();
        let notice = test.mail_to(ANN).await;
        assert_eq!(notice.purpose(), "PASSWORD_WAS_RESET");
        assert!(notice.0.mail.content.proof.is_none());
        assert!(notice.text().contains("203.0.113.7") && notice.text().contains("2026-11-20 12:00 UTC"), "{}", notice.text());
        assert!(!notice.text().contains(NEW));
        let told = events(&test, "password_reset").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!(told[0].session_id.map(|id| id.to_string()), Some(session.text("/data/resetPassword/sessionId")));
    }

    async fn the_link_lives_for_sixty_minutes_and_the_code_for_ten(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (handle, letter) = asked(&test).await;
        test.clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
        assert_eq!(by_code(&test.anon(), &handle, &letter.code(), "x").await.code(), "WEAK_PASSWORD");
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(by_code(&test.anon(), &handle, &letter.code(), "x").await.code(), "INVALID_CODE");
        test.clock.advance(TimeDelta::minutes(50) - TimeDelta::seconds(1));
        assert_eq!(by_ticket(&test.anon(), &letter.ticket(), "x").await.code(), "WEAK_PASSWORD");
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(by_ticket(&test.anon(), &letter.ticket(), NEW).await.code(), "INVALID_TICKET");
        test.anon().sign_in(ANN, PASSWORD).await.ok();
    }

    async fn a_weak_password_consumes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let (handle, letter) = asked(&test).await;
        let table = [("zq8vT1k", "min_length"), ("password1", "common"), (&"x9".repeat(129), "max_length")];
        for (weak, rule) in table {
            for _ in 0..5 {
                let by_code = by_code(&test.anon(), &handle, &letter.code(), weak).await;
                let by_ticket = by_ticket(&test.anon(), &letter.ticket(), weak).await;
                for answer in [by_code, by_ticket] {
                    assert_eq!(answer.code(), "WEAK_PASSWORD", "{weak:.20}");
                    assert_eq!(answer.issues(), [format!("newPassword:{rule}")]);
                }
            }
        }
        for nothing in [json!({}), json!({ "newPassword": "" }), json!({ "newPassword": null })] {
            for _ in 0..5 {
                let answer = reset_with(&test.anon(), of_code(&handle, &letter.code()), nothing.clone()).await;
                assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec!["newPassword:required".to_owned()]));
            }
        }
        assert_alive(&ann.me().await.ok());
        by_code(&test.anon(), &handle, &letter.code(), NEW).await.ok();
    }

    async fn five_wrong_codes_kill_the_code_and_not_the_link(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (handle, letter) = asked(&test).await;
        for number in 0..5 {
            let answer = by_code(&test.anon(), &handle, &wrong(&letter.code(), number), "x").await;
            // Not a word about the password to who does not have the code.
            assert_eq!(answer.code(), "INVALID_CODE");
        }
        assert_eq!(by_code(&test.anon(), &handle, &letter.code(), NEW).await.code(), "INVALID_CODE");
        assert_eq!(by_ticket(&test.anon(), "x", "x").await.code(), "INVALID_TICKET");
        by_ticket(&test.anon(), &letter.ticket(), NEW).await.ok();
    }

    async fn a_proof_for_something_else_is_refused_and_stays_good(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (reset, of_reset) = asked(&test).await;
        let answer = test.anon().sign_up("new@example.org").await.ok();
        let sign_up = answer.text("/data/signUp/verificationId");
        let of_sign_up = test.mail_to("new@example.org").await;
        for _ in 0..6 {
            assert_eq!(by_ticket(&test.anon(), &of_sign_up.ticket(), NEW).await.code(), "INVALID_TICKET");
            assert_eq!(by_code(&test.anon(), &sign_up, &of_sign_up.code(), NEW).await.code(), "INVALID_CODE");
            assert_eq!(verify_ticket(&test.anon(), &of_reset.ticket()).await.code(), "INVALID_TICKET");
            assert_eq!(verify_code(&test.anon(), &reset, &of_reset.code()).await.code(), "INVALID_CODE");
            // Nor is a code worth anything under another handle.
            assert_eq!(by_ticket(&test.anon(), &reset, NEW).await.code(), "INVALID_TICKET");
        }
        verify_code(&test.anon(), &sign_up, &of_sign_up.code()).await.ok();
        by_code(&test.anon(), &reset, &of_reset.code(), NEW).await.ok();
    }

    async fn who_was_disabled_meanwhile_is_not_let_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (handle, letter) = asked(&test).await;
        disable(&test, ANN).await;
        assert_eq!(by_ticket(&test.anon(), &letter.ticket(), NEW).await.code(), "INVALID_TICKET");
        assert_eq!(by_code(&test.anon(), &handle, &letter.code(), NEW).await.code(), "INVALID_CODE");
        assert_eq!(test.anon().sign_in(ANN, NEW).await.code(), "INVALID_CREDENTIALS");
        assert!(events(&test, "password_reset").await.is_empty());
    }

    async fn a_challenge_is_answered_by_its_verifier_alone(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let fields = json!({ "redirectTo": "http://localhost:3000/", "codeChallenge": CHALLENGE });
        let answer = ask_with(&test.anon(), fields).await.ok();
        let handle = answer.text("/data/requestPasswordReset/verificationId");
        let letter = test.mail_to(ANN).await;
        let proofs = [(json!({ "ticket": letter.ticket() }), "INVALID_TICKET"), (of_code(&handle, &letter.code()), "INVALID_CODE")];
        for (proof, code) in &proofs {
            for verifier in [None, Some(""), Some("x"), Some(CHALLENGE), Some(&VERIFIER[1..]), Some(&"x".repeat(128))] {
                let fields = json!({ "newPassword": NEW, "codeVerifier": verifier });
                assert_eq!(reset_with(&test.anon(), proof.clone(), fields).await.code(), *code);
            }
        }
        let fields = json!({ "newPassword": NEW, "codeVerifier": VERIFIER });
        reset_with(&test.anon(), proofs[1].0.clone(), fields).await.ok();
        test.anon().sign_in(ANN, NEW).await.ok();
    }

    async fn former_passwords_do_not_come_back_by_a_reset(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        policy(&test, json!({ "history": 1 })).await.ok();
        let (_, letter) = asked(&test).await;
        let answer = by_ticket(&test.anon(), &letter.ticket(), PASSWORD).await;
        assert_eq!(answer.issues(), ["newPassword:history"]);
        by_ticket(&test.anon(), &letter.ticket(), NEW).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        let (_, letter) = asked(&test).await;
        for former in [PASSWORD, NEW] {
            let answer = by_ticket(&test.anon(), &letter.ticket(), former).await;
            assert_eq!(answer.issues(), ["newPassword:history"], "{former}");
        }
        by_ticket(&test.anon(), &letter.ticket(), "a third horse battery").await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        let (_, letter) = asked(&test).await;
        by_ticket(&test.anon(), &letter.ticket(), PASSWORD).await.ok();
    }

    async fn another_application_cannot_redeem_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (_, letter) = asked(&test).await;
        let stranger = test.anon().header("x-client-id", "another");
        assert_eq!(by_ticket(&stranger, &letter.ticket(), NEW).await.code(), "INVALID_TICKET");
        let own = test.anon().header("x-client-id", "default");
        by_ticket(&own, &letter.ticket(), NEW).await.ok();
    }
}
