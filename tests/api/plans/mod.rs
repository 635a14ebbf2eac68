//! Every statement that the house uses finds its rows by an index. Another run of this binary walks through the API and
//! notes the statements that leave it; here each database is asked how it would carry them out.

mod walk;

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, Once};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement, TransactionTrait,
};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::harness::program::Folder;
use crate::harness::{Backend, Database};

/// Names the file for the statements.
const NOTES: &str = "VESTIBULE_TEST_STATEMENTS";
const BETWEEN: &str = "\n;;\n";

/// What walks: every field of the schema, by everybody, and what only certain circumstances bring about.
const WALK: [&str; 3] = ["authorization::", "plans::walk::", "federation::entities::"];

/// Tables of settings and keys: a handful of rows, which every plan reads as a whole whatever indexes there are.
const SMALL: [&str; 5] = [
    "applications",
    "application_connections",
    "connections",
    "sealed_secrets",
    "signing_keys",
];

/// Notes every statement of this process, where the run was asked to.
pub fn note_if_asked() {
    static START: Once = Once::new();
    START.call_once(|| {
        let Some(path) = std::env::var_os(NOTES) else {
            return;
        };
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        let notes = Notes(Mutex::new(file.expect("a file for the statements")));
        let subscriber = tracing_subscriber::registry().with(notes);
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    });
}

struct Notes(Mutex<std::fs::File>);

impl<S: tracing::Subscriber> Layer<S> for Notes {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut said = Said::default();
        event.record(&mut said);
        let statement = if said.statement.trim().is_empty() {
            said.summary
        } else {
            said.statement
        };
        let note = format!("{}{BETWEEN}", statement.trim());
        self.0
            .lock()
            .expect("the notes")
            .write_all(note.as_bytes())
            .expect("a note");
    }
}

#[derive(Default)]
struct Said {
    summary: String,
    statement: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The statements of a walk on one database that begin with one of these words, each once.
pub fn noted(backend: Backend, words: &[&str]) -> BTreeSet<String> {
    let folder = Folder::new();
    let notes = folder.path().join("statements");
    let other = match backend {
        Backend::Sqlite => "on_postgres",
        Backend::Postgres => "on_sqlite",
    };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(WALK)
        .args(["--skip", other, "--skip", "race", "--test-threads", "2"])
        .env(NOTES, &notes)
        .stdin(Stdio::null())
        .output()
        .expect("this binary runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let noted = std::fs::read_to_string(notes).expect("the statements");
    let reads = |statement: &&str| {
        let word = statement.split_whitespace().next().unwrap_or_default();
        words.contains(&word)
    };
    // The database's own tables are none of ours, and the tests look into tables in ways that the house does not.
    let ours = |statement: &&str| {
        ![
            "pg_",
            "sqlite_",
            "pragma",
            "seaql_migrations",
            "information_schema",
        ]
        .iter()
        .any(|foreign| statement.contains(foreign))
    };
    noted
        .split(BETWEEN)
        .filter(reads)
        .filter(ours)
        .map(str::to_owned)
        .collect()
}

/// What SQLite calls lists of values (`8-ROW VALUES`, too) and results of its own; and a view of one row.
const NO_TABLES: [&str; 8] = [
    "json_each",
    "(subquery-1)",
    "(subquery-4)",
    "numbered",
    "CONSTANT",
    "given",
    "horizon",
    "identity_horizon",
];

/// What the plan reads from beginning to end, of the tables that grow.
async fn scanned(db: &DatabaseConnection, backend: Backend, statement: &str) -> Vec<String> {
    let lines = match backend {
        Backend::Sqlite => plan_of_sqlite(db, statement).await,
        Backend::Postgres => plan_of_postgres(db, statement).await,
    };
    let small = |table: &str| SMALL.contains(&table.trim_matches('"'));
    let mut scanned = Vec::new();
    for line in lines {
        let table = match backend {
            // `SCAN users` reads all of it; `SCAN users USING INDEX …` walks along an index, for the pages of a list.
            Backend::Sqlite => line
                .strip_prefix("SCAN ")
                .filter(|rest| !rest.contains("USING"))
                .and_then(|rest| rest.split(' ').next()),
            Backend::Postgres => line
                .trim()
                .trim_start_matches("-> ")
                .trim()
                .strip_prefix("Seq Scan on "),
        };
        let table = table.and_then(|table| table.split_whitespace().next());
        let is_list = |table: &str| NO_TABLES.contains(&table) || table.ends_with("-ROW");
        if let Some(table) = table.filter(|table| !small(table) && !is_list(table)) {
            scanned.push(table.to_owned());
        }
    }
    scanned
}

async fn plan_of_sqlite(db: &DatabaseConnection, statement: &str) -> Vec<String> {
    let explain = Statement::from_string(
        db.get_database_backend(),
        format!("EXPLAIN QUERY PLAN {statement}"),
    );
    let rows = db
        .query_all_raw(explain)
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
    rows.iter()
        .map(|row| row.try_get("", "detail").unwrap())
        .collect()
}

/// On tables that are taken for large ones.
async fn plan_of_postgres(db: &DatabaseConnection, statement: &str) -> Vec<String> {
    let tx = db.begin().await.unwrap();
    tx.execute_unprepared("SET LOCAL enable_seqscan = off")
        .await
        .unwrap();
    let lines = planned(&tx, statement).await;
    tx.rollback().await.unwrap();
    lines
}

/// Once for all values.
async fn planned(tx: &DatabaseTransaction, statement: &str) -> Vec<String> {
    let numbers = statement.split('$').skip(1).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok()
    });
    let parameters = vec!["NULL"; numbers.max().unwrap_or_default()].join(", ");
    let arguments = if parameters.is_empty() {
        String::new()
    } else {
        format!("({parameters})")
    };
    for setup in [
        "SET LOCAL plan_cache_mode = force_generic_plan",
        &format!("PREPARE planned AS {statement}"),
    ] {
        tx.execute_unprepared(setup)
            .await
            .unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    let explain = Statement::from_string(
        tx.get_database_backend(),
        format!("EXPLAIN EXECUTE planned{arguments}"),
    );
    let rows = tx
        .query_all_raw(explain)
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
    let lines = rows
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    tx.execute_unprepared("DEALLOCATE planned").await.unwrap();
    lines
}

/// As it is planned on a thousand sessions that PostgreSQL has not looked at yet.
async fn plan_of_fresh_sessions(db: &DatabaseConnection, statement: &str) -> String {
    let tx = db.begin().await.unwrap();
    tx.execute_unprepared(
        "SET LOCAL session_replication_role = replica;
         INSERT INTO sessions (id, user_id, application_id, amr, authenticated_at, created_at, last_used_at, expires_at, ends_at)
         SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '[]', now(), now(), now(), now(), now()
         FROM generate_series(1, 1000)",
    )
    .await
    .unwrap();
    let plan = planned(&tx, statement).await.join("\n");
    tx.rollback().await.unwrap();
    plan
}

on_both_databases! {
    async fn every_statement_in_use_is_served_by_an_index(backend: Backend) {
        let statements = tokio::task::spawn_blocking(move || noted(backend, &["SELECT", "UPDATE", "DELETE"])).await.unwrap();
        assert!(statements.len() > 60, "{statements:#?}");
        // A crowd was among those who walked.
        let by_a_crowd = |statement: &String| statement.contains("SKIP LOCKED");
        assert!(backend == Backend::Sqlite || statements.iter().any(by_a_crowd));
        let database = Database::empty(backend).await;
        let db = database.connect().await;
        let tx = migration::begin_alone(&db).await.unwrap();
        migration::apply(&tx).await.unwrap();
        tx.commit().await.unwrap();
        if backend == Backend::Postgres {
            let several = |statement: &&String| statement.matches("($").count() > 4 && statement.contains(r#""given""#);
            let together = statements.iter().find(several).expect("tokens that were exchanged together");
            let plan = plan_of_fresh_sessions(&db, together).await;
            // One that expects a single session reads all of them against all tokens.
            let expects_one = |line: &&str| line.contains("Seq Scan on sessions") && line.contains("rows=1 ");
            assert_eq!(plan.lines().find(expects_one), None, "{plan}");
        }
        let mut wanting = Vec::new();
        for statement in statements {
            let scanned = scanned(&db, backend, &statement).await;
            if !scanned.is_empty() {
                wanting.push(format!("{scanned:?}: {statement}"));
            }
        }
        assert!(wanting.is_empty(), "{}", wanting.join("\n\n"));
    }
}
