//! What a request takes when there are many accounts: one client asks one thing after another, on databases that are filled
//! by the database's own means. Each account has a session with a refresh token, and all have one password.

use std::path::Path;
use std::time::{Duration, Instant};

use entity::{session, user};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, EntityTrait, Iden, Iterable};
use serde_json::json;

use super::client::Connection;
use super::house::House;
use super::plan::Limits;
use super::visitor::{Errand, Reply, Visitor};

pub const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];
/// Accounts that sign in, spread over the whole table.
const VISITORS: u64 = 50;
const ROUNDS: usize = 8;

/// Medians.
pub struct Growth {
    pub accounts: u64,
    pub sign_in: Duration,
    pub me: Duration,
    pub refresh: Duration,
    pub page: Duration,
}

pub async fn on(database: &str, folder: &Path, accounts: u64) -> Growth {
    let house = House::start(database, folder, Limits::Off).await;
    house.require_verification(false).await;
    Visitor::arrive(house.address).await;
    house.stop().await;
    fill(database, accounts).await;

    let house = House::start(database, folder, Limits::Off).await;
    let mut connection = Connection::open(house.address).await.expect("a connection");
    let step = accounts / VISITORS;
    let mut visitors: Vec<_> = (0..VISITORS)
        .map(|number| Visitor::known(&email(number * step + 1)))
        .collect();
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..=ROUNDS {
        for visitor in &mut visitors {
            let errands = [Errand::SignIn, Errand::Me, Errand::Refresh];
            for (errand, times) in errands.into_iter().zip(&mut times) {
                let begun = Instant::now();
                let reply = visitor.run(errand, &mut connection).await;
                let taken = begun.elapsed();
                match reply.expect("an answer") {
                    Reply::Served => {}
                    Reply::Refused { .. } => panic!("one at a time is never too much"),
                    Reply::Failed(body) => panic!("{body}"),
                }
                // The first round warms caches up.
                if round > 0 {
                    times.push(taken);
                }
            }
            let begun = Instant::now();
            page(&house, &mut connection).await;
            if round > 0 {
                times[3].push(begun.elapsed());
            }
        }
    }
    house.stop().await;
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let [sign_in, me, refresh, page] = &mut times;
    Growth {
        accounts,
        sign_in: median(sign_in),
        me: median(me),
        refresh: median(refresh),
        page: median(page),
    }
}

async fn page(house: &House, connection: &mut Connection) {
    let query = "{ adminUsers(first: 50) { edges { cursor node { id email status connection } } pageInfo { hasNextPage endCursor } } }";
    let body = json!({ "query": query }).to_string();
    let answer = connection
        .post(&house.admin_header(), &body)
        .await
        .expect("an answer");
    assert!(answer.body.contains("\"endCursor\":\""), "{}", answer.body);
}

fn email(number: u64) -> String {
    format!("user-{number}@example.org")
}

/// Copies the one account that there is, with its session, as often as wanted.
async fn fill(url: &str, accounts: u64) {
    let db = Database::connect(url).await.expect("the database answers");
    // Every row names the one above it by the same number.
    let id = |db: &DatabaseConnection, kind: char| match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => {
            format!("(lpad(to_hex(n), 12, '0') || '7{kind}008000000000000000')::uuid")
        }
        _ => format!("unhex(printf('%012x', n) || '7{kind}008000000000000000')"),
    };
    let text = |start: &str| format!("'{start}' || n || '@example.org'");
    copy::<user::Entity>(
        &db,
        accounts,
        &[
            ("id", id(&db, 'a')),
            ("email", text("user-")),
            ("email_key", text("user-")),
        ],
    )
    .await;
    copy::<session::Entity>(
        &db,
        accounts,
        &[("id", id(&db, 'b')), ("user_id", id(&db, 'a'))],
    )
    .await;
    db.execute_unprepared("ANALYZE").await.expect("statistics");
    db.close().await.expect("a closed connection");
}

async fn copy<E: EntityTrait>(db: &DatabaseConnection, times: u64, instead: &[(&str, String)]) {
    let table = E::default().table_name().to_owned();
    let names: Vec<String> = E::Column::iter().map(|column| column.to_string()).collect();
    let values: Vec<String> = names
        .iter()
        .map(|name| {
            let given = instead.iter().find(|(column, _)| column == name);
            given.map_or_else(|| format!("{table}.{name}"), |(_, value)| value.clone())
        })
        .collect();
    let numbers = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => format!("generate_series(1, {times}) AS n"),
        _ => format!(
            "(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {times}) SELECT n FROM up)"
        ),
    };
    // The first one that there is, and only it: a table being read and written at once.
    let statement = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (SELECT * FROM {table} LIMIT 1) AS {table}, {numbers}",
        names.join(", "),
        values.join(", ")
    );
    db.execute_unprepared(&statement).await.expect("rows");
}
