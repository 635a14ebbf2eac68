//! Walks through a guide from top to bottom, as a reader who copies every block does.

use std::net::SocketAddr;
use std::path::Path;

use async_graphql::parser::{parse_query, parse_schema};
use serde_json::{Value, json};

use super::block::{Block, blocks, commands, operations};
use super::memory::Memory;
use super::shell::Shell;
use super::{Guide, source};
use crate::harness::program::{Folder, Program, free_address};
use crate::harness::{ADMIN_SECRET, wire};

pub struct Walk<'a> {
    guide: &'a Guide,
    address: SocketAddr,
    shell: Shell,
    house: Option<Program>,
    memory: Memory,
    cookie: Option<String>,
    /// The administrators' of the house.
    secret: String,
    /// What was answered last.
    answer: Value,
    /// Which entries of the guide's lists were of use.
    used: Vec<&'static str>,
    _folder: Folder,
}

/// # Panics
/// With file and line, when a block of the guide does not do what it shows.
pub async fn walk(guide: &Guide) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(guide.path);
    let text = std::fs::read_to_string(&path).expect("a guide");
    source::assert_links(&path, &text);
    let folder = Folder::new();
    let address = free_address();
    let (bind, database) = (
        address.to_string(),
        format!("sqlite://{}/vestibule.db", folder.path().display()),
    );
    let settings = [
        ("VESTIBULE_BIND", bind.as_str()),
        ("VESTIBULE_DATABASE_URL", &database),
        ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
    ];
    let shell = Shell::start(folder.path(), &settings).await;
    let mut walk = Walk {
        guide,
        address,
        shell,
        house: None,
        memory: Memory::default(),
        cookie: None,
        secret: String::new(),
        answer: Value::Null,
        used: Vec::new(),
        _folder: folder,
    };
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "{} shows nothing", guide.path);
    for (at, block) in blocks.iter().enumerate() {
        eprintln!("{}:{}", guide.path, block.line);
        walk.block(block, blocks.get(at + 1)).await;
    }
    let lists = guide.excused.iter().map(|(command, _)| command);
    for entry in lists.chain(guide.stands.iter().map(|(shown, ..)| shown)) {
        assert!(walk.used.contains(entry), "of no use any more: {entry}");
    }
}

impl Walk<'_> {
    async fn block(&mut self, block: &Block, next: Option<&Block>) {
        let text = &block.text;
        match block.language.as_str() {
            "sh" => {
                for command in commands(text) {
                    self.command(&command).await;
                    self.assert_well(&command, next);
                }
            }
            "graphql" if parse_schema(text).is_ok() => {
                let schema = include_str!("../../../schema.graphql");
                let is_ours = schema.contains(text.trim()) || text.contains("@link");
                assert!(is_ours, "not in schema.graphql: {text}");
            }
            "graphql" => self.documents(text, next).await,
            "json" => self.json(text),
            "yaml" => {
                // An empty answer: Node.js is missing, and has been named.
                crate::web::node("yaml.mjs", &[text]).await;
            }
            "toml" => {
                let read = toml::from_str::<toml::Table>(text);
                read.unwrap_or_else(|error| panic!("{error}: {text}"));
            }
            "ts" | "tsx" | "js" => source::assert_shown(text),
            other => panic!("no test knows how to run a block of {other:?}"),
        }
    }

    /// The text with what the reader has at hand in the place of what the guide shows.
    async fn filled(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (shown, instead, _) in self.guide.stands {
            if text.contains(shown) {
                self.used.push(shown);
                text = text.replace(shown, instead);
            }
        }
        let house = self.house.as_ref().map(|house| house.address);
        self.memory.fill(&self.here(&text), house).await
    }

    /// With the address of this house.
    fn here(&self, text: &str) -> String {
        let port = self.address.port();
        text.replace("127.0.0.1:4000", &format!("127.0.0.1:{port}"))
            .replace("localhost:4000", &format!("localhost:{port}"))
    }

    async fn command(&mut self, command: &str) {
        let mut excused = self.guide.excused.iter();
        if let Some((beginning, _)) = excused.find(|(text, _)| command.starts_with(text)) {
            self.used.push(beginning);
            return;
        }
        let command = self.filled(command).await;
        let said = self.shell.run(&command).await;
        self.answer = Value::Null;
        if let Ok(answer) = serde_json::from_str::<Value>(said.trim()) {
            self.take(answer);
        }
        if let Some(settings) = self.shell.served() {
            assert!(self.house.is_none(), "one house is enough");
            let settings: Vec<_> = settings.iter().map(|(n, v)| (&**n, &**v)).collect();
            let mut secrets = settings
                .iter()
                .filter(|(n, _)| *n == "VESTIBULE_ADMIN_SECRET");
            self.secret = secrets.next().map_or("", |(_, secret)| secret).to_owned();
            self.house = Some(Program::serve_at(self.address, &settings).await);
        }
    }

    fn take(&mut self, answer: Value) {
        // An inbox is a list: what is in there is read when it is needed.
        if answer.is_object() {
            self.memory.learn("", &answer);
        }
        self.answer = answer;
    }

    async fn documents(&mut self, text: &str, next: Option<&Block>) {
        let mut variables = json!({});
        if let Some(block) = next.filter(|block| block.language == "json") {
            let filled = self.filled(&block.text).await;
            let shown: Value = serde_json::from_str(&filled).expect("JSON");
            if !is_answer(&shown) {
                variables = shown;
            }
        }
        for operation in operations(text) {
            let operation = self.filled(&operation).await;
            parse_query(&operation).unwrap_or_else(|error| panic!("{error}: {operation}"));
            self.ask(&operation, &variables).await;
            self.assert_well(&operation, next);
        }
    }

    /// The last answer holds no errors, unless the next block shows some: then that block says which.
    fn assert_well(&self, asked: &str, next: Option<&Block>) {
        let is_shown =
            next.is_some_and(|block| block.language == "json" && block.text.contains("\"errors\""));
        let is_refused = self.answer.get("errors").is_some();
        assert!(!is_refused || is_shown, "{asked}{}", self.answer);
    }

    /// Sends the operation with what the page of an application or the header field of GraphiQL would hold.
    async fn ask(&mut self, operation: &str, variables: &Value) {
        let bearer = self.memory.get("accessToken");
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("origin", self.guide.origin)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(self.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        if operation.contains(" admin") {
            headers.push(("x-vestibule-admin-secret", &self.secret));
        }
        let body = json!({ "query": operation, "variables": variables });
        let octets = wire::exchange(self.address, &wire::post(&body, &headers)).await;
        let text = String::from_utf8_lossy(&octets);
        let mut lines = text.lines();
        if let Some(cookie) = lines.find_map(|line| line.strip_prefix("set-cookie: ")) {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        self.take(wire::Wire::of(&octets).json());
    }

    /// An answer is held against the one before; variables went with the document before.
    fn json(&mut self, text: &str) {
        let shown: Value = serde_json::from_str(&self.here(text)).expect("JSON");
        if is_answer(&shown) {
            let answer = &self.answer;
            assert!(
                is_like(&shown, answer),
                "shown: {shown:#}\nanswered: {answer:#}"
            );
        }
    }
}

fn is_answer(shown: &Value) -> bool {
    shown.get("data").is_some() || shown.get("errors").is_some()
}

/// Whether the answer holds what is shown; `…` stands for anything.
fn is_like(shown: &Value, answer: &Value) -> bool {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => shown
            .iter()
            .all(|(name, shown)| answer.get(name).is_some_and(|got| is_like(shown, got))),
        (Value::Array(shown), Value::Array(answer)) => {
            let mut pairs = shown.iter().zip(answer);
            shown.len() == answer.len() && pairs.all(|(shown, got)| is_like(shown, got))
        }
        (Value::String(shown), Value::String(answer)) => match shown.split_once('…') {
            Some((begin, end)) => answer.starts_with(begin) && answer.ends_with(end),
            None => shown == answer,
        },
        _ => shown == answer,
    }
}
