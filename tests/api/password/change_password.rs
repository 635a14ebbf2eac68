use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::support::{
    PATIENT, another_session, assert_alive, disable, events, reason, tally, verify_ticket,
};

const NEW: &str = "a brand new horse battery";

async fn change(client: &Client, current: &str, new: &str) -> Answer {
    let input = json!({ "currentPassword": current, "newPassword": new });
    client
        .run("change_password", json!({ "input": input }))
        .await
}

on_both_databases! {
    async fn this_session_lives_under_fresh_tokens_and_every_other_is_dead(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let bob = test.user("bob").await;
        let answer = change(&ann, PASSWORD, NEW).await.ok();
        assert_eq!(answer.text("/data/changePassword/__typename"), "Session");
        assert_eq!(answer.text("/data/changePassword/sessionId"), ann.session_id);
        assert_eq!(answer.at("/data/changePassword/firstSeen"), json!(false));
        let fresh = test.anon().signed_in(&answer.at("/data/changePassword"));
        assert_ne!(fresh.refresh_token, ann.refresh_token);
        assert_alive(&fresh.me().await.ok());

        assert_eq!(reason(&other.me().await), "SESSION_REVOKED");
        assert_eq!(other.refresh(&other.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_alive(&bob.me().await.ok());
        assert_eq!(test.anon().sign_in("ann@example.org", PASSWORD).await.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in("ann@example.org", NEW).await.ok();
        fresh.refresh(&fresh.refresh_token).await.ok();
    }

    async fn the_refresh_token_from_before_is_dead_and_harms_nobody_for_a_moment(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let answer = change(&ann, PASSWORD, NEW).await.ok();
        let fresh = test.anon().signed_in(&answer.at("/data/changePassword"));
        for wait in [0, 30] {
            test.clock.advance(TimeDelta::seconds(wait));
            assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
            assert_alive(&fresh.me().await.ok());
        }
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(reason(&fresh.me().await), "SESSION_REVOKED");
    }

    async fn a_successor_handed_out_before_is_dead_too(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let rotated = ann.refresh(&ann.refresh_token).await.ok().text("/data/refreshSession/refreshToken");
        test.clock.advance(TimeDelta::seconds(20));
        let answer = change(&ann, PASSWORD, NEW).await.ok();
        let fresh = test.anon().signed_in(&answer.at("/data/changePassword"));
        assert_eq!(ann.refresh(&rotated).await.code(), "INVALID_REFRESH_TOKEN");
        // Another tab that missed the rotation harms nobody within the grace of the change, and is a thief after it.
        test.clock.advance(TimeDelta::seconds(30));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_alive(&fresh.me().await.ok());
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(reason(&fresh.me().await), "SESSION_REVOKED");
    }

    async fn a_used_token_from_after_the_change_ends_the_session_at_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::seconds(5));
        let answer = change(&ann, PASSWORD, NEW).await.ok();
        let fresh = test.anon().signed_in(&answer.at("/data/changePassword"));
        test.clock.advance(TimeDelta::seconds(1));
        let next = fresh.refresh(&fresh.refresh_token).await.ok().text("/data/refreshSession/refreshToken");
        fresh.refresh(&next).await.ok();
        assert_eq!(fresh.refresh(&fresh.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(reason(&fresh.me().await), "SESSION_REVOKED");
        assert_eq!(events(&test, "refresh_token_reused").await.len(), 1);
    }

    async fn a_refresh_raced_with_a_change_leaves_no_refresh_token_from_before(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let mut ann = test.user("ann").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..8 {
            let next = format!("{NEW} {round}");
            let changed = Arc::new(AtomicBool::new(false));
            let answers = race(2, |racer| {
                let (client, current, next) = (ann.clone(), current.clone(), next.clone());
                let changed = Arc::clone(&changed);
                async move {
                    if racer == 0 {
                        let answer = change(&client, &current, &next).await;
                        changed.store(true, Ordering::SeqCst);
                        return answer;
                    }
                    // Refreshes one token after the other, until the change has retired the last one.
                    let mut token = client.refresh_token.clone();
                    loop {
                        let too_late = changed.load(Ordering::SeqCst);
                        let answer = client.refresh(&token).await;
                        match answer.at("/data/refreshSession/refreshToken").as_str() {
                            Some(next) if !too_late => token = next.to_owned(),
                            _ => return answer,
                        }
                    }
                }
            }).await;
            assert_eq!(answers[1].code(), "INVALID_REFRESH_TOKEN", "round {round}");
            let fresh = test.anon().signed_in(&answers[0].at("/data/changePassword"));
            assert_alive(&fresh.me().await.ok());
            (ann, current) = (fresh, next);
        }
    }

    async fn a_wrong_current_password_changes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let mails = test.mails().await.len();
        for wrong in ["", "not the password", NEW, &"x".repeat(257), &"x".repeat(50_000)] {
            assert_eq!(change(&ann, wrong, NEW).await.code(), "INVALID_CREDENTIALS", "{wrong:.20}");
        }
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_alive(&other.me().await.ok());
        assert_eq!(test.mails().await.len(), mails);
        assert!(events(&test, "password_changed").await.is_empty());
    }

    async fn the_new_password_meets_the_policy(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("wintermute").await;
        let table = [
            ("zq8vT1k", vec!["newPassword:min_length"]),
            ("password1", vec!["newPassword:common"]),
            ("my-Wintermute-7391", vec!["newPassword:personal_data"]),
            ("", vec!["newPassword:min_length"]),
            (&"x9".repeat(129), vec!["newPassword:max_length"]),
        ];
        for (weak, issues) in table {
            let answer = change(&ann, PASSWORD, weak).await;
            assert_eq!(answer.code(), "WEAK_PASSWORD", "{weak:.20}");
            assert_eq!(answer.issues(), issues);
        }
        // The policy is no oracle for who does not know the password.
        assert_eq!(change(&ann, "not the password", "x").await.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in("wintermute@example.org", PASSWORD).await.ok();
    }

    async fn only_who_is_signed_in_may(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert_eq!(reason(&change(&test.anon(), PASSWORD, NEW).await), "TOKEN_MISSING");
        assert_eq!(reason(&change(&test.anon().bearer("x"), PASSWORD, NEW).await), "TOKEN_INVALID");
        test.clock.advance(TimeDelta::minutes(15));
        assert_eq!(reason(&change(&ann, PASSWORD, NEW).await), "TOKEN_EXPIRED");
        let ann = another_session(&test, "ann").await;
        disable(&test, "ann@example.org").await;
        assert_eq!(reason(&change(&ann, PASSWORD, NEW).await), "SESSION_REVOKED");
    }

    async fn the_owner_is_told_by_mail(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await.calling_from("203.0.113.7");
        change(&ann, PASSWORD, NEW).await.ok();
        let letter = test.mail_to("ann@example.org").await;
        assert_eq!(letter.purpose(), "PASSWORD_CHANGED");
        assert!(letter.0.mail.content.proof.is_none());
        assert!(letter.text().contains("203.0.113.7") && letter.text().contains("2026-11-20 12:00 UTC"), "{}", letter.text());
        assert!(!letter.text().contains(NEW));
        let told = events(&test, "password_changed").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!(told[0].session_id.map(|id| id.to_string()), Some(ann.session_id));
        assert_eq!(told[0].ip_address.as_deref(), Some("203.0.113.7"));
    }

    async fn mails_that_wait_for_an_answer_are_void(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        let session = test.anon().sign_up("ann@example.org").await.ok();
        let ann = test.anon().signed_in(&session.at("/data/signUp"));
        test.require_verification(true).await;
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        change(&ann, PASSWORD, NEW).await.ok();
        assert_eq!(verify_ticket(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
    }

    async fn of_fifty_changes_at_once_one_wins(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        let answers = race(50, |number| {
            let client = ann.clone();
            async move { change(&client, PASSWORD, &format!("{NEW} {number}")).await }
        }).await;
        let won: Vec<_> = (0..50).filter(|number| answers[*number].code_or_ok().is_empty()).collect();
        assert_eq!(won.len(), 1, "{:?}", tally(&answers));
        assert_eq!(tally(&answers).get("INVALID_CREDENTIALS"), Some(&49), "{:?}", tally(&answers));
        test.anon().sign_in("ann@example.org", &format!("{NEW} {}", won[0])).await.ok();
        assert_eq!(events(&test, "password_changed").await.len(), 1);
        assert_alive(&test.anon().signed_in(&answers[won[0]].at("/data/changePassword")).me().await.ok());
    }

    async fn a_sign_in_raced_with_a_change_leaves_no_session_of_the_old_password(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let mut ann = test.user("ann").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..8 {
            let next = format!("{NEW} {round}");
            let answers = race(9, |racer| {
                let (client, current, next) = (ann.clone(), current.clone(), next.clone());
                let stranger = test.anon();
                async move {
                    if racer == 4 {
                        change(&client, &current, &next).await
                    } else {
                        stranger.sign_in("ann@example.org", &current).await
                    }
                }
            }).await;
            ann = test.anon().signed_in(&answers[4].at("/data/changePassword"));
            assert_alive(&ann.me().await.ok());
            for (racer, answer) in answers.iter().enumerate().filter(|(racer, _)| *racer != 4) {
                match answer.code_or_ok().as_str() {
                    "" => {
                        let late = test.anon().signed_in(&answer.at("/data/signIn"));
                        assert_eq!(reason(&late.me().await), "SESSION_REVOKED", "round {round}, racer {racer}");
                    }
                    code => assert_eq!(code, "INVALID_CREDENTIALS", "round {round}, racer {racer}"),
                }
            }
            current = next;
        }
    }

    async fn a_change_raced_with_sign_out_never_revives_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        for round in 0..8 {
            let ann = test.user(&format!("ann{round}")).await;
            let answers = race(2, |racer| {
                let client = ann.clone();
                async move {
                    if racer == 0 { change(&client, PASSWORD, NEW).await } else { client.run("sign_out", json!({})).await }
                }
            }).await;
            assert!(["", "UNAUTHENTICATED"].contains(&answers[0].code_or_ok().as_str()), "{}", answers[0].body);
            assert_eq!(reason(&ann.me().await), "SESSION_REVOKED", "round {round}");
            if answers[0].code_or_ok().is_empty() {
                let token = answers[0].text("/data/changePassword/refreshToken");
                assert_eq!(ann.refresh(&token).await.code(), "INVALID_REFRESH_TOKEN");
            }
        }
    }
}
