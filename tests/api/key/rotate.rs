use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::watch;
use vestibule::key::KeyState;
use vestibule::locksmith::{self, Refusal, Start};

use super::{kid_of, kids, look, pass, published, rotate, rows, sign_in, tend};
use crate::harness::{TestApp, race};
use crate::support::{assert_alive, events, reason};

on_both_databases! {
    async fn a_new_key_is_published_at_once_and_signs_once_every_verifier_can_know_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let old = kids(&test).await;
        let new = rotate(&test, Start::Announced).await;
        assert_eq!((new.state, new.signs_from), (KeyState::Waiting, test.app.now() + TimeDelta::minutes(10)));
        assert_eq!(kids(&test).await, [old[0].clone(), new.kid.clone()]);
        // A key set may be kept for five minutes.
        for _ in 0..5 {
            assert_eq!(kid_of(&sign_in(&test).await), old[0]);
            pass(&test, 2);
        }
        assert_eq!(kid_of(&sign_in(&test).await), new.kid);
        let told = events(&test, "signing_key_added").await;
        let last = told.last().expect("an event");
        assert_eq!((last.actor.as_str(), &last.details["kid"]), ("administrator", &json!(new.kid)));
    }

    async fn the_old_key_verifies_until_its_last_token_has_expired_and_not_after(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let new = rotate(&test, Start::Announced).await;
        pass(&test, 10);
        test.clock.advance(TimeDelta::milliseconds(-1));
        let last = sign_in(&test).await;
        assert_ne!(kid_of(&last), new.kid);
        pass(&test, 14);
        tend(&test).await;
        assert_alive(&test.anon().bearer(&last).me().await.ok());
        assert_eq!(reason(&ann.me().await), "TOKEN_EXPIRED");
        pass(&test, 1);
        tend(&test).await;
        // Expired, and still known: the reason is not that it is none of ours.
        assert_eq!(reason(&test.anon().bearer(&last).me().await), "TOKEN_EXPIRED");
        assert_eq!(published(&test).await.len(), 2);
        // Clocks may differ by a minute.
        pass(&test, 2);
        tend(&test).await;
        assert_eq!(kids(&test).await, std::slice::from_ref(&new.kid));
        assert_eq!(reason(&test.anon().bearer(&last).me().await), "TOKEN_INVALID");
        let rows = rows(&test).await;
        assert_eq!(rows.iter().map(|row| (row.retired_at.is_some(), row.sealed_private_key.is_empty())).collect::<Vec<_>>(), [(true, true), (false, false)]);
        assert_eq!(events(&test, "signing_key_retired").await.len(), 1);
        // Signed in a moment ago by the clock of refresh tokens: nobody is signed out.
        test.anon().refresh(&ann.refresh_token).await.ok();
        tend(&test).await;
        assert_eq!(kids(&test).await, [new.kid]);
    }

    async fn the_old_key_outlives_the_longest_token_though_the_setting_is_lowered_meanwhile(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let set = async |seconds: i32| {
            let input = json!({ "clientId": "default", "accessTokenTtl": seconds });
            test.admin().run("admin_update_application", json!({ "input": input })).await.ok();
        };
        set(7_200).await;
        tend(&test).await;
        let token = sign_in(&test).await;
        set(60).await;
        rotate(&test, Start::Now).await;
        pass(&test, 119);
        tend(&test).await;
        assert_alive(&test.anon().bearer(&token).me().await.ok());
        pass(&test, 3);
        tend(&test).await;
        assert_eq!(reason(&test.anon().bearer(&token).me().await), "TOKEN_INVALID");
    }

    async fn in_an_emergency_it_signs_at_once_and_the_stolen_one_ends_at_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let other = test.second_instance().await;
        let ann = test.user("ann").await;
        let old = kid_of(&ann.access_token);
        assert_eq!(locksmith::retire(&test.app, &old).await.expect("an answer"), Err(Refusal::Signing));
        let new = rotate(&test, Start::Now).await;
        let token = sign_in(&test).await;
        assert_eq!(kid_of(&token), new.kid);
        // The other instance has not heard of it, and looks.
        assert_alive(&other.anon().bearer(&token).me().await.ok());
        assert_eq!(kid_of(&sign_in(&other).await), new.kid);
        assert_alive(&ann.me().await.ok());
        for (kid, expected) in [(old.as_str(), Ok(())), (&old, Err(Refusal::Unknown)), ("x", Err(Refusal::Unknown)), (&new.kid, Err(Refusal::Signing))] {
            assert_eq!(locksmith::retire(&test.app, kid).await.expect("an answer"), expected, "{kid}");
        }
        look(&other).await;
        for house in [&test, &other] {
            assert_eq!(reason(&house.anon().bearer(&ann.access_token).me().await), "TOKEN_INVALID");
            assert_eq!(kids(house).await, std::slice::from_ref(&new.kid));
        }
        test.anon().refresh(&ann.refresh_token).await.ok();
    }

    async fn by_setting_a_key_follows_when_the_old_one_has_signed_long_enough(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_KEY_ROTATION_DAYS", "30")]).await;
        let never = test.second_instance_with(&[("VESTIBULE_KEY_ROTATION_DAYS", "0")]).await;
        test.clock.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
        tend(&test).await;
        assert_eq!(kids(&test).await.len(), 1);
        test.clock.advance(TimeDelta::seconds(1));
        tend(&never).await;
        assert_eq!(kids(&test).await.len(), 1);
        tend(&test).await;
        tend(&test).await;
        assert_eq!(kids(&test).await.len(), 2);
        pass(&test, 10 + 15 + 1);
        tend(&test).await;
        assert_eq!(kids(&test).await.len(), 1);
        let told = events(&test, "signing_key_added").await;
        assert_eq!(told.last().map(|event| event.actor.as_str()), Some("house"));
    }

    async fn of_several_instances_that_find_it_due_one_makes_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let other = test.second_instance().await;
        test.clock.advance(TimeDelta::days(90));
        let houses = [test.app.clone(), other.app.clone()];
        let made = race(8, |number| {
            let app = houses[number % 2].clone();
            async move { locksmith::rotate_if_due(&app).await.expect("an answer").is_some() }
        })
        .await;
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
        assert_eq!(rows(&test).await.len(), 2);
        assert_eq!(events(&test, "signing_key_added").await.len(), 2);
    }

    async fn of_several_instances_that_find_it_outlived_one_retires_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        rotate(&test, Start::Announced).await;
        pass(&test, 30);
        let app = test.app.clone();
        let retired = race(8, |_| {
            let app = app.clone();
            async move { locksmith::retire_outlived(&app).await.expect("an answer") }
        })
        .await;
        assert_eq!(retired.iter().sum::<usize>(), 1);
        assert_eq!(events(&test, "signing_key_retired").await.len(), 1);
    }

    async fn a_running_instance_hears_of_a_key_within_seconds(backend: Backend) {
        let test = TestApp::start(backend).await;
        let other = test.second_instance().await;
        let (stop, told) = watch::channel(false);
        let round = tokio::spawn(locksmith::run(other.app.clone(), told));
        rotate(&test, Start::Announced).await;
        let begun = Instant::now();
        while kids(&other).await.len() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(20), "the other instance never heard of it");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.send(true).expect("the round goes on");
        round.await.expect("the round ends in peace");
    }

    async fn each_key_says_what_it_does(backend: Backend) {
        let test = TestApp::start(backend).await;
        rotate(&test, Start::Now).await;
        rotate(&test, Start::Announced).await;
        pass(&test, 4);
        let states = async || -> Vec<_> {
            let keys = locksmith::list(&test.app).await.expect("the keys");
            keys.iter().map(|key| (key.state, key.retires_at.map(|end| (end - test.app.now()).num_minutes()))).collect()
        };
        use KeyState::{Retired, Signing, Verifying, Waiting};
        assert_eq!(states().await, [(Verifying, Some(11)), (Signing, Some(22)), (Waiting, None)]);
        pass(&test, 21);
        tend(&test).await;
        assert_eq!(states().await, [(Retired, Some(0)), (Verifying, Some(1)), (Signing, None)]);
    }
}
