//! Those who come at the same time share statements and transactions, and nothing else.

use serde_json::json;

use crate::harness::{Client, TestApp, race};
use crate::support::{another_session, assert_alive, disable, reason};

const PEOPLE: usize = 8;
/// More than go together at once.
const CROWD: usize = 160;

fn name(number: usize) -> String {
    format!("person{number}")
}

/// Three sessions of each.
async fn people(test: &TestApp) -> Vec<(String, Client)> {
    let mut sessions = Vec::new();
    for number in 0..PEOPLE {
        let email = format!("{}@example.org", name(number));
        sessions.push((email.clone(), test.user(&name(number)).await));
        for _ in 0..2 {
            sessions.push((email.clone(), another_session(test, &name(number)).await));
        }
    }
    sessions
}

on_both_databases! {
    async fn in_a_crowd_everybody_is_taken_for_themselves(backend: Backend) {
        let test = TestApp::start(backend).await;
        let sessions = people(&test).await;
        disable(&test, "person1@example.org").await;
        // One session of the first, and no other of theirs.
        sessions[0].1.run("sign_out", json!({})).await.ok();
        let many = sessions.len();
        let answers = race(CROWD, |number| {
            let client = sessions[number % many].1.clone();
            async move { client.me().await }
        })
        .await;
        for (number, answer) in answers.into_iter().enumerate() {
            let session = number % many;
            if session == 0 || (3..6).contains(&session) {
                assert_eq!(reason(&answer), "SESSION_REVOKED");
            } else {
                assert_eq!(answer.ok().text("/data/me/email"), sessions[session].0);
            }
        }
    }

    async fn in_a_crowd_every_token_gets_its_own_successor_and_a_bad_one_harms_nobody(backend: Backend) {
        let test = TestApp::start(backend).await;
        let sessions = people(&test).await;
        sessions[0].1.run("sign_out", json!({})).await.ok();
        let many = sessions.len();
        // Two tabs of each, and between them strangers, and those who ask in the name of another application.
        let answers = race(4 * many, |number| {
            let client = sessions[number % many].1.clone();
            async move {
                match number / many {
                    0 | 1 => client.refresh(&client.refresh_token).await,
                    2 => client.refresh("bm90IG9uZSBvZiBvdXJz").await,
                    _ => client.clone().header("x-client-id", "other").refresh(&client.refresh_token).await,
                }
            }
        })
        .await;
        let (tabs, strangers) = answers.split_at(2 * many);
        assert!(strangers.iter().all(|answer| answer.code() == "INVALID_REFRESH_TOKEN"));
        for (session, (email, client)) in sessions.iter().enumerate() {
            let both = [&tabs[session], &tabs[session + many]];
            if session == 0 {
                assert!(both.iter().all(|answer| answer.code() == "INVALID_REFRESH_TOKEN"));
                continue;
            }
            let successors = both.map(|answer| {
                assert!(answer.body.get("errors").is_none(), "{}", answer.body);
                assert_eq!(answer.at("/data/refreshSession/sessionId"), json!(client.session_id));
                assert_eq!(answer.text("/data/refreshSession/user/email"), *email);
                answer.text("/data/refreshSession/refreshToken")
            });
            assert_eq!(successors[0], successors[1]);
            let next = client.refresh(&successors[0]).await.ok();
            assert_alive(&test.anon().signed_in(&next.at("/data/refreshSession")).me().await.ok());
        }
    }
}
