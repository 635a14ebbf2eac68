use std::path::Path;

use super::node;
use crate::harness::program::{Folder, finish};
use crate::harness::{Backend, Server};

/// What `vestibule hasura` prints goes into a file.
fn print(folder: &Folder, base: &str, file: &str, arguments: &[&str]) {
    let settings = [("VESTIBULE_PUBLIC_URL", base)];
    let arguments = [&["hasura"], arguments].concat();
    let output = finish(folder, &settings, &arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{file}: {complaint}");
    std::fs::write(folder.path().join(file), output.stdout).expect("a file");
}

/// A program that plays Hasura takes what we print, and people come in through it.
async fn behind_hasura(backend: Backend) {
    let anonymous = [("VESTIBULE_HASURA_ANONYMOUS_ROLE", "anonymous")];
    let server = Server::now_with(backend, &anonymous).await;
    let folder = Folder::new();
    let roles = ["metadata", "--role", "user", "--role", "me"];
    let json = ["--format", "json"];
    let named = [
        "--namespace",
        "auth",
        "--type-prefix",
        "Auth_",
        "--field-prefix",
        "v_",
    ];
    for (file, more) in [
        ("plain.json", &[&roles[..], &json].concat()),
        ("named.json", &[&roles[..], &named, &json].concat()),
        ("named.yaml", &[&roles[..], &named].concat()),
        ("jwt.env", &vec!["environment"]),
        ("webhook.env", &vec!["environment", "--webhook"]),
    ] {
        print(&folder, &server.base, file, more);
    }
    let place: &Path = folder.path();
    let place = place.display().to_string();
    if let Some(said) = node("hasura.mjs", &[&server.base, &place]).await {
        assert!(
            said.contains("Hasura's check would notice no roots"),
            "{said}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_in_through_hasura_on_sqlite() {
    behind_hasura(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_in_through_hasura_on_postgres() {
    behind_hasura(Backend::Postgres).await;
}
