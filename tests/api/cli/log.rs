//! At the most talkative level, the log of the real program holds no secret.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::program::Program;
use crate::harness::{by_code, by_ticket, wire};

const ADMIN: &str = "canary-of-the-administrator-9f1c";
const FIRST: &str = "canary-first-password-51b7";
const SECOND: &str = "canary-second-password-77e0";
const WRONG: &str = "canary-wrong-password-20c4";

/// Everything said so far that must not stand anywhere.
struct Secrets(Vec<String>);

impl Secrets {
    fn keep(&mut self, value: &Value) -> String {
        let text = value
            .as_str()
            .unwrap_or_else(|| panic!("no text: {value}"))
            .to_owned();
        self.0.push(text.clone());
        text
    }

    fn session(&mut self, session: &Value) -> (String, String) {
        (
            self.keep(&session["accessToken"]),
            self.keep(&session["refreshToken"]),
        )
    }
}

async fn newest_mail(program: &Program, to: &str) -> Value {
    for _ in 0..200 {
        let mails = wire::get(
            program.address,
            "/dev/inbox",
            &[("accept", "application/json")],
        )
        .await
        .json();
        let mails = mails.as_array().expect("a list").clone();
        if let Some(mail) = mails.into_iter().find(|mail| mail["to"] == to) {
            return mail;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail to {to}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_at_trace_level_holds_no_secret() {
    let settings = [
        ("VESTIBULE_LOG", "trace"),
        ("VESTIBULE_ADMIN_SECRET", ADMIN),
    ];
    let mut program = Program::serve(&settings).await;
    let address = program.address;
    let mut secrets = Secrets([ADMIN, FIRST, SECOND, WRONG].map(str::to_owned).into());
    let run = async |query: &str, input: Value, headers: &[(&str, &str)]| {
        wire::run(address, query, json!({ "input": input }), headers)
            .await
            .json()
    };

    let mut handles = Vec::new();
    for email in ["ann@example.org", "bob@example.org"] {
        let pending = run("sign_up", json!({ "email": email, "password": FIRST }), &[]).await;
        handles.push(secrets.keep(&pending["data"]["signUp"]["verificationId"]));
    }
    let ann = newest_mail(&program, "ann@example.org").await;
    let bob = newest_mail(&program, "bob@example.org").await;
    for mail in [&ann, &bob] {
        secrets.keep(&mail["ticket"]);
    }
    let (ticket, code) = (
        secrets.keep(&ann["ticket"]),
        bob["code"].as_str().unwrap().to_owned(),
    );
    wire::get(address, &format!("/verify?ticket={ticket}"), &[]).await;
    let by = by_ticket(&ticket);
    let verified = wire::run(address, "verify_email", by, &[]).await.json();
    secrets.session(&verified["data"]["verifyEmail"]);
    let by = by_code(&handles[1], &code);
    let verified = wire::run(address, "verify_email", by, &[]).await.json();
    secrets.session(&verified["data"]["verifyEmail"]);

    run(
        "sign_in",
        json!({ "login": "ann@example.org", "password": WRONG }),
        &[],
    )
    .await;
    let opened = run(
        "sign_in",
        json!({ "login": "ann@example.org", "password": FIRST }),
        &[],
    )
    .await;
    let (access, refresh) = secrets.session(&opened["data"]["signIn"]);
    let bearer = format!("Bearer {access}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-vestibule-admin-secret", ADMIN),
    ];
    let refreshed = run(
        "refresh_session",
        json!({ "refreshToken": refresh }),
        &headers,
    )
    .await;
    let (access, _) = secrets.session(&refreshed["data"]["refreshSession"]);
    let bearer = format!("Bearer {access}");
    let change = json!({ "currentPassword": FIRST, "newPassword": SECOND });
    let changed = run("change_password", change, &[("authorization", &bearer)]).await;
    secrets.session(&changed["data"]["changePassword"]);
    // Refused in many ways, each of which might quote.
    run(
        "sign_in",
        json!({ "login": { "a": WRONG }, "password": [WRONG] }),
        &[],
    )
    .await;
    let literal = json!({ "query": format!("mutation {{ signIn(input: {{ login: \"a\", password: \"{WRONG}\" }}) }}") });
    wire::exchange(
        address,
        &wire::post(&literal, &[("authorization", &format!("Basic {WRONG}"))]),
    )
    .await;
    wire::get(address, &format!("/graphql?query={WRONG}"), &[]).await;

    program.terminate();
    assert!(program.ended().await.success());
    let log = program.output();
    assert!(
        log.contains("TRACE") && log.contains("answered"),
        "it was talkative"
    );
    let key = std::fs::read_to_string(program.folder.path().join("vestibule.key")).expect("a key");
    secrets.0.push(key.trim().to_owned());
    for secret in &secrets.0 {
        let place = log.lines().find(|line| line.contains(secret.as_str()));
        assert!(place.is_none(), "{secret} stands in the log: {place:?}");
    }
    // Six digits may stand in a number by chance, not as a word of their own.
    let words = log.split(|c: char| !c.is_ascii_alphanumeric());
    assert_eq!(words.filter(|word| *word == code).count(), 0, "{code}");
}
