//! A house that is watched: the real program in production mode at its most talkative, everything that was said to it
//! and by it, and the secrets that must stand in none of it.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sea_orm::{ConnectionTrait, Database as Connector, DatabaseConnection};
use serde_json::{Value, json};

use crate::harness::program::Program;
use crate::harness::{Backend, Database, Proxy, free_port, wire};
use crate::smtp::delivery::part;
use crate::smtp::server::{MailServer, Manner, Seal};
use crate::support::dump_of;

/// Stands in every secret that a client or an operator chose, and nowhere else.
const MARK: &str = "canary";
const ADMIN: &str = "canary-admin-secret-9f1c";
pub const OPERATOR: (&str, &str) = ("x-vestibule-admin-secret", ADMIN);
const MASTER: &str = "canaryMasterKeyThatNobodyEverSeesAnywhere08=";
const SMTP: &str = "canary-smtp-password-3b1d";
const DATABASE: &str = "canary-database-password-77aa";

pub struct House {
    pub program: Program,
    pub mail: MailServer,
    proxy: Option<Proxy>,
    database: Database,
    backend: Backend,
    /// Where `/metrics` answers.
    watched: SocketAddr,
    /// Every answer, as it came over the wire.
    answers: Vec<String>,
    /// What the house handed out, and the answers and mails that rightly hold it.
    secrets: Vec<(String, Vec<usize>)>,
    /// Tickets, which stand in their own mails.
    mailed: Vec<String>,
    /// Six digits: looked for as a word.
    codes: Vec<String>,
}

impl House {
    pub async fn open(backend: Backend) -> Self {
        let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        let smtp = format!("smtp://mailer:{SMTP}@{}", mail.address);
        let database = Database::empty(backend).await;
        let (proxy, url) = wired(&database, backend).await;
        let watched = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let settings = [
            ("VESTIBULE_MODE", "production"),
            ("VESTIBULE_LOG", "trace"),
            ("VESTIBULE_PUBLIC_URL", "https://auth.example.org"),
            ("VESTIBULE_MASTER_KEY", MASTER),
            ("VESTIBULE_ADMIN_SECRET", ADMIN),
            ("VESTIBULE_SMTP_URL", &smtp),
            ("VESTIBULE_DATABASE_URL", &url),
            ("VESTIBULE_DATABASE_TIMEOUT", "3000"),
            ("VESTIBULE_PASSWORD_WAIT", "30000"),
            ("VESTIBULE_VERIFICATION_WAIT", "100"),
            ("VESTIBULE_TRUSTED_PROXIES", "127.0.0.1/32"),
            ("VESTIBULE_METRICS_BIND", &watched.to_string()),
        ];
        Self {
            program: Program::serve(&settings).await,
            mail,
            proxy,
            database,
            backend,
            watched,
            answers: Vec::new(),
            secrets: Vec::new(),
            mailed: Vec::new(),
            codes: Vec::new(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.program.address
    }

    /// A connection of the test's own, past the wire that can be cut.
    pub async fn connect(&self) -> DatabaseConnection {
        Connector::connect(self.database.url())
            .await
            .expect("the database answers")
    }

    /// Sends octets and keeps what comes back; each caller has a network of its own, so that no limit is met.
    pub async fn send(&mut self, octets: &[u8]) -> Value {
        let number = self.answers.len();
        let forwarded = format!(
            "\r\nx-forwarded-for: 198.51.{}.{}\r\n",
            number / 250,
            number % 250 + 1
        );
        let text = String::from_utf8_lossy(octets).replacen("\r\n", &forwarded, 1);
        let answer = wire::exchange(self.address(), text.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        self.answers.push(text);
        let body = body.unwrap_or_default();
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    }

    pub async fn post(&mut self, body: &Value, headers: &[(&str, &str)]) -> Value {
        self.send(&wire::post(body, headers)).await
    }

    /// The body of the last answer.
    pub fn last(&self) -> Value {
        let text = self
            .answers
            .last()
            .and_then(|text| text.split_once("\r\n\r\n"));
        text.and_then(|(_, body)| serde_json::from_str(body).ok())
            .unwrap_or_default()
    }

    /// Runs a document from `tests/api/queries/`.
    pub async fn run(&mut self, name: &str, input: Value, headers: &[(&str, &str)]) -> Value {
        let document = wire::document(name, json!({ "input": input }));
        self.post(&document, headers).await
    }

    /// The same, of a mutation that must succeed; answers its field.
    pub async fn done(&mut self, name: &str, input: Value, headers: &[(&str, &str)]) -> Value {
        let answer = self.run(name, input, headers).await;
        assert!(answer["errors"].is_null(), "{name}: {answer}");
        let fields = answer["data"]
            .as_object()
            .unwrap_or_else(|| panic!("{name}: {answer}"));
        fields.values().next().expect("a field").clone()
    }

    pub async fn form(&mut self, method: &str, path: &str, form: &str) -> Value {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\naccept: text/html\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.send(request.as_bytes()).await
    }

    /// The last answer handed this out: it may stand there, and nowhere else.
    pub fn keep(&mut self, secret: &Value) -> String {
        let text = secret
            .as_str()
            .unwrap_or_else(|| panic!("no text: {secret}"))
            .to_owned();
        assert!(text.len() > 15, "too short to be told from chance: {text}");
        let last = self.answers.len() - 1;
        match self.secrets.iter_mut().find(|(known, _)| *known == text) {
            Some((_, places)) => places.push(last),
            None => self.secrets.push((text.clone(), vec![last])),
        }
        text
    }

    /// Access and refresh token of a session.
    pub fn session(&mut self, session: &Value) -> (String, String) {
        (
            self.keep(&session["accessToken"]),
            self.keep(&session["refreshToken"]),
        )
    }

    /// The refresh token in the cookie of the last answer.
    pub fn cookie(&mut self) -> String {
        let last = self.answers.last().expect("an answer").clone();
        let cookie = last
            .split("__Host-vestibule-default=")
            .nth(1)
            .expect("a cookie");
        let token = cookie.split(';').next().unwrap_or_default();
        self.keep(&json!(token))
    }

    /// Ticket and code of the newest mail to an address that has not been read yet; both must stand in no answer.
    pub async fn mailed(&mut self, to: &str, nth: usize) -> (String, String) {
        for _ in 0..400 {
            let messages = self.mail.messages();
            let mut own = messages
                .iter()
                .filter(|message| message.recipients.iter().any(|one| one.contains(to)));
            if let Some(message) = own.nth(nth) {
                let text = part(message, "text/plain").replace('\r', "");
                let link = text
                    .lines()
                    .find(|line| line.contains("ticket="))
                    .unwrap_or_default();
                let ticket = link.split("ticket=").nth(1).unwrap_or_default();
                let ticket = ticket.split('&').next().unwrap_or_default().to_owned();
                let is_code = |line: &&str| {
                    matches!(line.len(), 6 | 10)
                        && line
                            .bytes()
                            .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
                };
                let code = text.lines().find(is_code).unwrap_or_default().to_owned();
                if !ticket.is_empty() {
                    self.secrets.push((ticket.clone(), Vec::new()));
                    self.mailed.push(ticket.clone());
                }
                if !code.is_empty() {
                    self.codes.push(code.clone());
                }
                return (ticket, code);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no mail to {to}");
    }

    /// Runs something while no statement gets through: the wire is cut, or somebody else holds the file.
    pub async fn without_database(&mut self, trouble: impl AsyncFnOnce(&mut Self)) {
        if let Some(proxy) = self.proxy.take() {
            proxy.cut();
            trouble(self).await;
            proxy.mend();
            self.proxy = Some(proxy);
            return;
        }
        let db = self.connect().await;
        db.execute_unprepared("BEGIN EXCLUSIVE")
            .await
            .expect("the file");
        trouble(self).await;
        db.execute_unprepared("ROLLBACK").await.expect("the file");
        db.close().await.expect("a closed connection");
    }

    /// Ends the program and looks for every secret in everything that it left behind.
    pub async fn assert_discreet(mut self) {
        let metrics = wire::get(self.watched, "/metrics", &[]).await;
        assert!(metrics.body.contains("signIn"), "{}", metrics.body);
        assert_absent("@", "the metrics", &metrics.body);
        // What was lost could not be searched.
        let lost = "vestibule_log_lines_lost_total 0";
        assert!(metrics.body.contains(lost), "{}", metrics.body);
        self.answers.push(metrics.body);
        let db = self.connect().await;
        let dump = dump_of(&db, self.backend).await;
        db.close().await.expect("a closed connection");
        self.program.terminate();
        assert!(self.program.ended().await.success());
        let log = self.program.output();
        assert!(
            log.contains("TRACE") && log.contains("answered"),
            "it was talkative"
        );
        assert!(dump.contains("ann@example.org"), "the dump sees the tables");
        let mails: Vec<String> = self
            .mail
            .messages()
            .iter()
            .map(|message| message.text.replace("=\n", ""))
            .collect();
        assert!(mails.len() > 5, "mails were sent");

        assert_absent("$argon2", "the log", &log);
        let auth = STANDARD.encode(format!("\0mailer\0{SMTP}"));
        assert!(
            self.mail.plain().iter().any(|line| line.contains(&auth)),
            "it signed in at the mail server"
        );
        let master = STANDARD.decode(MASTER).expect("base64");
        for (place, text) in [("the log", &log), ("the database", &dump)] {
            for needle in [
                MARK.to_owned(),
                hex(MARK.as_bytes()),
                auth.clone(),
                hex(&master),
            ] {
                assert_absent(&needle, place, text);
            }
            for (secret, _) in &self.secrets {
                assert_absent(secret, place, text);
                assert_absent(&hex(secret.as_bytes()), place, text);
                if let Ok(octets) = URL_SAFE_NO_PAD.decode(secret) {
                    assert_absent(&hex(&octets), place, text);
                }
            }
            for code in &self.codes {
                let words = text.split(|c: char| !c.is_ascii_alphanumeric());
                assert_eq!(
                    words.filter(|word| word == code).count(),
                    0,
                    "the code {code} stands in {place}"
                );
            }
        }
        for mail in &mails {
            assert_absent(MARK, "a mail", mail);
            for (secret, _) in self
                .secrets
                .iter()
                .filter(|(secret, _)| !self.mailed.contains(secret))
            {
                assert_absent(secret, "a mail", mail);
            }
        }
        let mut told = std::collections::BTreeSet::new();
        for (number, answer) in self.answers.iter().enumerate() {
            let quoted = answer.lines().find(|line| line.contains(MARK));
            told.extend(quoted.map(str::to_owned));
            for (secret, places) in &self.secrets {
                if !places.contains(&number) {
                    assert_absent(secret, "another answer", answer);
                }
            }
        }
        assert!(told.is_empty(), "answers that quote: {told:#?}");
    }
}

/// On PostgreSQL a wire that can be cut, and a password that the server does not ask for.
async fn wired(database: &Database, backend: Backend) -> (Option<Proxy>, String) {
    if backend == Backend::Sqlite {
        return (None, database.url());
    }
    let mut url = url::Url::parse(&database.url()).expect("an address");
    let target = url.socket_addrs(|| Some(5432)).expect("a host")[0];
    let proxy = Proxy::to(target).await;
    url.set_ip_host(proxy.address.ip()).expect("a host");
    url.set_port(Some(proxy.address.port())).expect("a port");
    if url.password().is_none() {
        url.set_password(Some(DATABASE)).expect("a password");
    }
    (Some(proxy), url.to_string())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[track_caller]
fn assert_absent(needle: &str, place: &str, text: &str) {
    let found = text
        .lines()
        .find(|line| line.to_lowercase().contains(&needle.to_lowercase()));
    assert!(found.is_none(), "{needle} stands in {place}: {found:?}");
}
