//! A wire between the house and its database that a test can cut, clog and mend.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Every connection is closed, new ones too.
    Cut,
    /// Connections stay open and nothing passes.
    Clogged,
    /// The same, and it never passes again: mending helps new connections alone.
    Swallowed,
}

#[derive(Clone, Copy, Debug)]
struct Wire {
    state: State,
    /// How often everything was swallowed that was open at the time.
    swallowed: usize,
}

pub struct Proxy {
    pub address: SocketAddr,
    wire: watch::Sender<Wire>,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let whole = Wire {
            state: State::Whole,
            swallowed: 0,
        };
        let (wire, seen) = watch::channel(whole);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let opened = *seen.borrow();
                tokio::spawn(pass(stream, target, opened, seen.clone()));
            }
        });
        Self { address, wire }
    }

    pub fn cut(&self) {
        self.becomes(State::Cut);
    }

    pub fn clog(&self) {
        self.becomes(State::Clogged);
    }

    /// As where packets vanish and nobody says that a connection has ended. Mended in the same breath, new connections work
    /// all the while.
    pub fn swallow(&self) {
        self.wire.send_modify(|wire| wire.swallowed += 1);
        self.becomes(State::Swallowed);
    }

    pub fn mend(&self) {
        self.becomes(State::Whole);
    }

    fn becomes(&self, state: State) {
        self.wire.send_modify(|wire| wire.state = state);
    }
}

async fn pass(
    mut near: TcpStream,
    target: SocketAddr,
    opened: Wire,
    mut wire: watch::Receiver<Wire>,
) {
    if opened.state == State::Cut {
        return;
    }
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    loop {
        let now = *wire.borrow_and_update();
        if now.swallowed > opened.swallowed {
            return std::future::pending().await;
        }
        match now.state {
            State::Cut => return,
            State::Swallowed => std::future::pending().await,
            State::Clogged => {
                if wire.changed().await.is_err() {
                    return;
                }
            }
            State::Whole => tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => return,
                changed = wire.changed() => if changed.is_err() { return },
            },
        }
    }
}
