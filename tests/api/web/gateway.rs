use serde_json::json;

use super::node;
use crate::harness::program::Folder;
use crate::harness::{Backend, PASSWORD, Server};
use crate::support::{administer, another_session};

const SECRET: &str = "the secret of the gateway";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subgraph_composes_with_another_without_errors_or_hints() {
    let folder = Folder::new();
    for (whole, fields) in [
        (false, vec!["me", "adminUsers"]),
        (true, vec!["adminUsers"]),
    ] {
        let path = folder.file("subgraph.graphql", &vestibule::graphql::subgraph(whole));
        let mut arguments = vec![path.as_str()];
        arguments.extend(fields);
        node("compose.mjs", &arguments).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_gateway_joins_the_house_with_another_subgraph() {
    let settings = [
        ("VESTIBULE_FEDERATION", "on"),
        ("VESTIBULE_FEDERATION_SECRET", SECRET),
    ];
    let server = Server::now_with(Backend::Sqlite, &settings).await;
    let test = &server.test;
    let (ann, bob) = (test.user("ann").await, test.user("bob").await);
    let roles = json!({ "roles": ["user", "me", "vestibule-admin"] });
    administer(test, &bob.user_id, roles).await.ok();
    let administrator = another_session(test, "bob").await;
    let arguments = [
        server.base.as_str(),
        SECRET,
        "ann@example.org",
        PASSWORD,
        &ann.user_id,
        &bob.user_id,
        &administrator.access_token,
    ];
    node("gateway.mjs", &arguments).await;
    server.stop().await;
}
