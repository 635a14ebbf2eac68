//! What a gateway gets, and nobody else.

mod entities;

use serde_json::json;

use crate::harness::{Answer, Backend, Client, TestApp};

const SECRET: &str = "the secret of the gateway";
const ON: [(&str, &str); 2] = [
    ("VESTIBULE_FEDERATION", "on"),
    ("VESTIBULE_FEDERATION_SECRET", SECRET),
];
const HEADER: &str = "x-vestibule-gateway-secret";

async fn house(backend: Backend) -> TestApp {
    TestApp::with(backend, &ON).await
}

/// Behind the gateway, whoever that is.
fn by_gateway(client: &Client) -> Client {
    client.clone().header(HEADER, SECRET)
}

async fn entities(client: &Client, representations: serde_json::Value) -> Answer {
    let document = "query($of: [_Any!]!) {
        _entities(representations: $of) { __typename ... on User { id email connection sessions { current } } }
    }";
    client
        .query(document, json!({ "of": representations }))
        .await
}

/// What only gateways may know to exist, asked for in every way.
const QUESTIONS: [&str; 6] = [
    "{ _service { sdl } }",
    "{ _entities(representations: []) { __typename } }",
    "query($of: [_Any!]!) { _entities(representations: $of) { __typename } }",
    "{ __schema { types { name } queryType { fields { name } } } }",
    "{ any: __type(name: \"_Any\") { name } entity: __type(name: \"_Entity\") { name } service: __type(name: \"_Service\") { name } }",
    "{ me { ... on _Entity { __typename } } }",
];

#[tokio::test]
async fn what_a_gateway_may_ask_stays_unknown_to_everybody_else_however_often_it_is_asked() {
    let on = house(Backend::Sqlite).await;
    let (stranger, gateway) = (on.anon(), by_gateway(&on.anon()));
    for question in [
        "{ _service { __typename } }",
        "{ _entities(representations: []) { __typename } }",
    ] {
        for _ in 0..3 {
            gateway.query(question, json!({})).await.ok();
            let answer = stranger.query(question, json!({})).await;
            assert_eq!(answer.status, 400, "{}", answer.body);
            assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
        }
    }
    for client in [&stranger, &gateway, &stranger, &gateway] {
        client.query("{ me { id } }", json!({})).await.ok();
    }
}

#[tokio::test]
async fn without_the_setting_or_the_secret_it_does_not_exist() {
    let plain = TestApp::start(Backend::Sqlite).await;
    let with_secret = [("VESTIBULE_FEDERATION_SECRET", SECRET)];
    let off = TestApp::with(Backend::Sqlite, &with_secret).await;
    let on = house(Backend::Sqlite).await;
    let strangers = [
        plain.anon().header(HEADER, SECRET),
        plain.admin(),
        off.anon().header(HEADER, SECRET),
        on.anon(),
        on.admin(),
        on.user("ann").await,
        on.anon().header(HEADER, ""),
        on.anon().header(HEADER, "the secret of the gatewaz"),
        on.anon().header(HEADER, "the secret of the gatewa"),
        on.anon().header(HEADER, "the secret of the gateway, too"),
        on.anon().header("x-vestibule-admin-secret", SECRET),
    ];
    for question in QUESTIONS {
        let variables = json!({ "of": [{ "__typename": "User", "id": "x" }] });
        let expected = plain.anon().query(question, variables.clone()).await;
        assert!(
            !expected.body.to_string().contains("sdl"),
            "{}",
            expected.body
        );
        for name in ["_Any", "_Entity", "_Service", "_service", "_entities"] {
            let named = format!("\"name\":\"{name}\"");
            let seen = expected.body.to_string();
            assert!(!seen.contains(&named), "{seen}");
        }
        for stranger in &strangers {
            let answer = stranger.query(question, variables.clone()).await;
            let both = (answer.status, answer.body);
            assert_eq!(both, (expected.status, expected.body.clone()), "{question}");
        }
    }
    let unknown = on.anon().query("{ _nothing { sdl } }", json!({})).await;
    let asked = on.anon().query("{ _service { sdl } }", json!({})).await;
    let (unknown, asked) = (unknown.body.to_string(), asked.body.to_string());
    assert_eq!(unknown.replace("_nothing", "_service"), asked);
    assert!(!include_str!("../../../schema.graphql").contains("_Any"));
}

#[tokio::test]
async fn a_gateway_is_told_the_subgraph_in_production_too() {
    let mut settings = vec![
        ("VESTIBULE_MODE", "production"),
        ("VESTIBULE_PUBLIC_URL", "https://auth.example.org"),
        ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:9"),
        ("VESTIBULE_RATE_LIMITS", "on"),
    ];
    settings.extend(ON);
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let gateway = by_gateway(&test.anon());
    let told = gateway.query("{ _service { sdl } }", json!({})).await.ok();
    assert_eq!(
        told.text("/data/_service/sdl"),
        vestibule::graphql::subgraph(false)
    );
    let misspelt = gateway
        .query("{ _entitie { __typename } }", json!({}))
        .await;
    assert_eq!(misspelt.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(
        !misspelt.body.to_string().contains("_entities"),
        "{}",
        misspelt.body
    );
    let schema = gateway
        .query("{ __schema { queryType { name } } }", json!({}))
        .await;
    assert_eq!(schema.code(), "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn what_everybody_asks_a_gateway_asks_as_well() {
    let test = house(Backend::Sqlite).await;
    let ann = by_gateway(&test.user("ann").await);
    assert_eq!(ann.me().await.ok().text("/data/me/id"), ann.user_id);
    let names = "{ __type(name: \"Query\") { fields { name } } }";
    let names = ann.query(names, json!({})).await.ok().body.to_string();
    for name in ["me", "node", "adminUsers", "_service", "_entities"] {
        assert!(names.contains(&format!("\"{name}\"")), "{name}: {names}");
    }
    let admin = ann.run("admin_users", json!({ "first": 1 })).await;
    assert_eq!(admin.code(), "FORBIDDEN");
}

#[test]
fn the_subgraph_shows_administration_to_nobody_who_did_not_ask_for_it() {
    let open = vestibule::graphql::subgraph(false);
    assert!(open.contains("type User @key(fields: \"id\") {"), "{open}");
    assert!(
        open.contains("https://specs.apollo.dev/federation/v2."),
        "{open}"
    );
    for hidden in [
        "adminUser",
        "AuditEvent",
        "input Admin",
        "interface Node",
        "node(",
    ] {
        assert!(!open.contains(hidden), "{hidden}");
    }
    let whole = vestibule::graphql::subgraph(true);
    for shown in [
        "type User implements Node @key(fields: \"id\") {",
        "type PageInfo @shareable {",
        "type UserConnection @shareable {",
        "adminUsers(",
        "node(",
    ] {
        assert!(whole.contains(shown), "{shown}");
    }
    for text in [open, whole] {
        assert!(
            !text.contains("_entities") && !text.contains("_Any"),
            "{text}"
        );
    }
}
