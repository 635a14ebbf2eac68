use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::{attempt_counter, limit_counter};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::turn::{Crowd, ONE_AT_A_TIME};
use crate::harness::{Answer, Backend, Client, PASSWORD, TestApp, race};
use crate::support::{
    LIMITED, PATIENT, assert_alive, disable, events, least_cost, shape, tally, verify_code,
};

async fn sign_in_with(client: &Client, fields: Value) -> Answer {
    let mut input = json!({ "login": "ann@example.org", "password": PASSWORD });
    for (name, value) in fields.as_object().expect("an object") {
        input[name] = value.clone();
    }
    client.run("sign_in", json!({ "input": input })).await
}

on_both_databases! {
    async fn the_right_password_opens_a_session_of_its_own(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let answer = test.anon().sign_in("ANN@example.org", PASSWORD).await.ok();
        assert_eq!(answer.text("/data/signIn/__typename"), "Session");
        assert_eq!(answer.text("/data/signIn/user/email"), "ann@example.org");
        let again = test.anon().signed_in(&answer.at("/data/signIn"));
        assert_ne!(again.session_id, ann.session_id);
        assert_ne!(again.refresh_token, ann.refresh_token);
        assert_alive(&again.me().await.ok());
        assert_alive(&ann.me().await.ok());
    }

    async fn alone_it_looks_for_place_and_account_and_is_written_in_one_transaction(backend: Backend) {
        // With limits, the network is looked at, and the guess is taken before the password is compared.
        for (settings, statements) in [(&[] as &[(&str, &str)], 2), (LIMITED, 4)] {
            let test = TestApp::with(backend, settings).await;
            test.user("ann").await;
            let cost = least_cost(&test, async || {
                test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
            })
            .await;
            assert_eq!(cost, (statements, 1));
        }
    }

    async fn unknown_wrong_and_pending_cannot_be_told_apart(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        test.anon().sign_up("new@example.org").await.ok();
        let wrong = test.anon().sign_in("ann@example.org", "not the password").await;
        assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
        let long = "x".repeat(257);
        for (login, password) in [
            ("nobody@example.org", PASSWORD), ("new@example.org", PASSWORD), ("new@example.org", "not the password"),
            ("ann", PASSWORD), ("", PASSWORD), ("ann@example.org", ""), ("", ""), ("ann@example.org", &long),
            ("nobody@example.org", &long), ("ann@example.org\0", PASSWORD), (" ann@example.org", PASSWORD),
            ("%", PASSWORD), ("ann@example.org' --", PASSWORD),
        ] {
            let answer = test.anon().sign_in(login, password).await;
            assert_eq!(shape(&answer), shape(&wrong), "{login:?}");
        }
    }

    async fn a_disabled_account_is_told_only_to_who_knows_the_password(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        test.user("bob").await;
        let before = test.anon().sign_in("ann@example.org", "not the password").await;
        disable(&test, "ann@example.org").await;
        let after = test.anon().sign_in("ann@example.org", "not the password").await;
        assert_eq!(shape(&after), shape(&before));
        let right = test.anon().sign_in("ann@example.org", PASSWORD).await;
        assert_eq!(right.code(), "ACCOUNT_DISABLED");
        assert!(right.at("/data").is_null());
        test.anon().sign_in("bob@example.org", PASSWORD).await.ok();
    }

    async fn an_unverified_account_verifies_first_where_that_is_required(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        test.anon().sign_up("Ann@example.org").await.ok();
        test.require_verification(true).await;
        let wrong = test.anon().sign_in("ann@example.org", "not the password").await;
        assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
        assert_eq!(test.mails().await.len(), 0);

        let asked = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(asked.text("/data/signIn/__typename"), "PendingVerification");
        assert_eq!(asked.text("/data/signIn/purpose"), "EMAIL_VERIFICATION");
        let letter = test.mail_to("Ann@example.org").await;
        assert_eq!(letter.purpose(), "EMAIL_VERIFICATION");
        let handle = asked.text("/data/signIn/verificationId");
        let session = verify_code(&test.anon(), &handle, &letter.code()).await.ok();
        assert_eq!(session.text("/data/verifyEmail/__typename"), "Session");
        let again = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(again.at("/data/signIn/user/emailVerified"), json!(true));
    }

    async fn a_password_does_not_expire(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        test.clock.advance(TimeDelta::days(400));
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }

    async fn an_unknown_place_is_named(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        for (fields, issue) in [(json!({ "clientId": "nobody" }), "clientId:unknown"), (json!({ "connection": "nowhere" }), "connection:unknown")] {
            let answer = sign_in_with(&test.anon(), fields).await;
            assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec![issue.to_owned()]));
        }
        let answer = sign_in_with(&test.anon().header("x-client-id", "nobody"), json!({})).await;
        assert_eq!(answer.issues(), ["clientId:unknown"]);
        sign_in_with(&test.anon(), json!({ "clientId": "default", "connection": "default" })).await.ok();
    }

    async fn a_bearer_of_somebody_else_changes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let bob = test.user("bob").await;
        for client in [bob.clone(), test.anon().bearer("garbage")] {
            let answer = client.sign_in("ann@example.org", PASSWORD).await.ok();
            assert_eq!(answer.text("/data/signIn/user/email"), "ann@example.org");
        }
        assert_alive(&bob.me().await.ok());
    }

    async fn the_first_sign_in_ever_is_seen_once(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.require_verification(false).await;
        test.anon().sign_up("ann@example.org").await.ok();
        // As if an administrator had made the account.
        entity_without_sign_in(&test).await;
        let answers = race(10, |_| {
            let client = test.anon();
            async move { client.sign_in("ann@example.org", PASSWORD).await }
        }).await;
        let first = answers.iter().filter(|answer| answer.at("/data/signIn/firstSeen") == json!(true)).count();
        assert_eq!((first, tally(&answers).len()), (1, 1), "{:?}", tally(&answers));
    }

    async fn the_audit_trail_tells_of_a_sign_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        assert!(events(&test, "signed_in").await.is_empty());
        test.anon().sign_in("ann@example.org", "not the password").await;
        assert!(events(&test, "signed_in").await.is_empty());
        let client = test.anon().calling_from("203.0.113.7").header("user-agent", "Browser/1");
        let answer = client.sign_in("ann@example.org", PASSWORD).await.ok();
        let told = events(&test, "signed_in").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].user_id.map(|id| id.to_string()), Some(ann.user_id));
        assert_eq!(told[0].session_id.map(|id| id.to_string()), Some(answer.text("/data/signIn/sessionId")));
        assert_eq!(told[0].ip_address.as_deref(), Some("203.0.113.7"));
        assert_eq!(told[0].user_agent.as_deref(), Some("Browser/1"));
    }
}

async fn entity_without_sign_in(test: &TestApp) {
    use entity::user;
    use sea_orm::{ActiveValue::Set, EntityTrait};
    let change = user::ActiveModel {
        last_sign_in_at: Set(None),
        email_verified_at: Set(Some(test.app.now())),
        ..Default::default()
    };
    user::Entity::update_many()
        .set(change)
        .exec(test.app.db.write())
        .await
        .expect("a changed user");
}

on_both_databases! {
    async fn a_right_password_that_opens_no_session_is_no_wrong_guess(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        test.user("ann").await;
        let elsewhere = test.anon().header("origin", "https://elsewhere.example.org");
        let input = json!({ "login": "ann@example.org", "password": PASSWORD, "tokenTransport": "COOKIE" });
        for _ in 0..6 {
            let answer = elsewhere.run("sign_in", json!({ "input": input })).await;
            assert_eq!(answer.code(), "ORIGIN_NOT_ALLOWED");
        }
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }

    async fn whoever_leaves_before_the_answer_has_guessed_nothing(backend: Backend) {
        let slow = &[ONE_AT_A_TIME, ("VESTIBULE_PASSWORD_PASSES", "8")];
        let test = TestApp::with(backend, &[LIMITED, PATIENT, slow].concat()).await;
        test.user("ann").await;
        let crowd = Crowd::comes(&test, 30, false).await;
        for _ in 0..6 {
            let client = test.anon();
            let asked = tokio::spawn(async move { client.sign_in("ann@example.org", PASSWORD).await });
            let end = Instant::now() + Duration::from_secs(120);
            while test.app.hasher.waiting() < 30 {
                assert!(Instant::now() < end, "the guess is not taken");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            asked.abort();
            assert!(asked.await.is_err());
        }
        crowd.leave().await;
        let counted = || async { attempt_counter::Entity::find().one(test.app.db.read()).await.expect("an answer") };
        let end = Instant::now() + Duration::from_secs(120);
        while counted().await.is_some_and(|counter| counter.failures > 0) {
            assert!(Instant::now() < end, "the guesses stay counted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Nor does a row stay of what was given back.
        test.app.worker.prune().await.expect("a clean-up");
        assert_eq!(counted().await, None);
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }
}

on_both_databases! {
    /// How long the answer took would tell.
    async fn whoever_leaves_while_the_password_is_hashed_has_guessed(backend: Backend) {
        let slow = &[ONE_AT_A_TIME, ("VESTIBULE_PASSWORD_PASSES", "64")];
        let test = TestApp::with(backend, &[LIMITED, PATIENT, slow].concat()).await;
        let client = test.anon();
        let asked = tokio::spawn(async move { client.sign_in("nobody@example.org", "a wrong password").await });
        let end = Instant::now() + Duration::from_secs(120);
        while test.app.hasher.running() == 0 {
            assert!(Instant::now() < end, "nothing is hashed");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        asked.abort();
        assert!(asked.await.is_err());
        let of_network = || limit_counter::Entity::find().all(test.app.db.read());
        while of_network().await.expect("counters").iter().all(|counter| counter.count != 1) {
            assert!(Instant::now() < end, "the network is not counted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let counted = attempt_counter::Entity::find().one(test.app.db.read()).await.expect("an answer");
        assert_eq!(counted.expect("a guess").failures, 1);
    }
}

/// The cost was raised since the account last had a password hashed: the lower cost would tell that there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_takes_as_long_for_an_account_from_before_the_cost_was_raised() {
    let test = TestApp::start(Backend::Sqlite).await;
    test.user("ann").await;
    let dearer = [&[("VESTIBULE_PASSWORD_PASSES", "30")], PATIENT].concat();
    let test = test.second_instance_with(&dearer).await;
    // In turn, so that a machine that grows slower does so for both.
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..5 {
        for (fastest, login) in fastest
            .iter_mut()
            .zip(["nobody@example.org", "ann@example.org"])
        {
            let asked = Instant::now();
            let answer = test.anon().sign_in(login, "a wrong password").await;
            assert_eq!(answer.code(), "INVALID_CREDENTIALS");
            *fastest = asked.elapsed().min(*fastest);
        }
    }
    let [nobody, ann] = fastest;
    assert!(ann > nobody / 2, "{ann:?}, for nobody {nobody:?}");
}
