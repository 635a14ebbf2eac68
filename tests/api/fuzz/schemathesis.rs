//! Schemathesis, a stranger to the house, asks what the schema lets it ask. What every answer must be is written in
//! `tests/schemathesis/check.py`. Where Python is missing, a developer's run says so and goes on; with `CI=true` it fails.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use super::patience;
use crate::harness::program::Folder;
use crate::harness::{ADMIN_SECRET, Server};
use crate::web::{skipped, thrice};

/// Beyond the time that it is given; on a busy machine it takes a while to begin and to end.
const SLACK: Duration = Duration::from_secs(300);

static PROGRAM: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis")
}

async fn finish(command: &mut Command) -> Result<String, String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(SLACK + patience(), command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{command:?}: {error}")),
        Err(_) => return Err(format!("{command:?} does not end")),
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?}:\n{said}{complaint}"))
    }
}

/// Installs what the lock file pins, where that has not been done in this place, for this Python.
async fn install() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let lock = folder().join("requirements.txt");
    let locked = std::fs::read_to_string(&lock).expect("a lock file");
    let version = finish(Command::new("python3").arg("--version")).await?;
    // What is installed names the place where it is.
    let wanted = format!("{}\n{version}{locked}", home.display());
    let (program, note) = (home.join("bin/st"), home.join("installed.txt"));
    let answers = async || finish(Command::new(&program).arg("--version")).await;
    if std::fs::read_to_string(&note).is_ok_and(|noted| noted == wanted) && answers().await.is_ok()
    {
        return Ok(program);
    }
    // The note goes with the rest.
    let venv = ["-m", "venv", "--clear"];
    finish(Command::new("python3").args(venv).arg(&home)).await?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
        "--require-hashes",
        "--requirement",
    ];
    let python = home.join("bin/python");
    thrice(async || finish(Command::new(&python).args(pip).arg(&lock)).await).await?;
    answers().await?;
    std::fs::write(note, wanted).expect("a note of what is installed");
    Ok(program)
}

async fn program() -> Result<PathBuf, String> {
    PROGRAM.get_or_init(install).await.clone()
}

on_both_databases! {
    async fn a_stranger_finds_no_failure_and_nothing_that_the_schema_rules_out(backend: Backend) {
        let program = match program().await {
            Ok(program) => program,
            Err(missing) => {
                return skipped(&format!("Schemathesis cannot be installed (Debian: apt-get install python3-venv): {missing}"));
            }
        };
        let server = Server::start_now(backend).await;
        let ann = server.test.user("ann").await;
        let callers = [
            None,
            Some(format!("authorization: Bearer {}", ann.access_token)),
            Some(format!("x-vestibule-admin-secret: {ADMIN_SECRET}")),
        ];
        // Each leaves notes where it runs.
        let folders = [Folder::new(), Folder::new(), Folder::new()];
        let ask = |(header, place): (Option<String>, &Folder)| {
            let mut schemathesis = Command::new(&program);
            schemathesis
                .args(["--no-color", "run", &format!("{}/graphql", server.base)])
                .args(["--phases", "fuzzing", "--checks", "sound", "--generation-database", "none"])
                // The same questions each time: what fails fails again.
                .args(["--seed", "1", "--suppress-health-check", "filter_too_much,too_slow,data_too_large"])
                .args(["--request-timeout", "60"])
                // The session would be over with the first of them.
                .args(["--exclude-name", "Mutation.signOut"])
                // A number for each field: a time would be over before the first one on a busy machine, and is used up
                // on every other.
                .args(["--max-examples", &patience().as_secs().max(1).to_string()])
                .args(header.iter().flat_map(|header| ["--header", header]))
                .current_dir(place.path())
                .env("PYTHONPATH", folder())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("PYTHONHASHSEED", "0")
                .env("SCHEMATHESIS_HOOKS", "check")
                .env("VESTIBULE_SCHEMA", Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql"));
            async move { finish(&mut schemathesis).await }
        };
        for said in futures_util::future::join_all(callers.into_iter().zip(&folders).map(ask)).await {
            let said = said.unwrap_or_else(|said| panic!("{said}"));
            assert!(said.contains("passed"), "nothing was asked: {said}");
        }
        server.test.anon().query("{ __typename }", serde_json::json!({})).await.ok();
        server.stop().await;
    }
}
