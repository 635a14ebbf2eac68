//! What `vestibule hasura` takes from the settings and from the database, and what it says of them.

use serde_json::{Value, json};

use super::{hasura, printed, remote, roles};
use crate::harness::program::Folder;
use crate::harness::{MASTER_KEY, TestApp};

#[test]
fn the_settings_of_the_engine_name_our_keys_and_no_key_of_their_own() {
    let folder = Folder::new();
    let settings = [("VESTIBULE_PUBLIC_URL", "https://id.example.org/")];
    let of = |arguments: &[&str]| printed(&hasura(&folder, &settings, arguments));
    let printed = of(&["environment"]);
    let line = |name: &str, text: &str| {
        let mut lines = text.lines().map(str::to_owned);
        lines.find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned))
    };
    let secret = line("HASURA_GRAPHQL_JWT_SECRET", &printed).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&secret).unwrap(),
        json!({
            "jwk_url": "https://id.example.org/.well-known/jwks.json", "issuer": "https://id.example.org", "audience": ["default"],
            "claims_namespace": "https://hasura.io/jwt/claims", "claims_format": "json", "allowed_skew": 10,
        })
    );
    assert_eq!(
        line("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", &printed).as_deref(),
        Some("anonymous")
    );
    assert_eq!(
        line("HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS", &printed).as_deref(),
        Some("true")
    );
    let inside = of(&[
        "environment",
        "--url",
        "http://vestibule:4000",
        "--client-id",
        "a",
        "--client-id",
        "b",
        "--no-anonymous",
    ]);
    let secret: Value =
        serde_json::from_str(&line("HASURA_GRAPHQL_JWT_SECRET", &inside).unwrap()).unwrap();
    assert_eq!(
        secret["jwk_url"],
        "http://vestibule:4000/.well-known/jwks.json"
    );
    assert_eq!(
        (&secret["issuer"], &secret["audience"]),
        (&json!("https://id.example.org"), &json!(["a", "b"]))
    );
    assert!(line("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", &inside).is_none());
    let webhook = of(&["environment", "--webhook"]);
    assert_eq!(
        line("HASURA_GRAPHQL_AUTH_HOOK", &webhook).as_deref(),
        Some("https://id.example.org/hasura/auth-hook?client_id=default")
    );
    let several = of(&[
        "environment",
        "--webhook",
        "--client-id",
        "a",
        "--client-id",
        "b",
    ]);
    assert_eq!(
        line("HASURA_GRAPHQL_AUTH_HOOK", &several).as_deref(),
        Some("https://id.example.org/hasura/auth-hook?client_id=a&client_id=b")
    );
    assert_eq!(
        line("HASURA_GRAPHQL_AUTH_HOOK_MODE", &webhook).as_deref(),
        Some("GET")
    );
    assert!(!webhook.contains("JWT_SECRET") && !webhook.contains("UNAUTHORIZED"));
    let everybody = hasura(
        &folder,
        &settings,
        &["environment", "--anonymous-role", "admin"],
    );
    assert!(!everybody.status.success() && everybody.stdout.is_empty());
    let refusing = hasura(&folder, &settings, &["environment", "--webhook"]).stderr;
    assert!(String::from_utf8_lossy(&refusing).contains("VESTIBULE_HASURA_ANONYMOUS_ROLE"));
    // Every line of them stands above the YAML, as a comment.
    let yaml = of(&["metadata", "--role", "user"]);
    for line in printed.lines() {
        assert!(yaml.contains(&format!("#   {line}\n")), "{line}");
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "no database is made"
    );
}

#[test]
fn what_would_go_wrong_is_said_before() {
    let production = [
        ("VESTIBULE_MODE", "production"),
        ("VESTIBULE_PUBLIC_URL", "https://id.example.org"),
        ("VESTIBULE_MASTER_KEY", MASTER_KEY),
        ("VESTIBULE_ADMIN_SECRET", crate::harness::ADMIN_SECRET),
        ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:9"),
    ];
    let said = |settings: &[(&str, &str)], more: &[&str]| {
        let arguments = [&["metadata", "--role", "user"], more].concat();
        let output = hasura(&Folder::new(), settings, &arguments);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&production, &[]).contains("VESTIBULE_INTROSPECTION=on"));
    let open = [&production[..], &[("VESTIBULE_INTROSPECTION", "on")]].concat();
    assert!(!said(&open, &[]).contains("VESTIBULE_INTROSPECTION"));
    assert!(said(&[], &["--format", "json"]).contains("replaces ALL metadata"));
    assert!(!said(&[], &["--format", "bulk"]).contains("replaces ALL metadata"));
    for role in ["admin", "Admin", "vestibule-admin", "a b", "x\ny"] {
        let settings = [("VESTIBULE_HASURA_ANONYMOUS_ROLE", role)];
        let output = hasura(&Folder::new(), &settings, &["environment"]);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && complaint.contains("VESTIBULE_HASURA_ANONYMOUS_ROLE"),
            "{role}: {complaint}"
        );
    }
}

on_both_databases! {
    async fn the_roles_are_those_of_the_application(backend: Backend) {
        let test = TestApp::start(backend).await;
        let input = json!({ "name": "Web", "clientId": "web", "roles": ["user", "editor", "admin"], "signUpRoles": ["user"] });
        test.admin().run("admin_create_application", json!({ "input": input })).await.ok();
        let url = test.database.url();
        let settings = [("VESTIBULE_DATABASE_URL", url.as_str()), ("VESTIBULE_MASTER_KEY", MASTER_KEY)];
        for (ids, expected) in [
            (vec![], vec!["anonymous", "user", "me"]),
            (vec!["web"], vec!["anonymous", "user", "editor"]),
            (vec!["default", "web"], vec!["anonymous", "user", "me", "editor"]),
        ] {
            let mut arguments = vec!["metadata", "--format", "json", "--brief"];
            for id in ids {
                arguments.extend(["--client-id", id]);
            }
            let folder = Folder::new();
            let output = hasura(&folder, &settings, &arguments);
            assert_eq!(roles(&remote(&serde_json::from_str(&printed(&output)).unwrap())), expected);
        }
        // The roles are the application's, whether or not somebody can come in.
        let closed = json!({ "input": { "name": "default", "disabled": true } });
        test.admin().run("admin_update_connection", closed).await.ok();
        let output = hasura(&Folder::new(), &settings, &["metadata", "--format", "json", "--brief"]);
        assert_eq!(roles(&remote(&serde_json::from_str(&printed(&output)).unwrap())), ["anonymous", "user", "me"]);
        let output = hasura(&Folder::new(), &settings, &["metadata", "--client-id", "nowhere"]);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("`nowhere`"));
    }
}
