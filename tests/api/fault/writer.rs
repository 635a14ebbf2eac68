//! Writers who come all at once, and hashes that take long: neither holds a connection that somebody else needs.

use std::time::{Duration, Instant};

use sea_orm::TransactionTrait;
use serde_json::json;

use crate::harness::{Backend, PASSWORD, TestApp, race};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_writers_at_once_on_sqlite_none_hears_of_a_lock() {
    let settings = [
        ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
    ];
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    // Two instances on one file: the lock of the file is between them, not only the queue of each.
    let other = test.second_instance_with(&settings).await;
    let answers = race(50, |number| {
        let admin = if number % 2 == 0 {
            test.admin()
        } else {
            other.admin()
        };
        async move {
            let mut codes = Vec::new();
            for round in 0..4 {
                let input = json!({ "input": { "name": format!("tenant {number} {round}") } });
                codes.push(admin.run("admin_create_tenant", input).await.code_or_ok());
            }
            codes
        }
    });
    for codes in answers.await {
        assert_eq!(codes, ["", "", "", ""]);
    }
    let all = test
        .admin()
        .run("admin_tenants", json!({ "first": 1 }))
        .await
        .ok();
    assert_eq!(all.at("/data/adminTenants/totalCount"), 200);
}

// One connection, and a hash that takes a while: whoever wants the connection meanwhile has it before the hash is done.
on_both_databases! {
    async fn hashing_holds_no_connection(backend: Backend) {
        let settings = [
            ("VESTIBULE_DATABASE_CONNECTIONS", "1"),
            ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
            ("VESTIBULE_PASSWORD_MEMORY", "65536"),
            ("VESTIBULE_PASSWORD_PASSES", "64"),
            ("VESTIBULE_PASSWORD_WORKERS", "1"),
        ];
        let test = TestApp::with(backend, &settings).await;
        let end = Instant::now() + Duration::from_secs(120);
        for (signs_up, code) in [(true, ""), (false, "INVALID_CREDENTIALS")] {
            loop {
                let client = test.anon();
                let asked = tokio::spawn(async move {
                    let answer = if signs_up { client.sign_up("ann@example.org").await } else { client.sign_in("nobody@example.org", PASSWORD).await };
                    answer.code_or_ok()
                });
                while test.app.hasher.running() == 0 && !asked.is_finished() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                test.app.db.begin().await.expect("the connection").rollback().await.expect("free again");
                test.app.db.read().begin().await.expect("the connection").rollback().await.expect("free again");
                let meanwhile = test.app.hasher.running() > 0;
                assert_eq!(asked.await.expect("an answer"), code);
                if meanwhile {
                    break;
                }
                assert!(Instant::now() < end, "the connection comes with the end of the hash");
            }
        }
    }
}
