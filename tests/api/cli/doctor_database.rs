//! What the doctor says of a database that answers, or would, and is not as a house needs it.

use sea_orm::ConnectionTrait;

use super::doctor::{MASTER_KEY, examine};
use crate::harness::program::{Folder, finish};
use crate::harness::{Backend, TestApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_a_problem_and_nobody_starts_on_it() {
    let test = TestApp::start_now(Backend::Postgres).await;
    let url = test.database.url();
    let (_, name) = url.rsplit_once('/').expect("its name");
    let db = test.database.connect().await;
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    db.execute_unprepared(&read_only).await.expect("a setting");
    let settings = [
        ("VESTIBULE_DATABASE_URL", url.as_str()),
        ("VESTIBULE_DATABASE_TIMEOUT", "1000"),
        MASTER_KEY,
    ];
    let found = examine(&settings, &[]);
    assert!(!found.well, "{}", found.said);
    assert_eq!(found.about("database", "takes no writes"), "problem");
    assert_eq!(found.about("database", "up to date"), "ok");
    let start = finish(&Folder::new(), &settings, &["migrate"]);
    let said = String::from_utf8_lossy(&start.stderr).into_owned();
    assert!(!start.status.success(), "{said}");
    assert!(said.contains("takes no writes"), "{said}");
}

#[test]
fn a_way_to_another_machine_that_nobody_guards_is_a_warning() {
    for (end, warned) in [("", true), ("?sslmode=verify-full", false)] {
        let url = format!("postgres://user:canary@database.invalid/x{end}");
        let settings = [
            ("VESTIBULE_DATABASE_URL", url.as_str()),
            ("VESTIBULE_DATABASE_TIMEOUT", "1000"),
            MASTER_KEY,
        ];
        let found = examine(&settings, &[]);
        assert_eq!(found.about("database", "cannot be used"), "problem");
        if warned {
            assert_eq!(found.about("database", "its certificate"), "warning");
        }
        let named = found.said.contains("sslmode=verify-full");
        assert_eq!(named, warned, "{}", found.said);
        assert!(!found.said.contains("canary"), "{}", found.said);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_wrong_is_told_and_nobody_waits_for_another() {
    let test = TestApp::start_now(Backend::Postgres).await;
    let mut url = url::Url::parse(&test.database.url()).expect("an address");
    // Whatever the server asks for, it lets no such user in.
    url.set_username("nobody_of_this_name").expect("a user");
    // Longer than the program has to its end.
    let settings = [
        ("VESTIBULE_DATABASE_URL", url.as_str()),
        ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
        MASTER_KEY,
    ];
    let start = finish(&Folder::new(), &settings, &["serve"]);
    let said = String::from_utf8_lossy(&start.stderr).into_owned();
    assert!(!start.status.success(), "{said}");
    assert!(said.contains("nobody_of_this_name"), "{said}");
}
