//! Whoever reads the log stands still, and the house goes on.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::harness::program::{Folder, Program, finish_under};
use crate::harness::wire;

/// More than the pipe holds and than may wait, in lines.
const MANY: usize = 5_600;
/// Who ask for them, each on a connection that is kept.
const CLIENTS: usize = 8;
const SOON: Duration = Duration::from_secs(180);

/// A pipe that nobody reads yet.
struct Pipe {
    path: PathBuf,
    end: File,
    _folder: Folder,
}

impl Pipe {
    fn new() -> Self {
        let folder = Folder::new();
        let path = folder.path().join("log");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        // Open for both: nobody has to be at the other end, and what is written stays in it.
        let end = OpenOptions::new().read(true).write(true).open(&path);
        Self {
            end: end.expect("a pipe"),
            path,
            _folder: folder,
        }
    }

    /// Until not one octet more has room, however large the system makes it.
    fn fill(&self) {
        let to = format!("of={}", self.path.display());
        let filled = Command::new("dd")
            .args(["if=/dev/zero", &to, "bs=1", "oflag=nonblock"])
            .output();
        let said = filled.expect("dd").stderr;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("temporarily unavailable"), "{said}");
    }

    /// What the shell does so that standard error goes there.
    fn takes_all(&self) -> String {
        format!("exec 2>'{}'", self.path.display())
    }
}

async fn ask(program: &Program, times: usize) {
    let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut kept = wire::Kept::default();
    let address = program.address;
    for _ in 0..times {
        let octets = kept.exchange(address, request).await;
        let answer = wire::Wire::of(&octets.expect("an answer"));
        assert_eq!(answer.status, 200);
    }
}

/// How many lines are lost, as a line tells it.
fn missing(line: &str) -> Option<f64> {
    let (said, many) = line.split_once("lost=")?;
    let is_it = said.contains("lines of the log are lost");
    many.trim().parse().ok().filter(|_| is_it)
}

/// A house whose log nobody reads, after so many questions that lines were lost; says how many.
async fn overflow(pipe: &Pipe) -> (Program, f64) {
    let settings = [("VESTIBULE_LOG", "info")];
    let program = Program::serve_under(&pipe.takes_all(), &settings).await;
    let asked = async {
        let asking = (0..CLIENTS).map(|_| ask(&program, MANY / CLIENTS));
        futures_util::future::join_all(asking).await;
        wire::get(program.address, "/metrics", &[]).await.body
    };
    let counted = tokio::time::timeout(SOON, asked).await;
    let counted = counted.expect("nobody waits for the log");
    let lost = counted
        .lines()
        .find_map(|line| line.strip_prefix("vestibule_log_lines_lost_total "));
    let lost: f64 = lost.expect("a count").parse().expect("a number");
    assert!(lost > 0.0, "{MANY} lines have room");
    (program, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_stops_nothing() {
    let pipe = Pipe::new();
    let (mut program, lost) = overflow(&pipe).await;
    let told = Instant::now();
    program.terminate();
    assert!(program.ended().await.success());
    let took = told.elapsed();
    println!("{lost} of {MANY} lines lost; ended after {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_the_log_again_is_told_how_many_lines_are_missing() {
    let pipe = Pipe::new();
    let (program, lost) = overflow(&pipe).await;
    let end = pipe.end.try_clone().expect("the pipe");
    let (found, telling) = oneshot::channel();
    // On its own, and not waited for: where nobody tells, it reads for ever.
    std::thread::spawn(move || {
        let mut lines = BufReader::new(end).lines().map_while(Result::ok);
        let told = lines.find_map(|line| missing(&line).filter(|told| *told >= lost));
        found.send(told)
    });
    // Each answer is one more line to be written.
    let asked = async {
        loop {
            ask(&program, 1).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(SOON, async {
        tokio::select! {
            told = telling => assert!(told.expect("a reader").is_some()),
            () = asked => unreachable!("it does not end"),
        }
    });
    told.await.expect("somebody is told");
}

#[test]
fn a_start_that_fails_ends_though_nobody_reads_why() {
    let pipe = Pipe::new();
    pipe.fill();
    let settings = [("VESTIBULE_LOG", "not a filter")];
    let output = finish_under(&pipe.takes_all(), &Folder::new(), &settings, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
}
