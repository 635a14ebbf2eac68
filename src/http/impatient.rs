//! A stream whose other end has to take what it is sent. Without it, who asks and never reads holds a connection for ever:
//! a window that stays shut is no failure to TCP, as long as the other end says so.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Ends with [`io::ErrorKind::TimedOut`] when nothing of a write went out for as long as its patience. Every octet that does
/// starts it anew, so that a slow reader is served for as long as it takes; a stream that has nothing to write may rest.
///
/// An octet has gone out once the system has taken it. It takes more when about a third of its buffer is free again, which on
/// a slow link is a matter of seconds: give it some.
pub struct Impatient<S> {
    stream: S,
    patience: Duration,
    /// There while a write waits, so that most streams never make one.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    pub fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            stuck: None,
        }
    }

    /// What became of a write, or its end where it has waited for too long. Asking again makes no wait longer.
    fn unless_stuck<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        let reason = "the other end takes nothing of what it is sent";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, reason)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, octets);
        self.unless_stuck(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.unless_stuck(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_reads_ends_when_patience_does() {
        let (near, _far) = duplex(8);
        let mut near = Impatient::new(near, PATIENCE);
        let begun = Instant::now();
        let error = near.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
        let again = near.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn asking_again_meanwhile_makes_no_wait_longer() {
        let (near, _far) = duplex(8);
        let mut near = Impatient::new(near, PATIENCE);
        near.write_all(&[0; 8]).await.unwrap();
        let begun = Instant::now();
        loop {
            let soon = tokio::time::timeout(Duration::from_secs(1), near.write(&[0])).await;
            if let Ok(written) = soon {
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
                break;
            }
        }
        assert!(begun.elapsed() <= PATIENCE + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_an_octet_now_and_then_is_served_to_the_end() {
        let (near, mut far) = duplex(8);
        let mut near = Impatient::new(near, PATIENCE);
        let reader = tokio::spawn(async move {
            let mut taken = 0;
            while taken < 100 {
                tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
                taken += far.read(&mut [0; 1]).await.unwrap();
            }
            far
        });
        let begun = Instant::now();
        near.write_all(&[0; 100]).await.unwrap();
        assert!(begun.elapsed() > PATIENCE * 10);
        reader.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_anything_to_write_may_rest() {
        let (near, mut far) = duplex(8);
        let mut near = Impatient::new(near, PATIENCE);
        near.write_all(&[1; 8]).await.unwrap();
        tokio::time::sleep(PATIENCE * 100).await;
        far.read_exact(&mut [0; 8]).await.unwrap();
        near.write_all(&[2; 8]).await.unwrap();
        near.flush().await.unwrap();
    }
}
