use serde_json::json;

use super::browse;
use crate::harness::{Backend, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_is_chosen_in_a_browser_with_and_without_javascript() {
    let server = Server::start_now(Backend::Sqlite).await;
    let mut links = Vec::new();
    for name in ["ann", "bob"] {
        server.test.user(name).await;
        let ask = "mutation($email: String!) { requestPasswordReset(input: { email: $email }) { __typename } }";
        let email = format!("{name}@example.org");
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
            let answer = server
                .test
                .anon()
                .sign_in(login, "a brand new horse battery")
                .await;
            answer.ok();
        }
    }
    server.stop().await;
}
