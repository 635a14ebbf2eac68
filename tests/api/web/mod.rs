//! What other programs make of the house: the public audits, a JWT library, a browser. They are scripts for Node.js in
//! `tests/web/`. Where Node.js or Chromium is missing, a developer's run says so and goes on; with `CI=true` it fails.

mod cookie_page;
mod example_app;
mod foreign;
mod gateway;
mod hasura;
mod reset_page;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{OnceCell, Semaphore};

use crate::account::handoff::{Pending, kind, wait};
use crate::harness::{Backend, Server, wire};

/// Longer than the slowest script on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

static PACKAGES: OnceCell<Result<(), String>> = OnceCell::const_new();
/// A browser is heavy: one at a time.
static ROOM: Semaphore = Semaphore::const_new(1);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web")
}

/// Whether the script can run; what is missing fails the test in CI.
#[track_caller]
pub fn skipped(missing: &str) {
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1");
    assert!(!ci, "{missing}");
    eprintln!("skipped: {missing}");
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = Path::new("/usr/bin/chromium").to_path_buf();
    Some(named.unwrap_or(usual)).filter(|path| path.is_file())
}

/// Installs what the scripts need, where that has not been done.
async fn packages() -> Result<(), String> {
    PACKAGES.get_or_init(|| install(folder())).await.clone()
}

/// Installs what the folder's lock file pins, where that has not been done.
async fn install(folder: PathBuf) -> Result<(), String> {
    let version = Command::new("node").arg("--version").output().await;
    if !version.is_ok_and(|output| output.status.success()) {
        return Err("Node.js is missing (Debian: apt-get install nodejs npm)".to_owned());
    }
    let wanted = std::fs::read_to_string(folder.join("package-lock.json")).expect("a lock file");
    // Inside the folder that npm replaces, so that it never outlives what it stands for.
    let note = folder.join("node_modules/.vestibule-installed");
    if std::fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    thrice(async || npm(&folder, &arguments, &[]).await).await?;
    std::fs::write(note, wanted).map_err(|error| format!("no note of what is installed: {error}"))
}

/// What a registry may refuse for a moment.
pub async fn thrice<T>(attempt: impl AsyncFn() -> Result<T, String>) -> Result<T, String> {
    for pause in [2, 10] {
        if let Ok(done) = attempt().await {
            return Ok(done);
        }
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
    attempt().await
}

/// Runs npm in the folder; answers what went wrong.
async fn npm(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Result<(), String> {
    let mut npm = Command::new("npm");
    npm.args(arguments)
        .envs(settings.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let told = arguments.join(" ");
    match tokio::time::timeout(PATIENCE, npm.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(format!(
            "npm {told} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Ok(Err(error)) => Err(format!("npm is missing: {error}")),
        Err(_) => Err(format!("npm {told} does not end")),
    }
}

/// Runs the script and answers what it printed; nothing, where it cannot run here.
pub async fn node(script: &str, arguments: &[&str]) -> Option<String> {
    if let Err(missing) = packages().await {
        skipped(&missing);
        return None;
    }
    let _room = ROOM.acquire().await.expect("room");
    let mut node = Command::new("node");
    node.arg(script)
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, node.output()).await;
    let output = output.expect("the script ends").expect("node");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{said}{complaint}");
    Some(said)
}

/// The same, for scripts that drive a browser; its pictures go below `target/`.
async fn browse(script: &str, arguments: &[&str]) -> Option<String> {
    if chromium().is_none() {
        skipped("Chromium is missing (Debian: apt-get install chromium)");
        return None;
    }
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    let pictures = pictures.display().to_string();
    let mut all = arguments.to_vec();
    all.push(&pictures);
    node(script, &all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_passes_every_public_audit() {
    let server = Server::start(Backend::Sqlite).await;
    let url = format!("{}/graphql", server.base);
    if let Some(said) = node("audit.mjs", &[&url]).await {
        assert!(said.contains("61 of 61 audits passed"), "{said}");
    }
    server.stop().await;
}

/// Whoever makes a release puts its `schema.graphql` there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_breaks_no_client_of_the_previous_release() {
    let schemas = ["../kept/schema.graphql", "../../schema.graphql"];
    node("schema.mjs", &schemas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_verifies_a_token_with_nothing_but_the_public_address() {
    let server = Server::start_now(Backend::Sqlite).await;
    let ann = server.test.user("ann").await;
    node("token.mjs", &[&server.base, &ann.access_token]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_walks_through_graphiql() {
    let server = Server::start_now(Backend::Sqlite).await;
    if vestibule::http::EMBEDDED {
        browse("graphiql.mjs", &[&server.base]).await;
    } else {
        skipped("this build does not hold GraphiQL (npm was missing when it was built)");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailed_link_is_confirmed_in_a_browser_with_and_without_javascript() {
    let server = Server::start_now(Backend::Sqlite).await;
    let mut links = Vec::new();
    for email in ["ann@example.org", "bob@example.org"] {
        server.test.anon().sign_up(email).await.ok();
        links.push(server.test.mail_to(email).await.link());
    }
    if browse("verify_page.mjs", &[&server.base, &links[0], &links[1]])
        .await
        .is_some()
    {
        for email in ["ann@example.org", "bob@example.org"] {
            server
                .test
                .anon()
                .sign_in(email, crate::harness::PASSWORD)
                .await
                .ok();
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_picked_in_a_browser_signs_the_waiting_device_in() {
    let settings = [("VESTIBULE_VERIFICATION_WAIT", "25000")];
    let server = Server::now_with(Backend::Sqlite, &settings).await;
    let ann = Pending::of(&server.test, "ann@example.org").await;
    let bob = Pending::of(&server.test, "bob@example.org").await;
    let link = async |email| server.test.mail_to(email).await.link();
    let links = [link("ann@example.org").await, link("bob@example.org").await];
    let laptop = server.test.anon();
    // As an application does: again and again. Its end is the end of the test.
    let handle = ann.handle.clone();
    let laptop = tokio::spawn(async move {
        loop {
            let answer = wait(&laptop, &handle).await.ok();
            if kind(&answer) == "Session" {
                return answer;
            }
        }
    });
    let numbers = [ann.number.to_string(), bob.number.to_string()];
    let arguments = [&server.base, &links[0], &numbers[0], &links[1], &numbers[1]];
    let arguments = arguments.map(String::as_str);
    if browse("handoff_page.mjs", &arguments).await.is_some() {
        let session = laptop.await.expect("a session");
        let laptop = server
            .test
            .anon()
            .signed_in(&session.at("/data/awaitVerification"));
        assert_eq!(laptop.me().await.text("/data/me/email"), "ann@example.org");
        let bob = server.test.anon();
        bob.sign_in("bob@example.org", crate::harness::PASSWORD)
            .await
            .ok();
    } else {
        laptop.abort();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_reads_well_and_asks_nobody_else() {
    let server = Server::start_now(Backend::Sqlite).await;
    server.test.user("ann").await;
    server.test.anon().sign_up("ann@example.org").await.ok();
    server.test.anon().sign_up("bob@example.org").await.ok();
    let code = server.test.mail_to("bob@example.org").await.code();
    browse("inbox_page.mjs", &[&server.base, &code]).await;
    assert_eq!(
        wire::get(
            server.address,
            "/dev/inbox",
            &[("accept", "application/json")]
        )
        .await
        .status,
        200
    );
    server.stop().await;
}
