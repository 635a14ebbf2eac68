//! PostgreSQL goes away and comes back: nobody is told of a defect, and nobody has to restart anything.

use std::time::{Duration, Instant};

use axum::http::Method;
use entity::limit_counter;
use sea_orm::{ActiveValue::Set, ConnectOptions, ConnectionTrait, DatabaseConnection, EntityTrait};
use serde_json::json;

use super::email_pages::{open, post};
use super::reset_page::ticket_of_ann;
use crate::harness::{Answer, Backend, Client, Database, OwnPostgres, PASSWORD, Proxy, TestApp};

/// Soon given up, so that who waits for the database hears of it.
const HASTY: [(&str, &str); 2] = [
    ("VESTIBULE_DATABASE_TIMEOUT", "1000"),
    ("VESTIBULE_REQUEST_TIMEOUT", "3000"),
];

struct Wired {
    test: TestApp,
    proxy: Proxy,
}

/// A house whose database is at the other end of a wire, and somebody who has come there in peace.
async fn wired() -> (Wired, Client) {
    let house = TestApp::start(Backend::Postgres).await;
    house.user("ann").await;
    let session = house.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    let wired = wired_to(house.database.clone(), "8").await;
    let ann = wired.test.anon().signed_in(&session.at("/data/signIn"));
    (wired, ann)
}

async fn wired_to(database: Database, connections: &str) -> Wired {
    let url = url::Url::parse(&database.url()).expect("an address");
    let target = url.socket_addrs(|| Some(5432)).expect("a host")[0];
    let proxy = Proxy::to(target).await;
    let mut through = url;
    through.set_ip_host(proxy.address.ip()).expect("a host");
    through
        .set_port(Some(proxy.address.port()))
        .expect("a port");
    let settings = [
        ("VESTIBULE_DATABASE_URL", through.as_str()),
        ("VESTIBULE_DATABASE_CONNECTIONS", connections),
        ("VESTIBULE_DATABASE_TIMEOUT", "1000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "3000"),
    ];
    let test = TestApp::on(database, &settings).await;
    Wired { test, proxy }
}

async fn requests(test: &TestApp, ann: &Client) -> Vec<Answer> {
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "another battery staple" });
    vec![
        ann.me().await,
        test.anon().sign_in("ann@example.org", PASSWORD).await,
        test.anon().sign_up("bob@example.org").await,
        test.anon().refresh(&ann.refresh_token).await,
        ann.run("change_password", json!({ "input": change })).await,
        ann.run("sign_out", json!({ "input": {} })).await,
        test.anon().run("auth_config", json!({})).await,
    ]
}

#[track_caller]
fn assert_overloaded(answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "OVERLOADED"),
        "{}",
        answer.body
    );
    assert_eq!(answer.headers["retry-after"], "2");
    assert!(
        !answer.body.to_string().contains("127.0.0.1"),
        "{}",
        answer.body
    );
}

async fn recovers(test: &TestApp) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = test.anon().sign_in("ann@example.org", PASSWORD).await;
        if answer.code_or_ok().is_empty() {
            break;
        }
        assert_eq!(answer.code(), "OVERLOADED");
        assert!(Instant::now() < end, "it does not recover");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(test.anon().get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_is_an_overload_that_passes_by_itself() {
    let (Wired { test, proxy }, ann) = wired().await;
    proxy.cut();
    for answer in requests(&test, &ann).await {
        assert_overloaded(&answer);
    }
    assert_eq!(test.anon().get("/readyz").await.status, 503);
    assert_eq!(test.anon().get("/livez").await.status, 200);
    let classic = test
        .anon()
        .header("accept", "application/json")
        .sign_in("ann@example.org", PASSWORD)
        .await;
    assert_eq!(
        (classic.status.as_u16(), classic.code().as_str()),
        (200, "OVERLOADED")
    );
    proxy.mend();
    recovers(&test).await;
    ann.me().await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_without_its_database_says_when_to_come_back() {
    let (Wired { test, proxy }, _) = wired().await;
    let ticket = ticket_of_ann(&test).await;
    proxy.cut();
    let browser = test.anon().header("accept", "text/html,*/*;q=0.8");
    let fields = [
        ("ticket", ticket.as_str()),
        ("password", "another battery staple"),
    ];
    let looked = open(&browser, Method::GET, "/reset", &ticket).await;
    let posted = post(&browser, "/reset", &fields).await;
    for page in [looked, posted] {
        assert_eq!(page.status, 503, "{}", page.body);
        assert_eq!(page.headers["retry-after"], "2");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_holds_nobody_for_long() {
    let (Wired { test, proxy }, ann) = wired().await;
    proxy.clog();
    let answers = tokio::time::timeout(Duration::from_secs(60), requests(&test, &ann)).await;
    for answer in answers.expect("every request has an end") {
        assert_overloaded(&answer);
    }
    assert_eq!(test.anon().get("/readyz").await.status, 503);
    proxy.mend();
    recovers(&test).await;
}

/// A connection that came back inside of a transaction would take what is written next with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_nobody_waits_for_any_more_holds_no_later_write() {
    let database = Database::fresh(Backend::Postgres).await;
    let Wired { test, proxy } = wired_to(database.clone(), "1").await;
    let run_out = |key: &str| limit_counter::ActiveModel {
        key: Set(key.to_owned()),
        count: Set(1),
        window_ends_at: Set(test.app.now()),
    };
    let insert = async |key: &str| {
        limit_counter::Entity::insert(run_out(key))
            .exec_without_returning(test.app.db.write())
            .await
            .expect("a row")
    };
    insert("before").await;
    proxy.clog();
    let begin = tokio::time::timeout(Duration::from_millis(200), test.app.db.begin()).await;
    assert!(begin.is_err(), "it began through a clogged wire");
    proxy.mend();
    insert("after").await;
    let other = database.connect().await;
    let found = limit_counter::Entity::find_by_id("after").one(&other).await;
    assert!(found.expect("an answer").is_some(), "it is lost");
}

/// Nobody's request ends it: so the worker, the locksmith and the clean-up ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_house_asks_by_itself_ends_though_its_answer_is_lost_in_silence() {
    let (Wired { test, proxy }, _) = wired().await;
    let db = test.app.db.read();
    let ask = async || limit_counter::Entity::find().all(db).await;
    ask().await.expect("an answer");
    proxy.swallow();
    proxy.mend();
    let asked = Instant::now();
    ask().await.expect_err("no answer");
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    // Each silent one is asked once: there are eight connections at most.
    for _ in 0..8 {
        if ask().await.is_ok() {
            return;
        }
    }
    panic!("no answer on a new connection");
}

/// One connection of the test's own, which stays as it was opened.
async fn one_to(database: &Database) -> DatabaseConnection {
    let mut one = ConnectOptions::new(database.url());
    one.max_connections(1);
    let one = sea_orm::Database::connect(one).await;
    one.expect("a connection")
}

async fn does(db: &DatabaseConnection, statement: &str) {
    let done = db.execute_unprepared(statement).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn is_an_outage(test: &TestApp, ann: &Client) {
    for answer in requests(test, ann).await {
        assert_overloaded(&answer);
    }
    assert_eq!(test.anon().get("/readyz").await.status, 503);
    assert_eq!(test.anon().get("/livez").await.status, 200);
}

/// As where a name leads to a standby for a moment: such connections live, and would be kept until they are old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_opened_to_a_server_that_takes_no_writes() {
    let test = TestApp::with(Backend::Postgres, &HASTY).await;
    let ann = test.user("ann").await;
    let other = one_to(&test.database).await;
    let url = test.database.url();
    let (_, name) = url.rsplit_once('/').expect("its name");
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    does(&other, &read_only).await;
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
    does(&other, end_all).await;
    is_an_outage(&test, &ann).await;
    let mend = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    does(&other, &mend).await;
    recovers(&test).await;
    ann.me().await.ok();
}

/// They were opened in peace: who only reads would never learn of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_refused_ends_every_connection_that_was_open_then() {
    let server = OwnPostgres::start().await;
    let database = Database::empty_in(&server).await;
    let test = TestApp::on(database, &HASTY).await;
    let ann = test.user("ann").await;
    let other = one_to(&test.database).await;
    does(
        &other,
        "ALTER SYSTEM SET default_transaction_read_only = on",
    )
    .await;
    does(&other, "SELECT pg_reload_conf()").await;
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        // Each process of the server hears of it in its time.
        let answer = test.anon().sign_in("ann@example.org", PASSWORD).await;
        if !answer.code_or_ok().is_empty() {
            assert_overloaded(&answer);
            break;
        }
        assert!(Instant::now() < end, "it still takes writes");
    }
    is_an_outage(&test, &ann).await;
    does(&other, "ALTER SYSTEM RESET default_transaction_read_only").await;
    does(&other, "SELECT pg_reload_conf()").await;
    recovers(&test).await;
    ann.me().await.ok();
}
