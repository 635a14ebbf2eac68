//! A shell that stays, as a reader's terminal does: what one command sets the next one has.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::harness::program::binary;

/// For one command, on a crowded machine.
const PATIENCE: Duration = Duration::from_secs(120);
const END: &str = "that was the command";

/// `cargo run -q -- …` is the program that the tests were built with.
const CARGO: &str = r#"#!/bin/sh
test "$1" = run && shift
test "${1-}" = -q && shift
test "${1-}" = -- && shift
exec vestibule "$@"
"#;
/// To serve is not done here: the test reads with which settings, and starts the house.
const VESTIBULE: &str = r#"#!/bin/sh
case "${1-serve}" in
serve) env > "$HOME/serve.env" ;;
*) exec "$VESTIBULE_PROGRAM" "$@" ;;
esac
"#;

pub struct Shell {
    /// Ended with its last use.
    _child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    home: std::path::PathBuf,
}

impl Shell {
    /// In this folder, with nothing from the environment but these settings.
    pub async fn start(home: &Path, settings: &[(&str, &str)]) -> Self {
        let tools = home.join("bin");
        std::fs::create_dir_all(&tools).expect("a folder");
        for (name, script) in [("cargo", CARGO), ("vestibule", VESTIBULE)] {
            let path = tools.join(name);
            std::fs::write(&path, script).expect("a file");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).expect("a file of our own");
        }
        let complaints = std::fs::File::create(home.join("complaints")).expect("a file");
        let mut child = Command::new("/bin/sh")
            .arg("-eu")
            .current_dir(home)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
            .env("HOME", home)
            .env("VESTIBULE_PROGRAM", binary())
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let stdin = child.stdin.take().expect("its input");
        let stdout = child.stdout.take().expect("its output");
        Self {
            _child: child,
            stdin,
            stdout: BufReader::new(stdout).lines(),
            home: home.to_owned(),
        }
    }

    /// Runs the command and answers what it printed.
    ///
    /// # Panics
    /// When it fails, or does not end in time.
    pub async fn run(&mut self, command: &str) -> String {
        let script = format!("{{\n{command}\n}} </dev/null\necho; echo '{END}'\n");
        let written = self.stdin.write_all(script.as_bytes()).await;
        written.expect("the shell reads");
        let mut said = String::new();
        let all = async {
            let said = &mut said;
            loop {
                match self.stdout.next_line().await.expect("text") {
                    Some(line) if line == END => break true,
                    Some(line) => {
                        said.push_str(&line);
                        said.push('\n');
                    }
                    None => break false,
                }
            }
        };
        let went_well = tokio::time::timeout(PATIENCE, all).await;
        if went_well != Ok(true) {
            let complaints = std::fs::read_to_string(self.home.join("complaints"));
            let complaints = complaints.unwrap_or_default();
            panic!("this command failed: {command}{said}{complaints}");
        }
        said
    }

    /// The settings of a house that a command since the last look would have served.
    pub fn served(&self) -> Option<Vec<(String, String)>> {
        let path = self.home.join("serve.env");
        let text = std::fs::read_to_string(&path).ok()?;
        std::fs::remove_file(path).expect("a file of our own");
        let settings = text.lines().filter_map(|line| line.split_once('='));
        let settings = settings.filter(|(name, _)| name.starts_with("VESTIBULE_"));
        // What `spawn` of the harness gives, and what is no setting.
        let own = ["VESTIBULE_BIND", "VESTIBULE_PROGRAM"];
        let settings = settings.filter(|(name, _)| !own.contains(name));
        Some(
            settings
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }
}
