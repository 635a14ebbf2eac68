//! HTTP by hand, octet for octet: for requests that no decent client sends, and for the program as a process.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Nothing here takes longer unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Wire {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Wire {
    /// # Panics
    /// When the octets are no HTTP answer.
    pub fn of(octets: &[u8]) -> Self {
        let text = String::from_utf8_lossy(octets);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("somebody listens")
}

/// Sends the octets and reads until the other side closes.
pub async fn exchange(address: SocketAddr, octets: &[u8]) -> Vec<u8> {
    let mut stream = connect(address).await;
    // A server that refuses early may close before it has read everything.
    drop(stream.write_all(octets).await);
    read_to_end(&mut stream).await
}

/// Reads until the other side closes, whatever way it does.
pub async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    read_until(stream, |_| false).await
}

/// Reads until this is so, or the other side closes.
async fn read_until(stream: &mut TcpStream, is_all: fn(&[u8]) -> bool) -> Vec<u8> {
    let mut answer = Vec::new();
    let all = async {
        let mut buffer = [0; 8192];
        while !is_all(&answer) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(length) => answer.extend_from_slice(&buffer[..length]),
            }
        }
    };
    tokio::time::timeout(PATIENCE, all)
        .await
        .expect("the answer is there, or the connection is closed, in time");
    answer
}

/// Whether an answer has arrived with all that its head announces.
pub fn is_whole(octets: &[u8]) -> bool {
    let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&octets[..end]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length: usize = value.trim().parse().ok()?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(length)
    });
    length == Some(octets.len() - end - 4)
}

/// A connection that is used again for as long as the other side keeps it, as browsers and gateways do.
#[derive(Debug, Default)]
pub struct Kept(Option<(SocketAddr, TcpStream)>);

impl Kept {
    /// Sends a request that says nothing about the connection, and answers what arrived.
    ///
    /// # Errors
    /// Where it could not be sent. It is never sent a second time: it may have been heard.
    pub async fn exchange(&mut self, to: SocketAddr, octets: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = match self.0.take() {
            Some((address, stream)) if address == to && is_open(&stream) => stream,
            _ => TcpStream::connect(to).await?,
        };
        stream.write_all(octets).await?;
        let answer = read_until(&mut stream, is_whole).await;
        if is_whole(&answer) && !Wire::of(&answer).head.contains("\r\nconnection: close") {
            self.0 = Some((to, stream));
        }
        Ok(answer)
    }
}

/// Whether the other side has not said meanwhile that it is done with the connection.
fn is_open(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0]);
    read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// A `POST /graphql` with everything that belongs to it; the connection ends after the answer.
pub fn post(body: &Value, headers: &[(&str, &str)]) -> Vec<u8> {
    post_and_keep(body, &[headers, &[("connection", "close")]].concat())
}

/// The same, without a word about what comes after the answer: the connection goes on.
pub fn post_and_keep(body: &Value, headers: &[(&str, &str)]) -> Vec<u8> {
    let body = body.to_string();
    let mut head = format!(
        "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}").into_bytes()
}

pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Wire {
    let mut head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    Wire::of(&exchange(address, format!("{head}\r\n").as_bytes()).await)
}

/// Runs a document from `tests/api/queries/`.
pub async fn run(
    address: SocketAddr,
    query: &str,
    variables: Value,
    headers: &[(&str, &str)],
) -> Wire {
    Wire::of(&exchange(address, &post(&document(query, variables), headers)).await)
}

/// The body of a request for a document from `tests/api/queries/`.
pub fn document(name: &str, variables: Value) -> Value {
    let path = format!(
        "{}/tests/api/queries/{name}.graphql",
        env!("CARGO_MANIFEST_DIR")
    );
    let query = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::json!({ "query": query, "variables": variables })
}
