//! Few connections to PostgreSQL, for many: one is kept from statement to statement, and is in nobody's way.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::harness::{Backend, PASSWORD, TestApp};

/// Nobody waits for a connection for longer than fifteen seconds.
async fn house(connections: &str) -> TestApp {
    let settings = [
        ("VESTIBULE_DATABASE_CONNECTIONS", connections),
        ("VESTIBULE_DATABASE_TIMEOUT", "15000"),
    ];
    TestApp::with(Backend::Postgres, &settings).await
}

async fn ask(test: &TestApp, sql: &str) -> Result<i32, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = test.app.db.read().query_one_raw(statement).await?;
    row.expect("a row").try_get_by_index(0)
}

/// Which of the server's processes answers.
const WHO: &str = "SELECT pg_backend_pid()";
/// Shorter than any deadline of the house.
const MOMENT: Duration = Duration::from_secs(12);

#[tokio::test]
async fn statements_that_stand_alone_share_a_connection_and_transactions_have_others() {
    let test = house("4").await;
    let kept = ask(&test, WHO).await.expect("an answer");
    let other = test.app.db.begin().await.expect("the other one");
    assert_eq!(ask(&test, WHO).await.expect("an answer"), kept);
    let statement = Statement::from_string(DbBackend::Postgres, WHO);
    let row = other.query_one_raw(statement).await.expect("an answer");
    let pid: i32 = row.expect("a row").try_get_by_index(0).expect("a number");
    assert_ne!(pid, kept);
    other.rollback().await.expect("free again");
}

#[tokio::test]
async fn a_transaction_gets_the_connection_that_is_kept_where_there_is_no_other() {
    for connections in [1, 2, 3] {
        let test = house(&connections.to_string()).await;
        for _ in 0..3 {
            ask(&test, WHO).await.expect("an answer");
            let mut held = Vec::new();
            for _ in 0..connections {
                held.push(test.app.db.begin().await.expect("a connection"));
            }
            for transaction in held {
                transaction.rollback().await.expect("free again");
            }
        }
    }
}

#[tokio::test]
async fn a_transaction_that_waits_gets_the_connection_of_the_statement_before_it() {
    let test = house("2").await;
    let held = test.app.db.begin().await.expect("a connection");
    let statement = ask(&test, "SELECT length(pg_sleep(0.3)::text)");
    let (slept, begun) = tokio::join!(statement, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        test.app.db.begin().await
    });
    assert_eq!(slept.expect("an answer"), 0);
    begun
        .expect("the other one")
        .rollback()
        .await
        .expect("free");
    held.rollback().await.expect("free again");
}

#[tokio::test]
async fn a_statement_that_fails_or_is_given_up_keeps_no_connection() {
    let test = house("2").await;
    assert!(ask(&test, "SELECT 1 / 0").await.is_err());
    let asleep = ask(&test, "SELECT length(pg_sleep(60)::text)");
    let given_up = tokio::time::timeout(Duration::from_millis(100), asleep);
    given_up.await.expect_err("it sleeps");
    for number in 1..=3 {
        let answer = tokio::time::timeout(MOMENT, ask(&test, &format!("SELECT {number}"))).await;
        assert_eq!(answer.expect("no wait").expect("an answer"), number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_every_kind_is_served_by_one_connection() {
    let test = house("1").await;
    let ann = test.user("ann").await;
    let crowd = (0..24).map(|number| {
        let (anon, ann) = (test.anon(), ann.clone());
        tokio::spawn(async move {
            match number % 4 {
                0 => drop(anon.sign_in("ann@example.org", PASSWORD).await.ok()),
                1 => drop(anon.sign_up(&format!("{number}@example.org")).await.ok()),
                _ => drop(ann.me().await.ok()),
            }
        })
    });
    for served in crowd.collect::<Vec<_>>() {
        served.await.expect("nobody is sent away");
    }
}

#[tokio::test]
async fn a_house_that_closes_does_not_wait_for_the_connection_that_is_kept() {
    let test = house("4").await;
    ask(&test, WHO).await.expect("an answer");
    tokio::time::timeout(MOMENT, test.app.db.close())
        .await
        .expect("no wait");
    assert!(ask(&test, WHO).await.is_err());
}
