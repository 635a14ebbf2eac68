//! Where settings come from, and how a wrong one is refused: by name, never by value.

use vestibule::config::{Config, Environment, load};

use crate::harness::program::{Folder, command, finish};

/// What the settings file and these variables make of each other.
fn read(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = Folder::new();
    let path = folder.file("vestibule.toml", file);
    let mut all = vec![("VESTIBULE_CONFIG".to_owned(), path)];
    let variables = variables.iter().copied();
    all.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    load(&Environment::of(all)).map_err(|error| error.to_string())
}

#[track_caller]
fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
    match read(file, variables) {
        Ok(_) => panic!("{file} {variables:?} is accepted"),
        Err(message) => message,
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let file = "bind = \"127.0.0.1:4001\"\nsmtp_timeout = 500\nrate_limits = false\n\
                trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1/32\"]";
    let settings = read(file, &[("VESTIBULE_SMTP_TIMEOUT", "700")])
        .unwrap()
        .settings;
    assert_eq!(settings.bind.port(), 4001);
    assert_eq!(settings.smtp_timeout, 700);
    assert!(!settings.rate_limits.is_on());
    assert_eq!(settings.trusted_proxies.len(), 2);
    assert_eq!(settings.mail_attempts, 12);
    let empty = read(file, &[("VESTIBULE_SMTP_TIMEOUT", "")])
        .unwrap()
        .settings;
    assert_eq!(empty.smtp_timeout, 500, "an empty variable is none");
}

#[test]
fn the_file_in_the_working_folder_is_found() {
    let folder = Folder::new();
    folder.file("vestibule.toml", "colour = \"red\"");
    let output = finish(&folder, &[], &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("`colour`") && !said.contains("red"), "{said}");
}

#[test]
fn a_secret_can_come_from_a_file_without_its_line_end() {
    let folder = Folder::new();
    let path = folder.file("secret", "sixteen letters and more\r\n");
    let config = read("", &[("VESTIBULE_ADMIN_SECRET_FILE", &path)]).unwrap();
    let secret = config.settings.admin_secret.expect("a secret");
    assert_eq!(secret.expose(), "sixteen letters and more");
}

#[test]
fn a_secret_in_the_environment_loses_its_line_end_too() {
    let given = [("VESTIBULE_ADMIN_SECRET", "sixteen letters and more\r\n")];
    let secret = read("", &given).unwrap().settings.admin_secret;
    assert_eq!(
        secret.expect("a secret").expose(),
        "sixteen letters and more"
    );
    let nothing = read("", &[("VESTIBULE_ADMIN_SECRET", "\n")]).unwrap();
    assert!(nothing.settings.admin_secret.is_none());
}

#[test]
fn a_variable_that_is_no_text_is_refused_by_name_and_that_of_others_is_none_of_our_business() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let no_text = OsStr::from_bytes(b"canary \xff\xfe of the value");
    let run = |name: &str| {
        let mut schema = command(&folder, &[], &["migrate"]);
        let output = schema.env(name, no_text).output().expect("the program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    let (well, said) = run("SOMEBODY_ELSES");
    assert!(well && !said.contains("canary"), "{said}");
    let (well, said) = run("VESTIBULE_ADMIN_SECRET");
    assert!(
        !well && said.contains("VESTIBULE_ADMIN_SECRET: is no UTF-8"),
        "{said}"
    );
    assert!(
        !said.contains("canary") && !said.contains("panicked"),
        "{said}"
    );
}

#[test]
fn a_setting_that_is_given_as_value_and_as_file_is_refused() {
    let folder = Folder::new();
    let path = folder.file("secret", "canary-of-the-file");
    let both = [
        ("VESTIBULE_ADMIN_SECRET", "canary-of-the-value"),
        ("VESTIBULE_ADMIN_SECRET_FILE", path.as_str()),
    ];
    let message = refusal("", &both);
    assert!(
        message.contains("VESTIBULE_ADMIN_SECRET") && message.contains("twice"),
        "{message}"
    );
    assert!(!message.contains("canary"), "{message}");
    let missing = refusal("", &[("VESTIBULE_ADMIN_SECRET_FILE", "/nowhere/secret")]);
    assert!(missing.contains("/nowhere/secret"), "{missing}");
}

#[test]
fn an_unknown_setting_in_the_file_is_refused_by_name() {
    let message = refusal("admin_secrt = \"canary-of-the-value\"", &[]);
    assert!(
        message.contains("`admin_secrt`") && !message.contains("canary"),
        "{message}"
    );
    let message = refusal("[database]\nurl = \"canary\"", &[]);
    assert!(
        message.contains("`database`") && !message.contains("canary"),
        "{message}"
    );
}

#[test]
fn a_file_that_is_no_toml_is_refused_by_line_without_quoting_it() {
    let message = refusal(
        "mode = \"development\"\nadmin_secret = canary-of-the-value\n",
        &[],
    );
    assert!(
        message.contains("line 2") && !message.contains("canary"),
        "{message}"
    );
}

#[test]
fn a_malformed_value_names_its_setting_and_is_not_shown() {
    for (name, value) in [
        ("VESTIBULE_MODE", "canary"),
        ("VESTIBULE_BIND", "canary:99999"),
        ("VESTIBULE_PUBLIC_URL", "canary"),
        ("VESTIBULE_PUBLIC_URL", "ftp://canary.example"),
        ("VESTIBULE_PUBLIC_URL", "http://ann:canary@localhost"),
        ("VESTIBULE_PUBLIC_URL", "http://localhost?canary"),
        ("VESTIBULE_DATABASE_CONNECTIONS", "canary"),
        ("VESTIBULE_DATABASE_CONNECTIONS", "0"),
        ("VESTIBULE_DATABASE_TIMEOUT", "-1"),
        ("VESTIBULE_ADMIN_SECRET", "canary"),
        ("VESTIBULE_SMTP_TIMEOUT", "canary"),
        ("VESTIBULE_MAIL_ATTEMPTS", "101"),
        ("VESTIBULE_MAIL_FROM", "canary"),
        ("VESTIBULE_INTROSPECTION", "canary"),
        ("VESTIBULE_FEDERATION", "canary"),
        ("VESTIBULE_OTLP_ENDPOINT", "canary"),
        ("VESTIBULE_OTLP_ENDPOINT", "grpc://localhost:4317/canary"),
        ("VESTIBULE_OTLP_ENDPOINT", "http://ann:canary@localhost"),
        ("VESTIBULE_OTLP_ENDPOINT", "http://localhost?canary"),
        ("VESTIBULE_RATE_LIMITS", "canary"),
        ("VESTIBULE_TRUSTED_PROXIES", "10.0.0.0/8,canary"),
        ("VESTIBULE_PASSWORD_MEMORY", "19455"),
        ("VESTIBULE_PASSWORD_PASSES", "1"),
    ] {
        let message = refusal("", &[(name, value)]);
        assert!(
            message.starts_with(&format!("{name}: ")),
            "{name}={value}: {message}"
        );
        assert!(!message.contains("canary"), "{message}");
        let field = name.trim_start_matches("VESTIBULE_").to_lowercase();
        let message = refusal(&format!("{field} = \"{value}\""), &[]);
        assert!(
            message.starts_with(&format!("{name}: ")),
            "{field}={value}: {message}"
        );
    }
}

#[test]
fn a_database_whose_name_is_an_address_to_sqlite_is_refused_with_the_rule() {
    for url in [
        "sqlite:file:canary.db",
        "sqlite://file:canary.db?mode=rwc",
        "sqlite://file%3Acanary.db",
    ] {
        let message = refusal("", &[("VESTIBULE_DATABASE_URL", url)]);
        assert!(
            message.starts_with("VESTIBULE_DATABASE_URL: ") && message.contains("`file:`"),
            "{url}: {message}"
        );
        assert!(!message.contains("canary"), "{url}: {message}");
    }
    for url in ["sqlite://./file:house.db", "sqlite://profile:house.db"] {
        read("", &[("VESTIBULE_DATABASE_URL", url)]).expect("the name of a file");
    }
}

#[test]
fn federation_needs_a_secret_that_is_long_enough() {
    let on = ("VESTIBULE_FEDERATION", "on");
    let message = refusal("", &[on]);
    assert!(
        message.starts_with("VESTIBULE_FEDERATION_SECRET: is required"),
        "{message}"
    );
    let short = ("VESTIBULE_FEDERATION_SECRET", "canary of 15 ch");
    for message in [refusal("", &[on, short]), refusal("", &[short])] {
        let named = message.starts_with("VESTIBULE_FEDERATION_SECRET: must have at least 16");
        assert!(named && !message.contains("canary"), "{message}");
    }
    let folder = Folder::new();
    let path = folder.file("secret", "sixteen letters and more\n");
    let config = read(
        "federation = true",
        &[("VESTIBULE_FEDERATION_SECRET_FILE", &path)],
    )
    .unwrap();
    let secret = config.gateway_secret().expect("a secret");
    assert_eq!(secret.expose(), "sixteen letters and more");
    let off = read("", &[("VESTIBULE_FEDERATION_SECRET_FILE", &path)]).unwrap();
    assert!(off.gateway_secret().is_none());
}

#[test]
fn settings_that_are_printed_hide_their_secrets() {
    let variables = [
        ("VESTIBULE_ADMIN_SECRET", "canary-admin-secret"),
        ("VESTIBULE_MASTER_KEY", "canary-master-key"),
        ("VESTIBULE_FEDERATION_SECRET", "canary-federation-secret"),
        ("VESTIBULE_SMTP_URL", "smtps://ann:canary@mail.example.org"),
        (
            "VESTIBULE_DATABASE_URL",
            "postgres://ann:canary@localhost/x",
        ),
    ];
    let printed = format!("{:?}", read("", &variables).unwrap());
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn development_opens_to_other_machines_only_when_told_so() {
    read("", &[("VESTIBULE_BIND", "0.0.0.0:4000")]).expect("told by the environment");
    read("bind = \"0.0.0.0:4000\"", &[]).expect("told by the file");
    assert!(read("", &[]).unwrap().settings.bind.ip().is_loopback());
    let mut open = read("", &[]).unwrap().settings;
    open.bind = "0.0.0.0:4000".parse().unwrap();
    let message = Config::check(open, false).unwrap_err().to_string();
    assert!(message.starts_with("VESTIBULE_BIND: "), "{message}");
}
