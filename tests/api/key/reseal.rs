use entity::sealed_secret;
use sea_orm::EntityTrait;
use vestibule::clock::{Clock, Rng};
use vestibule::key::Resealed;
use vestibule::locksmith::{self, Start};

use super::{kid_of, kids, look, rotate, rows, sign_in};
use crate::harness::{TestApp, config, race};
use crate::support::{assert_alive, dump, events, reason, verify_ticket};

/// That of every test's house.
pub(super) const OLD: &str = "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=";
pub(super) const NEW: &str = "YW5vdGhlciBtYXN0ZXIga2V5IG9mIHRoZSB0ZXN0IDE=";
const WRONG: &str = "d3JvbmcgbWFzdGVyIGtleSBvZiB0aGlzIHRlc3QgISE=";

pub(super) async fn reseal(test: &TestApp, old: &str, new: &str) -> Result<Resealed, String> {
    let settings = [
        ("VESTIBULE_OLD_MASTER_KEY", old),
        ("VESTIBULE_MASTER_KEY", new),
    ];
    let config = config(&test.database, &settings);
    let resealed = locksmith::reseal(&config, &Clock::system(), &Rng::system()).await;
    resealed.map_err(|error| format!("{error:?}"))
}

/// Everything that is sealed, as it rests.
async fn sealed(test: &TestApp) -> Vec<Vec<u8>> {
    let secrets = sealed_secret::Entity::find().all(test.app.db.read()).await;
    let secrets = secrets.expect("the secrets");
    let keys = rows(test).await;
    let keys = keys.into_iter().map(|key| key.sealed_private_key);
    keys.chain(secrets.into_iter().map(|secret| secret.sealed))
        .collect()
}

on_both_databases! {
    async fn a_new_master_key_opens_everything_and_the_old_one_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.anon().sign_up("bob@example.org").await.ok();
        let ticket = test.mail_to("bob@example.org").await.ticket();
        rotate(&test, Start::Announced).await;
        let before = sealed(&test).await;
        assert_eq!(reseal(&test, OLD, NEW).await, Ok(Resealed { done: 3, already: 0 }));
        let after = sealed(&test).await;
        assert!(before.iter().all(|sealed| !after.contains(sealed)));
        // Run again, as after an interruption: nothing is left to do, and nothing is done.
        assert_eq!(reseal(&test, OLD, NEW).await, Ok(Resealed { done: 0, already: 3 }));
        assert_eq!(sealed(&test).await, after);
        assert_eq!(events(&test, "secrets_resealed").await.len(), 1);

        let next = test.second_instance_with(&[("VESTIBULE_MASTER_KEY", NEW)]).await;
        assert_alive(&next.anon().bearer(&ann.access_token).me().await.ok());
        assert_alive(&test.anon().bearer(&sign_in(&next).await).me().await.ok());
        verify_ticket(&next.anon(), &ticket).await.ok();
        let old = vestibule::app::App::open(config(&test.database, &[]), Clock::system(), Rng::system()).await;
        let refusal = format!("{:?}", old.expect_err("the old key opens nothing"));
        assert!(refusal.contains("VESTIBULE_MASTER_KEY") && !refusal.contains(OLD), "{refusal}");
    }

    async fn with_a_wrong_old_key_nothing_changes(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        rotate(&test, Start::Announced).await;
        let before = dump(&test, backend).await;
        for (old, new) in [(WRONG, NEW), ("", NEW), ("c2hvcnQ=", NEW), (OLD, "c2hvcnQ=")] {
            let refusal = reseal(&test, old, new).await.expect_err("it is refused");
            assert!(refusal.contains("MASTER_KEY") && (old.is_empty() || !refusal.contains(old)), "{refusal}");
        }
        assert_eq!(dump(&test, backend).await, before);
        assert!(reseal(&test, WRONG, NEW).await.expect_err("it is refused").contains("nothing was changed"));
    }

    async fn what_one_wrong_secret_stops_is_not_done_by_half(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (name, mut secret) = ("ticket key", sealed(&test).await.pop().expect("a secret"));
        secret[20] ^= 1;
        sealed_secret::Entity::update_many()
            .col_expr(sealed_secret::Column::Sealed, secret.into())
            .exec(test.app.db.write()).await.expect("a broken secret");
        let before = dump(&test, backend).await;
        let refusal = reseal(&test, OLD, NEW).await.expect_err("it is refused");
        assert!(refusal.contains(name), "{refusal}");
        assert_eq!(dump(&test, backend).await, before);
    }

    async fn an_open_house_goes_on_with_what_it_has_and_adds_no_key_that_others_cannot_open(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        reseal(&test, OLD, NEW).await.expect("it is resealed");
        assert!(locksmith::rotate(&test.app, Start::Now).await.is_err());
        assert_eq!(kids(&test).await.len(), 1);
        let next = test.second_instance_with(&[("VESTIBULE_MASTER_KEY", NEW)]).await;
        let new = rotate(&next, Start::Now).await;
        look(&test).await;
        // It verifies with the new key, and signs with its own.
        assert_alive(&test.anon().bearer(&sign_in(&next).await).me().await.ok());
        let token = sign_in(&test).await;
        assert_ne!(kid_of(&token), new.kid);
        assert_alive(&next.anon().bearer(&token).me().await.ok());
        assert_alive(&ann.me().await.ok());
        assert_eq!(reason(&test.anon().bearer("a.b.c").me().await), "TOKEN_INVALID");
    }

    async fn several_at_once_do_the_work_once(backend: Backend) {
        let test = std::sync::Arc::new(TestApp::start(backend).await);
        let resealed = race(4, |_| {
            let test = std::sync::Arc::clone(&test);
            async move { reseal(&test, OLD, NEW).await.expect("it is resealed").done }
        })
        .await;
        assert_eq!(resealed.iter().sum::<usize>(), 2);
        test.second_instance_with(&[("VESTIBULE_MASTER_KEY", NEW)]).await;
    }
}
