//! Requests that no decent client sends, over a real socket.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::harness::{Backend, Server, wire};

const QUERY: &str = r#"{"query":"{ authConfig { signUpEnabled } }"}"#;

async fn impatient() -> Server {
    Server::with(Backend::Sqlite, &[("VESTIBULE_READ_TIMEOUT", "300")]).await
}

fn head(more: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{more}\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_do_not_arrive_in_time_end_the_connection() {
    let server = impatient().await;
    for begun in ["", "GET", "GET /livez HTTP/1.1\r\nhost: localhost\r\n"] {
        let mut stream = wire::connect(server.address).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let answer =
            tokio::time::timeout(Duration::from_secs(20), wire::read_to_end(&mut stream)).await;
        let answer = answer.unwrap_or_else(|_| panic!("still open after {begun:?}"));
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begun:?}");
    }
    let mut drip = wire::connect(server.address).await;
    let dripping = async {
        while drip.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dripping)
        .await
        .expect("closed while it drips");
    assert_eq!(wire::get(server.address, "/livez", &[]).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_in_time_is_a_timeout() {
    let server = impatient().await;
    let mut stream = wire::connect(server.address).await;
    let head = head("connection: close\r\ncontent-length: 100\r\n");
    stream
        .write_all(format!("{head}{{\"query\"").as_bytes())
        .await
        .unwrap();
    let answer = wire::Wire::of(&wire::read_to_end(&mut stream).await);
    assert_eq!(answer.status, 408);
    assert_eq!(
        answer.json()["errors"][0]["extensions"]["code"],
        "BAD_REQUEST"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_refused_and_end_the_connection() {
    let server = Server::start(Backend::Sqlite).await;
    let length = QUERY.len();
    let many: String = (0..101)
        .map(|number| format!("x-{number}: y\r\n"))
        .collect();
    for (what, request) in [
        (
            "101 headers",
            head(&format!("{many}content-length: {length}\r\n")) + QUERY,
        ),
        (
            "a large header",
            head(&format!("x: {}\r\n", "y".repeat(40_000))),
        ),
        (
            "two lengths",
            head(&format!(
                "content-length: {length}\r\ncontent-length: 5\r\n"
            )) + QUERY,
        ),
        ("no length", head("content-length: many\r\n") + QUERY),
        ("a negative length", head("content-length: -1\r\n") + QUERY),
        (
            "an unknown coding",
            head("transfer-encoding: chunked, surprise\r\n") + QUERY,
        ),
        (
            "a bad chunk",
            head("transfer-encoding: chunked\r\nconnection: close\r\n") + "zz\r\n" + QUERY,
        ),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
    ] {
        let answer = wire::Wire::of(&wire::exchange(server.address, request.as_bytes()).await);
        assert!(
            (400..500).contains(&answer.status),
            "{what}: {}",
            answer.head
        );
    }
    assert_eq!(wire::get(server.address, "/livez", &[]).await.status, 200);
    server.stop().await;
}

/// The answers would pile up for whoever reads none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_end_of_its_request_is_the_last_one_of_the_connection() {
    let server = Server::start(Backend::Sqlite).await;
    let answers = async |requests: String| {
        let answers = wire::exchange(server.address, requests.as_bytes()).await;
        String::from_utf8_lossy(&answers).to_lowercase()
    };
    for (path, rest) in [
        (
            "/nowhere",
            "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        ),
        // Of no media type.
        (
            "/graphql",
            "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        ),
        ("/livez", "content-length: 1\r\n\r\nx"),
    ] {
        let request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{rest}");
        let seen = answers(request.repeat(3)).await;
        assert_eq!(seen.matches("http/1.1 ").count(), 1, "{seen}");
        assert!(seen.contains("\r\nconnection: close\r\n"), "{seen}");
    }
    let body = format!("{:x}\r\n{QUERY}\r\n0\r\n\r\n", QUERY.len());
    let whole = head("transfer-encoding: chunked\r\n") + &body;
    let last = head("transfer-encoding: chunked\r\nconnection: close\r\n") + &body;
    let seen = answers(whole.repeat(2) + &last).await;
    assert_eq!(seen.matches("http/1.1 200 ").count(), 3, "{seen}");
    server.stop().await;
}

/// Two ends that disagree about where a request stops let a stranger put words into another's mouth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_two_ends_hides_no_second_one() {
    let server = Server::start(Backend::Sqlite).await;
    let chunked = format!("{:x}\r\n{QUERY}\r\n0\r\n\r\n", QUERY.len());
    let hidden = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for headers in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let request = head(headers) + &chunked + hidden;
        let answer = wire::exchange(server.address, request.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
        assert!(!text.contains("alive"), "{text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_header_never_reaches_a_link() {
    let server = Server::start(Backend::Sqlite).await;
    let input = serde_json::json!({ "input": { "email": "ann@example.org", "password": crate::harness::PASSWORD } });
    let forged = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
    ];
    let answer = wire::run(server.address, "sign_up", input, &forged).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let link = server.test.mail_to("ann@example.org").await.link();
    assert!(
        link.starts_with(&format!("{}/verify?ticket=", server.base)),
        "{link}"
    );
    server.stop().await;
}
