//! People who use the house while it suffers, and remember what they were told.

mod books;
mod crowd;
mod person;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use books::{is_whole, numbers};
pub use crowd::Crowd;
pub use person::Person;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::is_full;
use crate::harness::{ADMIN_SECRET, MASTER_KEY, wire};
use crate::smtp::server::{MailServer, Manner, Message, Seal};

/// No answer may take longer, whatever has befallen the house: the 15 seconds that a request may run, the second that a refusal
/// may be held back, and some room; more of it on a crowded machine.
fn bound() -> Duration {
    Duration::from_secs(if is_full() { 20 } else { 60 })
}

/// The pages that mails lead to.
const VERIFY: &str = "verify";
const RESET: &str = "reset";

/// What a connection that broke off without a whole answer is counted as. One that stays open without an answer is complained
/// of, whatever befalls the house.
const SILENCE: &str = "silence";

/// How long a fault may keep an answer away from who asks again and again.
const PATIENCE: Duration = Duration::from_secs(180);

/// Everybody who lives here, and the mail server of the place.
pub struct Town {
    pub mail: MailServer,
    /// Where the house is now.
    address: Mutex<SocketAddr>,
    open: AtomicBool,
    number: AtomicUsize,
    people: Mutex<Vec<Person>>,
    complaints: Mutex<Vec<String>>,
    answers: Mutex<BTreeMap<String, usize>>,
    longest: Mutex<Duration>,
}

/// What came back.
#[derive(Debug)]
enum Heard {
    Data(Value),
    /// Refused, with this code: nothing was done.
    Code(String),
    /// No answer, or `OVERLOADED`: it may have been done or not.
    Nothing,
}

impl Town {
    pub async fn found() -> Arc<Self> {
        Arc::new(Self {
            mail: MailServer::start(Seal::Plain, Manner::Takes, "localhost").await,
            address: Mutex::new(SocketAddr::from(([127, 0, 0, 1], 1))),
            open: AtomicBool::new(true),
            number: AtomicUsize::new(0),
            people: Mutex::default(),
            complaints: Mutex::default(),
            answers: Mutex::default(),
            longest: Mutex::default(),
        })
    }

    /// What the house is told at its start, and told again at every other one.
    pub fn settings(&self, database: &str) -> Vec<(String, String)> {
        let own = |(name, value): (&str, &str)| (format!("VESTIBULE_{name}"), value.to_owned());
        [
            ("DATABASE_URL", database),
            ("MASTER_KEY", MASTER_KEY),
            ("ADMIN_SECRET", ADMIN_SECRET),
            ("PUBLIC_URL", "http://localhost:4000"),
            ("SMTP_URL", &format!("smtp://{}", self.mail.address)),
            // Limits count, and nobody here reaches one.
            ("RATE_LIMITS", "on"),
            ("MAILS_PER_ADDRESS", "1000"),
            ("MAILS_PER_NETWORK", "100000"),
            ("MAILS_PER_ADDRESS_IN_ALL", "1000"),
            ("FAILURES_PER_NETWORK", "1000000"),
            ("SIGN_UPS_PER_NETWORK", "1000000"),
            ("PASSWORD_WAIT", "30000"),
        ]
        .map(own)
        .into()
    }

    pub fn moves_to(&self, address: SocketAddr) {
        *self.address.lock().unwrap() = address;
    }

    /// So many people live here at a time, one life after the other, until the town closes.
    pub fn live(self: &Arc<Self>, at_once: usize) -> Vec<JoinHandle<()>> {
        let lives = (0..at_once).map(|_| {
            let town = Arc::clone(self);
            tokio::spawn(async move {
                while town.is_open() {
                    let number = town.number.fetch_add(1, Ordering::SeqCst);
                    let mut person = Person::new(number);
                    person.live(&town, number).await;
                    town.people.lock().unwrap().push(person);
                }
            })
        });
        lives.collect()
    }

    /// Others come until one of them has an account and has seen a session end; all are in the books. A house that refuses
    /// everybody would lose nothing.
    pub async fn takes_in(&self) {
        let started = Instant::now();
        let mut is_in = false;
        while !is_in {
            assert!(started.elapsed() < PATIENCE, "nobody is let in any more");
            let mut person = Person::new(self.number.fetch_add(1, Ordering::SeqCst));
            // Asking once: of whoever signs up again, mails differ.
            is_in = person.arrive(self).await.is_some() && person.come_and_go(self).await.is_some();
            self.people.lock().unwrap().push(person);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Lets everybody end what they are at: the house must be well again.
    pub async fn close(&self, lives: Vec<JoinHandle<()>>) {
        self.open.store(false, Ordering::SeqCst);
        for life in lives {
            life.await.expect("a life ends in peace");
        }
        let complaints = self.complaints.lock().unwrap();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    /// How many answers there were of each kind, and how long the longest took.
    pub fn tally(&self) -> String {
        let (answers, longest) = (self.answers.lock().unwrap(), self.longest.lock().unwrap());
        let people = self.people.lock().unwrap().len();
        format!("{people} people, {answers:?}, the longest answer {longest:?}")
    }

    /// How many answers of this kind there were: a code, or `well`.
    pub fn heard(&self, what: &str) -> usize {
        let answers = self.answers.lock().unwrap();
        answers.get(what).copied().unwrap_or_default()
    }

    /// Nobody was left without an answer: for a house that was never ended.
    pub fn was_answered(&self) {
        assert_eq!(self.heard(SILENCE), 0, "{}", self.tally());
    }

    fn complain(&self, what: String) {
        self.complaints.lock().unwrap().push(what);
    }

    fn count(&self, what: &str) {
        *self
            .answers
            .lock()
            .unwrap()
            .entry(what.to_owned())
            .or_default() += 1;
    }

    /// Asks once.
    async fn ask(&self, query: &str, variables: Value, headers: &[(&str, &str)]) -> Heard {
        let mut all = vec![("accept", "application/graphql-response+json")];
        all.extend(headers);
        let request = wire::post(&wire::document(query, variables), &all);
        let stream = self.knock().await;
        let started = Instant::now();
        let octets = tokio::time::timeout(bound(), exchange(stream, &request)).await;
        let Ok(octets) = octets else {
            self.complain(format!("{query}: no end after {:?}", bound()));
            return Heard::Nothing;
        };
        let Some(answer) = whole(&octets) else {
            self.count(SILENCE);
            return Heard::Nothing;
        };
        let mut longest = self.longest.lock().unwrap();
        *longest = longest.max(started.elapsed());
        drop(longest);
        let body = answer.json();
        let Some(error) = body["errors"].get(0) else {
            self.count("well");
            return Heard::Data(body["data"].clone());
        };
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        self.count(code);
        match (answer.status, code) {
            (503, "OVERLOADED") => Heard::Nothing,
            // Guesses of whoever was told nothing count as wrong: after five of them it takes a while.
            (429, "RATE_LIMITED") if query == "sign_in" => Heard::Nothing,
            (200, "INVALID_TICKET" | "INVALID_REFRESH_TOKEN" | "NOT_FOUND") => {
                Heard::Code(code.to_owned())
            }
            (200, "UNAUTHENTICATED") if query == "me" && body["data"]["me"].is_null() => {
                Heard::Code(code.to_owned())
            }
            (status, _) => {
                self.complain(format!("{query}: {status} {body}"));
                Heard::Code(code.to_owned())
            }
        }
    }

    /// Waits until somebody listens: who meets a closed door has asked for nothing.
    async fn knock(&self) -> TcpStream {
        let started = Instant::now();
        loop {
            let address = *self.address.lock().unwrap();
            if let Ok(stream) = TcpStream::connect(address).await {
                return stream;
            }
            assert!(started.elapsed() < PATIENCE, "the house stays closed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks until there is an answer; also said: whether it took more than one question.
    async fn insist(
        &self,
        query: &str,
        variables: Value,
        headers: &[(&str, &str)],
    ) -> (Heard, bool) {
        let started = Instant::now();
        let mut again = false;
        while started.elapsed() < PATIENCE {
            match self.ask(query, variables.clone(), headers).await {
                Heard::Nothing => again = true,
                heard => return (heard, again),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.complain(format!("{query}: no answer for {PATIENCE:?}"));
        (Heard::Nothing, again)
    }

    /// The ticket of the newest mail to an address that leads to this page, where it comes in this time.
    async fn ticket_for(&self, email: &str, page: &str, patience: Duration) -> Option<String> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            let messages = self.mail.messages_to(email);
            let newest = messages.iter().rfind(|message| message.leads_to(page));
            if let Some((ticket, _)) = newest.and_then(Message::proof) {
                return Some(ticket);
            }
            if !self.is_open() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }
}

/// What arrived until the other side closed.
async fn exchange(mut stream: TcpStream, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if stream.write_all(request).await.is_ok() {
        // A connection that breaks off leaves an answer that is not whole.
        drop(stream.read_to_end(&mut answer).await);
    }
    answer
}

/// An answer that is as long as it says.
fn whole(octets: &[u8]) -> Option<wire::Wire> {
    if !octets.starts_with(b"HTTP/1.1 ") {
        return None;
    }
    let answer = wire::Wire::of(octets);
    let length = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length?.trim().parse().ok()?;
    (answer.body.len() == length).then_some(answer)
}
