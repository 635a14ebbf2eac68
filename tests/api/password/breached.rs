//! The rule `breached`: what a service that knows breached passwords is told, and what it tells.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::steps::{NEW, application, ask, ask_with, by_ticket, change};
use crate::harness::{Backend, PASSWORD, TestApp, free_port};
use crate::support::sign_up_with;

const KNOWN: &str = "a password of the breach";
/// Its SHA-1.
const RANGE: &str = "41C54";
const ENDING: &str = "DEEDA846B778B57DB77A2ABE3D8902B93D9";

/// A range service that gives one answer to everybody, and keeps what it was asked.
#[derive(Clone)]
struct Service {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Option<String>>>,
}

impl Service {
    /// Knows nothing yet.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let service = Self {
            url: format!("http://{address}/range/"),
            heads: Arc::default(),
            answer: Arc::default(),
        };
        service.say("200 OK", "");
        let this = service.clone();
        tokio::spawn(async move {
            // Those that get no answer are kept waiting.
            let mut waiting = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(octet) => head.push(octet),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                this.heads.lock().expect("a lock").push(head);
                let answer = this.answer.lock().expect("a lock").clone();
                match answer {
                    // Who asked may have hung up.
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    None => waiting.push(stream),
                }
            }
        });
        service
    }

    fn say(&self, status: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        *self.answer.lock().expect("a lock") = Some(answer);
    }

    /// Lists the known password among others.
    fn list(&self) {
        let others =
            "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n";
        self.say("200 OK", &format!("{others}{ENDING}:42\r\nFFF:3"));
    }

    fn keep_silent(&self) {
        *self.answer.lock().expect("a lock") = None;
    }

    /// What it was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().expect("a lock"))
    }
}

async fn house(backend: Backend, url: &str) -> TestApp {
    let settings = [
        ("VESTIBULE_BREACH_URL", url),
        ("VESTIBULE_BREACH_TIMEOUT", "10000"),
    ];
    TestApp::with(backend, &settings).await
}

async fn sign_up(test: &TestApp, password: &str) -> Vec<String> {
    let answer = sign_up_with(&test.anon(), json!({ "password": password })).await;
    assert!(
        ["", "WEAK_PASSWORD"].contains(&answer.code_or_ok().as_str()),
        "{}",
        answer.body
    );
    answer.issues()
}

on_both_databases! {
    async fn a_known_password_is_refused_wherever_one_is_chosen(backend: Backend) {
        let service = Service::start().await;
        let test = house(backend, &service.url).await;
        let ann = test.user("ann").await;
        service.list();
        assert_eq!(sign_up(&test, KNOWN).await, ["password:breached"]);
        assert_eq!(sign_up(&test, "another password").await, Vec::<String>::new());
        assert_eq!(change(&ann, PASSWORD, KNOWN).await.issues(), ["newPassword:breached"]);
        test.run_jobs().await;
        ask(&test.anon(), "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        assert_eq!(by_ticket(&test.anon(), &ticket, KNOWN).await.issues(), ["newPassword:breached"]);
        application(&test, json!({ "passwordInResetRequestAllowed": true })).await.ok();
        test.run_jobs().await;
        ask_with(&test.anon(), json!({ "newPassword": KNOWN })).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        assert_eq!(by_ticket(&test.anon(), &ticket, KNOWN).await.issues(), ["newPassword:breached"]);
        // A password that is in use stays good: the rule is for those that are chosen.
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        change(&ann, PASSWORD, NEW).await.ok();
    }

    async fn the_service_is_sent_five_characters_and_nothing_else_of_it(backend: Backend) {
        let service = Service::start().await;
        let test = house(backend, &service.url).await;
        sign_up(&test, KNOWN).await;
        let asked = service.asked();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].starts_with(&format!("GET /range/{RANGE} HTTP/1.1\r\n")), "{}", asked[0]);
        let head = asked[0].to_ascii_lowercase();
        assert!(head.contains("add-padding: true\r\n"), "{head}");
        assert!(!head.contains(&ENDING.to_ascii_lowercase()[..6]) && !head.contains("ann") && !head.contains("password"), "{head}");
        // A password that is refused anyway is not asked about at all.
        assert_eq!(sign_up(&test, "password1").await, ["password:common"]);
        assert!(service.asked().is_empty());
    }

    async fn padding_and_other_endings_do_not_count(backend: Backend) {
        let service = Service::start().await;
        let test = house(backend, &service.url).await;
        for (body, refused) in [
            (format!("{ENDING}:0\r\n"), false), (format!("0{ENDING}:7"), false), (format!("{}:7", &ENDING[1..]), false),
            (ENDING.to_owned(), false), ("<html>:7</html>".to_owned(), false), (String::new(), false),
            (format!("{ENDING}:1"), true), (format!("{}:7\n", ENDING.to_lowercase()), true),
        ] {
            service.say("200 OK", &body);
            let expected = if refused { vec!["password:breached"] } else { Vec::new() };
            assert_eq!(sign_up(&test, KNOWN).await, expected, "{body}");
        }
    }

    async fn a_service_that_fails_keeps_nobody_out(backend: Backend) {
        let port = free_port();
        let test = house(backend, &format!("http://127.0.0.1:{port}/range")).await;
        assert_eq!(sign_up(&test, KNOWN).await, Vec::<String>::new());

        let service = Service::start().await;
        let settings = [("VESTIBULE_BREACH_URL", service.url.as_str()), ("VESTIBULE_BREACH_TIMEOUT", "200")];
        let test = TestApp::with(backend, &settings).await;
        let listed = format!("{ENDING}:42");
        for status in ["500 Internal Server Error", "429 Too Many Requests", "404 Not Found", "302 Found\r\nlocation: /range/41C54"] {
            service.say(status, &listed);
            assert_eq!(sign_up(&test, KNOWN).await, Vec::<String>::new(), "{status}");
            assert_eq!(service.asked().len(), 1, "{status}");
        }
        service.say("200 OK", &format!("{listed}\r\n{}", "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n".repeat(14_000)));
        assert_eq!(sign_up(&test, KNOWN).await, Vec::<String>::new());
        service.keep_silent();
        assert_eq!(sign_up(&test, KNOWN).await, Vec::<String>::new());
    }

    async fn a_check_tells_the_rule_met_or_not(backend: Backend) {
        let service = Service::start().await;
        let test = house(backend, &service.url).await;
        service.list();
        let german = test.anon().header("accept-language", "de");
        let check = async |password: &str| {
            let input = json!({ "input": { "password": password } });
            let answer = german.run("check_password", input).await.ok();
            let rules = answer.at("/data/checkPassword/rules");
            let rule = rules.as_array().and_then(|rules| rules.iter().find(|rule| rule["rule"] == "breached").cloned());
            (answer.at("/data/checkPassword/ok"), rule.unwrap_or_default())
        };
        let entry = |met: bool| -> Value {
            json!({ "rule": "breached", "met": met, "message": "Verwenden Sie ein Passwort, das nicht aus einem Datenleck bekannt ist." })
        };
        assert_eq!(check(KNOWN).await, (json!(false), entry(false)));
        assert_eq!(check("another password").await, (json!(true), entry(true)));
    }
}
