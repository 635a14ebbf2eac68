//! Whoever reads the log stands still, and the house goes on.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::program::{Folder, Program, finish_under};
use crate::harness::wire;

/// More than the pipe holds and than may wait, in lines.
const MANY: usize = 5_600;
/// Who ask for them, each on a connection that is kept.
const CLIENTS: usize = 8;
const SOON: Duration = Duration::from_secs(180);
/// Octets that a pipe holds (pipe(7)).
const PIPE: usize = 64 * 1024;

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
    let (program, _) = overflow(&pipe).await;
    let end = pipe.end.try_clone().expect("the pipe");
    let reading = tokio::task::spawn_blocking(move || {
        let told = |line: &String| line.contains("lines of the log are lost");
        let mut lines = BufReader::new(end).lines().map_while(Result::ok);
        lines.any(|line| told(&line))
    });
    // Each answer is one more line to be written.
    let asked = async {
        while !reading.is_finished() {
            ask(&program, 1).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let asked = tokio::time::timeout(SOON, asked).await;
    if asked.is_err() {
        // The end of the reader's wait.
        drop(writeln!(&pipe.end, "lines of the log are lost"));
        panic!("nobody is told");
    }
    assert!(reading.await.expect("a reader"));
}

#[test]
fn a_start_that_fails_ends_though_nobody_reads_why() {
    let pipe = Pipe::new();
    (&pipe.end).write_all(&[b' '; PIPE]).expect("room for it");
    let settings = [("VESTIBULE_LOG", "not a filter")];
    let output = finish_under(&pipe.takes_all(), &Folder::new(), &settings, &["serve"]);
    assert_eq!(output.status.code(), Some(1));
}
