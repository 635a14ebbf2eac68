//! What the doctor warns of, one by one: settings that may not be meant, and what shows in the database alone.

use chrono::TimeDelta;
use entity::{job, signing_key};
use migration::{Migrator, MigratorTrait};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;

use super::{Found, MASTER_KEY, examine};
use crate::harness::program::{Folder, finish_under};
use crate::harness::{ADMIN_SECRET, Backend, Database, TestApp, free_port};
use crate::text::Overrides;

#[test]
fn settings_that_may_not_be_meant_are_told_one_by_one() {
    let broken = [("mail/sign_up.txt", "Hello\n{{ nobody }}\n")];
    let templates = Overrides::with("doctor", &broken);
    let public = format!("http://127.0.0.1:{}", free_port());
    let public = ("VESTIBULE_PUBLIC_URL", public.as_str());
    let without = examine(&[public], &[]);
    assert!(without.well, "{}", without.said);
    for (name, value, area, words, level) in [
        (
            "VESTIBULE_BIND",
            "0.0.0.0:4000",
            "settings",
            "development mode is open to other machines",
            "warning",
        ),
        (
            "VESTIBULE_BREACH_URL",
            "http://127.0.0.1:9/range/",
            "settings",
            "breached passwords is asked without TLS",
            "warning",
        ),
        (
            "VESTIBULE_TEMPLATES",
            templates.path(),
            "texts",
            "mail/sign_up.txt:2: ",
            "problem",
        ),
    ] {
        assert!(!without.said.contains(words), "{}", without.said);
        let found = examine(&[public, (name, value)], &[]);
        assert_eq!(found.about(area, words), level, "{name}");
        assert_eq!(found.well, level == "warning", "{name}: {}", found.said);
    }
}

#[test]
fn too_few_descriptors_are_a_warning_with_both_numbers() {
    let public = format!("http://127.0.0.1:{}", free_port());
    let examine = |connections: &str| {
        let settings = [
            ("VESTIBULE_PUBLIC_URL", public.as_str()),
            ("VESTIBULE_HTTP_CONNECTIONS", connections),
        ];
        let (folder, arguments) = (Folder::new(), ["doctor", "--json"]);
        let output = finish_under("ulimit -n 300", &folder, &settings, &arguments);
        Found::of(&output)
    };
    let found = examine("10000");
    assert!(found.well, "{}", found.said);
    let words = "300 files and sockets may be open here, and the settings ask for 10124";
    assert_eq!(found.about("settings", words), "warning");
    let found = examine("100");
    assert!(!found.said.contains("may be open here"), "{}", found.said);
}

/// As the program before the newest migration left it.
async fn older(backend: Backend) -> Database {
    let database = Database::empty(backend).await;
    let db = database.connect().await;
    let all_but_one = Migrator::migrations().len() - 1;
    let all_but_one = u32::try_from(all_but_one).expect("a few");
    let tx = migration::begin_alone(&db).await.expect("a transaction");
    let migrated = Migrator::up(&tx, Some(all_but_one)).await;
    migrated.expect("migrations");
    tx.commit().await.expect("a commit");
    db.close().await.expect("a closed connection");
    database
}

on_both_databases! {
    async fn tables_that_an_older_program_made_are_a_warning_and_stay_as_they_are(backend: Backend) {
        let database = older(backend).await;
        let url = database.url();
        let found = examine(&[("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY], &[]);
        assert!(found.well, "{}", found.said);
        assert_eq!(found.about("database", "older than this program"), "warning");
        // What would be asked of the newest tables is not asked of these.
        for area in ["keys", "applications"] {
            assert!(found.findings.iter().all(|finding| finding["area"] != area), "{}", found.said);
        }
        assert!(!found.said.contains("in the outbox"), "{}", found.said);
        let db = database.connect().await;
        assert!(!migration::is_current(&db).await.expect("an answer"));
    }

    async fn a_mail_that_has_waited_for_more_than_ten_minutes_is_a_warning(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let url = test.database.url();
        for (minutes, level) in [(9, "ok"), (11, "warning")] {
            let then = test.app.now() - TimeDelta::minutes(minutes);
            let written = job::ActiveModel { created_at: Set(then), ..Default::default() };
            let all = job::Entity::update_many().set(written).exec(test.app.db.write());
            all.await.expect("an older mail");
            let found = examine(&[("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY], &[]);
            assert!(found.well, "{}", found.said);
            assert_eq!(found.about("mail", "1 wait in the outbox"), level, "{}", found.said);
            let is_late = found.said.contains("the oldest for more than ten minutes");
            assert_eq!(is_late, level == "warning", "{}", found.said);
        }
    }

    async fn a_rotation_that_is_overdue_is_a_warning_with_its_days(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        let url = test.database.url();
        let settings = [("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY];
        let signs_for = async |days: i64| {
            let began = test.app.now() - TimeDelta::days(days);
            let key = signing_key::ActiveModel { created_at: Set(began), signs_from: Set(Some(began)), ..Default::default() };
            let all = signing_key::Entity::update_many().set(key).exec(test.app.db.write());
            all.await.expect("an older key");
        };
        // A running house sees to it soon.
        signs_for(90).await;
        let found = examine(&settings, &[]);
        assert!(!found.said.contains("should have been replaced"), "{}", found.said);
        signs_for(95).await;
        let found = examine(&settings, &[]);
        assert!(found.well, "{}", found.said);
        assert_eq!(found.about("keys", "should have been replaced 5 days ago"), "warning");
        let by_command = [&settings[..], &[("VESTIBULE_KEY_ROTATION_DAYS", "0")]].concat();
        let found = examine(&by_command, &[]);
        assert_eq!(found.about("keys", "by command alone"), "ok");
        assert!(!found.said.contains("should have been replaced"), "{}", found.said);
    }

    async fn a_redirect_to_loopback_is_a_warning_in_production_alone(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        let redirects = ["http://127.0.0.1/in", "http://[::1]/in", "http://localhost:5173/in"];
        let input = json!({ "clientId": "default", "allowedRedirectUrls": redirects });
        let updated = test.admin().run("admin_update_application", json!({ "input": input })).await;
        assert!(updated.at("/errors").is_null(), "{}", updated.body);
        let url = test.database.url();
        let development = [("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY];
        let found = examine(&development, &[]);
        assert_eq!(found.about("applications", "in order"), "ok");
        let public = format!("https://127.0.0.1:{}", free_port());
        let smtp = format!("smtp://127.0.0.1:{}", free_port());
        let production = [
            ("VESTIBULE_MODE", "production"),
            ("VESTIBULE_PUBLIC_URL", public.as_str()),
            ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
            ("VESTIBULE_SMTP_URL", smtp.as_str()),
        ];
        let found = examine(&[&development[..], &production].concat(), &[]);
        for redirect in redirects {
            let words = format!("default: the redirect {redirect} leads to the machine of whoever clicks");
            assert_eq!(found.about("applications", &words), "warning");
        }
    }
}
