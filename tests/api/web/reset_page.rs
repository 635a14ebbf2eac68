use serde_json::json;

use super::browse;
use crate::admin::realm::{admin, connection, only};
use crate::harness::{Backend, Server};
use crate::support::sign_up_with;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_is_chosen_in_a_browser_with_and_without_javascript() {
    let server = Server::start_now(Backend::Sqlite).await;
    let mut links = Vec::new();
    // Who is asked for the wrong connection's rules never meets them.
    let rules = json!({ "emailVerificationRequired": false });
    connection(&server.test, "people", rules).await;
    let never = json!({ "name": "default", "passwordPolicy": { "minLength": 100 } });
    only(admin(&server.test, "update_connection", never).await);
    for name in ["ann", "bob"] {
        let email = format!("{name}@example.org");
        let fields = json!({ "email": email, "connection": "people" });
        sign_up_with(&server.test.anon(), fields).await.ok();
        let ask = "mutation($email: String!) { requestPasswordReset(input: { email: $email, connection: \"people\" }) { __typename } }";
        let asked = server
            .test
            .anon()
            .query(ask, json!({ "email": email }))
            .await;
        asked.ok();
        let letter = loop {
            let letter = server.test.mail_to(&email).await;
            if letter.purpose() == "PASSWORD_RESET" {
                break letter;
            }
            tokio::task::yield_now().await;
        };
        links.push(letter.link());
    }
    if browse("reset_page.mjs", &[&server.base, &links[0], &links[1]])
        .await
        .is_some()
    {
        for login in ["ann@example.org", "bob@example.org"] {
            let input = json!({ "login": login, "password": "a brand new horse battery", "connection": "people" });
            let anyone = server.test.anon();
            anyone.run("sign_in", json!({ "input": input })).await.ok();
        }
    }
    server.stop().await;
}
