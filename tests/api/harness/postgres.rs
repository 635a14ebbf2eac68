//! One real PostgreSQL server for the whole run: the one that `VESTIBULE_TEST_POSTGRES_URL` names, or one of our own,
//! started on a free port in a temporary folder. A shell watches over it: when this process ends, however it ends, the
//! shell's standard input does, and the shell stops the server and removes the folder. Where the shell was killed, too, the
//! next run removes it.
//!
//! [`Own`] is a server for one test alone, which may restart it and make it stand still.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use sea_orm::Database as Connector;
use tokio::sync::OnceCell;

use super::{free_port, run_name};

/// What folders of servers are called; the run's name, which begins with its process, and the port follow.
const PREFIX: &str = "vestibule-postgres-";

pub struct Server {
    /// Without a database name.
    pub url: String,
    /// Its standard input holds the server up.
    _watch: Option<Child>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// Watches over the server. `$1` is the folder of its programs, `$2` its data, `$3` its port; PostgreSQL refuses to run
/// as root, so that root hands it to the user whom Debian's package makes for it. A line of standard input restarts it as
/// a crash does. At the end, what stands still is set going: a stopped process does not hear that it should end.
const WATCH: &str = r#"
set -eu
as="" programs="$1" folder="$2" port="$3"
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --clear-groups"; chown postgres "$folder"; fi
cd "$folder"
serve() {
    $as "$programs/postgres" -D "$folder/data" -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 -c fsync=off \
        -c max_connections=400 -c shared_buffers=64MB >>"$folder/log" 2>&1 &
    server=$!
}
$as "$programs/initdb" -D "$folder/data" -U vestibule --auth=trust --no-sync --encoding=UTF8 --locale=C >"$folder/log" 2>&1
serve
while read -r _; do
    kill -QUIT $server 2>/dev/null || true
    wait $server 2>/dev/null || true
    serve
done
kill -CONT $server 2>/dev/null || true
kill -QUIT $server 2>/dev/null || true
wait $server 2>/dev/null || true
rm -rf "$folder"
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
            let own = Own::start().await;
            Server {
                url: own.url(),
                _watch: Some(own.watch),
            }
        })
        .await
}

/// A server of our own; it goes with this.
pub struct Own {
    pub address: SocketAddr,
    folder: PathBuf,
    watch: Child,
}

impl Own {
    pub async fn start() -> Self {
        let programs = programs().expect(
            "PostgreSQL's initdb is on the PATH or below /usr/lib/postgresql \
             (Debian: apt-get install postgresql), or VESTIBULE_TEST_POSTGRES_URL names a server",
        );
        let port = free_port();
        let folder = place().join(format!("{PREFIX}{}-{port}", run_name()));
        std::fs::create_dir_all(&folder).expect("a folder for PostgreSQL");
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .args([
                programs.as_os_str(),
                folder.as_os_str(),
                port.to_string().as_ref(),
            ])
            // What is typed to end the run does not end the shell before it has cleared up.
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let own = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            folder,
            watch,
        };
        own.answers().await;
        own
    }

    /// Without a database name.
    pub fn url(&self) -> String {
        format!("postgres://vestibule@{}", self.address)
    }

    /// Waits until it takes connections.
    pub async fn answers(&self) {
        for _ in 0..1_200 {
            if let Ok(db) = Connector::connect(format!("{}/postgres", self.url())).await {
                db.close().await.expect("a closed connection");
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start: {log}");
    }

    /// Ends every connection in the middle of whatever it does, as a crash does, and starts again.
    pub fn crash(&mut self) {
        let words = self.watch.stdin.as_mut().expect("a pipe");
        words.write_all(b"again\n").expect("the shell listens");
    }

    /// Every process of it stands still: connections stay open, and nobody answers.
    pub fn freeze(&self) {
        // The one that makes others first, so that none is made meanwhile.
        let server = self.id();
        signal("-STOP", &[server]);
        signal("-STOP", &children_of(server));
    }

    pub fn thaw(&self) {
        let server = self.id();
        signal("-CONT", &children_of(server));
        signal("-CONT", &[server]);
    }

    fn id(&self) -> u32 {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("a pid");
        let id = file
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        id.expect("the server's process")
    }
}

fn signal(which: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    // One that has ended meanwhile is no failure.
    let sent = Command::new("kill")
        .arg(which)
        .args(processes)
        .stderr(Stdio::null())
        .status();
    sent.expect("kill");
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything; the state and the parent follow it.
        let after = stat.rsplit_once(')').map(|(_, after)| after.to_owned());
        let found = after.and_then(|after| after.split_whitespace().nth(1)?.parse().ok());
        found == Some(parent)
    };
    ids.filter(is_child).collect()
}

/// For temporary files, as the system or `TMPDIR` says. Not below `target/`: a socket's path must be short, and another user
/// must be let in. What runs that were killed have left there is removed.
fn place() -> PathBuf {
    static CLEARED: Once = Once::new();
    let place = std::env::temp_dir();
    CLEARED.call_once(|| {
        let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_left(&entry.file_name().to_string_lossy())) {
            // Somebody else's, or being removed by its shell: no harm.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    });
    place
}

/// Whether it is the folder of a server whose run is over.
fn is_left(folder: &str) -> bool {
    let process = folder
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split(['_', '-']).next()?.parse::<u32>().ok());
    let processes = Path::new("/proc");
    process.is_some_and(|id| {
        processes.join("self").exists() && !processes.join(id.to_string()).exists()
    })
}

/// A program that comes with the server's: `pg_dump`.
pub fn program(name: &str) -> PathBuf {
    let program = folders()
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    program.unwrap_or_else(|| panic!("{name} comes with PostgreSQL"))
}

fn programs() -> Option<PathBuf> {
    folders().find(|folder| has_both(folder))
}

/// Where programs lie, and then where Debian has those of each version, the newest first.
fn folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut folders: Vec<_> = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    on_path.into_iter().chain(folders.into_iter().rev())
}

fn has_both(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}
