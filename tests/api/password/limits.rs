//! Wrong passwords: counted where they are used, for the account, the login and the network.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::password::steps::{ask, by_ticket};
use crate::support::{LIMITED, PATIENT, assert_alive, hashes, hits, tally};

const ANN: &str = "ann@example.org";
const NEW: &str = "a brand new horse battery";

/// So that those who come at once are looked at at once.
const SLOW: &[(&str, &str)] = &[
    ("VESTIBULE_PASSWORD_WORKERS", "1"),
    ("VESTIBULE_PASSWORD_PASSES", "16"),
];

/// Somebody at an address of their own.
fn from(test: &TestApp, number: usize) -> Client {
    test.anon()
        .calling_from(&format!("198.51.{}.{}", number / 250, number % 250 + 1))
}

fn wait(answer: &Answer) -> i64 {
    assert_eq!(answer.code(), "RATE_LIMITED");
    assert_eq!(answer.status, 429);
    let seconds = answer
        .at("/errors/0/extensions/retryAfter")
        .as_i64()
        .expect("seconds");
    assert_eq!(answer.headers["retry-after"], seconds.to_string());
    seconds
}

async fn house(backend: crate::harness::Backend) -> TestApp {
    let test = TestApp::with(backend, LIMITED).await;
    test.user("ann").await;
    test
}

/// Wrong passwords until one is not looked at.
async fn exhaust(test: &TestApp, login: &str) -> Answer {
    for number in 0..20 {
        let answer = from(test, number).sign_in(login, "wrong").await;
        if answer.code() == "RATE_LIMITED" {
            return answer;
        }
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    }
    panic!("nothing limits {login}");
}

on_both_databases! {
    async fn after_five_wrong_passwords_the_wait_doubles_whoever_asks(backend: Backend) {
        let test = house(backend).await;
        for number in 0..5 {
            assert_eq!(from(&test, number).sign_in(ANN, "wrong").await.code(), "INVALID_CREDENTIALS");
        }
        let mut waits = Vec::new();
        for number in 5..20 {
            // From other addresses, in other spellings; the right password waits, too.
            let login = if number % 2 == 0 { "ANN@Example.org" } else { ANN };
            let seconds = wait(&from(&test, number).sign_in(login, PASSWORD).await);
            waits.push(seconds);
            test.clock.advance(TimeDelta::seconds(seconds));
            assert_eq!(from(&test, number).sign_in(ANN, "wrong").await.code(), "INVALID_CREDENTIALS");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]);
    }

    async fn the_right_password_forgets_the_wrong_ones(backend: Backend) {
        let test = house(backend).await;
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(test.anon().sign_in(ANN, "wrong").await.code(), "INVALID_CREDENTIALS");
            }
            test.anon().sign_in(ANN, PASSWORD).await.ok();
        }
    }

    async fn no_more_than_a_hundred_in_a_row_are_ever_looked_at_and_a_mailed_reset_goes_on(backend: Backend) {
        let test = house(backend).await;
        let mut looked_at = 0;
        for number in 0..130 {
            if from(&test, number).sign_in(ANN, "wrong").await.code() == "INVALID_CREDENTIALS" {
                looked_at += 1;
            }
            test.clock.advance(TimeDelta::minutes(16));
        }
        assert_eq!(looked_at, 100);
        test.clock.advance(TimeDelta::days(40));
        wait(&from(&test, 200).sign_in(ANN, PASSWORD).await);
        ask(&test.anon(), ANN).await;
        by_ticket(&test.anon(), &test.mail_to(ANN).await.ticket(), NEW).await.ok();
        test.anon().sign_in(ANN, NEW).await.ok();
    }

    async fn a_login_that_is_nobodys_is_limited_like_an_accounts(backend: Backend) {
        let test = house(backend).await;
        let (known, unknown) = (exhaust(&test, ANN).await, exhaust(&test, "nobody@example.org").await);
        assert_eq!((known.status, known.body), (unknown.status, unknown.body));
        // Neither by another spelling nor by what is no address.
        wait(&from(&test, 99).sign_in("NOBODY@example.org", "wrong").await);
        wait(&exhaust(&test, "no address").await);
    }

    async fn others_and_sessions_that_are_open_go_on(backend: Backend) {
        let test = house(backend).await;
        let session = test.anon().sign_in(ANN, PASSWORD).await.ok();
        let ann = test.anon().signed_in(&session.at("/data/signIn"));
        test.user("bob").await;
        exhaust(&test, ANN).await;
        assert_alive(&ann.me().await.ok());
        ann.refresh(&ann.refresh_token).await.ok();
        test.anon().sign_in("bob@example.org", PASSWORD).await.ok();
        // Who guesses at the door does not keep the owner from changing the password.
        let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
        ann.run("change_password", json!({ "input": input })).await.ok();
    }

    async fn guesses_of_somebody_who_is_signed_in_are_counted_too(backend: Backend) {
        let test = house(backend).await;
        let session = test.anon().sign_in(ANN, PASSWORD).await.ok();
        let ann = test.anon().signed_in(&session.at("/data/signIn"));
        let wrong = async |document: &str, mut input: Value| {
            input["currentPassword"] = json!("wrong");
            ann.run(document, json!({ "input": input })).await
        };
        for _ in 0..5 {
            assert_eq!(wrong("change_password", json!({ "newPassword": NEW })).await.code(), "INVALID_CREDENTIALS");
        }
        wait(&wrong("change_password", json!({ "newPassword": NEW })).await);
        wait(&wrong("request_email_change", json!({ "newEmail": "new@example.org" })).await);
        wait(&wrong("delete_user", json!({})).await);
        assert_alive(&ann.me().await.ok());
    }

    async fn of_two_hundred_guesses_at_once_few_are_looked_at(backend: Backend) {
        let test = TestApp::with(backend, &[LIMITED, PATIENT].concat()).await;
        test.user("ann").await;
        let other = test.second_instance_with(&[LIMITED, PATIENT].concat()).await;
        let (one, two) = (test.front.clone(), other.front.clone());
        let answers = race(200, move |number| {
            let router = if number % 2 == 0 { &one } else { &two };
            let client = Client::new(router.clone()).calling_from(&format!("198.51.100.{}", number % 250 + 1));
            let password = if number == 150 { PASSWORD } else { "wrong" };
            async move { client.sign_in(ANN, password).await }
        })
        .await;
        let tally = tally(&answers);
        let looked_at = 200 - tally.get("RATE_LIMITED").copied().unwrap_or_default();
        // The right one among the first few forgets those before it.
        assert!((5..=11).contains(&looked_at), "{tally:?}");
    }

    async fn no_other_name_of_the_account_and_no_further_field_buys_guesses(backend: Backend) {
        let test = house(backend).await;
        let usernames = json!({ "name": "default", "usernameRequired": true });
        test.admin().run("admin_update_connection", json!({ "input": usernames })).await.ok();
        let id = test.anon().sign_in(ANN, PASSWORD).await.ok().text("/data/signIn/user/id");
        crate::support::administer(&test, &id, json!({ "username": "annie" })).await.ok();
        exhaust(&test, ANN).await;
        for (number, input) in [
            json!({ "login": "annie" }), json!({ "login": "ANNIE" }), json!({ "login": ANN, "clientId": "default" }),
            json!({ "login": ANN, "connection": "default" }), json!({ "login": ANN, "tokenTransport": "BODY" }),
        ].into_iter().enumerate() {
            let mut input = input;
            input["password"] = json!(PASSWORD);
            let answer = from(&test, 100 + number).run("sign_in", json!({ "input": input })).await;
            assert_eq!(answer.code_or_ok(), "RATE_LIMITED", "{input}");
        }
    }

    async fn counts_outlive_a_restart_and_bind_every_instance(backend: Backend) {
        let test = house(backend).await;
        exhaust(&test, ANN).await;
        let other = test.second_instance_with(LIMITED).await;
        wait(&from(&other, 77).sign_in(ANN, PASSWORD).await);
    }

    async fn one_network_can_be_wrong_so_often_and_no_more(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_RATE_LIMITS", "on"), ("VESTIBULE_FAILURES_PER_NETWORK", "6")]).await;
        test.user("ann").await;
        let guess = async |from: &str, number: usize| {
            let login = format!("nobody{number}@example.org");
            test.anon().calling_from(from).sign_in(&login, "wrong").await
        };
        for number in 0..6 {
            // One network, whichever of its addresses.
            assert_eq!(guess(&format!("2001:db8:1:1::{number}"), number).await.code(), "INVALID_CREDENTIALS");
        }
        assert_eq!(wait(&guess("2001:db8:1:1:ffff::1", 7).await), 3_600);
        // Headers that no proxy of ours wrote change nothing.
        let forged = test.anon().calling_from("2001:db8:1:1::9").header("x-forwarded-for", "203.0.113.9");
        wait(&forged.sign_in("nobody8@example.org", "wrong").await);
        assert_eq!(hits(&test, "wrong_passwords_of_network").await, 2);
        assert_eq!(guess("2001:db8:1:2::1", 9).await.code(), "INVALID_CREDENTIALS");
        test.clock.advance(TimeDelta::hours(1));
        assert_eq!(guess("2001:db8:1:1::1", 10).await.code(), "INVALID_CREDENTIALS");
    }

    async fn right_passwords_do_not_use_up_a_network(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_RATE_LIMITS", "on"), ("VESTIBULE_FAILURES_PER_NETWORK", "2")]).await;
        test.user("ann").await;
        for _ in 0..6 {
            test.anon().sign_in(ANN, PASSWORD).await.ok();
        }
    }

    async fn of_a_crowd_in_one_network_as_many_wrong_guesses_are_looked_at_as_one_after_the_other(backend: Backend) {
        let test = TestApp::with(backend, &[LIMITED, PATIENT, SLOW, &[("VESTIBULE_FAILURES_PER_NETWORK", "6")]].concat()).await;
        let front = test.front.clone();
        let answers = race(40, move |number| {
            let client = Client::new(front.clone()).calling_from(&format!("2001:db8:1:1::{number}"));
            async move { client.sign_in(&format!("nobody{number}@example.org"), "wrong").await }
        })
        .await;
        let mut looked_at = tally(&answers)["INVALID_CREDENTIALS"];
        assert!((3..=6).contains(&looked_at), "{looked_at}");
        let last = loop {
            let answer = test.anon().calling_from("2001:db8:1:1::a").sign_in(&format!("{looked_at}@example.org"), "wrong").await;
            if answer.code() == "RATE_LIMITED" {
                break answer;
            }
            looked_at += 1;
        };
        assert_eq!((looked_at, wait(&last)), (6, 3_600));
    }

    async fn a_guess_that_the_account_refuses_takes_nothing_from_its_network(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_RATE_LIMITS", "on"), ("VESTIBULE_FAILURES_PER_NETWORK", "1")]).await;
        test.user("ann").await;
        test.user("bob").await;
        for number in 0..5 {
            let wrong = test.anon().calling_from(&format!("203.0.113.{number}")).sign_in(ANN, "wrong").await;
            assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
        }
        let network = test.anon().calling_from("198.51.100.7");
        for _ in 0..3 {
            wait(&network.sign_in(ANN, "wrong").await);
        }
        network.sign_in("bob@example.org", PASSWORD).await.ok();
    }

    /// Everybody behind one address, or behind Hasura, is one network.
    async fn a_crowd_of_right_passwords_in_one_network_is_asked_to_come_again_in_a_second(backend: Backend) {
        let test = TestApp::with(backend, &[LIMITED, PATIENT, SLOW, &[("VESTIBULE_FAILURES_PER_NETWORK", "6")]].concat()).await;
        let people: Vec<String> = (0..20).map(|number| format!("person{number}")).collect();
        for name in &people {
            test.user(name).await;
        }
        let front = test.front.clone();
        let logins: Vec<String> = people.iter().map(|name| format!("{name}@example.org")).collect();
        let crowd = logins.clone();
        let answers = race(20, move |number| {
            let (client, login) = (Client::new(front.clone()).calling_from("198.51.100.7"), crowd[number].clone());
            async move { client.sign_in(&login, PASSWORD).await }
        })
        .await;
        let tally = tally(&answers);
        assert!(tally[""] >= 6 && tally[""] + tally["RATE_LIMITED"] == 20, "{tally:?}");
        for late in answers.iter().filter(|answer| !answer.code_or_ok().is_empty()) {
            assert_eq!(wait(late), 1);
        }
        for login in &logins {
            test.anon().calling_from("198.51.100.7").sign_in(login, PASSWORD).await.ok();
        }
    }

    async fn a_refused_guess_costs_no_hash(backend: Backend) {
        let test = house(backend).await;
        let login = "nobody@example.org";
        exhaust(&test, login).await;
        let before = hashes(&test).await;
        assert_eq!(test.anon().sign_in("somebody@example.org", "wrong").await.code(), "INVALID_CREDENTIALS");
        assert_eq!(hashes(&test).await, before + 1);
        wait(&from(&test, 50).sign_in(login, "wrong").await);
        assert_eq!(hashes(&test).await, before + 1);
    }

    async fn so_many_sign_ups_a_network_and_no_more(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_RATE_LIMITS", "on"), ("VESTIBULE_SIGN_UPS_PER_NETWORK", "3")]).await;
        let sign_up = async |from: &str, number: usize| {
            test.anon().calling_from(from).sign_up(&format!("new{number}@example.org")).await
        };
        for number in 0..3 {
            sign_up("198.51.100.7", number).await.ok();
        }
        assert_eq!(wait(&sign_up("198.51.100.7", 3).await), 3_600);
        assert_eq!(hits(&test, "sign_ups_of_network").await, 1);
        sign_up("198.51.100.8", 4).await.ok();
    }

    async fn who_uses_up_a_victims_mails_does_not_silence_the_victim(backend: Backend) {
        let test = house(backend).await;
        test.clock.advance(TimeDelta::hours(2));
        let before = test.mails_to(ANN).await;
        for _ in 0..20 {
            ask(&test.anon().calling_from("198.51.100.7"), ANN).await;
        }
        assert_eq!(test.mails_to(ANN).await - before, 5);
        ask(&test.anon().calling_from("203.0.113.1"), ANN).await;
        assert_eq!(test.mails_to(ANN).await - before, 6);
        // From however many networks there is an end to it.
        for number in 0..20 {
            ask(&from(&test, number), ANN).await;
        }
        assert_eq!(test.mails_to(ANN).await - before, 10);
        assert_eq!(hits(&test, "mails_to_address").await, 16);
    }
}

on_both_databases! {
    /// Of two at once, the later one may come first; so may one from an instance whose clock is ahead.
    async fn a_guess_that_is_overtaken_is_looked_at(backend: Backend) {
        let test = house(backend).await;
        for _ in 0..3 {
            assert_eq!(test.anon().sign_in(ANN, "wrong").await.code(), "INVALID_CREDENTIALS");
            test.clock.advance(TimeDelta::milliseconds(-1));
        }
        test.anon().sign_in(ANN, PASSWORD).await.ok();
    }
}

/// PostgreSQL finds out after a second that two transactions wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_on_several_devices_at_once_waits_for_nobody_who_waits_for_them() {
    let settings = [LIMITED, PATIENT].concat();
    let test = TestApp::with(crate::harness::Backend::Postgres, &settings).await;
    test.user("ann").await;
    let ends = Instant::now() + Duration::from_secs(3);
    let devices = race(4, |_| {
        let client = from(&test, 1);
        async move {
            let mut longest = Duration::ZERO;
            while Instant::now() < ends {
                let asked = Instant::now();
                client.sign_in(ANN, PASSWORD).await.ok();
                longest = longest.max(asked.elapsed());
            }
            longest
        }
    });
    let longest = devices.await.into_iter().max();
    // The server counts for a session when that ends.
    test.app.db.close().await;
    let db = test.database.connect().await;
    let count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let count = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, count))
        .await;
    let deadlocks: i64 = count
        .expect("an answer")
        .expect("a row")
        .try_get_by_index(0)
        .expect("a number");
    assert_eq!(deadlocks, 0, "the longest sign-in took {longest:?}");
}
