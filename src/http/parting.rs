//! Whether the other end of a connection has closed it. The server finds out by itself only while it has nothing left of what
//! it was sent: who sends an octet more than a request, and leaves, would keep a place and be worked for to the end. Who sends more
//! than the system has room for still does: their end stands behind what they have sent, on their own machine.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::sleep;

/// Whoever waits for this is woken by the end alone: it comes with urgent octets, too, but the system is asked for none.
#[cfg(target_os = "linux")]
const END: Interest = Interest::PRIORITY;
/// Elsewhere there is no name for the end without all that comes before it.
#[cfg(not(target_os = "linux"))]
const END: Interest = Interest::READABLE;

/// How often to look, where something comes that is not the end.
const LOOK: Duration = Duration::from_millis(250);

/// A stream that can be waited on while somebody else has it.
pub struct Shared {
    reading: OwnedReadHalf,
    writing: Arc<OwnedWriteHalf>,
}

/// The end of a stream, from the other side.
pub struct Parting(Arc<OwnedWriteHalf>);

pub fn watched(stream: TcpStream) -> (Shared, Parting) {
    let (reading, writing) = stream.into_split();
    let writing = Arc::new(writing);
    let parting = Parting(Arc::clone(&writing));
    (Shared { reading, writing }, parting)
}

impl Parting {
    /// Ends when the other end sends nothing any more and all of it is here, however much is unread.
    pub async fn comes(&self) {
        let Self(stream) = self;
        while let Ok(ready) = stream.ready(END).await {
            if ready.is_read_closed() {
                return;
            }
            sleep(LOOK).await;
        }
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reading).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let half: &OwnedWriteHalf = &self.writing;
        let stream: &TcpStream = half.as_ref();
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_write(octets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Nothing is kept back here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Done where both are dropped, which is what comes next.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// Longer than anything takes here, however busy the machine is.
    const PATIENCE: Duration = Duration::from_secs(60);

    async fn pair() -> (TcpStream, Shared, Parting) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (stream, parting) = watched(stream);
        (client, stream, parting)
    }

    async fn stays(parting: &Parting) -> bool {
        let soon = Duration::from_millis(100);
        timeout(soon, parting.comes()).await.is_err()
    }

    #[tokio::test]
    async fn who_leaves_is_noticed_whether_all_was_read_or_not() {
        for read in [true, false] {
            let (mut client, mut stream, parting) = pair().await;
            assert!(stays(&parting).await);
            client.write_all(b"octets").await.unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
            if read {
                stream.read_exact(&mut [0; 2]).await.unwrap();
            }
            assert!(stays(&parting).await, "{read}");
            drop(client);
            let noticed = timeout(PATIENCE, parting.comes()).await;
            assert!(noticed.is_ok(), "{read}");
        }
    }

    #[tokio::test]
    async fn more_than_the_system_takes_at_once_arrives_whole_and_then_the_end() {
        const MUCH: usize = 32 * 1024 * 1024;
        let (mut client, mut stream, parting) = pair().await;
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            client.read_to_end(&mut read).await.unwrap();
            read.len()
        });
        stream.write_all(&vec![7_u8; MUCH]).await.unwrap();
        stream.shutdown().await.unwrap();
        drop((stream, parting));
        let read = timeout(PATIENCE, reading).await.expect("an end");
        assert_eq!(read.unwrap(), MUCH);
    }
}
