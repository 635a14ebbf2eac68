//! Somebody who uses the house without pause and remembers what was acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::wire::{self, Kept, Wire};
use crate::harness::{ADMIN_SECRET, PASSWORD};

/// Sends a document on a connection of its own and answers its `data`, or what went wrong.
pub async fn ask(
    address: SocketAddr,
    query: &str,
    variables: Value,
    bearer: Option<&str>,
) -> Result<Value, String> {
    ask_on(None, address, query, variables, bearer).await
}

/// The same, on a connection that is kept where there is one. Only an answer that arrived whole counts.
async fn ask_on(
    kept: Option<&mut Kept>,
    address: SocketAddr,
    query: &str,
    variables: Value,
    bearer: Option<&str>,
) -> Result<Value, String> {
    let authorization = bearer.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("x-vestibule-admin-secret", ADMIN_SECRET)];
    if let Some(authorization) = &authorization {
        headers = vec![("authorization", authorization.as_str())];
    }
    let document = wire::document(query, variables);
    let octets = match kept {
        Some(kept) => {
            let request = wire::post_and_keep(&document, &headers);
            kept.exchange(address, &request).await
        }
        None => exchange(address, &wire::post(&document, &headers)).await,
    };
    let octets = octets.map_err(|error| format!("{query}: {error}"))?;
    if !wire::is_whole(&octets) {
        let text = String::from_utf8_lossy(&octets);
        return Err(format!("{query}: no whole answer: {text}"));
    }
    let answer = Wire::of(&octets);
    if answer.status != 200 {
        return Err(format!("{query}: {} {}", answer.status, answer.body));
    }
    let body = answer.json();
    if !body["errors"].is_null() {
        return Err(format!("{query}: {body}"));
    }
    Ok(body["data"].clone())
}

async fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    Ok(wire::read_to_end(&mut stream).await)
}

/// Whether sign-ups of the default connection wait for their mail.
pub async fn require_verification(address: SocketAddr, required: bool) {
    let input = json!({ "input": { "name": "default", "emailVerificationRequired": required } });
    ask(address, "admin_update_connection", input, None)
        .await
        .expect("the connection changes");
}

/// What all visitors share.
#[derive(Default)]
pub struct Crowd {
    pub over: AtomicBool,
    /// Answers so far, of all of them.
    pub answers: AtomicUsize,
}

impl Crowd {
    /// Waits for so many more answers.
    pub async fn goes_on(&self, answers: usize) {
        let wanted = self.answers.load(Ordering::SeqCst) + answers;
        while self.answers.load(Ordering::SeqCst) < wanted && !self.over.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

pub struct Visitor {
    number: usize,
    /// Every second one keeps the connection, as browsers do; the others begin anew with every request.
    kept: Option<Kept>,
    pub user_id: String,
    pub refresh_token: String,
    access_token: String,
    /// The last that was acknowledged, and the one asked for last.
    pub name: [String; 2],
    /// Sign-ups that were acknowledged: the address of each, and its handle.
    pub pending: Vec<(String, String)>,
}

impl Visitor {
    /// Signs up where no mail has to be answered, and may sign in where one has.
    pub async fn arrive(address: SocketAddr, number: usize) -> Self {
        let input = json!({ "email": address_of(number), "password": PASSWORD });
        let data = ask(address, "sign_up", json!({ "input": input }), None)
            .await
            .expect("a sign-up");
        let mut visitor = Self {
            number,
            kept: number.is_multiple_of(2).then(Kept::default),
            user_id: text(&data["signUp"]["user"]["id"]),
            refresh_token: String::new(),
            access_token: String::new(),
            name: [String::new(), String::new()],
            pending: Vec::new(),
        };
        visitor.hold(&data["signUp"]);
        let verified = json!({ "userId": visitor.user_id, "emailVerified": true });
        ask(
            address,
            "admin_update_user",
            json!({ "input": verified }),
            None,
        )
        .await
        .expect("a verified address");
        visitor
    }

    fn hold(&mut self, session: &Value) {
        self.refresh_token = text(&session["refreshToken"]);
        self.access_token = text(&session["accessToken"]);
        assert_eq!(text(&session["user"]["id"]), self.user_id);
    }

    /// Comes and goes until it is over or a request fails, which is answered; with that, it is over for all.
    pub async fn stay(&mut self, address: SocketAddr, crowd: Arc<Crowd>) -> Result<(), String> {
        let mut round = 0;
        while !crowd.over.load(Ordering::SeqCst) {
            if let Err(failure) = self.go_round(address, &crowd, round).await {
                crowd.over.store(true, Ordering::SeqCst);
                return Err(failure);
            }
            round += 1;
        }
        Ok(())
    }

    async fn go_round(
        &mut self,
        address: SocketAddr,
        crowd: &Crowd,
        round: usize,
    ) -> Result<(), String> {
        let count = || crowd.answers.fetch_add(1, Ordering::SeqCst);
        let data = self.refresh(address).await?;
        self.hold(&data);
        count();
        let me = self.me(address).await?;
        assert!(self.name[0].is_empty() || me["displayName"] == json!(self.name[0]));
        count();
        self.name[1] = format!("Name {round}");
        let input = json!({ "input": { "displayName": self.name[1] } });
        self.ask(address, "update_user", input, true).await?;
        self.name[0] = self.name[1].clone();
        count();
        let email = format!("pending-{}-{round}@example.org", self.number);
        let input = json!({ "input": { "email": email, "password": PASSWORD } });
        let data = self.ask(address, "sign_up", input, false).await?;
        let handle = text(&data["signUp"]["verificationId"]);
        self.pending.push((email, handle));
        count();
        let token = self.sign_in(address).await?;
        count();
        // On another instance, perhaps, which knows of it all the same.
        let input = json!({ "input": { "refreshToken": token } });
        let data = self.ask(address, "sign_out", input, false).await?;
        assert_eq!(data["signOut"]["revokedSessions"], 1);
        count();
        Ok(())
    }

    /// As on another device; answers the refresh token there.
    async fn sign_in(&mut self, address: SocketAddr) -> Result<String, String> {
        let input = json!({ "login": address_of(self.number), "password": PASSWORD });
        let input = json!({ "input": input });
        let data = self.ask(address, "sign_in", input, false).await?;
        assert_eq!(text(&data["signIn"]["user"]["id"]), self.user_id);
        Ok(text(&data["signIn"]["refreshToken"]))
    }

    pub async fn refresh(&mut self, address: SocketAddr) -> Result<Value, String> {
        let input = json!({ "input": { "refreshToken": self.refresh_token } });
        let data = self.ask(address, "refresh_session", input, false).await?;
        Ok(data["refreshSession"].clone())
    }

    /// Sends a document, with the access token or without.
    async fn ask(
        &mut self,
        address: SocketAddr,
        query: &str,
        variables: Value,
        signed_in: bool,
    ) -> Result<Value, String> {
        let bearer = signed_in.then_some(self.access_token.as_str());
        ask_on(self.kept.as_mut(), address, query, variables, bearer).await
    }

    pub async fn me(&mut self, address: SocketAddr) -> Result<Value, String> {
        let data = self.ask(address, "me", json!({}), true).await?;
        match &data["me"] {
            Value::Null => Err("the session is gone".into()),
            me => Ok(me.clone()),
        }
    }
}

fn address_of(number: usize) -> String {
    format!("visitor{number}@example.org")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
