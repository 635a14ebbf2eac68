//! Versions below which a crate of ours had a published weakness. Databases of advisories do not know all of them, so that
//! they are held here.

use std::collections::BTreeMap;

/// The least version that is mended, and what was wrong before.
const FLOORS: [(&str, &str, &str); 9] = [
    (
        "async-graphql",
        "7.0.10",
        "CVE-2024-47614: directives without a limit",
    ),
    ("h2", "0.4.16", "RUSTSEC-2026-0258"),
    (
        "idna",
        "1.0.0",
        "RUSTSEC-2024-0421: names that are equal and look different",
    ),
    (
        "jsonwebtoken",
        "10.3.0",
        "CVE-2026-25537: an `exp` that is a text is not checked",
    ),
    ("lettre", "0.11.22", "RUSTSEC-2026-0141"),
    (
        "rustls-webpki",
        "0.103.13",
        "certificates of names that are constrained",
    ),
    (
        "sqlx",
        "0.8.1",
        "RUSTSEC-2024-0363: lengths that overflow the protocol",
    ),
    ("totp-rs", "1.1.0", "codes compared in varying time"),
    (
        "tracing-subscriber",
        "0.3.20",
        "RUSTSEC-2025-0055: escape sequences in logs",
    ),
];

/// What must not come in by any way: a weak crate, or a second one for what one does already.
const BANNED: [(&str, &str); 4] = [
    ("native-tls", "one TLS stack: rustls with AWS-LC"),
    ("openssl", "one TLS stack: rustls with AWS-LC"),
    ("openssl-sys", "one TLS stack: rustls with AWS-LC"),
    ("rsa", "RUSTSEC-2023-0071: its time tells the key"),
];

/// Every version of every crate in the lock file.
fn locked() -> BTreeMap<String, Vec<String>> {
    let lock: toml::Table = include_str!("../Cargo.lock").parse().expect("a lock file");
    let mut locked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let text = |name: &str| package[name].as_str().expect("a text").to_owned();
        locked
            .entry(text("name"))
            .or_default()
            .push(text("version"));
    }
    locked
}

fn numbers(version: &str) -> Vec<u32> {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    release
        .split('.')
        .map(|number| number.parse().expect("a number"))
        .collect()
}

#[test]
fn no_crate_is_older_than_its_last_known_weakness() {
    let locked = locked();
    for (name, least, why) in FLOORS {
        for version in locked.get(name).into_iter().flatten() {
            assert!(
                numbers(version) >= numbers(least),
                "{name} {version} < {least}: {why}"
            );
        }
    }
}

#[test]
fn what_is_banned_comes_in_by_no_way() {
    let locked = locked();
    for (name, why) in BANNED {
        assert!(!locked.contains_key(name), "{name}: {why}");
    }
}
