//! `vestibule keys`, beside a house that is open.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::program::{Folder, Program, finish};
use crate::harness::wire;

const MASTER_KEY: (&str, &str) = (
    "VESTIBULE_MASTER_KEY",
    "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
);

/// Runs the command beside the others on a database.
fn output(url: &str, arguments: &[&str]) -> Output {
    let settings = [("VESTIBULE_DATABASE_URL", url), MASTER_KEY];
    let all = [&["keys"], arguments].concat();
    finish(&Folder::new(), &settings, &all)
}

/// Whether it went well, and everything that it printed.
fn keys(url: &str, arguments: &[&str]) -> (bool, String) {
    let output = output(url, arguments);
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    (
        output.status.success(),
        text(&output.stdout) + &text(&output.stderr),
    )
}

/// What it printed for a script.
fn json(url: &str, arguments: &[&str]) -> Value {
    let output = output(url, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"))
}

on_both_databases! {
    async fn a_rotated_key_is_published_by_a_running_house_within_seconds(backend: Backend) {
        let database = crate::harness::Database::empty(backend).await;
        let url = database.url();
        let house = Program::serve(&[("VESTIBULE_DATABASE_URL", &url), MASTER_KEY]).await;
        let rotated = json(&url, &["rotate"]);
        assert_eq!((&rotated["state"], &rotated["algorithm"]), (&"waiting".into(), &"ES256".into()));
        let begun = Instant::now();
        let published = loop {
            let set = wire::get(house.address, "/.well-known/jwks.json", &[]).await.json();
            let keys = set["keys"].as_array().expect("keys").clone();
            if keys.len() == 2 {
                break keys;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{set}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let list = json(&url, &["list"]);
        let kids = |keys: &[Value]| keys.iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();
        let list = list.as_array().expect("a list");
        assert_eq!(kids(list), kids(&published));
        assert_eq!(list.iter().map(|key| &key["state"]).collect::<Vec<_>>(), ["signing", "waiting"]);
    }

    async fn an_emergency_says_what_it_breaks_and_the_key_that_signs_stays(backend: Backend) {
        let database = crate::harness::Database::empty(backend).await;
        let url = database.url();
        let first = json(&url, &["list"])[0]["kid"].as_str().expect("a kid").to_owned();
        let (well, said) = keys(&url, &["retire", &first]);
        assert!(!well && said.contains("keys rotate --now"), "{said}");
        let (well, said) = keys(&url, &["rotate", "--now"]);
        assert!(well && said.contains("5 minutes") && said.contains("keys retire"), "{said}");
        let (well, said) = keys(&url, &["retire", &first]);
        assert!(well && said.contains(&first), "{said}");
        // Neither the others nor who verifies elsewhere hears of it at once.
        assert!(said.contains("within 2 seconds") && said.contains("5 minutes"), "{said}");
        for nobody in ["nobody's", "-YtZ", "--x"] {
            let (well, said) = keys(&url, &["retire", nobody]);
            assert!(!well && said.contains("no key of this id"), "{said}");
        }
        let (well, said) = keys(&url, &["list"]);
        assert!(well && said.contains("retired") && said.contains("signing"), "{said}");
    }

    async fn a_new_master_key_is_given_by_files(backend: Backend) {
        let database = crate::harness::Database::empty(backend).await;
        let url = database.url();
        assert!(keys(&url, &["list"]).0);
        let folder = Folder::new();
        let (old, new) = (folder.file("old", MASTER_KEY.1), folder.file("new", "YW5vdGhlciBtYXN0ZXIga2V5IG9mIHRoZSB0ZXN0IDE=\n"));
        let settings = [("VESTIBULE_DATABASE_URL", url.as_str()), ("VESTIBULE_OLD_MASTER_KEY_FILE", &old), ("VESTIBULE_MASTER_KEY_FILE", &new)];
        for (resealed, already) in [(2, 0), (0, 2)] {
            let output = finish(&folder, &settings, &["keys", "reseal", "--json"]);
            let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
            assert_eq!(said, serde_json::json!({ "resealed": resealed, "alreadySealed": already }));
        }
        let (well, said) = keys(&url, &["list"]);
        assert!(!well && said.contains("VESTIBULE_MASTER_KEY"), "{said}");
        let output = finish(&folder, &[settings[0], settings[2]], &["keys", "reseal"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("VESTIBULE_OLD_MASTER_KEY: is required"), "{said}");
    }
}
