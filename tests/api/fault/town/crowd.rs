//! A crowd at the door, from before a fault until after it: each with an account, on a connection that is kept, one question
//! after the other. They ask who they are and go on with their sessions, ask by a session that had ended before, and try to
//! come in as somebody whom nobody knows. All are told what is right for who asks, or `OVERLOADED`, and in time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::person::{GRACE, Person, Tokens, bearer};
use super::{Heard, Town, bound, whole};
use crate::harness::{PASSWORD, race, wire};

/// The number of the first of them; others have lower ones.
const FIRST: usize = 2_000_000;
/// So many come at a time: each wants a password hashed and a mail.
const AT_A_TIME: usize = 16;
/// Before the next question of who was sent away: while nothing gets on, nearly everybody waits for an answer.
const IMPATIENT: Duration = Duration::from_millis(50);
/// The same of who was heard. Passwords are hashed with what the others leave of the processor: they are to leave some.
const AT_EASE: Duration = Duration::from_secs(1);
/// From one guess of somebody to the next.
const APART: Duration = Duration::from_secs(20);

/// What they were told, and how long the longest answer took.
#[derive(Default)]
pub struct Crowd {
    answers: Mutex<BTreeMap<String, usize>>,
    longest: Mutex<Duration>,
}

impl Crowd {
    /// So many people come, and stay until the town closes.
    pub async fn gathers(self: &Arc<Self>, town: &Arc<Town>, many: usize) -> Vec<JoinHandle<()>> {
        let mut people: Vec<Person> = Vec::new();
        while people.len() < many {
            let (first, missing) = (FIRST + people.len(), many - people.len());
            let arrive = |number: usize| arrived(Arc::clone(town), first + number);
            people.extend(race(AT_A_TIME.min(missing), arrive).await);
        }
        let anybody = &mut people[0];
        let has_ended = anybody.come_and_go(town).await;
        has_ended.expect("a session that has ended");
        let ended = anybody.ended.last().cloned().expect("its tokens");
        let begin = Instant::now();
        let stay = people.into_iter().enumerate().map(|(place, person)| {
            let visitor = Visitor {
                town: Arc::clone(town),
                crowd: Arc::clone(self),
                person,
                ended: ended.clone(),
                line: wire::Kept::default(),
                unsure_since: None,
                guesses: 0,
                // One after the other, all the time.
                next_guess: begin + APART.mul_f64(place as f64 / many as f64),
            };
            tokio::spawn(visitor.stay())
        });
        stay.collect()
    }

    /// How many answers there were of each kind, and how long the longest took.
    pub fn tally(&self) -> String {
        let (answers, longest) = (self.answers.lock().unwrap(), self.longest.lock().unwrap());
        if answers.is_empty() {
            return "nobody".to_owned();
        }
        format!("{answers:?}, the longest answer {longest:?}")
    }

    fn note(&self, what: String, took: Duration) {
        *self.answers.lock().unwrap().entry(what).or_default() += 1;
        let mut longest = self.longest.lock().unwrap();
        *longest = longest.max(took);
    }
}

async fn arrived(town: Arc<Town>, number: usize) -> Person {
    let mut person = Person::new(number);
    person.settle(&town).await.expect("an account");
    person
}

struct Visitor {
    town: Arc<Town>,
    crowd: Arc<Crowd>,
    person: Person,
    /// Of a session that had ended before, the same for all.
    ended: Tokens,
    line: wire::Kept,
    /// When the newest refresh token was first asked to be exchanged, while that was never answered.
    unsure_since: Option<Instant>,
    guesses: usize,
    next_guess: Instant,
}

/// Questions say whether somebody was heard, and has what a session takes.
impl Visitor {
    async fn stay(mut self) {
        while self.town.is_open() {
            let heard = self.who_am_i().await;
            self.rest(heard).await;
            let heard = self.go_on().await;
            self.rest(heard).await;
            let heard = self.intrude().await;
            self.rest(heard).await;
        }
        self.leave().await;
    }

    /// Until the next question. Whoever was held up guesses when it is the turn of that again, not at the same time as all who
    /// were.
    async fn rest(&mut self, was_heard: bool) {
        tokio::time::sleep(if was_heard { AT_EASE } else { IMPATIENT }).await;
        let now = Instant::now();
        if self.next_guess <= now {
            while self.next_guess <= now {
                self.next_guess += APART;
            }
            self.guess().await;
        }
    }

    /// In the end everybody is well, and who was out is out.
    async fn leave(&mut self) {
        let begun = Instant::now();
        while !(self.who_am_i().await && self.go_on().await && self.intrude().await) {
            if begun.elapsed() > bound() {
                let email = &self.person.email;
                self.town.complain(format!("{email}: not well in the end"));
                return;
            }
            tokio::time::sleep(IMPATIENT).await;
        }
    }

    /// This person, and no other: many are looked up together.
    async fn who_am_i(&mut self) -> bool {
        let Some(session) = self.person.session.clone() else {
            return self.come_back().await;
        };
        match self.me(&session).await {
            Heard::Data(data) if data["me"]["email"] == self.person.email => true,
            Heard::Nothing => false,
            wrong => self.complain("who it is", &wrong),
        }
    }

    /// Exchanges the refresh token; the same one again, where the answer was lost.
    async fn go_on(&mut self) -> bool {
        let Some(before) = self.person.session.clone() else {
            return self.come_back().await;
        };
        let since = *self.unsure_since.get_or_insert_with(Instant::now);
        let input = json!({ "input": { "refreshToken": before.refresh } });
        let heard = self.ask("refresh_session", input, &[]).await;
        match &heard {
            Heard::Nothing => return false,
            Heard::Code(code) if code == "INVALID_REFRESH_TOKEN" && since.elapsed() > GRACE => {
                // It had been exchanged, too long ago: the session has ended.
                self.person.session = None;
                self.unsure_since = None;
                return false;
            }
            Heard::Data(data) => {
                let after = &data["refreshSession"];
                let is_own = after["sessionId"] == before.session
                    && after["user"]["id"] == self.person.id
                    && self.person.enter(after).is_some();
                if !is_own {
                    self.complain("going on", &heard);
                }
            }
            Heard::Code(_) => {
                self.complain("going on", &heard);
            }
        }
        self.unsure_since = None;
        true
    }

    /// Signs in after the session was lost. Guesses of whoever was told nothing count as wrong.
    async fn come_back(&mut self) -> bool {
        let input = json!({ "login": self.person.email, "password": PASSWORD });
        let heard = self.ask("sign_in", json!({ "input": input }), &[]).await;
        match &heard {
            Heard::Data(data) if self.person.enter(&data["signIn"]).is_some() => true,
            Heard::Code(code) if code == "RATE_LIMITED" => false,
            Heard::Nothing => false,
            wrong => self.complain("coming back", wrong),
        }
    }

    /// Nobody, whatever has befallen those who know.
    async fn intrude(&mut self) -> bool {
        let ended = self.ended.clone();
        match self.me(&ended).await {
            Heard::Code(code) if code == "UNAUTHENTICATED" => true,
            Heard::Nothing => false,
            wrong => self.complain("by a session that has ended", &wrong),
        }
    }

    /// Somebody else each time: the same one would have to wait.
    async fn guess(&mut self) {
        self.guesses += 1;
        let login = format!("nobody{}.{}", self.guesses, self.person.email);
        let input = json!({ "input": { "login": login, "password": PASSWORD } });
        match self.ask("sign_in", input, &[]).await {
            Heard::Code(code) if code == "INVALID_CREDENTIALS" => {}
            Heard::Nothing => {}
            wrong => {
                self.complain("as nobody", &wrong);
            }
        }
    }

    async fn me(&mut self, tokens: &Tokens) -> Heard {
        let bearer = bearer(tokens);
        let headers = [("authorization", bearer.as_str())];
        self.ask("me", json!({}), &headers).await
    }

    /// Asks once. What comes late, or not whole, or with an error and something beside it, is nothing that may be said.
    async fn ask(&mut self, query: &str, variables: Value, headers: &[(&str, &str)]) -> Heard {
        let accept = [("accept", "application/graphql-response+json")];
        let headers = [headers, &accept].concat();
        let request = wire::post_and_keep(&wire::document(query, variables), &headers);
        let address = *self.town.address.lock().unwrap();
        let asked = Instant::now();
        let exchanged = self.line.exchange(address, &request);
        let exchanged = tokio::time::timeout(bound(), exchanged).await;
        let took = asked.elapsed();
        let answer = match exchanged {
            Ok(Ok(octets)) => whole(&octets),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(answer) = answer else {
            let what = format!("{query} of the crowd: no answer after {took:?}");
            self.town.complain(what);
            return Heard::Nothing;
        };
        let body = answer.json();
        let code = match body["errors"].get(0) {
            Some(error) => error["extensions"]["code"].as_str().unwrap_or("no code"),
            None => "well",
        };
        self.crowd.note(format!("{query} {code}"), took);
        let data = body["data"].as_object();
        let is_empty = data.is_none_or(|data| data.values().all(Value::is_null));
        match (answer.status, code) {
            (200, "well") => Heard::Data(body["data"].clone()),
            (503, "OVERLOADED") if is_empty => Heard::Nothing,
            (200, _) | (429, "RATE_LIMITED") if is_empty => Heard::Code(code.to_owned()),
            (status, _) => {
                let what = format!("{query} of the crowd: {status} {body}");
                self.town.complain(what);
                Heard::Nothing
            }
        }
    }

    /// It was an answer, after all.
    fn complain(&self, what: &str, heard: &Heard) -> bool {
        let email = &self.person.email;
        self.town.complain(format!("{email}: {what}: {heard:?}"));
        true
    }
}
