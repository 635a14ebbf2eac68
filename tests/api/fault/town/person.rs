//! One life: signs up, verifies, signs in and out, refreshes, is renamed by an administrator and by itself, asks who it is,
//! changes the password, ends another session, and now and then forgets the password or is deleted. What was acknowledged
//! stands in the fields; what stayed unknown leaves both outcomes open.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Heard, RESET, Town, VERIFY};
use crate::harness::{ADMIN_SECRET, PASSWORD, by_ticket};

/// A lost refresh can be asked for again within 30 seconds; a machine may be slow.
pub(super) const GRACE: Duration = Duration::from_secs(25);
/// How long people wait for their mail.
const SOON: Duration = Duration::from_secs(3);
const LATE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Signing up was not acknowledged.
    Asked,
    SignedUp,
    Account,
    Deleted,
}

/// Tokens of one session.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The session's id.
    pub session: String,
    pub access: String,
    pub refresh: String,
}

#[derive(Debug)]
pub struct Person {
    pub email: String,
    pub stage: Stage,
    pub id: String,
    /// One of them is the password.
    pub passwords: Vec<String>,
    /// None of them is the password any more.
    pub former: Vec<String>,
    /// One of them is the display name.
    pub names: Vec<String>,
    /// Alive.
    pub session: Option<Tokens>,
    /// Of sessions whose end was acknowledged; a life ends a few.
    pub ended: Vec<Tokens>,
    /// Whether the mail of a reset must have come.
    pub asked_for_reset: bool,
    /// Mails without a link that must have come.
    pub notices: usize,
}

impl Person {
    pub fn new(number: usize) -> Self {
        Self {
            email: format!("person{number}@example.org"),
            stage: Stage::Asked,
            id: String::new(),
            passwords: vec![PASSWORD.to_owned()],
            former: Vec::new(),
            names: vec![format!("person{number}")],
            session: None,
            ended: Vec::new(),
            asked_for_reset: false,
            notices: 0,
        }
    }

    /// Until the end, or until something stays unknown that nobody could go on from.
    pub async fn live(&mut self, town: &Town, number: usize) {
        let _ = self.go(town, number).await;
    }

    async fn go(&mut self, town: &Town, number: usize) -> Option<()> {
        self.arrive(town).await?;
        self.come_and_go(town).await?;
        for round in 0..3 {
            self.refresh(town).await?;
            self.rename(town, format!("Renamed {round}")).await?;
            self.rename_oneself(town, format!("Calls itself {round}"))
                .await?;
            self.look(town).await;
        }
        self.change_password(town, format!("another battery staple {number}"))
            .await?;
        self.revoke_another(town).await?;
        if number % 3 == 1 {
            self.reset_password(town, format!("yet another battery staple {number}"))
                .await?;
            self.look(town).await;
        }
        if number.is_multiple_of(3) {
            self.delete(town).await?;
            self.look(town).await;
        }
        Some(())
    }

    /// Signs up and verifies.
    pub async fn arrive(&mut self, town: &Town) -> Option<()> {
        let input = json!({ "input": { "email": self.email, "password": PASSWORD } });
        data(town.ask("sign_up", input, &[]).await)?;
        self.stage = Stage::SignedUp;
        let ticket = town.ticket_for(&self.email, VERIFY, SOON).await?;
        self.verify(town, &ticket).await
    }

    /// The same of somebody without whom the town is nothing.
    pub async fn settle(&mut self, town: &Town) -> Option<()> {
        let input = json!({ "input": { "email": self.email, "password": PASSWORD } });
        data(town.insist("sign_up", input, &[]).await.0)?;
        self.stage = Stage::SignedUp;
        let ticket = town.ticket_for(&self.email, VERIFY, LATE).await?;
        self.verify(town, &ticket).await
    }

    /// Goes on with this session.
    pub fn enter(&mut self, session: &Value) -> Option<()> {
        let text = |name: &str| session[name].as_str().map(str::to_owned);
        self.session = Some(Tokens {
            session: text("sessionId")?,
            access: text("accessToken")?,
            refresh: text("refreshToken")?,
        });
        self.id = session["user"]["id"].as_str()?.to_owned();
        Some(())
    }

    async fn verify(&mut self, town: &Town, ticket: &str) -> Option<()> {
        match town.insist("verify_email", by_ticket(ticket), &[]).await {
            (Heard::Data(data), _) => {
                self.stage = Stage::Account;
                self.enter(&data["verifyEmail"])
            }
            // It had been done, and the answer was lost.
            (Heard::Code(code), true) if code == "INVALID_TICKET" => {
                self.stage = Stage::Account;
                self.sign_in(town).await
            }
            (Heard::Code(code), _) => self.complain(town, "verifying", &code),
            (Heard::Nothing, _) => None,
        }
    }

    async fn sign_in(&mut self, town: &Town) -> Option<()> {
        let input = json!({ "login": self.email, "password": self.passwords[0] });
        let heard = town.insist("sign_in", json!({ "input": input }), &[]).await;
        self.enter(&data(heard.0)?["signIn"])
    }

    pub async fn refresh(&mut self, town: &Town) -> Option<()> {
        let started = Instant::now();
        let before = self.session.take()?;
        let input = json!({ "input": { "refreshToken": before.refresh } });
        match town.insist("refresh_session", input, &[]).await.0 {
            Heard::Data(data) => self.enter(&data["refreshSession"]),
            Heard::Code(_) if started.elapsed() > GRACE => self.sign_in(town).await,
            Heard::Code(code) => self.complain(town, "refreshing", &code),
            Heard::Nothing => None,
        }
    }

    async fn rename(&mut self, town: &Town, name: String) -> Option<()> {
        let input = json!({ "userId": self.id, "displayName": name });
        self.names.push(name);
        let heard = administer(town, "admin_update_user", input).await.0;
        data(heard)?;
        self.names.drain(..self.names.len() - 1);
        Some(())
    }

    async fn rename_oneself(&mut self, town: &Town, name: String) -> Option<()> {
        let bearer = bearer(self.session.as_ref()?);
        let input = json!({ "input": { "displayName": name } });
        self.names.push(name);
        let headers = [("authorization", bearer.as_str())];
        data(town.insist("update_user", input, &headers).await.0)?;
        self.names.drain(..self.names.len() - 1);
        Some(())
    }

    async fn change_password(&mut self, town: &Town, password: String) -> Option<()> {
        let session = self.session.take()?;
        let bearer = bearer(&session);
        let old = self.passwords[0].clone();
        let input = json!({ "currentPassword": old, "newPassword": password });
        self.passwords.push(password);
        let headers = [("authorization", bearer.as_str())];
        let heard = town.ask("change_password", json!({ "input": input }), &headers);
        let answer = data(heard.await)?;
        self.former.push(self.passwords.remove(0));
        self.notices += 1;
        self.enter(&answer["changePassword"])
    }

    /// Forgets the password: whoever sets another one by the mail ends every session.
    async fn reset_password(&mut self, town: &Town, password: String) -> Option<()> {
        let input = json!({ "input": { "email": self.email } });
        data(town.insist("request_password_reset", input, &[]).await.0)?;
        self.asked_for_reset = true;
        let ticket = town.ticket_for(&self.email, RESET, SOON).await?;
        let session = self.session.take();
        let mut input = by_ticket(&ticket);
        input["input"]["newPassword"] = json!(password);
        self.passwords.push(password);
        match town.ask("reset_password", input, &[]).await {
            Heard::Data(data) => {
                self.former.push(self.passwords.remove(0));
                self.ended.extend(session);
                self.notices += 1;
                self.enter(&data["resetPassword"])
            }
            Heard::Code(code) => self.complain(town, "resetting", &code),
            Heard::Nothing => None,
        }
    }

    /// Asks who it is: by the living token it is this person, and by those whose end was acknowledged nobody, whoever the house
    /// remembers.
    async fn look(&self, town: &Town) {
        if let Some(session) = &self.session {
            let wrong = match me(town, session).await {
                Heard::Data(data) if self.is_shown(&data["me"]) => None,
                Heard::Data(data) => Some(data.to_string()),
                Heard::Code(code) => Some(code),
                Heard::Nothing => None,
            };
            if let Some(wrong) = wrong {
                self.complain(town, "who it is", &wrong);
            }
        }
        for tokens in &self.ended {
            if let Heard::Data(data) = me(town, tokens).await {
                self.complain(town, "by a session that has ended", &data.to_string());
            }
        }
    }

    fn is_shown(&self, me: &Value) -> bool {
        let is_named = |name: &String| me["displayName"] == *name;
        me["email"] == self.email && self.names.iter().any(is_named)
    }

    /// Another session, on and off.
    pub async fn come_and_go(&mut self, town: &Town) -> Option<()> {
        let other = self.open_another(town).await?;
        let input = json!({ "input": { "refreshToken": other.refresh } });
        data(town.insist("sign_out", input, &[]).await.0)?;
        self.ended.push(other);
        self.look(town).await;
        Some(())
    }

    /// Another session, ended by this one.
    async fn revoke_another(&mut self, town: &Town) -> Option<()> {
        let other = self.open_another(town).await?;
        let bearer = bearer(self.session.as_ref()?);
        let input = json!({ "input": { "sessionId": other.session } });
        let headers = [("authorization", bearer.as_str())];
        match town.insist("revoke_session", input, &headers).await.0 {
            Heard::Data(_) => self.ended.push(other),
            Heard::Code(code) => return self.complain(town, "revoking", &code),
            Heard::Nothing => return None,
        }
        self.look(town).await;
        Some(())
    }

    /// Another session, which the house remembers.
    async fn open_another(&mut self, town: &Town) -> Option<Tokens> {
        let kept = self.session.clone();
        self.sign_in(town).await?;
        self.look(town).await;
        std::mem::replace(&mut self.session, kept)
    }

    async fn delete(&mut self, town: &Town) -> Option<()> {
        let input = json!({ "userId": self.id });
        match administer(town, "admin_delete_user", input).await {
            (Heard::Data(_), _) => {}
            (Heard::Code(code), true) if code == "NOT_FOUND" => {}
            (Heard::Code(code), false) => return self.complain(town, "deleting", &code),
            _ => return None,
        }
        self.stage = Stage::Deleted;
        self.ended.extend(self.session.take());
        // A notice that had not left has nobody to go to any more.
        self.notices = 0;
        Some(())
    }

    fn complain(&self, town: &Town, what: &str, code: &str) -> Option<()> {
        town.complain(format!("{}: {what}: {code}", self.email));
        None
    }
}

async fn administer(town: &Town, query: &str, input: Value) -> (Heard, bool) {
    let headers = [("x-vestibule-admin-secret", ADMIN_SECRET)];
    town.insist(query, json!({ "input": input }), &headers)
        .await
}

async fn me(town: &Town, tokens: &Tokens) -> Heard {
    let bearer = bearer(tokens);
    let headers = [("authorization", bearer.as_str())];
    town.ask("me", json!({}), &headers).await
}

pub(super) fn bearer(tokens: &Tokens) -> String {
    format!("Bearer {}", tokens.access)
}

fn data(heard: Heard) -> Option<Value> {
    match heard {
        Heard::Data(data) => Some(data),
        Heard::Code(_) | Heard::Nothing => None,
    }
}
