//! What an administrator takes away while somebody's password is hashed is not in the token that comes of it.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{Answer, Client, PASSWORD, TestApp};
use crate::password::steps::{NEW, application, change, connection};
use crate::password::turn::{Crowd, ONE_AT_A_TIME};
use crate::support::{PATIENT, administer, jwt_part};

/// How many are before who asks.
const CROWD: usize = 30;
const ANN: &str = "ann@example.org";

/// What somebody is answered who asks at an instance where this is done before the password is looked at.
async fn answered_after(
    test: &TestApp,
    ask: impl FnOnce(Client) -> JoinHandle<Answer>,
    done: impl AsyncFnOnce(),
) -> Answer {
    let slow = test
        .second_instance_with(&[&[ONE_AT_A_TIME], PATIENT].concat())
        .await;
    let crowd = Crowd::comes(&slow, CROWD, false).await;
    let asked = ask(Client::new(slow.front.clone()));
    let end = Instant::now() + Duration::from_secs(60);
    while slow.app.hasher.waiting() < CROWD {
        assert!(Instant::now() < end, "nobody asks");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    done().await;
    crowd.leave().await;
    asked.await.expect("an answer")
}

fn sign_in(client: Client) -> JoinHandle<Answer> {
    tokio::spawn(async move { client.sign_in(ANN, PASSWORD).await })
}

on_both_databases! {
    async fn a_role_and_an_address_that_changed_while_somebody_signed_in_are_in_the_token_as_they_are_now(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        let roles = json!(["user", "me", "editor"]);
        application(&test, json!({ "roles": roles })).await.ok();
        administer(&test, &ann.user_id, json!({ "roles": ["user", "editor"], "defaultRole": "editor" })).await.ok();
        let answer = answered_after(&test, sign_in, async || {
            let now = json!({ "roles": ["user"], "defaultRole": "user", "email": "moved@example.org", "emailVerified": true });
            administer(&test, &ann.user_id, now).await.ok();
        });
        let answer = answer.await.ok();
        let claims = jwt_part(&answer.text("/data/signIn/accessToken"), 1);
        let hasura = &claims["https://hasura.io/jwt/claims"];
        assert_eq!(hasura["x-hasura-allowed-roles"], json!(["user"]));
        assert_eq!(hasura["x-hasura-default-role"], "user");
        assert_eq!(claims["email"], "moved@example.org");
        assert_eq!(answer.at("/data/signIn/user/email"), "moved@example.org");
    }

    async fn a_role_that_the_application_lost_while_somebody_changed_the_password_is_not_in_the_token(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        application(&test, json!({ "roles": ["user", "me", "editor"] })).await.ok();
        administer(&test, &ann.user_id, json!({ "roles": ["user", "editor"] })).await.ok();
        for (now, roles) in [(json!(["user", "me"]), json!(["user"])), (json!(["user", "me", "editor"]), json!(["user", "editor"]))] {
            let token = ann.access_token.clone();
            let (old, new) = if roles == json!(["user"]) { (PASSWORD, NEW) } else { (NEW, PASSWORD) };
            let asked = |client: Client| {
                tokio::spawn(async move { change(&client.bearer(&token), old, new).await })
            };
            test.clock.advance(chrono::TimeDelta::seconds(1));
            let answer = answered_after(&test, asked, async || {
                application(&test, json!({ "roles": now })).await.ok();
            });
            let token = answer.await.ok().text("/data/changePassword/accessToken");
            assert_eq!(jwt_part(&token, 1)["https://hasura.io/jwt/claims"]["x-hasura-allowed-roles"], roles);
        }
    }

    async fn nobody_comes_in_through_what_was_switched_off_while_the_password_was_hashed(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        let unverified = answered_after(&test, sign_in, async || {
            administer(&test, &ann.user_id, json!({ "emailVerified": false })).await.ok();
        });
        assert_eq!(unverified.await.code(), "INVALID_CREDENTIALS");
        administer(&test, &ann.user_id, json!({ "emailVerified": true })).await.ok();
        let closed = answered_after(&test, sign_in, async || {
            connection(&test, json!({ "disabled": true })).await;
        });
        assert_eq!(closed.await.code(), "INVALID_CREDENTIALS");
        connection(&test, json!({ "disabled": false })).await;
        let closed = answered_after(&test, sign_in, async || {
            application(&test, json!({ "disabled": true })).await.ok();
        });
        assert_eq!(closed.await.code(), "INVALID_CREDENTIALS");
        application(&test, json!({ "disabled": false })).await.ok();
        test.anon().sign_in(ANN, PASSWORD).await.ok();
    }

    /// Both rows are read in one statement, and have columns of the same name.
    async fn what_is_told_of_who_signs_in_is_the_users_own(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(chrono::TimeDelta::seconds(10));
        application(&test, json!({ "name": "Another name" })).await.ok();
        let document = "mutation($input: SignInInput!) { signIn(input: $input) { ... on Session { user { updatedAt createdAt } } } }";
        let input = json!({ "input": { "login": ANN, "password": PASSWORD } });
        let told = test.anon().query(document, input).await.ok().at("/data/signIn/user");
        let me = ann.query("{ me { updatedAt createdAt } }", json!({})).await.ok().at("/data/me");
        assert_eq!(told, me);
    }
}
