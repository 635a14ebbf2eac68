//! What a mail looks like when it arrives.

use super::server::{MailServer, Manner, Message, Seal};
use crate::harness::{TestApp, by_code};

fn header(message: &Message, name: &str) -> String {
    let head = message.text.split("\n\n").next().unwrap_or_default();
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let start = format!("{name}: ");
    let found: Vec<&str> = unfolded
        .lines()
        .filter_map(|line| line.strip_prefix(&start))
        .collect();
    assert_eq!(found.len(), 1, "one {name}: {unfolded}");
    found[0].to_owned()
}

/// The part of this type, decoded.
pub fn part(message: &Message, media: &str) -> String {
    let boundary = header(message, "Content-Type");
    let boundary = boundary.split("boundary=\"").nth(1).expect("a boundary");
    let boundary = boundary.split('"').next().unwrap_or_default();
    let part = message
        .text
        .split(&format!("--{boundary}"))
        .find(|part| part.contains(&format!("Content-Type: {media}")))
        .unwrap_or_else(|| panic!("no {media}: {}", message.text));
    let (head, body) = part.trim_start().split_once("\n\n").expect("a body");
    if head.contains("quoted-printable") {
        return unquoted(body);
    }
    assert!(
        !head.contains("base64"),
        "a part that no one can read: {head}"
    );
    body.to_owned()
}

fn unquoted(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let mut octets = Vec::new();
    let mut rest = joined.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'=' {
            let pair = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
            let pair = String::from_utf8_lossy(&pair).into_owned();
            octets.push(u8::from_str_radix(&pair, 16).expect("two hexadecimal digits"));
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).expect("UTF-8")
}

on_both_databases! {
    async fn a_mail_arrives_once_with_everything_that_a_reader_needs(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        let url = format!("smtp://{}", mail.address);
        let settings = [
            ("VESTIBULE_SMTP_URL", url.as_str()),
            ("VESTIBULE_MAIL_FROM", "Example Login <login@example.com>"),
        ];
        let test = TestApp::with(backend, &settings).await;
        let pending = test.anon().sign_up("Ann@Example.org").await.ok();
        test.run_jobs().await;
        test.run_jobs().await;

        let messages = mail.messages();
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert!(message.sender.starts_with("MAIL FROM:<login@example.com>"), "{}", message.sender);
        assert_eq!(message.recipients, ["RCPT TO:<Ann@Example.org>"]);
        assert_eq!(header(message, "From"), "\"Example Login\" <login@example.com>");
        assert_eq!(header(message, "To"), "Ann@Example.org");
        assert!(!header(message, "Subject").is_empty());
        assert!(header(message, "Message-ID").ends_with("@example.com>"));
        assert_eq!(header(message, "Auto-Submitted"), "auto-generated");
        assert!(header(message, "Content-Type").starts_with("multipart/alternative"));
        assert!(header(message, "Date").contains("2026"));

        let text = part(message, "text/plain");
        let link = format!("{}/verify?ticket=", test.app.config.issuer());
        let link = text.lines().find(|line| line.starts_with(&link)).expect("the link alone on a line");
        let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        let code = text.lines().find(digits).expect("the code alone on a line");
        let html = part(message, "text/html");
        assert!(html.contains(link) && html.contains(code), "{html}");

        let id = pending.text("/data/signUp/verificationId");
        test.anon().run("verify_email", by_code(&id, code)).await.ok();
    }
}
