//! `resetPassword`: many at once.

use std::collections::BTreeMap;

use super::steps::{NEW, ask, by_code, by_ticket, change, wrong};
use crate::harness::{PASSWORD, TestApp, race};
use crate::support::{PATIENT, assert_alive, events, open_verifications, reason, tally};

const ANN: &str = "ann@example.org";

fn one_of(many: usize, refusal: &str) -> BTreeMap<String, usize> {
    BTreeMap::from([(String::new(), 1), (refusal.to_owned(), many - 1)])
}

on_both_databases! {
    async fn of_fifty_with_one_ticket_one_sets_the_password(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.user("ann").await;
        test.run_jobs().await;
        ask(&test.anon(), ANN).await;
        let ticket = test.mail_to(ANN).await.ticket();
        let answers = race(50, |number| {
            let (client, ticket) = (test.anon(), ticket.clone());
            async move { by_ticket(&client, &ticket, &format!("{NEW} {number}")).await }
        }).await;
        assert_eq!(tally(&answers), one_of(50, "INVALID_TICKET"));
        let won = answers.iter().position(|answer| answer.code_or_ok().is_empty()).expect("a winner");
        test.anon().sign_in(ANN, &format!("{NEW} {won}")).await.ok();
        assert_alive(&test.anon().signed_in(&answers[won].at("/data/resetPassword")).me().await.ok());
        assert_eq!(events(&test, "password_reset").await.len(), 1);
    }

    async fn of_a_ticket_and_its_code_at_once_one_sets_the_password(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.user("ann").await;
        test.run_jobs().await;
        let handle = ask(&test.anon(), ANN).await;
        let letter = test.mail_to(ANN).await;
        let answers = race(10, |number| {
            let (client, handle, code, ticket) = (test.anon(), handle.clone(), letter.code(), letter.ticket());
            async move {
                if number % 2 == 0 { by_code(&client, &handle, &code, NEW).await } else { by_ticket(&client, &ticket, NEW).await }
            }
        }).await;
        let tally = tally(&answers);
        assert_eq!(tally.get(""), Some(&1), "{tally:?}");
        assert!(tally.keys().all(|code| ["", "INVALID_CODE", "INVALID_TICKET"].contains(&code.as_str())), "{tally:?}");
    }

    async fn two_tickets_of_one_user_do_not_lock_each_other_out(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.user("ann").await;
        for round in 0..4 {
            let mut tickets = Vec::new();
            for _ in 0..4 {
                test.run_jobs().await;
                ask(&test.anon(), ANN).await;
                tickets.push(test.mail_to(ANN).await.ticket());
            }
            let answers = race(12, |number| {
                let (client, ticket) = (test.anon(), tickets[number % 4].clone());
                async move { by_ticket(&client, &ticket, &format!("{NEW} {number}")).await }
            }).await;
            assert_eq!(tally(&answers), one_of(12, "INVALID_TICKET"), "round {round}");
        }
    }

    async fn two_hundred_wrong_codes_at_once_kill_the_code_and_not_the_link(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.user("ann").await;
        test.run_jobs().await;
        let handle = ask(&test.anon(), ANN).await;
        let letter = test.mail_to(ANN).await;
        let answers = race(200, |number| {
            let (client, handle, guess) = (test.anon(), handle.clone(), wrong(&letter.code(), number));
            async move { by_code(&client, &handle, &guess, NEW).await }
        }).await;
        assert_eq!(tally(&answers), BTreeMap::from([("INVALID_CODE".to_owned(), 200)]));
        assert_eq!(open_verifications(&test).await[0].code_tries, 5);
        assert_eq!(by_code(&test.anon(), &handle, &letter.code(), NEW).await.code(), "INVALID_CODE");
        by_ticket(&test.anon(), &letter.ticket(), NEW).await.ok();
    }

    async fn raced_with_a_change_neither_fails_for_the_other_and_one_password_is_left(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let mut current = PASSWORD.to_owned();
        let mut ann = test.user("ann").await;
        for round in 0..8 {
            test.run_jobs().await;
            ask(&test.anon(), ANN).await;
            let ticket = test.mail_to(ANN).await.ticket();
            let (changed, reset) = (format!("{NEW} {round} changed"), format!("{NEW} {round} reset"));
            let answers = race(2, |racer| {
                let (client, stranger, ticket) = (ann.clone(), test.anon(), ticket.clone());
                let (current, changed, reset) = (current.clone(), changed.clone(), reset.clone());
                async move {
                    if racer == 0 { change(&client, &current, &changed).await } else { by_ticket(&stranger, &ticket, &reset).await }
                }
            }).await;
            // A change that came first voids the ticket; one that comes too late finds its session or its password gone.
            let codes = [answers[0].code_or_ok(), answers[1].code_or_ok()];
            let expected = match codes.each_ref().map(String::as_str) {
                ["", "INVALID_TICKET"] => &changed,
                ["INVALID_CREDENTIALS" | "UNAUTHENTICATED", ""] => &reset,
                _ => panic!("round {round}: {codes:?}"),
            };
            let session = test.anon().sign_in(ANN, expected).await.ok();
            let other = if *expected == changed { &reset } else { &changed };
            assert_eq!(test.anon().sign_in(ANN, other).await.code(), "INVALID_CREDENTIALS");
            ann = test.anon().signed_in(&session.at("/data/signIn"));
            current.clone_from(expected);
        }
    }

    async fn a_sign_in_or_refresh_raced_with_it_leaves_no_session_from_before(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.user("ann").await;
        let mut current = PASSWORD.to_owned();
        for round in 0..6 {
            let next = format!("{NEW} {round}");
            let session = test.anon().sign_in(ANN, &current).await.ok();
            let ann = test.anon().signed_in(&session.at("/data/signIn"));
            test.run_jobs().await;
            ask(&test.anon(), ANN).await;
            let ticket = test.mail_to(ANN).await.ticket();
            let answers = race(7, |racer| {
                let (ann, stranger, ticket) = (ann.clone(), test.anon(), ticket.clone());
                let (current, next) = (current.clone(), next.clone());
                async move {
                    match racer {
                        3 => by_ticket(&stranger, &ticket, &next).await,
                        5 => ann.refresh(&ann.refresh_token).await,
                        _ => stranger.sign_in(ANN, &current).await,
                    }
                }
            }).await;
            let fresh = test.anon().signed_in(&answers[3].at("/data/resetPassword"));
            assert_alive(&fresh.me().await.ok());
            for racer in [0, 1, 2, 4, 6] {
                match answers[racer].code_or_ok().as_str() {
                    "" => {
                        let late = test.anon().signed_in(&answers[racer].at("/data/signIn"));
                        assert_eq!(reason(&late.me().await), "SESSION_REVOKED", "round {round}, racer {racer}");
                    }
                    code => assert_eq!(code, "INVALID_CREDENTIALS", "round {round}, racer {racer}"),
                }
            }
            if let Some(token) = answers[5].at("/data/refreshSession/refreshToken").as_str() {
                assert_eq!(ann.refresh(token).await.code(), "INVALID_REFRESH_TOKEN", "round {round}");
            }
            assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
            current = next;
        }
        // Who signs in afterwards is let in, of course.
        assert_eq!(test.anon().sign_in(ANN, PASSWORD).await.code(), "INVALID_CREDENTIALS");
    }
}
