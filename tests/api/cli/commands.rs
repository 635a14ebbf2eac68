//! The commands.

use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use sea_orm::ConnectionTrait;

use crate::harness::Database;
use crate::harness::program::{Folder, command, finish};

fn said(output: &Output) -> String {
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn schema_prints_the_schema_that_is_committed() {
    let output = finish(&Folder::new(), &[], &["schema"]);
    assert!(output.status.success());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        std::fs::read_to_string(path).unwrap()
    );
}

#[test]
fn schema_prints_the_subgraph_without_and_with_administration() {
    let printed = |arguments: &[&str]| {
        let output = finish(&Folder::new(), &[], arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let open = printed(&["schema", "--federation"]);
    assert_eq!(open, vestibule::graphql::subgraph(false));
    let whole = printed(&["schema", "--federation", "--whole"]);
    assert_eq!(whole, vestibule::graphql::subgraph(true));
    let alone = finish(&Folder::new(), &[], &["schema", "--whole"]);
    assert!(!alone.status.success());
}

#[test]
fn help_lists_every_command_and_every_setting() {
    let output = finish(&Folder::new(), &[], &["--help"]);
    assert!(output.status.success());
    let help = said(&output);
    for name in [
        "serve",
        "migrate",
        "keys",
        "backup",
        "restore",
        "epoch",
        "doctor",
        "hasura",
        "schema",
        "_FILE",
        "vestibule.toml",
    ] {
        assert!(help.contains(name), "{name}: {help}");
    }
    let source = include_str!("../../../src/config/settings.rs");
    let fields = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
    let fields: Vec<_> = fields
        .map(|(name, _)| format!("VESTIBULE_{}", name.to_uppercase()))
        .collect();
    assert!(fields.len() > 20);
    for name in fields {
        assert!(help.contains(&format!("  {name}  (")), "{name}: {help}");
    }
}

#[test]
fn an_unknown_command_is_refused_and_nothing_is_made() {
    let folder = Folder::new();
    let output = finish(&folder, &[], &["sevre"]);
    assert!(!output.status.success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_key_that_is_made_is_for_its_owner_alone_and_stays() {
    let folder = Folder::new();
    let first = finish(&folder, &[], &["migrate"]);
    assert!(first.status.success(), "{}", said(&first));
    let path = folder.path().join("vestibule.key");
    let key = std::fs::read_to_string(&path).expect("a key");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!said(&first).contains(key.trim()));

    let again = finish(&folder, &[], &["migrate"]);
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), key);
}

on_both_databases! {
    async fn two_migrations_at_once_do_the_work_once(backend: Backend) {
        let database = Database::empty(backend).await;
        let url = database.url();
        let settings = [
            ("VESTIBULE_DATABASE_URL", url.as_str()),
            ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
            ("VESTIBULE_MASTER_KEY", "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ="),
        ];
        let folder = Folder::new();
        let start = || {
            let mut command = command(&folder, &settings, &["migrate"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
        };
        let both = [start(), start(), start()];
        for child in both {
            let output = child.wait_with_output().expect("its output");
            assert!(output.status.success(), "{}", said(&output));
        }
        let db = database.connect().await;
        let count = "SELECT count(*) AS many FROM signing_keys";
        let count = sea_orm::Statement::from_string(db.get_database_backend(), count);
        let row = db.query_one_raw(count).await.expect("a count").expect("a row");
        assert_eq!(row.try_get::<i64>("", "many").unwrap(), 1);
        db.close().await.expect("a closed connection");
    }
}

/// The operator hears the cause, and which setting to look at; never its value.
#[tokio::test]
async fn a_database_that_is_away_or_locked_is_told_with_its_cause() {
    let folder = Folder::new();
    let away = format!(
        "postgres://user:canary@127.0.0.1:{}/x",
        crate::harness::free_port()
    );
    let nowhere = format!("sqlite://{}/missing/canary.db", folder.path().display());
    let locked = format!("sqlite://{}/canary.db", folder.path().display());
    let mut one = sea_orm::ConnectOptions::new(format!("{locked}?mode=rwc"));
    one.max_connections(1);
    let other = sea_orm::Database::connect(one).await.expect("a file");
    let lock = "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE";
    let lock = other.execute_unprepared(lock).await;
    lock.expect("the only writer");
    for (command, url, cause) in [
        ("migrate", &away, "refused"),
        ("serve", &away, "refused"),
        ("migrate", &nowhere, "unable to open database file"),
        ("migrate", &locked, "database is locked"),
    ] {
        let settings = [
            ("VESTIBULE_DATABASE_URL", url.as_str()),
            ("VESTIBULE_DATABASE_TIMEOUT", "1000"),
            (
                "VESTIBULE_MASTER_KEY",
                "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
            ),
            ("VESTIBULE_LOG", "error"),
        ];
        let output = finish(&folder, &settings, &[command]);
        let said = said(&output);
        assert!(!output.status.success(), "{said}");
        assert!(
            said.contains(cause) && said.contains("VESTIBULE_DATABASE_URL"),
            "{command} {url}: {said}"
        );
        assert!(
            !said.contains("canary") && !said.contains("Try again"),
            "{said}"
        );
    }
}
