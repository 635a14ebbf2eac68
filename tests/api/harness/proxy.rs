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

pub struct Proxy {
    pub address: SocketAddr,
    state: watch::Sender<State>,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (state, seen) = watch::channel(State::Whole);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, target, seen.clone()));
            }
        });
        Self { address, state }
    }

    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub fn clog(&self) {
        self.state.send_replace(State::Clogged);
    }

    /// As where packets vanish and nobody says that a connection has ended.
    pub fn swallow(&self) {
        self.state.send_replace(State::Swallowed);
    }

    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn pass(mut near: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    if *state.borrow() == State::Cut {
        return;
    }
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    loop {
        let now = *state.borrow_and_update();
        match now {
            State::Cut => return,
            State::Swallowed => std::future::pending().await,
            State::Clogged => {
                if state.changed().await.is_err() {
                    return;
                }
            }
            State::Whole => tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => return,
                changed = state.changed() => if changed.is_err() { return },
            },
        }
    }
}
