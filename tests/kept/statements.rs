//! What the release before asks of the database works on the newest schema: instances are restarted one after the other,
//! and the old ones go on meanwhile. `statements.*.sql`, and `rules.*.txt` beside them, are kept by a run with
//! `VESTIBULE_TEST_KEEP=statements`, after a release.

mod rules;

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::harness::{Backend, Database, TestApp};

const BETWEEN: &str = ";\n";

fn kept(backend: Backend) -> Vec<&'static str> {
    let file = match backend {
        Backend::Sqlite => include_str!("statements.sqlite.sql"),
        Backend::Postgres => include_str!("statements.postgres.sql"),
    };
    file.split(BETWEEN)
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Whether this run was asked to write anew what is kept.
fn is_to_keep() -> bool {
    std::env::var("VESTIBULE_TEST_KEEP").as_deref() == Ok("statements")
}

/// Writes a file of what is kept.
fn write(backend: Backend, what: &str, ending: &str, lines: &str) {
    let name = format!("{backend:?}").to_lowercase();
    let path = format!(
        "{}/tests/kept/{what}.{name}.{ending}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::write(path, lines).expect("a file");
}

async fn keep(backend: Backend) {
    let words = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let noted = tokio::task::spawn_blocking(move || crate::plans::noted(backend, &words));
    let mut lines = String::new();
    for statement in noted.await.expect("the statements") {
        lines.push_str(&statement.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.push_str(BETWEEN);
    }
    write(backend, "statements", "sql", &lines);
}

async fn rows(db: &DatabaseConnection, query: &str) -> Vec<String> {
    let query = Statement::from_string(db.get_database_backend(), query);
    let rows = db.query_all_raw(query).await.expect("rows");
    rows.iter()
        .map(|row| row.try_get_by_index(0).expect("a text"))
        .collect()
}

/// `table.column` of every column that an insertion must name.
async fn required(db: &DatabaseConnection, backend: Backend) -> BTreeSet<String> {
    let query = match backend {
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name FROM information_schema.columns \
             WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL"
        }
        Backend::Sqlite => {
            "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND c.\"notnull\" = 1 AND c.dflt_value IS NULL"
        }
    };
    rows(db, query).await.into_iter().collect()
}

/// Table and columns of an insertion.
fn inserted(statement: &str) -> Option<(String, BTreeSet<String>)> {
    let rest = statement.strip_prefix("INSERT INTO ")?;
    let (table, rest) = rest.split_once(" (")?;
    let (columns, _) = rest.split_once(')')?;
    let name = |quoted: &str| quoted.trim().trim_matches('"').to_owned();
    Some((name(table), columns.split(',').map(name).collect()))
}

/// What the schema refuses of the statements, and why.
async fn refused(db: &DatabaseConnection, backend: Backend) -> Vec<String> {
    let required = required(db, backend).await;
    let mut refused = Vec::new();
    for statement in kept(backend) {
        let prepared = match backend {
            Backend::Postgres => {
                let prepare = format!("PREPARE kept AS {statement}; DEALLOCATE kept");
                db.execute_unprepared(&prepare).await.map(drop)
            }
            Backend::Sqlite => {
                let explain = format!("EXPLAIN {statement}");
                let explain = Statement::from_string(db.get_database_backend(), explain);
                db.query_all_raw(explain).await.map(drop)
            }
        };
        if let Err(error) = prepared {
            refused.push(format!("{error}: {statement}"));
        }
        let Some((table, columns)) = inserted(statement) else {
            continue;
        };
        for required in &required {
            let column = required.strip_prefix(&format!("{table}."));
            if column.is_some_and(|column| !columns.contains(column)) {
                refused.push(format!("{required} is required: {statement}"));
            }
        }
    }
    refused
}

on_both_databases! {
    async fn what_the_release_before_asks_works_on_the_newest_schema(backend: Backend) {
        if is_to_keep() {
            return keep(backend).await;
        }
        let database = Database::fresh(backend).await;
        let test = TestApp::on(database.clone(), &[]).await;
        let db = database.connect().await;
        let statements = kept(backend);
        let insertions = statements.iter().filter(|statement| inserted(statement).is_some());
        assert!(statements.len() > 100 && insertions.count() > 10, "{}", statements.len());
        let refused = refused(&db, backend).await;
        assert!(refused.is_empty(), "{}", refused.join("\n\n"));
        drop(test);
    }

    async fn a_column_that_goes_too_early_is_noticed(backend: Backend) {
        let database = Database::fresh(backend).await;
        let test = TestApp::on(database.clone(), &[]).await;
        let db = database.connect().await;
        db.execute_unprepared("ALTER TABLE jobs DROP COLUMN last_error").await.unwrap();
        assert!(!refused(&db, backend).await.is_empty());
        drop(test);
    }

    async fn a_column_that_comes_and_is_required_is_noticed(backend: Backend) {
        let database = Database::fresh(backend).await;
        let test = TestApp::on(database.clone(), &[]).await;
        let db = database.connect().await;
        // SQLite adds none that is required to a table that is there already: a migration makes it anew.
        let change = match backend {
            Backend::Postgres => "ALTER TABLE jobs ADD COLUMN needed integer NOT NULL",
            Backend::Sqlite => "ALTER TABLE jobs RENAME TO old; CREATE TABLE jobs AS SELECT * FROM old; \
                CREATE TABLE again (id TEXT NOT NULL, needed integer NOT NULL, task TEXT); DROP TABLE jobs; ALTER TABLE again RENAME TO jobs",
        };
        db.execute_unprepared(change).await.unwrap();
        let refused = refused(&db, backend).await;
        assert!(refused.iter().any(|refused| refused.starts_with("jobs.needed is required: ")), "{refused:?}");
        drop(test);
    }

    /// A newer program has migrated; this one goes on, and can be started again, until it is replaced in its turn.
    async fn a_program_serves_on_the_schema_of_the_next_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        let db = test.database.connect().await;
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_next', 0)";
        db.execute_unprepared(newer).await.unwrap();
        db.execute_unprepared("ALTER TABLE users ADD COLUMN next_to_come text").await.unwrap();
        assert_eq!(test.anon().get("/readyz").await.status, 200);
        let restarted = test.second_instance().await;
        assert_eq!(restarted.anon().get("/readyz").await.status, 200);
        restarted.user("ann").await.me().await.ok();
    }

    async fn a_program_is_not_ready_before_its_migrations_are_there(backend: Backend) {
        let test = TestApp::start(backend).await;
        let db = test.database.connect().await;
        db.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE 'm20261121_000009%'").await.unwrap();
        // More than it knows make up for none that it misses.
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_next', 0)";
        db.execute_unprepared(newer).await.unwrap();
        let answer = test.anon().get("/readyz").await;
        assert_eq!((answer.status.as_u16(), answer.body), (503, serde_json::json!("migrations are missing\n")));
    }
}
