//! Accepts connections and serves them. Our own loop, because the framework's sets no deadline for headers and none for
//! whom its answers go to, so that a few slow clients could hold every connection.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tower::{Service, ServiceExt};

use super::Peer;
use super::impatient::Impatient;
use super::parting;
use super::reading::Reading;
use super::room::{Guest, Room};

/// Headers of a request.
const HEADERS: usize = 64;
/// Octets that the headers of a request may take.
const BUFFER: usize = 32 * 1024;

/// Connections that may stand before the door until they are let in. Whoever of a rush found no room there would ask again
/// after a second only (RFC 6298 section 2). Linux allows as many as `net.core.somaxconn`, which is as many by default.
const BACKLOG: u32 = 4_096;

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Held open at once; one more takes the place of the one that has waited for its client for longest.
    pub connections: usize,
    /// For the headers of a request to arrive, and for a client to take anything of what it is sent; an idle connection is
    /// closed after it, too.
    pub read_timeout: Duration,
    /// For requests under way, once the server is told to stop.
    pub shutdown_timeout: Duration,
}

/// Listens there; right after a restart, too.
///
/// # Errors
/// Those of the system, as where the address is in use.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows it would let another program take the address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until told to stop, then lets requests under way end.
pub async fn serve<S>(
    listener: TcpListener,
    front: S,
    options: ServerOptions,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<axum::extract::Request, Response = Response, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let graceful = GracefulShutdown::new();
    let room = Room::new(options.connections);
    loop {
        let (stream, peer, guest) = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let front = front.clone();
        let seat = Arc::clone(&guest.seat);
        let service = service_fn(move |request: Request<Incoming>| {
            let seat = Arc::clone(&seat);
            let (reading, mut request) = Reading::of(request, &seat);
            request.extensions_mut().insert(Peer(peer));
            let answer = front.clone().oneshot(request);
            async move {
                if reading.is_over() && !seat.works() {
                    // Dropped in a moment, with its connection.
                    std::future::pending::<()>().await;
                }
                let Ok(mut response) = answer.await;
                seat.waits();
                if !reading.is_over() {
                    let last = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, last);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let (stream, parting) = parting::watched(stream);
        let stream = Impatient::new(stream, options.read_timeout);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.read_timeout)
            .max_headers(HEADERS)
            .max_buf_size(BUFFER)
            // Most answers are short: to copy them behind their headers is cheaper than to write two pieces. A connection
            // keeps the room of its longest answer, until it is idle for too long.
            .writev(false)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                // Who says something and leaves is heard as far as it takes no waiting.
                biased;
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = parting.comes() => tracing::debug!("a client left before it was answered"),
                () = guest.seat.left() => tracing::debug!("a connection made room for another"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(options.shutdown_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way at the end of the shutdown");
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Room>) -> (TcpStream, SocketAddr, Guest) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection without TCP_NODELAY");
                }
                return (stream, peer, room.enter().await);
            }
            Err(error) if has_gone(&error) => {
                tracing::debug!(%error, "a connection ended before it was let in");
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for connections to end instead of spinning.
                tracing::warn!(%error, "a connection cannot be accepted");
                room.make();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Of the connection alone that was to be accepted, and nothing that time would mend.
fn has_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
