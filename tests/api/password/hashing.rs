//! How passwords are compared and kept.

use entity::{attempt_counter, user};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;

use crate::harness::{Backend, Client, PASSWORD, TestApp, race};
use crate::support::{LIMITED, PATIENT, accounts, events, sign_up_with, tally};

async fn sign_up(test: &TestApp, email: &str, password: &str) {
    let fields = json!({ "email": email, "password": password });
    let answer = sign_up_with(&test.anon(), fields).await.ok();
    assert_eq!(answer.text("/data/signUp/__typename"), "Session");
}

async fn phc(test: &TestApp, email_key: &str) -> String {
    let account = accounts(test, email_key).await.remove(0);
    account.password_hash.expect("a password")
}

on_both_databases! {
    async fn composed_and_decomposed_forms_are_one_password(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        sign_up(&test, "ann@example.org", "cafe\u{301} cre\u{300}me bru\u{302}le\u{301}e").await;
        for spelling in ["caf\u{e9} cr\u{e8}me br\u{fb}l\u{e9}e", "cafe\u{301} cr\u{e8}me bru\u{302}l\u{e9}e"] {
            test.anon().sign_in("ann@example.org", spelling).await.ok();
        }
        // Compatibility forms stay different.
        let answer = test.anon().sign_in("ann@example.org", "\u{ff43}af\u{e9} cr\u{e8}me br\u{fb}l\u{e9}e").await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    }

    async fn case_and_outer_spaces_count(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        sign_up(&test, "ann@example.org", " Seven Wild Geese ").await;
        for other in ["Seven Wild Geese", " Seven Wild Geese", "Seven Wild Geese ", " seven wild geese ", " SEVEN WILD GEESE "] {
            assert_eq!(test.anon().sign_in("ann@example.org", other).await.code(), "INVALID_CREDENTIALS", "{other:?}");
        }
        test.anon().sign_in("ann@example.org", " Seven Wild Geese ").await.ok();
    }

    async fn no_place_is_too_far_behind_to_count(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        // bcrypt stops at octet 72 and at a NUL; nothing does here.
        for (number, prefix) in ["x9".repeat(36), "x9".repeat(64), "x9".repeat(127) + "x", "seven\0".into()].iter().enumerate() {
            let email = format!("user{number}@example.org");
            let (right, wrong) = (format!("{prefix}qqqA"), format!("{prefix}qqqB"));
            let cut = |text: &str| text.chars().take(256).collect::<String>();
            let (right, wrong) = if prefix.len() > 250 { (format!("{prefix}A"), format!("{prefix}B")) } else { (cut(&right), cut(&wrong)) };
            assert_ne!(right, wrong);
            sign_up(&test, &email, &right).await;
            assert_eq!(test.anon().sign_in(&email, &wrong).await.code(), "INVALID_CREDENTIALS", "{number}");
            assert_eq!(test.anon().sign_in(&email, prefix).await.code(), "INVALID_CREDENTIALS", "{number}");
            test.anon().sign_in(&email, &right).await.ok();
        }
    }

    async fn a_hash_has_the_asked_cost_and_a_salt_of_its_own(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        sign_up(&test, "ann@example.org", PASSWORD).await;
        sign_up(&test, "bob@example.org", PASSWORD).await;
        let (ann, bob) = (phc(&test, "ann@example.org").await, phc(&test, "bob@example.org").await);
        assert!(ann.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ann}");
        assert_ne!(ann, bob);
    }

    async fn a_raised_cost_reaches_each_user_at_the_next_sign_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let cheap = phc(&test, "ann@example.org").await;
        let settings = [("VESTIBULE_PASSWORD_PASSES", "3")];
        let dearer = TestApp::with_clock(test.database.clone(), &settings, test.clock.clone()).await;
        let wrong = dearer.anon().sign_in("ann@example.org", "not the password").await;
        assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
        assert_eq!(phc(&test, "ann@example.org").await, cheap);

        dearer.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        let raised = phc(&test, "ann@example.org").await;
        assert!(raised.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"), "{raised}");
        assert_eq!(events(&test, "password_rehashed").await.len(), 1);
        dearer.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(phc(&test, "ann@example.org").await, raised);
        // A rehash is no change of the password: whoever is signed in stays.
        crate::support::assert_alive(&ann.me().await.ok());
    }

    /// The first one raises it; the others have compared theirs with what was there before.
    async fn everybody_who_signs_in_at_once_after_the_cost_was_raised_is_let_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let raised = [&[("VESTIBULE_PASSWORD_PASSES", "3")], LIMITED, PATIENT].concat();
        let dearer = TestApp::with_clock(test.database.clone(), &raised, test.clock.clone()).await;
        let front = dearer.front.clone();
        // As many as are looked at before one of them is known to be right.
        let answers = race(5, move |_| {
            let client = Client::new(front.clone());
            async move { client.sign_in("ann@example.org", PASSWORD).await }
        })
        .await;
        assert_eq!(tally(&answers), [(String::new(), 5)].into());
        assert_eq!(events(&test, "password_rehashed").await.len(), 1);
        // None of them counts as a wrong guess.
        assert!(attempt_counter::Entity::find().one(test.app.db.read()).await.expect("an answer").is_none());
    }

    async fn a_stored_hash_that_would_cost_a_whole_machine_is_not_computed(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let cheap = phc(&test, "ann@example.org").await;
        let greedy = cheap.replace("m=19456", "m=4194304");
        let change = user::ActiveModel { password_hash: Set(Some(greedy)), ..Default::default() };
        user::Entity::update_many().set(change).exec(test.app.db.write()).await.expect("another hash");
        let answer = test.anon().sign_in("ann@example.org", PASSWORD).await;
        assert_eq!(answer.code(), "INTERNAL");
        assert!(answer.at("/errors/0/extensions/requestId").is_string());
        assert!(!answer.body.to_string().contains("argon2"), "{}", answer.body);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn threads_that_hash_step_back_behind_requests() {
    use std::collections::HashSet;

    let niceness = |stat: &str| -> i32 {
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let niceness = fields.split_whitespace().nth(16).expect("a niceness");
        niceness.parse().expect("a number")
    };
    let own = niceness(&std::fs::read_to_string("/proc/self/stat").unwrap());
    // How many hash, and all who have not the priority that they should have.
    let look = || -> (usize, HashSet<String>) {
        let (mut seen, mut wrong) = (0, HashSet::new());
        for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let read = |file: &str| std::fs::read_to_string(task.path().join(file));
            // Others of this process end while they are looked at.
            let (Ok(name), Ok(stat)) = (read("comm"), read("stat")) else {
                continue;
            };
            let hashes = name.starts_with("password-");
            seen += usize::from(hashes);
            let (expected, found) = (if hashes { own.max(10) } else { own }, niceness(&stat));
            if found != expected {
                let (path, name) = (task.path(), name.trim());
                wrong.insert(format!("{path:?}, {name}: {found} instead of {expected}"));
            }
        }
        (seen, wrong)
    };
    let _house = TestApp::start(Backend::Sqlite).await;
    let (seen, mut wrong) = look();
    assert!(seen > 0);
    // Those of a house that begins have a name before they step back, and houses of other tests begin all the time.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !wrong.is_empty() && std::time::Instant::now() < end {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let (_, still) = look();
        wrong.retain(|one| still.contains(one));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
