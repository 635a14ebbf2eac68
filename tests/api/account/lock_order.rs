//! Whoever asks for another mail holds the counter of the address, and then wants the request. Nobody else may hold the
//! request and want the counter: PostgreSQL would find out after a second that they wait for each other.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use serde_json::{Value, json};

use crate::harness::{Backend, Client, PASSWORD, TestApp};

/// Until somebody waits for a lock.
async fn somebody_waits(db: &DatabaseConnection) {
    let end = Instant::now() + Duration::from_secs(20);
    let waits = "SELECT 1 FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waits = Statement::from_string(DbBackend::Postgres, waits);
    while db
        .query_one_raw(waits.clone())
        .await
        .expect("an answer")
        .is_none()
    {
        assert!(Instant::now() < end, "nobody waits for the counter");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Does this, beside a transaction that has the counters of mails and then wants every request.
async fn beside_another_mail(test: &TestApp, client: &Client, name: &'static str, input: Value) {
    let (db, watched) = (test.database.connect().await, test.database.connect().await);
    let other = db.begin().await.expect("a transaction");
    let run = async |statement: &str| other.execute_unprepared(statement).await;
    run("SET LOCAL lock_timeout = 500")
        .await
        .expect("a setting");
    let counted = run("UPDATE limit_counters SET count = count").await;
    assert!(counted.expect("the counters").rows_affected() > 0);
    let client = client.clone();
    let done = tokio::spawn(async move { client.run(name, json!({ "input": input })).await });
    somebody_waits(&watched).await;
    let requests = run("UPDATE verifications SET code_tries = code_tries").await;
    let requests = requests.unwrap_or_else(|error| panic!("{name} holds a request: {error}"));
    assert!(requests.rows_affected() > 0);
    other.commit().await.expect("a commit");
    done.await.expect("an answer").ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_holds_a_request_while_waiting_for_the_counter_of_its_address() {
    let test = TestApp::start(Backend::Postgres).await;
    let ann = test.user("ann").await;
    let reset = json!({ "input": { "email": "ann@example.org" } });
    test.anon().run("request_password_reset", reset).await.ok();
    let wish = json!({ "newEmail": "new@example.org", "currentPassword": PASSWORD });
    ann.run("request_email_change", json!({ "input": wish }))
        .await
        .ok();
    beside_another_mail(&test, &ann, "request_email_change", wish).await;
    let leave = json!({ "currentPassword": PASSWORD });
    beside_another_mail(&test, &ann, "delete_user", leave).await;
}
