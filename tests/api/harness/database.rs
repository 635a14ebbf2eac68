//! A database for each test: a file of its own, or a database of its own in one PostgreSQL server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, Database as Connector, DatabaseConnection, DbBackend, Statement};
use tokio::sync::OnceCell;

use super::{postgres, run_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Goes with its last clone.
#[derive(Clone, Debug)]
pub struct Database(Arc<Place>);

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Name { server: String, name: String },
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
/// Kept for the whole run: what is dropped goes.
static TEMPLATE: OnceCell<Database> = OnceCell::const_new();
/// Databases that nobody uses any more, each with its server.
static LEFT: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

impl Database {
    /// Migrated already: copied from a template, which is what keeps the suite quick.
    pub async fn fresh(backend: Backend) -> Self {
        if backend == Backend::Sqlite {
            return Self::empty(backend).await;
        }
        let server = postgres::server().await;
        TEMPLATE
            .get_or_init(|| async {
                let template = Self::create(&server.url, &template_name(), "template0").await;
                let db = template.connect().await;
                let tx = migration::begin_alone(&db).await.expect("a transaction");
                migration::apply(&tx).await.expect("migrations");
                tx.commit().await.expect("a commit");
                db.close().await.expect("a closed connection");
                template
            })
            .await;
        Self::create(&server.url, &next_name(), &template_name()).await
    }

    /// Without a table.
    pub async fn empty(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self(Arc::new(Place::File(
                std::env::temp_dir().join(next_name()),
            ))),
            Backend::Postgres => {
                let server = postgres::server().await;
                Self::create(&server.url, &next_name(), "template0").await
            }
        }
    }

    /// Without a table, in a server of the test's own.
    pub async fn empty_in(server: &postgres::Own) -> Self {
        Self::create(&server.url(), &next_name(), "template0").await
    }

    async fn create(server: &str, name: &str, template: &str) -> Self {
        let db = Connector::connect(format!("{server}/postgres"))
            .await
            .expect("PostgreSQL answers");
        clear(&db, server).await;
        // Before PostgreSQL 15 there was no other.
        let strategy = if version(&db).await >= 150_000 {
            "STRATEGY file_copy"
        } else {
            ""
        };
        let statement = format!("CREATE DATABASE {name} TEMPLATE {template} {strategy}");
        db.execute_unprepared(&statement).await.expect("a database");
        let isolation = std::env::var("VESTIBULE_TEST_ISOLATION").unwrap_or_default();
        if !isolation.is_empty() {
            isolate(&db, name, &isolation).await;
        }
        db.close().await.expect("a closed connection");
        Self(Arc::new(Place::Name {
            server: server.to_owned(),
            name: name.to_owned(),
        }))
    }

    /// On PostgreSQL, whose every transaction is serialisable unless it says otherwise: whoever loses a race is told so
    /// instead of waiting.
    pub async fn serialisable() -> Self {
        let database = Self::fresh(Backend::Postgres).await;
        let db = database.connect().await;
        let url = database.url();
        let (_, name) = url.rsplit_once('/').expect("its name");
        isolate(&db, name, "serializable").await;
        db.close().await.expect("a closed connection");
        database
    }

    pub fn url(&self) -> String {
        match &*self.0 {
            Place::File(path) => format!("sqlite://{}?mode=rwc", path.display()),
            Place::Name { server, name } => format!("{server}/{name}"),
        }
    }

    /// A connection of the test's own, to look behind the API where only the database can tell.
    pub async fn connect(&self) -> DatabaseConnection {
        Connector::connect(self.url())
            .await
            .expect("the database answers")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self {
            Self::File(path) => {
                for end in ["", "-wal", "-shm"] {
                    // Never made, or gone already.
                    let _ = std::fs::remove_file(format!("{}{end}", path.display()));
                }
            }
            // Nobody can wait here: whoever makes the next one takes it away.
            Self::Name { server, name } => {
                let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
                left.push((server.clone(), name.clone()));
            }
        }
    }
}

/// Takes away what the tests before have left in this server: all of them together would fill a small disk.
async fn clear(db: &DatabaseConnection, server: &str) {
    let names: Vec<_> = {
        let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        left.extract_if(.., |(place, _)| place == server).collect()
    };
    for (_, name) in names {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // What cannot be taken away, as before PostgreSQL 13, stays until the end.
        let _ = db.execute_unprepared(&statement).await;
    }
}

/// For connections from now on.
async fn isolate(db: &DatabaseConnection, name: &str, isolation: &str) {
    let statement =
        format!("ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'");
    db.execute_unprepared(&statement)
        .await
        .expect("an isolation level");
}

async fn version(db: &DatabaseConnection) -> i32 {
    let sql = "SELECT current_setting('server_version_num')::int";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await.expect("a version");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

/// Of this process: others may use the same server.
fn template_name() -> String {
    format!("vestibule_template_{}", run_name())
}

fn next_name() -> String {
    format!(
        "vestibule_{}_{}",
        run_name(),
        NUMBER.fetch_add(1, Ordering::SeqCst)
    )
}
