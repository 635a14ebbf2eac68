//! Somebody who uses the house without pause and remembers what was acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::wire::{self, Wire};
use crate::harness::{ADMIN_SECRET, PASSWORD};

/// Sends a document and answers its `data`, or what went wrong. Only an answer that arrived whole counts.
pub async fn ask(
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
    let request = wire::post(&wire::document(query, variables), &headers);
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("{query}: {error}"))?;
    stream
        .write_all(&request)
        .await
        .map_err(|error| format!("{query}: {error}"))?;
    let octets = wire::read_to_end(&mut stream).await;
    if !is_whole(&octets) {
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

fn is_whole(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length: usize = value.trim().parse().ok()?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(length)
    });
    length == Some(body.len())
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
    pub user_id: String,
    pub refresh_token: String,
    access_token: String,
    /// The last that was acknowledged, and the one asked for last.
    pub name: [String; 2],
    /// Sign-ups that were acknowledged: the address of each, and its handle.
    pub pending: Vec<(String, String)>,
}

impl Visitor {
    /// Signs up where no mail has to be answered.
    pub async fn arrive(address: SocketAddr, number: usize) -> Self {
        let input =
            json!({ "email": format!("visitor{number}@example.org"), "password": PASSWORD });
        let data = ask(address, "sign_up", json!({ "input": input }), None)
            .await
            .expect("a sign-up");
        let mut visitor = Self {
            number,
            user_id: text(&data["signUp"]["user"]["id"]),
            refresh_token: String::new(),
            access_token: String::new(),
            name: [String::new(), String::new()],
            pending: Vec::new(),
        };
        visitor.hold(&data["signUp"]);
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
        ask(address, "update_user", input, Some(&self.access_token)).await?;
        self.name[0] = self.name[1].clone();
        count();
        let email = format!("pending-{}-{round}@example.org", self.number);
        let input = json!({ "input": { "email": email, "password": PASSWORD } });
        let data = ask(address, "sign_up", input, None).await?;
        let handle = text(&data["signUp"]["verificationId"]);
        self.pending.push((email, handle));
        count();
        Ok(())
    }

    pub async fn refresh(&self, address: SocketAddr) -> Result<Value, String> {
        let input = json!({ "input": { "refreshToken": self.refresh_token } });
        let data = ask(address, "refresh_session", input, None).await?;
        Ok(data["refreshSession"].clone())
    }

    pub async fn me(&self, address: SocketAddr) -> Result<Value, String> {
        let data = ask(address, "me", json!({}), Some(&self.access_token)).await?;
        match &data["me"] {
            Value::Null => Err("the session is gone".into()),
            me => Ok(me.clone()),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
