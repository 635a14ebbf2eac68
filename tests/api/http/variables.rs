//! What becomes of variables that were not sent, before anything runs (GraphQL specification, section 6.1.2).

use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Client, TestApp};

const UPDATE: &str = "mutation($displayName: String, $givenName: String, $metadata: JSON) {
    updateUser(input: { displayName: $displayName, givenName: $givenName, metadata: $metadata }) { id }
}";

async fn ann() -> (TestApp, Client) {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    (test, ann)
}

async fn profile(client: &Client) -> Value {
    let query = "{ me { displayName givenName metadata } }";
    client.query(query, json!({})).await.ok().at("/data/me")
}

#[track_caller]
fn assert_invalid(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
}

#[tokio::test]
async fn a_field_whose_variable_was_not_sent_keeps_its_value_and_null_clears_it() {
    let (_test, ann) = ann().await;
    let all = json!({ "displayName": "Ann", "givenName": "Anna", "metadata": { "a": 1 } });
    ann.query(UPDATE, all.clone()).await.ok();
    assert_eq!(profile(&ann).await, all);

    let one = json!({ "displayName": "Only this" });
    ann.query(UPDATE, one).await.ok();
    let kept = json!({ "displayName": "Only this", "givenName": "Anna", "metadata": { "a": 1 } });
    assert_eq!(profile(&ann).await, kept);
    // The document is remembered by now: once more, with others.
    ann.query(UPDATE, json!({})).await.ok();
    assert_eq!(profile(&ann).await, kept);

    ann.query(UPDATE, json!({ "givenName": null })).await.ok();
    let cleared = json!({ "displayName": "Only this", "givenName": null, "metadata": { "a": 1 } });
    assert_eq!(profile(&ann).await, cleared);
}

#[tokio::test]
async fn what_was_not_sent_is_left_out_in_fragments_and_among_several_operations_too() {
    let (_test, ann) = ann().await;
    let document = "
        mutation A($name: String, $given: String) { ...F }
        mutation B($name: String!, $given: String!) { ...F }
        query C($secret: String!) { authConfig(clientId: $secret) { signUpEnabled } ...G }
        fragment F on Mutation { updateUser(input: { displayName: $name, givenName: $given }) { ...H } }
        fragment G on Query { __typename }
        fragment H on User { displayName givenName }";
    let run = async |name: &str, variables: Value| {
        let body = json!({ "query": document, "operationName": name, "variables": variables });
        ann.post(body.to_string()).await
    };
    let both = json!({ "name": "Ann", "given": "Anna" });
    run("B", both).await.ok();
    let answer = run("A", json!({ "name": "Bea" })).await.ok();
    let expected = json!({ "displayName": "Bea", "givenName": "Anna" });
    assert_eq!(answer.at("/data/updateUser"), expected);
    assert_invalid(&run("B", json!({ "name": "Ann" })).await);
}

#[tokio::test]
async fn an_argument_whose_variable_was_not_sent_is_not_given() {
    let (test, ann) = ann().await;
    let query = "query($first: Int, $after: String) {
        adminUsers(first: $first, after: $after) { nodes { id } } }";
    let answer = test.admin().query(query, json!({ "first": 5 })).await.ok();
    assert_eq!(answer.at("/data/adminUsers/nodes/0/id"), ann.user_id);
    let query = "mutation($input: SignOutInput) { signOut(input: $input) { __typename } }";
    ann.query(query, json!({})).await.ok();
}

#[tokio::test]
async fn what_is_invalid_stays_invalid_where_the_variable_was_not_sent() {
    let (_test, ann) = ann().await;
    for query in [
        "query($x: String) { authConfig(nothing: $x) { signUpEnabled } }",
        "query($x: String) { authConfig { signUpEnabled } }",
        "query($x: Nothing) { authConfig { signUpEnabled } }",
        "query($x: Boolean) { me @include(if: $x) { id } }",
        "query($x: String) { authConfig(clientId: $x) { signUpEnabled } me { name(x: $y) } }",
        "mutation($x: String) { updateUser(input: { nothing: $x }) { id } }",
        "mutation($x: ID) { revokeSession(input: { sessionId: $x }) { __typename } }",
        "query($x: ID) { adminUser(by: { id: $x }) { id } }",
    ] {
        let answer = ann.query(query, json!({})).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert_eq!(answer.code_or_ok(), "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert!(answer.body.get("data").is_none(), "{}", answer.body);
    }
}

#[tokio::test]
async fn without_a_variable_that_must_be_there_nothing_runs() {
    let (_test, ann) = ann().await;
    let before = profile(&ann).await;
    let two = "mutation($s: ID!) { updateUser(input: { displayName: \"Changed\" }) { id }
        revokeSession(input: { sessionId: $s }) { __typename } }";
    for variables in [json!({}), json!({ "s": null }), Value::Null] {
        assert_invalid(&ann.query(two, variables).await);
    }
    assert_eq!(profile(&ann).await, before);

    let skipped = "query($x: Boolean!) { me @include(if: $x) { id } }";
    assert_invalid(&ann.query(skipped, json!({})).await);
    let with_default = "query($x: Boolean! = true) { me @include(if: $x) { id } }";
    assert_invalid(&ann.query(with_default, json!({ "x": null })).await);
    // Who reads `application/json` alone would not read the body of anything but 200.
    let plain = ann.header("accept", "application/json");
    let answer = plain.query(skipped, json!({})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(answer.body.get("data").is_none());
}

#[tokio::test]
async fn defaults_of_variables_count_in_directives() {
    let (_test, ann) = ann().await;
    let before = profile(&ann).await;
    let dry = "mutation($dry: Boolean = true) { __typename
        updateUser(input: { displayName: \"Changed\" }) @skip(if: $dry) { id } }";
    let answer = ann.query(dry, json!({})).await.ok();
    assert_eq!(answer.body, json!({ "data": { "__typename": "Mutation" } }));
    assert_eq!(profile(&ann).await, before);
    ann.query(dry, json!({ "dry": false })).await.ok();
    assert_eq!(profile(&ann).await["displayName"], "Changed");

    let included = "query($x: Boolean! = true) { me @include(if: $x) { id } }";
    let answer = ann.query(included, json!({})).await.ok();
    assert_eq!(answer.at("/data/me/id"), ann.user_id);
}

#[tokio::test]
async fn a_scalar_of_ours_with_a_wrong_value_is_refused_before_anything_runs() {
    let (test, ann) = ann().await;
    let before = profile(&ann).await;
    let two =
        "mutation($metadata: JSON!) { first: updateUser(input: { displayName: \"Changed\" }) { id }
        updateUser(input: { metadata: $metadata }) { id } }";
    for metadata in [json!("text"), json!(7), json!([{}]), json!(true)] {
        assert_invalid(&ann.query(two, json!({ "metadata": metadata })).await);
    }
    assert_eq!(profile(&ann).await, before);
    let events = "query($from: DateTime!) {
        adminAuditEvents(filter: { since: $from }, first: 1) { nodes { id } } }";
    let from = json!({ "from": "yesterday" });
    assert_invalid(&test.admin().query(events, from).await);
    let from = json!({ "from": "2020-01-01T00:00:00+01:00" });
    test.admin().query(events, from).await.ok();
}

/// A request of 32 KiB made the engine put 64 million values together.
#[tokio::test]
async fn a_variable_that_is_copied_too_often_is_refused() {
    let (_test, ann) = ann().await;
    let text = |times: usize| {
        let copies = "$v".repeat(times);
        format!(
            "query($v: [ID!]!, $not: Boolean) {{ nodes(ids: [{copies}]) {{ id }} me @include(if: $not) {{ id }} }}"
        )
    };
    for variables in [
        json!({ "v": vec![0; 4_000] }),
        json!({ "v": vec![0; 4_000], "not": true }),
    ] {
        let answer = ann.query(&text(4_000), variables).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "QUERY_TOO_COMPLEX")
        );
    }
    let answer = ann
        .query(&text(10), json!({ "v": vec![0; 4_000], "not": true }))
        .await;
    assert_ne!(answer.code(), "QUERY_TOO_COMPLEX", "{}", answer.body);
}

#[tokio::test]
async fn fragments_in_circles_that_nobody_spreads_are_refused_like_others() {
    let (test, _ann) = ann().await;
    for text in [
        "{ __typename } fragment A on Query { ...A }",
        "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }",
    ] {
        let answer = test.anon().query(text, json!({})).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let errors = answer.at("/errors");
        let says = |word: &str| errors.to_string().contains(word);
        assert!(
            says("GRAPHQL_VALIDATION_FAILED") && says("never used"),
            "{errors}"
        );
        assert!(answer.body.get("data").is_none(), "{}", answer.body);
    }
}
