//! The disk below SQLite is full: what would be written is refused cleanly, reading goes on, who is signed in stays so, and
//! all is well again as soon as there is room.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use super::is_full;
use super::kill::pairs;
use super::town::{Person, Town, is_whole};
use crate::harness::program::{Folder, Program};
use crate::harness::{ADMIN_SECRET, PASSWORD, wire};

const ACCEPT: (&str, &str) = ("accept", "application/graphql-response+json");
const ADMIN: [(&str, &str); 2] = [("x-vestibule-admin-secret", ADMIN_SECRET), ACCEPT];
/// Guesses at one account that are taken without a wait, though none of them can be given back; one more is left for when there is
/// room.
const GUESSES: usize = 4;

/// Makes a tenant, and says whether it was made.
async fn write(program: &Program, name: &str) -> bool {
    let input = json!({ "input": { "name": name } });
    let answer = wire::run(program.address, "admin_create_tenant", input, &ADMIN).await;
    was_done(&answer)
}

/// Refused is refused cleanly.
fn was_done(answer: &wire::Wire) -> bool {
    let body = answer.json();
    if body["errors"].is_null() {
        return true;
    }
    let code = &body["errors"][0]["extensions"]["code"];
    assert_eq!((answer.status, code), (503, &json!("OVERLOADED")), "{body}");
    false
}

/// A house with somebody in it, on this file.
struct Scene {
    town: Arc<Town>,
    resident: Person,
    program: Program,
}

impl Scene {
    async fn set(before: &str, file: &Path) -> Self {
        let town = Town::found().await;
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let settings = town.settings(&url);
        let program = Program::serve_under(before, &pairs(&settings)).await;
        town.moves_to(program.address);
        let mut resident = Person::new(0);
        resident.settle(&town).await.expect("an account");
        Self {
            town,
            resident,
            program,
        }
    }

    async fn ask(&self, query: &str, input: Value) -> wire::Wire {
        let input = json!({ "input": input });
        wire::run(self.program.address, query, input, &[ACCEPT]).await
    }

    async fn sign_in(&self) -> wire::Wire {
        let input = json!({ "login": self.resident.email, "password": PASSWORD });
        self.ask("sign_in", input).await
    }

    async fn refresh(&self) -> wire::Wire {
        let session = self.resident.session.as_ref().expect("a session");
        let input = json!({ "refreshToken": session.refresh });
        self.ask("refresh_session", input).await
    }

    /// Goes on with the session of a refresh that was done.
    fn go_on(&mut self, refreshed: &wire::Wire) {
        let body = refreshed.json();
        let entered = self.resident.enter(&body["data"]["refreshSession"]);
        entered.expect("a session");
    }

    async fn sign_up(&self, email: &str) -> wire::Wire {
        let input = json!({ "email": email, "password": PASSWORD });
        self.ask("sign_up", input).await
    }

    /// Who was let in before is still known.
    async fn resident_is_known(&self) {
        let session = self.resident.session.as_ref().expect("a session");
        let bearer = format!("Bearer {}", session.access);
        let headers = [("authorization", bearer.as_str()), ACCEPT];
        let answer = wire::run(self.program.address, "me", json!({}), &headers).await;
        let email = json!(self.resident.email);
        assert_eq!(
            answer.json()["data"]["me"]["email"],
            email,
            "{}",
            answer.body
        );
    }

    /// There is room for nobody, once what is left of it has been used up. Nobody is told to wait for having been refused.
    async fn is_closed_to_people(&mut self) {
        let mut refused = [0; 3];
        for number in 0..20 {
            self.resident_is_known().await;
            let may_guess = refused[0] < GUESSES;
            let sign_in = async {
                if may_guess {
                    Some(self.sign_in().await)
                } else {
                    None
                }
            };
            let late = format!("late{number}@example.org");
            let (signed_in, signed_up, refreshed) =
                tokio::join!(sign_in, self.sign_up(&late), self.refresh());
            let done = [
                signed_in.as_ref().is_none_or(was_done),
                was_done(&signed_up),
                was_done(&refreshed),
            ];
            for (refused, done) in refused.iter_mut().zip(done) {
                *refused += usize::from(!done);
            }
            if done[2] {
                self.go_on(&refreshed);
            }
            if !refused.contains(&0) {
                return;
            }
        }
        panic!("of sign-in, sign-up and refresh were refused: {refused:?}");
    }

    /// The token of a refresh that was refused is as good as before, a right password is heard at once, and mail leaves.
    async fn is_open_to_people(&mut self) {
        let refreshed = self.refresh().await;
        assert!(was_done(&refreshed), "{}", refreshed.body);
        self.go_on(&refreshed);
        self.resident_is_known().await;
        let signed_in = self.sign_in().await;
        let opened = signed_in.json()["data"]["signIn"]["__typename"] == "Session";
        assert!(opened, "{}", signed_in.body);
        let later = "later@example.org";
        let signed_up = self.sign_up(later).await;
        assert!(was_done(&signed_up), "{}", signed_up.body);
        let end = Instant::now() + Duration::from_secs(60);
        while self.town.mail.messages_to(later).is_empty() {
            assert!(Instant::now() < end, "{}", self.program.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The house has left no transaction open: somebody else could write.
async fn is_free(file: &Path) {
    let mut options = ConnectOptions::new(format!("sqlite://{}", file.display()));
    options.max_connections(1);
    let db = Database::connect(options).await.expect("the file");
    for statement in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        let done = db.execute_unprepared(statement).await;
        done.expect("nobody holds the file");
    }
    db.close().await.expect("a closed connection");
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
async fn survives(
    scene: &mut Scene,
    file: &Path,
    fill: impl FnOnce(&Program),
    make_room: impl FnOnce(&Program),
) {
    let program = &scene.program;
    let mut made = 0;
    assert!(write(program, "before").await);
    fill(program);
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
    scene.is_closed_to_people().await;
    is_free(file).await;
    let program = &scene.program;
    make_room(program);
    let started = Instant::now();
    while !write(program, "after").await {
        assert!(started.elapsed() < Duration::from_secs(60), "it stays full");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("well again after {:?}", started.elapsed());
    assert_eq!(tenants(program).await, made + 2);
    scene.is_open_to_people().await;
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

/// Runs everywhere: the system refuses to let files of this process grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_refuses_cleanly_and_is_well_again_with_room() {
    let folder = Folder::new();
    let file = folder.path().join("vestibule.db");
    let mut scene = Scene::set("trap '' XFSZ", &file).await;
    let limit = |program: &Program, octets: String| {
        let process = program.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &process, &format!("--fsize={octets}:")])
            .status();
        assert!(limited.expect("prlimit, of util-linux").success());
    };
    let size =
        |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len());
    let largest = size("vestibule.db").max(size("vestibule.db-wal"));
    let fill = |program: &Program| limit(program, (largest + 64 * 1024).to_string());
    let make_room = |program: &Program| limit(program, "unlimited".to_owned());
    survives(&mut scene, &file, fill, make_room).await;
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
    let mut scene = Scene::set("", &file).await;
    let fill = |_: &Program| {
        let mut octets = 16 << 20;
        // All but a little.
        while octets >= 4096 && std::fs::write(&filler, vec![0; octets]).is_err() {
            octets -= 64 * 1024;
        }
    };
    let make_room = |_: &Program| std::fs::remove_file(&filler).expect("the filler");
    survives(&mut scene, &file, fill, make_room).await;
    drop(scene);
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
