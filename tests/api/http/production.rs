//! What the front door does not show in production.

use serde_json::json;

use crate::harness::{Backend, TestApp};

const SCHEMA: &str = "{ __schema { queryType { name } } }";

async fn house(settings: &[(&str, &str)]) -> TestApp {
    let mut all = vec![
        ("VESTIBULE_MODE", "production"),
        ("VESTIBULE_PUBLIC_URL", "https://auth.example.org"),
        ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:9"),
        ("VESTIBULE_RATE_LIMITS", "on"),
    ];
    all.extend(settings);
    TestApp::with(Backend::Sqlite, &all).await
}

#[tokio::test]
async fn neither_the_page_nor_the_inbox_exists() {
    let test = house(&[]).await;
    let browser = test.anon().header("accept", "text/html");
    assert_eq!(browser.get("/graphql").await.status, 406);
    let tolerant = test
        .anon()
        .header("accept", "text/html,*/*;q=0.8")
        .get("/graphql")
        .await;
    assert!(
        !tolerant.body.to_string().contains("<html"),
        "{}",
        tolerant.body
    );
    let inbox = test
        .anon()
        .header("host", "localhost")
        .header("accept", "*/*");
    for path in [
        "/dev/inbox",
        "/graphql/assets/boot.js",
        "/graphql/assets/graphiql.js",
    ] {
        assert_eq!(inbox.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_schema_is_shown_to_the_administrator_alone() {
    let test = house(&[]).await;
    let wrong = test
        .anon()
        .header("x-vestibule-admin-secret", "not the admin secret");
    let hidden = "{ authConfig { signUpEnabled } ...F } fragment F on Query { ... { s: __schema { queryType { name } } } }";
    let of_type = "{ __type(name: \"User\") { name } }";
    let may = async |query: &str| test.admin().query(query, json!({})).await.ok();
    for query in [SCHEMA, of_type, hidden, SCHEMA, hidden] {
        for client in [test.anon(), wrong.clone()] {
            let answer = client.query(query, json!({})).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (400, "GRAPHQL_VALIDATION_FAILED")
            );
            assert!(answer.body.get("data").is_none());
        }
        // That the administrator was shown it opens it to nobody else.
        for _ in 0..3 {
            may(query).await;
        }
    }
    let seen = may(SCHEMA).await;
    assert_eq!(seen.text("/data/__schema/queryType/name"), "Query");
    test.anon().query("{ __typename }", json!({})).await.ok();
}

#[tokio::test]
async fn the_schema_is_shown_to_everybody_where_that_is_set() {
    let test = house(&[("VESTIBULE_INTROSPECTION", "on")]).await;
    test.anon().query(SCHEMA, json!({})).await.ok();
}

#[tokio::test]
async fn a_near_miss_gets_no_suggestion() {
    let test = house(&[]).await;
    for (query, hidden) in [
        ("{ mee { id } }", "\"me\""),
        ("{ me { emaill } }", "\"email\""),
        ("{ authConfig(cliendId: 1) { signUpEnabled } }", "clientId"),
        ("{ authConfig @include(iff: true) { signUpEnabled } }", "?"),
        (
            "{ authConfig @deprecated(reasom: \"x\") { signUpEnabled } }",
            "reason",
        ),
        (
            "{ authConfig @specifiedBy(urll: \"x\", url: \"x\") { signUpEnabled } }",
            "?",
        ),
        (
            "{ authConfig @incldue(if: true) { signUpEnabled } }",
            "include",
        ),
        (
            "query($x: SignInInptu) { authConfig { signUpEnabled } }",
            "SignInInput",
        ),
        (
            "mutation { signIn(input: { logn: \"a\" }) { __typename } }",
            "clientId",
        ),
        (
            "mutation { signOut(input: { scope: CURENT }) { revokedSessions } }",
            "CURRENT",
        ),
        ("{ ...F } fragment F on Qurey { me { id } }", "Query"),
    ] {
        let answer = test.anon().query(query, json!({})).await;
        assert_eq!(answer.status, 400, "{query}");
        for error in answer.body["errors"].as_array().expect("errors") {
            let message = error["message"].as_str().expect("a message");
            assert!(!message.contains("Did you mean"), "{query}: {message}");
            assert!(
                !message.contains(hidden),
                "{query} tells {hidden}: {message}"
            );
        }
    }
    let development = TestApp::start(Backend::Sqlite).await;
    let helpful = development
        .anon()
        .query("{ me { emaill } }", json!({}))
        .await;
    assert!(
        helpful.body.to_string().contains("Did you mean"),
        "in development it helps"
    );
}
