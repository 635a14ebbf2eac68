//! The doctor finds what is amiss, names the mend, and changes nothing.

mod findings;

use std::collections::BTreeMap;
use std::process::Output;

use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vestibule::clock::{Clock, Rng};
use vestibule::doctor::{self, Level};

use crate::harness::program::{Folder, Program, finish};
use crate::harness::{ADMIN_SECRET, Backend, Database, TestApp, free_port};
use crate::smtp::server::{MailServer, Manner, Seal};

pub const MASTER_KEY: (&str, &str) = (
    "VESTIBULE_MASTER_KEY",
    "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
);

pub struct Found {
    pub well: bool,
    findings: Vec<Value>,
    pub said: String,
}

impl Found {
    fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        Self {
            well: output.status.success(),
            findings: serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("no JSON: {said}")),
            said,
        }
    }

    /// Levels and words of what was found about this.
    #[track_caller]
    pub fn about(&self, area: &str, words: &str) -> &str {
        let finding = self.findings.iter().find(|finding| {
            finding["area"] == area
                && finding["said"]
                    .as_str()
                    .is_some_and(|said| said.contains(words))
        });
        let finding =
            finding.unwrap_or_else(|| panic!("nothing of {area} and {words}: {}", self.said));
        let level = finding["level"].as_str().expect("a level");
        assert_eq!(finding["mend"].is_null(), level == "ok", "{finding}");
        level
    }
}

fn examine_in(folder: &Folder, settings: &[(&str, &str)], more: &[&str]) -> Found {
    let arguments = [&["doctor", "--json"], more].concat();
    Found::of(&finish(folder, settings, &arguments))
}

pub fn examine(settings: &[(&str, &str)], more: &[&str]) -> Found {
    examine_in(&Folder::new(), settings, more)
}

on_both_databases! {
    async fn a_house_in_order_has_no_problem_and_no_mail_is_sent_unasked(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        let database = Database::empty(backend).await;
        let (url, smtp) = (database.url(), format!("smtp://mailer:canary-password@{}", mail.address));
        let mut settings = vec![("VESTIBULE_DATABASE_URL", url.as_str()), ("VESTIBULE_SMTP_URL", &smtp), MASTER_KEY];
        let house = Program::serve(&settings).await;
        let base = format!("http://{}", house.address);
        settings.push(("VESTIBULE_PUBLIC_URL", &base));
        let found = examine(&settings, &[]);
        assert!(found.well, "{}", found.said);
        let name = if backend == Backend::Sqlite { "SQLite" } else { "PostgreSQL" };
        for (area, words) in [
            ("database", name), ("database", "up to date"), ("keys", "opens with this master key"),
            ("applications", "in order"), ("mail", "with our password"), ("mail", "in the outbox"),
            ("public URL", "answers with 1 keys"), ("clock", "20"), ("settings", "development"),
        ] {
            assert_eq!(found.about(area, words), "ok", "{}", found.said);
        }
        assert!(!found.said.contains("canary"), "{}", found.said);
        assert_eq!(mail.messages().len(), 0);
        let found = examine(&settings, &["--send-to", "ann@example.org"]);
        assert_eq!(found.about("mail", "ann@example.org"), "ok");
        assert_eq!(mail.messages().len(), 1);
        let shown = finish(&Folder::new(), &settings, &["doctor"]);
        assert!(String::from_utf8_lossy(&shown.stdout).contains("ok       database: "), "{shown:?}");
    }

    async fn what_is_broken_is_a_problem_with_its_mend(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        let input = json!({
            "clientId": "default",
            "allowedRedirectUrls": ["http://shop.example.org/in", "https://*.example.org", "http://127.0.0.1/in"],
        });
        let updated = test.admin().run("admin_update_application", json!({ "input": input })).await;
        assert!(updated.at("/errors").is_null(), "{}", updated.body);
        let url = test.database.url();
        let nowhere = format!("http://127.0.0.1:{}", free_port());
        let smtp = format!("smtp://127.0.0.1:{}", free_port());
        let found = examine(&[
            ("VESTIBULE_DATABASE_URL", &url),
            ("VESTIBULE_MASTER_KEY", "YW5vdGhlciBtYXN0ZXIga2V5IG9mIHRoZSB0ZXN0IDE="),
            ("VESTIBULE_PUBLIC_URL", &nowhere),
            ("VESTIBULE_SMTP_URL", &smtp),
            ("VESTIBULE_TOKEN_ALGORITHM", "EdDSA"),
        ], &[]);
        assert!(!found.well && found.said.contains("problems"), "{}", found.said);
        assert_eq!(found.about("keys", "does not open"), "problem");
        assert_eq!(found.about("keys", "EdDSA"), "warning");
        assert_eq!(found.about("applications", "http://shop.example.org/in"), "problem");
        assert_eq!(found.about("applications", "https://*.example.org"), "warning");
        assert!(!found.said.contains("127.0.0.1/in"), "in development it is in order: {}", found.said);
        assert_eq!(found.about("mail", "cannot be used"), "problem");
        assert_eq!(found.about("public URL", "does not answer"), "warning");
        assert_eq!(found.about("public URL", "refused"), "warning");
    }
}

on_both_databases! {
    async fn tables_that_a_newer_program_made_are_a_warning(backend: Backend) {
        use sea_orm::ConnectionTrait;
        let test = TestApp::start_now(backend).await;
        let tomorrow = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_x', 1)";
        test.app.db.write().execute_unprepared(tomorrow).await.expect("a migration of tomorrow");
        let url = test.database.url();
        let found = examine(&[("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY], &[]);
        assert!(found.well, "{}", found.said);
        assert_eq!(found.about("database", "newer than this program"), "warning");
        assert_eq!(found.about("keys", "opens with this master key"), "ok");
    }

    async fn a_clock_that_is_wrong_is_a_problem(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        let past = chrono::DateTime::from_timestamp(1_577_836_800, 0).expect("the year 2020");
        let config = crate::harness::config(&test.database, &[]);
        let clock = Clock::from_fn(move || past);
        let found = doctor::examine(&config, &clock, &Rng::system(), None).await;
        let level = |area: &str, words: &str| {
            let finding = found.iter().find(|finding| finding.area == area && finding.said.contains(words));
            finding.map(|finding| (finding.level, finding.mend.is_some()))
        };
        assert_eq!(level("clock", "2020-01-01"), Some((Level::Problem, true)), "{found:?}");
        assert_eq!(level("clock", "yet to come"), Some((Level::Warning, true)), "{found:?}");
        // PostgreSQL's own clock is right.
        let apart = (backend == Backend::Postgres).then_some((Level::Problem, true));
        assert_eq!(level("database", "seconds apart"), apart, "{found:?}");
    }

    async fn an_event_that_is_yet_to_come_is_a_warning(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        test.user("ann").await;
        let url = test.database.url();
        let found = examine(&[("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY], &[]);
        assert!(!found.said.contains("yet to come"), "{}", found.said);
        test.clock.advance(TimeDelta::minutes(10));
        test.user("ben").await;
        let found = examine(&[("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY], &[]);
        assert!(found.well, "{}", found.said);
        assert_eq!(found.about("clock", "yet to come"), "warning");
    }

    async fn mails_that_were_given_up_are_a_warning_with_their_number(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        for name in ["ann", "bob"] {
            test.anon().sign_up(&format!("{name}@example.org")).await.ok();
        }
        let buried = entity::job::ActiveModel { buried_at: Set(Some(test.app.now())), ..Default::default() };
        let all = entity::job::Entity::update_many().set(buried).exec(test.app.db.write());
        all.await.expect("buried mails");
        let url = test.database.url();
        let found = examine(&[("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY], &[]);
        assert_eq!(found.about("mail", "2 were given up"), "warning");
    }
}

/// Every file of the folder with its octets. The index of a log is memory that is shared, and holds nothing of its own.
fn octets(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let files = entries.map(|entry| {
        let path = entry.unwrap().path();
        (path.display().to_string(), std::fs::read(path).unwrap())
    });
    files.filter(|(name, _)| !name.ends_with("-shm")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_octet_of_what_is_examined_is_changed() {
    let folder = Folder::new();
    let url_of = |name: &str| format!("sqlite://{}/{name}", folder.path().display());
    let killed = url_of("killed.db");
    let settings = [("VESTIBULE_DATABASE_URL", killed.as_str()), MASTER_KEY];
    let mut house = Program::serve(&settings).await;
    for name in ["copy.db", "shut.db"] {
        assert!(
            finish(&folder, &settings, &["backup", name])
                .status
                .success()
        );
    }
    house.kill();
    folder.file("empty.db", "");
    // As a server leaves it that was told to stop.
    let shut = url_of("shut.db");
    let settings = [("VESTIBULE_DATABASE_URL", shut.as_str()), MASTER_KEY];
    assert!(finish(&folder, &settings, &["migrate"]).status.success());
    let before = octets(&folder);
    // Its log is still there, and holds what the file does not.
    assert!(before.keys().any(|name| name.ends_with("killed.db-wal")));
    let public = format!("http://127.0.0.1:{}", free_port());
    for (name, words) in [
        ("killed.db", "up to date"),
        ("copy.db", "up to date"),
        ("shut.db", "up to date"),
        ("empty.db", "no tables of ours"),
    ] {
        let url = url_of(name);
        let settings = [
            ("VESTIBULE_DATABASE_URL", url.as_str()),
            ("VESTIBULE_PUBLIC_URL", &public),
            MASTER_KEY,
        ];
        let found = examine_in(&folder, &settings, &[]);
        found.about("database", words);
        assert!(octets(&folder) == before, "{name}: {}", found.said);
    }
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let folder = Folder::new();
    let public = format!("http://127.0.0.1:{}", free_port());
    let found = examine_in(&folder, &[("VESTIBULE_PUBLIC_URL", &public)], &[]);
    assert!(found.well, "{}", found.said);
    assert_eq!(found.about("database", "none yet"), "warning");
    assert!(!found.said.contains("no mail went"), "{}", found.said);
    let settings = [("VESTIBULE_PUBLIC_URL", public.as_str())];
    let found = examine_in(&folder, &settings, &["--send-to", "ann@example.org"]);
    assert_eq!(
        found.about("mail", "no mail went to ann@example.org"),
        "warning"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_master_key_that_no_house_opens_with_is_a_problem_before_there_is_a_database() {
    let public = format!("http://127.0.0.1:{}", free_port());
    for key in ["canary", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        let folder = Folder::new();
        let settings = [
            ("VESTIBULE_PUBLIC_URL", public.as_str()),
            ("VESTIBULE_MASTER_KEY", key),
        ];
        let found = examine_in(&folder, &settings, &[]);
        assert!(!found.well, "{}", found.said);
        assert_eq!(found.about("database", "none yet"), "warning");
        assert_eq!(found.about("settings", "VESTIBULE_MASTER_KEY"), "problem");
        assert!(!found.said.contains(key), "{}", found.said);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn settings_that_are_refused_are_a_problem_with_its_mend() {
    for (name, value, setting) in [
        ("VESTIBULE_MODE", "production", "VESTIBULE_PUBLIC_URL"),
        ("VESTIBULE_SMTP_TIMEOUT", "canary", "VESTIBULE_SMTP_TIMEOUT"),
        ("VESTIBULE_LOG", "canary=loud", "VESTIBULE_LOG"),
        ("VESTIBULE_CONFIG", "nowhere.toml", "nowhere.toml"),
    ] {
        let found = examine(&[(name, value)], &[]);
        assert!(!found.well, "{}", found.said);
        assert_eq!(found.about("settings", setting), "problem");
        let mend = found.findings[0]["mend"].as_str().expect("a mend");
        assert!(mend.contains(setting), "{mend}");
        assert!(!found.said.contains("canary"), "{}", found.said);
    }
    let incomplete = [("VESTIBULE_MODE", "production")];
    let shown = finish(&Folder::new(), &incomplete, &["doctor"]);
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        said.starts_with("problem  settings: VESTIBULE_PUBLIC_URL"),
        "{said}"
    );
    assert_eq!(shown.status.code(), Some(1));
}

#[test]
fn production_is_judged_more_strictly_and_a_lost_database_tells_no_password() {
    let public = format!("https://127.0.0.1:{}", free_port());
    let database = format!("postgres://user:canary@127.0.0.1:{}/x", free_port());
    let found = examine(
        &[
            ("VESTIBULE_MODE", "production"),
            ("VESTIBULE_PUBLIC_URL", &public),
            ("VESTIBULE_DATABASE_URL", &database),
            ("VESTIBULE_DATABASE_TIMEOUT", "1000"),
            MASTER_KEY,
            ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
            ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:9"),
            ("VESTIBULE_LOG", "info,vestibule=debug"),
            ("VESTIBULE_METRICS_BIND", "0.0.0.0:9000"),
            ("VESTIBULE_TRUSTED_PROXIES", "0.0.0.0/0"),
        ],
        &[],
    );
    assert!(!found.well);
    assert_eq!(found.about("database", "cannot be used"), "problem");
    assert_eq!(found.about("public URL", "does not answer"), "problem");
    assert_eq!(found.about("settings", "every machine"), "problem");
    assert_eq!(found.about("settings", "localhost"), "problem");
    assert_eq!(found.about("settings", "talkative"), "warning");
    assert_eq!(found.about("settings", "every network"), "warning");
    assert!(!found.said.contains("canary"), "{}", found.said);
}

#[tokio::test]
async fn the_keys_of_another_house_are_told() {
    let house = Program::serve(&[]).await;
    let database = Database::fresh(Backend::Sqlite).await;
    let test = TestApp::on(database, &[]).await;
    let (url, public) = (test.database.url(), format!("http://{}", house.address));
    let found = examine(
        &[
            ("VESTIBULE_DATABASE_URL", url.as_str()),
            ("VESTIBULE_PUBLIC_URL", &public),
            MASTER_KEY,
        ],
        &[],
    );
    assert_eq!(found.about("public URL", "somebody else"), "warning");
}

/// Somebody who answers whatever is asked with this.
async fn somebody(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
    let answer = format!("{head} {}\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever asks sends little, and all of it at once.
            drop(stream.read(&mut [0; 4_096]).await);
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_our_signing_key_is_told() {
    let folder = Folder::new();
    let url = format!("sqlite://{}/house.db", folder.path().display());
    let settings = [("VESTIBULE_DATABASE_URL", url.as_str()), MASTER_KEY];
    assert!(finish(&folder, &settings, &["migrate"]).status.success());
    let keys = finish(&folder, &settings, &["keys", "list", "--json"]);
    let keys: Value = serde_json::from_slice(&keys.stdout).expect("JSON");
    let old = json!({ "keys": [{ "kid": keys[0]["kid"] }] }).to_string();
    let rotate = finish(&folder, &settings, &["keys", "rotate", "--now"]);
    assert!(rotate.status.success(), "{rotate:?}");
    for (answer, words) in [
        (r#"{"hello":"world"}"#, "without a key"),
        (r#"{"keys":[]}"#, "without a key"),
        (r#"{"keys":[{"kid":"theirs"}]}"#, "somebody else"),
        (old.as_str(), "without the key that signs"),
    ] {
        let public = somebody(answer.to_owned()).await;
        let mut settings = settings.to_vec();
        settings.push(("VESTIBULE_PUBLIC_URL", public.as_str()));
        let found = examine(&settings, &[]);
        assert_eq!(found.about("public URL", words), "warning", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_vouches_for_is_told() {
    let house = MailServer::start(Seal::Implicit, Manner::Takes, "127.0.0.1").await;
    let public = format!("https://{}", house.address);
    let found = examine(&[("VESTIBULE_PUBLIC_URL", &public)], &[]);
    assert_eq!(found.about("public URL", "certificate"), "warning");
}
