//! What a stranger writes into a request cannot write lines into the log.

use serde_json::json;

use crate::harness::{program::Program, wire};

#[tokio::test]
async fn nobody_forges_a_line_of_the_log_or_colours_it() {
    let mut program = Program::serve(&[("VESTIBULE_LOG", "trace"), ("NO_COLOR", "1")]).await;
    let forged = "\r\n2026-11-21T00:00:00Z ERROR forged\u{1b}[31m";
    for input in [
        json!({ "email": format!("ann@example.org{forged}"), "password": "correct horse battery" }),
        json!({ "email": "ann@example.org", "password": "correct horse battery", "displayName": forged, "locale": forged }),
        json!({ "email": "ann@example.org", "password": "correct horse battery", "clientId": forged, "redirectTo": forged }),
    ] {
        let headers = [
            ("user-agent", "x\tforged"),
            ("x-client-id", "x\tforged"),
            ("x-forwarded-for", "forged, 127.0.0.1"),
        ];
        wire::run(program.address, "sign_up", input.clone(), &headers).await;
    }
    let raw = [
        "GET /%0d%0aforged HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "GET /\u{1b}[31mforged HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: \u{1b}[31mforged\r\n\r\n",
        "GET /livez?\u{1b}[31mforged HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ];
    for request in raw {
        wire::exchange(program.address, request.as_bytes()).await;
    }
    program.terminate();
    assert!(program.ended().await.success());
    let log = program.output();
    assert!(log.contains("answered"), "it was talkative: {log}");
    assert!(
        !log.contains('\u{1b}') && !log.contains('\r'),
        "a control character stands in the log"
    );
    let is_forged = |line: &str| {
        let line = line.trim_start();
        line.starts_with("2026-11-21T00:00:00Z ERROR forged")
    };
    assert!(!log.lines().any(is_forged), "{log}");
}
