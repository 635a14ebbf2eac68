//! Clients that ask for more than they read. Whoever takes nothing is cut off, and whoever takes little is served.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::program::Program;
use crate::harness::wire;

const ASK: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// The answers to so many are more than the system keeps for a client: some megabytes.
const MANY: usize = 60_000;
/// Longer than anything takes here, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_never_reads_is_cut_off_and_keeps_nobody_out() {
    let settings = [
        ("VESTIBULE_READ_TIMEOUT", "500"),
        ("VESTIBULE_HTTP_CONNECTIONS", "2"),
        ("VESTIBULE_LOG", "error"),
    ];
    let program = Program::serve(&settings).await;
    let address = program.address;
    let deaf = [(); 2].map(|()| {
        tokio::spawn(async move {
            let mut stream = wire::connect(address).await;
            let ask = ASK.repeat(100);
            // Nothing is read, not even the end: only a failed write tells of it.
            while stream.write_all(ask.as_bytes()).await.is_ok() {}
        })
    });
    for deaf in deaf {
        let end = tokio::time::timeout(PATIENCE, deaf).await;
        end.expect("cut off").expect("a client");
    }
    let answer = tokio::time::timeout(PATIENCE, wire::get(address, "/livez", &[])).await;
    assert_eq!(answer.expect("room for others").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_is_served_to_the_end() {
    let settings = [
        ("VESTIBULE_READ_TIMEOUT", "3000"),
        ("VESTIBULE_LOG", "error"),
    ];
    let program = Program::serve(&settings).await;
    let (mut reading, mut writing) = wire::connect(program.address).await.into_split();
    // It stays open until all is read: a client that closes it says that it wants no more.
    let asking = tokio::spawn(async move {
        let ask = ASK.repeat(MANY);
        // A failure shows in what is read.
        drop(writing.write_all(ask.as_bytes()).await);
        writing
    });
    const OK: &[u8] = b"HTTP/1.1 200";
    let (mut served, mut unseen) = (0, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    while served < MANY {
        let read = tokio::time::timeout(PATIENCE, reading.read(&mut buffer)).await;
        let length = read.expect("an answer").expect("served to the end");
        assert!(length > 0, "cut off after {served}");
        unseen.extend_from_slice(&buffer[..length]);
        served += unseen.windows(OK.len()).filter(|part| *part == OK).count();
        // The beginning of one that is not all there yet.
        unseen.drain(..(unseen.len() + 1).saturating_sub(OK.len()));
        // Some two megabytes a second: twice the deadline and more in all, but the system lets the house write on well before it.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    drop(asking.await.expect("all was asked"));
}
