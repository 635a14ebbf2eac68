//! A PostgreSQL database is copied and restored by PostgreSQL's own programs, as `docs/operation.md` says.

use std::process::Stdio;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;
use tokio::process::Command;

use super::backup::{ask, command, move_in, reason, refresh, serve, sign_in, text};
use super::load::{Load, are_there};
use crate::harness::program::Folder;
use crate::harness::{Database, OwnPostgres, PASSWORD, postgres_program};

/// Nothing here takes longer unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program of PostgreSQL to its end, which must be a good one.
async fn run(program: &str, arguments: &[&str]) {
    let mut command = Command::new(postgres_program(program));
    command.arg("--no-password").args(arguments);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = ended.expect("an end in time").expect("a program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
}

/// The names of its triggers, and whether the view that tells from where to read changes does.
async fn what_tells_of_changes(database: &Database) -> (String, bool) {
    let db = database.connect().await;
    let ask = async |question: &str| {
        let statement = Statement::from_string(DbBackend::Postgres, question);
        let row = db.query_one_raw(statement).await.expect("an answer");
        row.expect("a row")
    };
    let names = "SELECT string_agg(tgname::text, ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal";
    let names = ask(names).await.try_get_by_index(0).expect("triggers");
    let tells = "SELECT position IS NOT NULL AND server IS NOT NULL FROM identity_horizon";
    let tells = ask(tells).await.try_get_by_index(0).expect("a horizon");
    db.close().await.expect("a closed connection");
    (names, tells)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_made_under_load_is_restored_without_a_session_and_revocation_still_bites() {
    let folder = Folder::new();
    let server = OwnPostgres::start().await;
    let database = Database::empty_in(&server).await;
    let url = database.url();
    let house = serve(&url).await;
    move_in(house.address).await;
    let (kept, revoked) = (
        sign_in(house.address, PASSWORD).await,
        sign_in(house.address, PASSWORD).await,
    );
    let load = Load::on(house.address);
    load.reaches(6).await;
    let dump = folder.path().join("house.dump");
    let (file, from) = (dump.display(), format!("--dbname={url}"));
    let into = format!("--file={file}");
    let signed_up = load.acknowledged();
    run("pg_dump", &["--format=custom", &into, &from]).await;
    load.end().await;
    let out = json!({ "refreshToken": text(&revoked, "refreshToken") });
    ask(house.address, "sign_out", out, &[]).await;
    assert_eq!(
        refresh(house.address, &revoked).await,
        "INVALID_REFRESH_TOKEN"
    );
    drop(house);

    // On another server, whose transactions are counted from the beginning.
    let other = OwnPostgres::start().await;
    let restored = Database::empty_in(&other).await;
    let url = restored.url();
    let into = format!("--dbname={url}");
    let (careful, file) = ("--exit-on-error", file.to_string());
    run("pg_restore", &[careful, "--no-owner", &into, &file]).await;
    let (well, said) = command(&url, &["epoch", "next"]);
    assert!(well && said.contains("signs in again"), "{said}");
    are_there(&url, &signed_up).await;
    let told = what_tells_of_changes(&restored).await;
    assert!(told.0.contains("sessions_update_identity") && told.1);
    assert_eq!(told, what_tells_of_changes(&database).await);

    let (one, two) = (serve(&url).await, serve(&url).await);
    for session in [&kept, &revoked] {
        assert_ne!(reason(one.address, session).await, "");
        assert_eq!(refresh(one.address, session).await, "INVALID_REFRESH_TOKEN");
    }
    let opened = sign_in(one.address, PASSWORD).await;
    // From now on it is remembered there.
    for _ in 0..3 {
        assert_eq!(reason(one.address, &opened).await, "");
    }
    let out = json!({ "refreshToken": text(&opened, "refreshToken") });
    ask(two.address, "sign_out", out, &[]).await;
    assert_eq!(reason(one.address, &opened).await, "SESSION_REVOKED");
    assert_eq!(refresh(one.address, &opened).await, "INVALID_REFRESH_TOKEN");
}
