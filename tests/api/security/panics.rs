//! A defect that panics is one failed request, and nothing more.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Backend, PANIC, PASSWORD, Server, TestApp};
use crate::http::email_pages::open;
use crate::http::reset_page::ticket_of_ann;
use crate::support::assert_alive;

on_both_databases! {
    async fn a_panic_in_a_resolver_is_internal_with_an_id_and_the_house_lives(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for (name, input) in [
            ("me", json!(null)),
            ("sign_in", json!({ "login": "ann@example.org", "password": PASSWORD })),
            ("sign_up", json!({ "email": "bob@example.org", "password": PASSWORD })),
            ("change_password", json!({ "currentPassword": PASSWORD, "newPassword": "another battery staple" })),
        ] {
            // The first look at the clock is for the request's id.
            for nth in 2..5 {
                test.clock.panic_at(nth);
                let answer = ann.run(name, json!({ "input": input })).await;
                if !test.clock.has_panicked() {
                    break;
                }
                assert_eq!(answer.code(), "INTERNAL", "{name}: {}", answer.body);
                let id = answer.text("/errors/0/extensions/requestId");
                assert_eq!(answer.headers["x-request-id"], id);
                assert_eq!(answer.text("/errors/0/message"), "Something went wrong on our side.");
                assert!(!answer.body.to_string().contains(PANIC), "{}", answer.body);
                // `me` may be null, a mutation's answer may not; what fails before any field has no path.
                let of_me = name == "me" && answer.at("/errors/0/path") == json!(["me"]);
                let data = if of_me { json!({ "me": null }) } else { json!(null) };
                assert_eq!((answer.status.as_u16(), answer.body.get("data")), (200, Some(&data)), "{}", answer.body);
            }
            test.clock.panic_at(0);
        }
        // Nothing was done by halves: the password is as it was.
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_alive(&ann.me().await.ok());
    }

    async fn a_panic_on_a_page_says_that_much_and_the_house_lives(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let ticket = ticket_of_ann(&test).await;
        test.clock.panic_at(2);
        let answer = open(&test.anon(), Method::GET, "/reset", &ticket).await;
        assert!(test.clock.has_panicked());
        assert_eq!(answer.status, 500);
        assert!(answer.headers.contains_key("x-request-id"));
        assert!(!answer.body.to_string().contains(PANIC), "{}", answer.body);
        assert_eq!(open(&test.anon(), Method::GET, "/reset", &ticket).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_worker_loses_no_mail() {
    let server = Server::start(Backend::Sqlite).await;
    for _ in 0..2 {
        server.test.clock.panic_at(1);
        while !server.test.clock.has_panicked() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    server.test.anon().sign_up("ann@example.org").await.ok();
    let inbox = server.test.app.inbox.as_ref().expect("an inbox");
    for _ in 0..500 {
        if !inbox.list().is_empty() {
            server.stop().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the worker has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_does_not_end_the_locksmiths_round() {
    let test = TestApp::start(Backend::Sqlite).await;
    test.clock.panic_at(1);
    let (stop, told) = tokio::sync::watch::channel(false);
    let round = tokio::spawn(vestibule::locksmith::run(test.app.clone(), told));
    while !test.clock.has_panicked() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.send(true).expect("somebody makes the round");
    round.await.expect("the round ends in peace");
}
