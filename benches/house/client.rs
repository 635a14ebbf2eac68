//! A keep-alive HTTP/1.1 client of its own: one connection, one request at a time, hardly any work for each, so that the
//! server and not the client is measured.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    /// Header `Retry-After`, seconds.
    pub retry_after: Option<u64>,
    pub body: String,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(8192),
        })
    }

    /// Asks the GraphQL address; `headers` are whole lines.
    pub async fn post(&mut self, headers: &str, body: &str) -> Result<Answer> {
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/graphql-response+json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.received.clear();
        let head = loop {
            if let Some(end) = end_of_head(&self.received) {
                break end;
            }
            self.receive().await?;
        };
        let (status, length, retry_after) = read_head(&self.received[..head])?;
        while self.received.len() < head + length {
            self.receive().await?;
        }
        let body = String::from_utf8_lossy(&self.received[head..head + length]).into_owned();
        Ok(Answer {
            status,
            retry_after,
            body,
        })
    }

    async fn receive(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn end_of_head(received: &[u8]) -> Option<usize> {
    let end = b"\r\n\r\n";
    let at = received
        .windows(end.len())
        .position(|window| window == end)?;
    Some(at + end.len())
}

/// Status, length of the body, `Retry-After`.
fn read_head(head: &[u8]) -> Result<(u16, usize, Option<u64>)> {
    let malformed = || Error::new(ErrorKind::InvalidData, "a malformed answer");
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status
        .and_then(|status| status.parse().ok())
        .ok_or_else(malformed)?;
    let (mut length, mut retry_after) = (None, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("retry-after") {
            retry_after = value.trim().parse().ok();
        }
    }
    Ok((status, length.ok_or_else(malformed)?, retry_after))
}
