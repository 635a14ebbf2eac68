//! Someone who has an account, and what they ask for.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::Connection;

pub const PASSWORD: &str = "correct horse battery staple";
const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { __typename \
                       ... on Session { accessToken refreshToken } } }";
const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { __typename \
                       ... on Session { accessToken refreshToken } } }";
const REFRESH: &str = "mutation($input: RefreshSessionInput) { refreshSession(input: $input) { \
                       ... on Session { accessToken refreshToken } } }";
const ME: &str = "{ me { id email emailVerified displayName roles } }";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What is asked for, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    Typename,
    Me,
    Refresh,
    SignIn,
    SignUp,
}

#[derive(Clone)]
pub struct Visitor {
    email: String,
    /// A header line.
    bearer: String,
    refresh_token: String,
}

pub enum Reply {
    Served,
    Refused { retry_after: Duration },
    Failed(String),
}

impl Visitor {
    /// Signs somebody new up.
    pub async fn arrive(address: SocketAddr) -> Self {
        let mut visitor = Self {
            email: new_email(),
            bearer: String::new(),
            refresh_token: String::new(),
        };
        let mut connection = Connection::open(address).await.expect("a connection");
        let input = json!({ "email": visitor.email, "password": PASSWORD });
        let answer = connection
            .post("", &body(SIGN_UP, input))
            .await
            .expect("an answer to a sign-up");
        let token = |name| {
            text_of(&answer.body, name).unwrap_or_else(|| panic!("no session: {}", answer.body))
        };
        visitor.bearer = format!("authorization: Bearer {}\r\n", token("accessToken"));
        visitor.refresh_token = token("refreshToken").to_owned();
        visitor
    }

    /// Somebody who has an account with [`PASSWORD`] already.
    pub fn known(email: &str) -> Self {
        Self {
            email: email.to_owned(),
            bearer: String::new(),
            refresh_token: String::new(),
        }
    }

    /// Signing in gives a known visitor the tokens for what comes after it.
    pub async fn run(&mut self, errand: Errand, connection: &mut Connection) -> Result<Reply> {
        let answer = match errand {
            Errand::Typename => connection.post("", r#"{"query":"{__typename}"}"#).await?,
            Errand::Me => {
                let body = json!({ "query": ME }).to_string();
                connection.post(&self.bearer, &body).await?
            }
            Errand::Refresh => {
                let input = json!({ "refreshToken": self.refresh_token });
                connection.post("", &body(REFRESH, input)).await?
            }
            Errand::SignIn => {
                let input = json!({ "login": self.email, "password": PASSWORD });
                connection.post("", &body(SIGN_IN, input)).await?
            }
            Errand::SignUp => {
                let input = json!({ "email": new_email(), "password": PASSWORD });
                connection.post("", &body(SIGN_UP, input)).await?
            }
        };
        if answer.status == 503 {
            let Some(seconds) = answer.retry_after else {
                return Ok(Reply::Failed("503 without Retry-After".to_owned()));
            };
            let retry_after = Duration::from_secs(seconds);
            return Ok(Reply::Refused { retry_after });
        }
        let wanted = match errand {
            Errand::Typename => "__typename",
            Errand::Me => "email",
            Errand::Refresh | Errand::SignIn | Errand::SignUp => "refreshToken",
        };
        match text_of(&answer.body, wanted) {
            Some(text) if errand == Errand::Refresh => text.clone_into(&mut self.refresh_token),
            Some(text) if errand == Errand::SignIn => {
                text.clone_into(&mut self.refresh_token);
                let access = text_of(&answer.body, "accessToken").unwrap_or_default();
                self.bearer = format!("authorization: Bearer {access}\r\n");
            }
            Some(_) => {}
            None => return Ok(Reply::Failed(answer.body)),
        }
        Ok(Reply::Served)
    }
}

fn new_email() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("visitor-{}-{number}@example.org", std::process::id())
}

fn body(query: &str, input: Value) -> String {
    json!({ "query": query, "variables": { "input": input } }).to_string()
}

/// The text of the first field of that name. What is looked for needs no unescaping, and parsing the whole answer would
/// cost the client more than the server spends on some of them.
fn text_of<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let start = body.find(&format!("\"{name}\":\""))? + name.len() + 4;
    body[start..].split('"').next()
}
