//! Objects of which nothing is selected (GraphQL specification, section 6.4.3).

use serde_json::json;

use crate::harness::{Backend, PASSWORD, TestApp};

#[tokio::test]
async fn an_object_of_which_nothing_is_selected_is_empty_and_not_null() {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    let sign_in = format!(
        "mutation {{ signIn(input: {{ login: \"ann@example.org\", password: \"{PASSWORD}\" }}) {{
            ... on PendingVerification {{ verificationId }} }} }}"
    );
    let answer = test.anon().query(&sign_in, json!({})).await.ok();
    assert_eq!(answer.body, json!({ "data": { "signIn": {} } }));

    let off = json!({ "x": false });
    for (query, data) in [
        (
            "query($x: Boolean!) { me { email @include(if: $x) } }",
            json!({ "me": {} }),
        ),
        (
            "query($x: Boolean!) { me @include(if: $x) { id } }",
            json!({}),
        ),
        (
            "query($x: Boolean!) { me { sessions { id @include(if: $x) } } }",
            json!({ "me": { "sessions": [{}, {}] } }),
        ),
        (
            "query($x: Boolean!) { ...F } fragment F on Query { me { ...G } }
             fragment G on User { sessions { ...H } } fragment H on UserSession { id @include(if: $x) }",
            json!({ "me": { "sessions": [{}, {}] } }),
        ),
        (
            "query($x: Boolean!) { me { ... @include(if: $x) { id } ... on User { displayName } } }",
            json!({ "me": { "displayName": "ann" } }),
        ),
        (
            "mutation($x: Boolean!) { signOut @include(if: $x) { __typename } }",
            json!({}),
        ),
        (
            "query($x: Boolean!) { __schema @include(if: $x) { queryType { name } } }",
            json!({}),
        ),
        (
            "query($x: Boolean!) { __type(name: \"JSON\") { name @include(if: $x) } }",
            json!({ "__type": {} }),
        ),
    ] {
        let answer = ann.query(query, off.clone()).await.ok();
        assert_eq!(answer.body, json!({ "data": data }), "{query}");
    }
    // Who is signed out is null, as ever.
    let nobody = "query($x: Boolean!) { me { email @include(if: $x) } }";
    let answer = test.anon().query(nobody, off).await.ok();
    assert_eq!(answer.body, json!({ "data": { "me": null } }));
}

#[tokio::test]
async fn a_node_of_another_type_than_was_asked_for_is_there() {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Tenant { name } } }";
    let asked = json!({ "id": ann.user_id });
    let answer = ann.query(query, asked).await.ok();
    assert_eq!(answer.body, json!({ "data": { "node": {} } }));
    let answer = ann.query(query, json!({ "id": "x" })).await.ok();
    assert_eq!(answer.body, json!({ "data": { "node": null } }));
}

#[tokio::test]
async fn what_fails_in_an_object_that_may_be_empty_is_null_in_it() {
    let test = TestApp::start(Backend::Sqlite).await;
    let query = "query($x: Boolean!) { ...F authConfig @include(if: $x) { signUpEnabled } }
        fragment F on Query { adminUser(by: { id: \"x\" }) { id } }";
    let answer = test.anon().query(query, json!({ "x": false })).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.at("/data"), json!({ "adminUser": null }));
}
