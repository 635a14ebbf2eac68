//! A copy or a restore that is broken off, that meets the wrong master key, or a program that is older than the database.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use vestibule::db::{Draft, open_file};

use super::backup::{self, move_in, serve, sign_in, text, url_of};
use crate::harness::PASSWORD;
use crate::harness::program::{Folder, command, finish};

const KEY: &str = "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=";
const ANOTHER: &str = "YW5vdGhlciBtYXN0ZXIga2V5IG9mIHRoZSB0ZXN0IDE=";

/// A folder with a house and a copy of it.
struct Scene {
    folder: Folder,
    house: PathBuf,
    copy: PathBuf,
    /// Where nothing is yet.
    place: PathBuf,
}

impl Scene {
    fn set() -> Self {
        let folder = Folder::new();
        let [house, copy, place] =
            ["house.db", "copy.db", "place.db"].map(|name| folder.path().join(name));
        let scene = Self {
            folder,
            house,
            copy,
            place,
        };
        assert!(scene.run(&scene.house, KEY, &["migrate"]).0);
        let (well, said) = scene.run(&scene.house, KEY, &["backup", "copy.db"]);
        assert!(well, "{said}");
        scene
    }

    /// What a command says about the database in this file, and whether it went well.
    fn run(&self, file: &Path, key: &str, arguments: &[&str]) -> (bool, String) {
        let url = format!("sqlite://{}", file.display());
        let settings = [
            ("VESTIBULE_DATABASE_URL", &*url),
            ("VESTIBULE_MASTER_KEY", key),
        ];
        let output = finish(&self.folder, &settings, arguments);
        let text = |octets| String::from_utf8_lossy(octets).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        (output.status.success(), said)
    }

    /// Starts a restore that does not get on, because somebody else has the copy in hand, and waits until it has begun.
    async fn restore_that_waits(&self) -> (Child, DatabaseConnection) {
        let mut options = ConnectOptions::new(format!("sqlite://{}", self.copy.display()));
        options.max_connections(1);
        let other = Database::connect(options).await.expect("the copy");
        other
            .execute_unprepared("BEGIN EXCLUSIVE")
            .await
            .expect("a lock");
        let url = format!("sqlite://{}", self.place.display());
        let settings = [
            ("VESTIBULE_DATABASE_URL", &*url),
            ("VESTIBULE_MASTER_KEY", KEY),
        ];
        let mut restore = command(&self.folder, &settings, &["restore", "copy.db"]);
        restore.stdout(Stdio::null()).stderr(Stdio::null());
        let child = restore.spawn().expect("the program starts");
        for _ in 0..600 {
            if self.part().exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        (child, other)
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("place.db.part")
    }
}

async fn ended(child: &mut Child) -> ExitStatus {
    for _ in 0..600 {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_told_to_stop_leaves_nothing() {
    for signal in ["-TERM", "-INT"] {
        let scene = Scene::set();
        let (mut restore, _other) = scene.restore_that_waits().await;
        assert!(scene.part().exists(), "it has begun");
        assert!(
            !scene.place.exists(),
            "nothing has the name before it is whole"
        );
        let process = restore.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.expect("kill").success());
        assert_eq!(ended(&mut restore).await.code(), Some(1));
        assert!(!scene.place.exists() && !scene.part().exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_no_database_and_can_be_made_again() {
    let scene = Scene::set();
    let (mut restore, other) = scene.restore_that_waits().await;
    assert!(scene.part().exists(), "it has begun");
    restore.kill().expect("our own child");
    ended(&mut restore).await;
    other.close().await.expect("a closed connection");
    assert!(!scene.place.exists());
    let (well, said) = scene.run(&scene.place, KEY, &["restore", "copy.db"]);
    assert!(
        !well && said.contains("place.db.part") && said.contains("move it away"),
        "{said}"
    );
    std::fs::remove_file(scene.part()).expect("what was left behind");
    let (well, said) = scene.run(&scene.place, KEY, &["restore", "copy.db"]);
    assert!(
        well && scene.place.exists() && !scene.part().exists(),
        "{said}"
    );
}

#[test]
fn a_copy_whose_secrets_do_not_open_is_not_restored_and_the_doctor_says_so() {
    let scene = Scene::set();
    let (well, said) = scene.run(&scene.place, ANOTHER, &["restore", "copy.db"]);
    assert!(!well && said.contains("nothing was restored"), "{said}");
    assert!(
        said.contains("VESTIBULE_MASTER_KEY") && !said.contains(ANOTHER),
        "{said}"
    );
    assert!(!scene.place.exists() && !scene.part().exists());

    // Put into its place by other means: no key signs there, and what is sealed does not open.
    let (_, said) = scene.run(&scene.copy, ANOTHER, &["doctor"]);
    assert!(
        said.contains("problem  keys: a stored secret does not open"),
        "{said}"
    );
    let (_, said) = scene.run(&scene.copy, KEY, &["doctor"]);
    assert!(
        said.contains("ok       keys: what is sealed opens"),
        "{said}"
    );
    assert!(
        said.contains("warning  keys: there is none yet that signs"),
        "{said}"
    );
}

/// As `cp` makes it after the server was killed: in the log is what the file does not hold yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_with_its_log_is_restored_whole_and_stays_as_it_is() {
    let folder = Folder::new();
    let [house, copy, place] =
        ["house.db", "copy.db", "place.db"].map(|name| folder.path().join(name));
    let mut program = serve(&url_of(&house)).await;
    move_in(program.address).await;
    program.kill();
    let both = |path: &Path| ["", "-wal"].map(|end| format!("{}{end}", path.display()));
    for (from, to) in both(&house).iter().zip(both(&copy)) {
        std::fs::copy(from, to).expect("the file and its log");
    }
    let octets = || both(&copy).map(|path| std::fs::read(path).expect("the copy and its log"));
    let before = octets();
    let arguments = ["restore", copy.to_str().unwrap()];
    let (well, said) = backup::command(&url_of(&place), &arguments);
    assert!(well, "{said}");
    assert!(octets() == before, "the copy or its log has changed");
    let restored = serve(&url_of(&place)).await;
    let opened = sign_in(restored.address, PASSWORD).await;
    text(&opened, "accessToken");
}

#[test]
fn a_name_that_is_an_address_to_sqlite_is_refused_and_nothing_is_made() {
    let scene = Scene::set();
    let names = || {
        let entries = std::fs::read_dir(scene.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    std::fs::copy(&scene.copy, scene.folder.path().join("file:copy.db")).expect("a copy");
    let before = names();
    let (well, said) = scene.run(&scene.house, KEY, &["backup", "file:other.db"]);
    assert!(!well && said.contains("write ./file:other.db"), "{said}");
    let (well, said) = scene.run(&scene.place, KEY, &["restore", "file:copy.db"]);
    assert!(!well && said.contains("write ./file:copy.db"), "{said}");
    assert_eq!(names(), before);
    let (well, said) = scene.run(&scene.house, KEY, &["backup", "./file:other.db"]);
    let other = scene.folder.path().join("file:other.db");
    assert!(well && other.metadata().unwrap().len() > 0, "{said}");
    let (well, said) = scene.run(&scene.place, KEY, &["restore", "./file:copy.db"]);
    assert!(well && scene.place.exists(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_empty_does_not_get_its_name() {
    let folder = Folder::new();
    let draft = Draft::begin(&folder.path().join("copy.db")).expect("a draft");
    // A file without an octet is a database without a table.
    let part = folder.path().join("copy.db.part");
    let db = open_file(&part).await.expect("the draft");
    let error = draft.finish(db).await.expect_err("nothing was copied");
    assert!(error.cause().contains("empty"), "{}", error.cause());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rollback_the_older_program_copies_the_newer_database_and_does_not_restore_it() {
    let scene = Scene::set();
    let url = format!("sqlite://{}", scene.house.display());
    let db = Database::connect(url).await.expect("the house");
    db.execute_unprepared(
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_x', 1)",
    )
    .await
    .expect("a migration of tomorrow");
    db.close().await.expect("a closed connection");
    let (well, said) = scene.run(&scene.house, KEY, &["backup", "newer.db"]);
    assert!(well, "{said}");
    let (well, said) = scene.run(&scene.place, KEY, &["restore", "newer.db"]);
    assert!(
        !well && said.contains("newer version of Vestibule"),
        "{said}"
    );
    assert!(!scene.place.exists() && !scene.part().exists());
}
