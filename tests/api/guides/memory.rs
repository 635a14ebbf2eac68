//! What a reader has on the screen: `PASTE` in a guide is what an answer before showed under the name beside it, and
//! `123456` the code of the newest mail.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::harness::wire;

const CODE: &str = "123456";
const PASTE: &str = "PASTE";

#[derive(Default)]
pub struct Memory {
    texts: BTreeMap<String, String>,
    /// Tickets of the mails that have been read.
    read: BTreeSet<String>,
}

impl Memory {
    pub fn get(&self, name: &str) -> Option<&String> {
        self.texts.get(name)
    }

    /// Keeps every text of an answer by its name; an `id` by what it names.
    pub fn learn(&mut self, parent: &str, answer: &Value) {
        match answer {
            Value::Object(members) => {
                for (name, member) in members {
                    match member.as_str() {
                        Some(text) if name == "id" => self.keep(id_of(parent), text),
                        Some(text) => self.keep(name, text),
                        None => self.learn(name, member),
                    }
                }
            }
            Value::Array(items) => {
                for item in items.iter().rev() {
                    self.learn(parent, item);
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, name: &str, text: &str) {
        self.texts.insert(name.to_owned(), text.to_owned());
    }

    /// The text as a reader would send it.
    pub async fn fill(&mut self, text: &str, house: Option<SocketAddr>) -> String {
        let mut text = text.to_owned();
        let wants_ticket = name_before(&text) == Some("ticket");
        if text.contains(CODE) || wants_ticket {
            let house = house.expect("a house is running");
            self.read_mail(house, purposes(&text)).await;
            text = text.replace(CODE, self.get("code").map_or("", String::as_str));
        }
        while let Some(name) = name_before(&text) {
            let known = self.get(name);
            let known = known.unwrap_or_else(|| panic!("nothing before showed {name}: {text}"));
            text = text.replacen(PASTE, known, 1);
        }
        text
    }

    /// Waits for a mail of one of these purposes that has not been read, and takes the newest.
    async fn read_mail(&mut self, house: SocketAddr, purposes: &[&str]) {
        for _ in 0..600 {
            let accept = [("accept", "application/json")];
            let inbox = wire::get(house, "/dev/inbox", &accept).await.json();
            for mail in inbox.as_array().expect("a list") {
                let text = |name: &str| mail[name].as_str().unwrap_or_default();
                if purposes.contains(&text("purpose")) && self.read.insert(text("ticket").into()) {
                    self.learn("mail", mail);
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no mail of {purposes:?} comes");
    }
}

/// Which mails the mutation answers.
fn purposes(text: &str) -> &'static [&'static str] {
    match text {
        text if text.contains("verifyEmail") => &["EMAIL_VERIFICATION"],
        text if text.contains("resetPassword") => &["PASSWORD_RESET", "INVITATION"],
        text if text.contains("confirmEmailChange") => &["EMAIL_CHANGE"],
        text => panic!("which mail does this answer? {text}"),
    }
}

fn id_of(parent: &str) -> &'static str {
    match parent.to_ascii_lowercase() {
        parent if parent.contains("tenant") => "tenantId",
        parent if parent.contains("session") => "sessionId",
        _ => "userId",
    }
}

/// What the first `PASTE` stands for: the word before it, as in `ticket: "PASTE"`, `\"ticket\": \"PASTE\"` or
/// `Bearer PASTE`.
fn name_before(text: &str) -> Option<&str> {
    let before = &text[..text.find(PASTE)?];
    let is_between = |c: char| c.is_whitespace() || matches!(c, '"' | '\\' | ':' | '=');
    let before = before.trim_end_matches(is_between);
    let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?;
    Some(if word == "Bearer" {
        "accessToken"
    } else {
        word
    })
}
