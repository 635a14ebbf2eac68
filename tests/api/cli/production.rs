//! Production does not start half-configured.

use crate::harness::program::{Folder, finish};

const COMPLETE: [(&str, &str); 6] = [
    ("VESTIBULE_MODE", "production"),
    ("VESTIBULE_PUBLIC_URL", "https://auth.example.org"),
    (
        "VESTIBULE_MASTER_KEY",
        "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
    ),
    ("VESTIBULE_ADMIN_SECRET", "canary of the admin secret"),
    ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:9"),
    ("VESTIBULE_BIND", "127.0.0.1:0"),
];

/// The complete settings, one of them changed or (with an empty value) left out.
fn start(name: &str, value: &str, command: &str) -> (bool, String) {
    let folder = Folder::new();
    let mut settings: Vec<_> = COMPLETE
        .into_iter()
        .filter(|(known, _)| *known != name)
        .collect();
    if !value.is_empty() {
        settings.push((name, value));
    }
    let output = finish(&folder, &settings, &[command]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

#[test]
fn a_setting_that_is_missing_or_unfit_is_named_and_its_value_is_not() {
    for (name, value) in [
        ("VESTIBULE_PUBLIC_URL", ""),
        ("VESTIBULE_PUBLIC_URL", "http://canary.example.org"),
        ("VESTIBULE_MASTER_KEY", ""),
        ("VESTIBULE_MASTER_KEY", "Y2FuYXJ5"),
        ("VESTIBULE_MASTER_KEY", "canary, not base64"),
        (
            "VESTIBULE_MASTER_KEY",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
        ("VESTIBULE_ADMIN_SECRET", ""),
        ("VESTIBULE_ADMIN_SECRET", "canary"),
        ("VESTIBULE_SMTP_URL", ""),
        ("VESTIBULE_SMTP_URL", "http://canary.example.org"),
        ("VESTIBULE_RATE_LIMITS", "off"),
        ("VESTIBULE_DATABASE_URL", "mysql://user:canary@127.0.0.1/x"),
        ("VESTIBULE_DATABASE_URL", "canary"),
        ("VESTIBULE_DATABASE_URL", "sqlite::memory:?canary"),
        ("VESTIBULE_DATABASE_URL", "sqlite://file:canary?mode=memory"),
        ("VESTIBULE_DATABASE_URL", "sqlite://?mode=canary"),
        ("VESTIBULE_LOG", "canary=loud"),
        ("VESTIBULE_LOG", "info,vestibule[canary]=debug"),
    ] {
        let (started, said) = start(name, value, "serve");
        assert!(!started, "{name}={value}");
        assert!(said.contains(name), "{name}={value}: {said}");
        assert!(
            !said.contains("canary") && !said.contains("Y2FuYXJ5"),
            "{said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_complete_configuration_is_accepted() {
    for directives in ["info", "warn, vestibule=info,"] {
        let (started, said) = start("VESTIBULE_LOG", directives, "migrate");
        assert!(started, "{said}");
    }
}

/// What a driver says of an address that is no good must not hold the password in it.
#[test]
fn a_database_that_cannot_be_opened_tells_nothing_of_its_password() {
    for url in [
        "postgres://user:canary@127.0.0.1:1/x",
        "postgres://user:canary@127.0.0.1:99999/x",
        "postgres://user:canary@127.0.0.1:1/x?sslmode=mad",
        "postgres://user:canary@",
        "sqlite:///nowhere/at/all.db?cache=mad",
    ] {
        let (started, said) = start("VESTIBULE_DATABASE_URL", url, "migrate");
        assert!(!started, "{url}");
        assert!(
            !said.contains("canary") && !said.contains("panicked"),
            "{url}: {said}"
        );
    }
}
