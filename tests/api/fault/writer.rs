//! Writers who come all at once, and hashes that take long: neither holds a connection that somebody else needs.

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

// Eight passwords of half a second and more, one after the other, with one connection: whoever held it while hashing
// would keep it from the others for longer than these wait.
on_both_databases! {
    async fn hashing_holds_no_connection(backend: Backend) {
        let settings = [
            ("VESTIBULE_DATABASE_CONNECTIONS", "1"),
            ("VESTIBULE_DATABASE_TIMEOUT", "3000"),
            ("VESTIBULE_PASSWORD_PASSES", "64"),
            ("VESTIBULE_PASSWORD_WORKERS", "1"),
            ("VESTIBULE_PASSWORD_WAIT", "60000"),
            ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
        ];
        let test = TestApp::with(backend, &settings).await;
        let answers = race(8, |number| {
            let client = test.anon();
            async move {
                if number % 2 == 0 {
                    client.sign_up(&format!("person{number}@example.org")).await.code_or_ok()
                } else {
                    client.sign_in("nobody@example.org", PASSWORD).await.code_or_ok()
                }
            }
        });
        let mut codes = answers.await;
        codes.sort();
        assert_eq!(codes[..4], ["", "", "", ""]);
        assert_eq!(codes[4..], ["INVALID_CREDENTIALS"; 4]);
    }
}
