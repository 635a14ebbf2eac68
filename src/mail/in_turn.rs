//! A connection on which STARTTLS is asked for. Until then whoever stands on the way can speak for the mail server, and what was
//! said then must not be believed under TLS (RFC 3207 section 4.2). lettre reads ahead, and keeps across the handshake what it
//! has read: so it is handed one reply for each command, and no octet more.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

const STARTTLS: &[u8] = b"STARTTLS";

/// Ends with [`io::ErrorKind::InvalidData`] where the other end says more than it was asked, up to its reply to STARTTLS. What
/// comes after that reply is TLS's.
#[derive(Debug)]
pub(super) struct InTurn<S> {
    stream: S,
    turn: Turn,
}

#[derive(Debug)]
enum Turn {
    /// A reply is awaited.
    Theirs {
        line: Line,
        to_starttls: bool,
    },
    Ours,
    Sealed,
}

/// So much of a line as tells whether it is a reply's last one (RFC 5321 section 4.2.1).
#[derive(Debug, Default)]
struct Line {
    length: usize,
    is_continued: bool,
}

impl InTurn<TcpStream> {
    /// Asks one address of the host after the other, each for so long.
    ///
    /// # Errors
    /// The last one's.
    pub(super) async fn connect(host: &str, port: u16, each: Duration) -> io::Result<Self> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host((host, port)).await? {
            match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(Self::greeted_by(stream)),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failed)
    }
}

impl<S> InTurn<S> {
    /// The first reply is the greeting.
    fn greeted_by(stream: S) -> Self {
        let turn = Turn::awaiting(false);
        Self { stream, turn }
    }
}

impl Turn {
    fn awaiting(to_starttls: bool) -> Self {
        let line = Line::default();
        Self::Theirs { line, to_starttls }
    }

    fn said(&mut self, octets: &[u8]) {
        if matches!(self, Self::Ours) {
            *self = Self::awaiting(octets.starts_with(STARTTLS));
        }
    }

    fn heard(&mut self, octets: &[u8]) -> io::Result<()> {
        for octet in octets {
            let Self::Theirs { line, to_starttls } = self else {
                let reason = "the mail server says more than it was asked, before TLS";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            };
            if line.ends_with(*octet) {
                *self = if *to_starttls {
                    Self::Sealed
                } else {
                    Self::Ours
                };
            }
        }
        Ok(())
    }
}

impl Line {
    /// Whether the reply does.
    fn ends_with(&mut self, octet: u8) -> bool {
        if octet == b'\n' {
            return !std::mem::take(self).is_continued;
        }
        self.is_continued |= self.length == 3 && octet == b'-';
        self.length += 1;
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InTurn<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if matches!(self.turn, Turn::Sealed) {
            return Poll::Ready(Ok(()));
        }
        let heard = self.turn.heard(&buffer.filled()[known..]);
        if heard.is_err() {
            buffer.set_filled(known);
        }
        Poll::Ready(heard)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InTurn<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, octets))?;
        self.turn.said(octets);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for InTurn<TcpStream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    async fn hear(near: &mut InTurn<DuplexStream>) -> io::Result<String> {
        let mut octets = [0; 100];
        let length = near.read(&mut octets).await?;
        Ok(String::from_utf8_lossy(&octets[..length]).into_owned())
    }

    #[tokio::test]
    async fn a_reply_to_each_command_is_heard_in_whatever_pieces_and_then_whatever_comes() {
        let (near, mut far) = duplex(100);
        let mut near = InTurn::greeted_by(near);
        for piece in ["220-a\r", "\n22", "0 b\r\n"] {
            far.write_all(piece.as_bytes()).await.unwrap();
            assert_eq!(hear(&mut near).await.unwrap(), piece);
        }
        for (command, reply) in [
            ("EHLO a\r\n", "250-a\r\n250-\r\n250 STARTTLS\r\n"),
            ("NOOP\r\n", "250\r\n"),
            ("STARTTLS\r\n", "220 go\r\n"),
        ] {
            near.write_all(command.as_bytes()).await.unwrap();
            far.write_all(reply.as_bytes()).await.unwrap();
            assert_eq!(hear(&mut near).await.unwrap(), reply);
        }
        far.write_all(b"a\nb\nc\n").await.unwrap();
        assert_eq!(hear(&mut near).await.unwrap(), "a\nb\nc\n");
    }

    #[tokio::test]
    async fn a_word_more_than_was_asked_is_an_error_and_is_not_heard() {
        for (command, said) in [
            ("", "220 a\r\n250 b\r\n"),
            ("EHLO a\r\n", "250-a\r\n250 STARTTLS\r\n220 go\r\n"),
            ("STARTTLS\r\n", "220 go\r\n2"),
        ] {
            let (near, mut far) = duplex(100);
            let mut near = InTurn::greeted_by(near);
            if !command.is_empty() {
                far.write_all(b"220 a\r\n").await.unwrap();
                hear(&mut near).await.unwrap();
                near.write_all(command.as_bytes()).await.unwrap();
            }
            far.write_all(said.as_bytes()).await.unwrap();
            let error = hear(&mut near).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{said}");
        }
    }
}
