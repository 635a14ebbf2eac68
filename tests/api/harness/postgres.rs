//! One real PostgreSQL server for the whole run: the one that `VESTIBULE_TEST_POSTGRES_URL` names, or one of our own,
//! started on a free port in a temporary folder. A shell watches over it: when this process ends, however it ends, the
//! shell's standard input does, and the shell stops the server and removes the folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sea_orm::Database as Connector;
use tokio::sync::OnceCell;

pub struct Server {
    /// Without a database name.
    pub url: String,
    /// Its standard input holds the server up.
    _watch: Option<Child>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// Watches over the server. `$1` is the folder of its programs, `$2` its data, `$3` its port; PostgreSQL refuses to run
/// as root, so that root hands it to the user whom Debian's package makes for it.
const WATCH: &str = r#"
set -eu
as=""
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --clear-groups"; chown postgres "$2"; fi
cd "$2"
$as "$1/initdb" -D "$2/data" -U vestibule --auth=trust --no-sync --encoding=UTF8 --locale=C >"$2/log" 2>&1
$as "$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c max_connections=400 -c shared_buffers=64MB >>"$2/log" 2>&1 &
server=$!
cat >/dev/null || true
kill -INT $server 2>/dev/null || true
wait $server 2>/dev/null || true
rm -rf "$2"
"#;

pub async fn server() -> &'static Server {
    SERVER
        .get_or_init(|| async {
            if let Some(url) = std::env::var("VESTIBULE_TEST_POSTGRES_URL")
                .ok()
                .filter(|url| !url.is_empty())
            {
                return Server {
                    url: url.trim_end_matches('/').to_owned(),
                    _watch: None,
                };
            }
            start().await
        })
        .await
}

async fn start() -> Server {
    let programs = programs().expect(
        "PostgreSQL's initdb is on the PATH or below /usr/lib/postgresql \
         (Debian: apt-get install postgresql), or VESTIBULE_TEST_POSTGRES_URL names a server",
    );
    let folder = std::env::temp_dir().join(format!("vestibule-postgres-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for PostgreSQL");
    let port = free_port();
    let url = format!("postgres://vestibule@127.0.0.1:{port}");
    let server = Server {
        url: url.clone(),
        _watch: Some(
            Command::new("sh")
                .args(["-c", WATCH, "watch"])
                .args([
                    programs.as_os_str(),
                    folder.as_os_str(),
                    port.to_string().as_ref(),
                ])
                .stdin(Stdio::piped())
                .spawn()
                .expect("a shell"),
        ),
    };
    for _ in 0..300 {
        if let Ok(db) = Connector::connect(format!("{url}/postgres")).await {
            db.close().await.expect("a closed connection");
            return server;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("PostgreSQL did not start: {log}");
}

fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| has_both(folder));
    on_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<_> = versions
            .flatten()
            .map(|version| version.path().join("bin"))
            .collect();
        folders.sort();
        folders.into_iter().rev().find(|folder| has_both(folder))
    })
}

fn has_both(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

/// Free now; taken by nobody else in the moment it takes PostgreSQL to bind it.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
