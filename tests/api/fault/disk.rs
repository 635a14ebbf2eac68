//! The disk below SQLite is full: what would be written is refused cleanly, reading goes on, and all is well again as soon
//! as there is room.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use super::is_full;
use super::town::is_whole;
use crate::harness::program::{Folder, Program};
use crate::harness::{ADMIN_SECRET, wire};

const ADMIN: [(&str, &str); 2] = [
    ("x-vestibule-admin-secret", ADMIN_SECRET),
    ("accept", "application/graphql-response+json"),
];

/// Makes a tenant, and says whether it was made; refused is refused cleanly.
async fn write(program: &Program, name: &str) -> bool {
    let input = json!({ "input": { "name": name } });
    let answer = wire::run(program.address, "admin_create_tenant", input, &ADMIN).await;
    let body = answer.json();
    if body["errors"].is_null() {
        return true;
    }
    let code = &body["errors"][0]["extensions"]["code"];
    assert_eq!((answer.status, code), (503, &json!("OVERLOADED")), "{body}");
    false
}

async fn tenants(program: &Program) -> Value {
    let answer = wire::run(
        program.address,
        "admin_tenants",
        json!({ "first": 1 }),
        &ADMIN,
    )
    .await;
    answer.json()["data"]["adminTenants"]["totalCount"].clone()
}

/// Writes until the disk is full, reads, makes room, and looks whether all is there.
async fn survives(program: &Program, file: &Path, fill: impl FnOnce(), make_room: impl FnOnce()) {
    let mut made = 0;
    assert!(write(program, "before").await);
    fill();
    let mut number = 0;
    while write(program, &format!("tenant {number}")).await {
        made += 1;
        number += 1;
        assert!(number < 50_000, "the disk is never full");
    }
    println!("full after {made} more tenants");
    for _ in 0..20 {
        number += 1;
        made += usize::from(write(program, &format!("tenant {number}")).await);
        assert_eq!(
            tenants(program).await,
            made + 1,
            "what was acknowledged is read"
        );
        let ready = wire::get(program.address, "/livez", &[]).await;
        assert_eq!(ready.status, 200);
    }
    make_room();
    let started = Instant::now();
    while !write(program, "after").await {
        assert!(started.elapsed() < Duration::from_secs(60), "it stays full");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("well again after {:?}", started.elapsed());
    assert_eq!(tenants(program).await, made + 2);
    let db = Database::connect(format!("sqlite://{}", file.display())).await;
    let db = db.expect("the file");
    is_whole(&db).await;
    let count = "SELECT count(*) FROM audit_events WHERE kind = 'tenant_created'";
    let count = Statement::from_string(db.get_database_backend(), count);
    let row = db
        .query_one_raw(count)
        .await
        .expect("a count")
        .expect("a row");
    let events: i64 = row.try_get_by_index(0).unwrap();
    assert_eq!(
        json!(events),
        json!(made + 2),
        "no tenant without its event"
    );
    db.close().await.expect("a closed connection");
}

fn url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// Runs everywhere: the system refuses to let files of this process grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_refuses_cleanly_and_is_well_again_with_room() {
    let folder = Folder::new();
    let file = folder.path().join("vestibule.db");
    let settings = [
        ("VESTIBULE_DATABASE_URL", &*url(&file)),
        ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
    ];
    let program = Program::serve_under("trap '' XFSZ", &settings).await;
    let limit = |octets: String| {
        let process = program.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &process, &format!("--fsize={octets}:")])
            .status();
        assert!(limited.expect("prlimit, of util-linux").success());
    };
    let size =
        |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len());
    let largest = size("vestibule.db").max(size("vestibule.db-wal"));
    let fill = || limit((largest + 64 * 1024).to_string());
    survives(&program, &file, fill, || limit("unlimited".to_owned())).await;
}

/// A file system of 16 MiB, where this process may mount one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_system_refuses_cleanly_and_is_well_again_with_room() {
    let Some(disk) = Disk::mount() else {
        // To the standard error itself, which the tests' runner does not keep back.
        let said =
            "SKIPPED: no file system can be mounted here, so that a full one (ENOSPC) is not tried";
        drop(writeln!(std::io::stderr(), "{said}"));
        assert!(
            !is_full(),
            "{said}; VESTIBULE_FAULTS=full asks for all of it"
        );
        return;
    };
    let file = disk.0.path().join("vestibule.db");
    let filler = disk.0.path().join("filler");
    let settings = [
        ("VESTIBULE_DATABASE_URL", &*url(&file)),
        ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
    ];
    let program = Program::serve(&settings).await;
    let fill = || {
        let mut octets = 16 << 20;
        // All but a little.
        while octets >= 4096 && std::fs::write(&filler, vec![0; octets]).is_err() {
            octets -= 64 * 1024;
        }
    };
    let make_room = || std::fs::remove_file(&filler).expect("the filler");
    survives(&program, &file, fill, make_room).await;
    drop(program);
}

/// Unmounted and gone with its last use.
struct Disk(Folder);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = Folder::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "none"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a program that is about to end may still hold a file.
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}
