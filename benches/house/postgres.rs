//! PostgreSQL: the server that `VESTIBULE_TEST_POSTGRES_URL` names, or one of our own with PostgreSQL's own settings (the
//! tests' switches `fsync` off, which would flatter it). A shell watches over ours: when this process ends, however it
//! ends, the shell's standard input does, and the shell stops the server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

use super::house::free_port;
use super::process;

pub struct Postgres {
    /// Without a database name.
    url: String,
    /// The process that all others hang below, where it runs on this machine.
    pub pid: Option<u32>,
    watch: Option<Child>,
}

/// `$1` is the folder of the programs, `$2` the data, `$3` the port. PostgreSQL refuses to run as root, so that root
/// hands it to the user whom Debian's package makes for it.
const WATCH: &str = r#"
set -eu
as=""
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --clear-groups"; chown postgres "$2"; fi
cd "$2"
$as "$1/initdb" -D "$2/data" -U vestibule --auth=trust --no-sync --encoding=UTF8 --locale=C >"$2/log" 2>&1
$as "$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 >>"$2/log" 2>&1 &
server=$!
cat >/dev/null || true
kill -INT $server 2>/dev/null || true
wait $server 2>/dev/null || true
"#;

impl Postgres {
    /// Nothing where there is no PostgreSQL.
    pub async fn find(folder: &Path) -> Option<Self> {
        let given = std::env::var_os("VESTIBULE_TEST_POSTGRES_URL").filter(|url| !url.is_empty());
        let mut server = match given {
            Some(url) => Self {
                url: url.to_str()?.trim_end_matches('/').to_owned(),
                pid: None,
                watch: None,
            },
            None => Self::start(folder)?,
        };
        for _ in 0..300 {
            if let Some(db) = server.connect().await {
                let query = Statement::from_string(DbBackend::Postgres, "SELECT pg_backend_pid()");
                let row = db.query_one_raw(query).await.ok().flatten();
                let own: Option<i32> = row.and_then(|row| row.try_get_by_index(0).ok());
                server.pid = own
                    .and_then(|pid| u32::try_from(pid).ok())
                    .and_then(|pid| process::parent_of_same_name(pid, "postgres"));
                return Some(server);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not answer: {log}");
    }

    /// An empty database of that name; its address.
    pub async fn create(&self, name: &str) -> String {
        let name = format!("vestibule_bench_{}_{name}", std::process::id());
        self.execute(&format!("CREATE DATABASE {name}")).await;
        format!("{}/{name}", self.url)
    }

    pub async fn remove(&self, url: &str) {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await;
    }

    async fn execute(&self, statement: &str) {
        let db = self.connect().await.expect("PostgreSQL answers");
        db.execute_unprepared(statement).await.expect(statement);
    }

    async fn connect(&self) -> Option<DatabaseConnection> {
        Database::connect(format!("{}/postgres", self.url))
            .await
            .ok()
    }

    fn start(folder: &Path) -> Option<Self> {
        let programs = programs()?;
        std::fs::create_dir_all(folder).expect("a folder for PostgreSQL");
        let port = free_port();
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .args([programs.as_os_str(), folder.as_os_str()])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        Some(Self {
            url: format!("postgres://vestibule@127.0.0.1:{port}"),
            pid: None,
            watch: Some(watch),
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(watch) = &mut self.watch {
            drop(watch.stdin.take());
            // Nothing to do about a shell that cannot be waited for.
            let _ = watch.wait();
        }
    }
}

fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    std::env::split_paths(&path)
        .chain(folders.into_iter().rev())
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}
