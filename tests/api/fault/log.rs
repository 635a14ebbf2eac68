//! Whoever reads the log stands still, and the house goes on.

use std::fs::OpenOptions;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::program::{Folder, Program};
use crate::harness::wire;

/// More than the pipe holds and than may wait, in lines.
const MANY: usize = 5_600;
/// Who ask for them, each on a connection that is kept.
const CLIENTS: usize = 8;
const SOON: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_stops_nothing() {
    let folder = Folder::new();
    let pipe = folder.path().join("log");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    // Open for both: nobody has to be at the other end, and what is written stays in it.
    let unread = OpenOptions::new().read(true).write(true).open(&pipe);
    let unread = unread.expect("a pipe");
    let into_it = format!("exec 2>'{}'", pipe.display());
    let settings = [("VESTIBULE_LOG", "info")];
    let mut program = Program::serve_under(&into_it, &settings).await;
    let address = program.address;
    let asking: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(async move {
                let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
                let mut kept = wire::Kept::default();
                for _ in 0..MANY / CLIENTS {
                    let octets = kept.exchange(address, request).await;
                    let answer = wire::Wire::of(&octets.expect("an answer"));
                    assert_eq!(answer.status, 200);
                }
            })
        })
        .collect();
    let asked = async {
        for one in asking {
            one.await.expect("somebody who is answered");
        }
        wire::get(address, "/metrics", &[]).await.body
    };
    let counted = tokio::time::timeout(SOON, asked).await;
    let counted = counted.expect("nobody waits for the log");
    let lost = counted
        .lines()
        .find_map(|line| line.strip_prefix("vestibule_log_lines_lost_total "));
    let lost: f64 = lost.expect("a count").parse().expect("a number");
    assert!(lost > 0.0, "{MANY} lines have room");
    let told = Instant::now();
    program.terminate();
    assert!(program.ended().await.success());
    println!(
        "{lost} of {MANY} lines lost; ended after {:?}",
        told.elapsed()
    );
    drop(unread);
}
