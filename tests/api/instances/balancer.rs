//! HAProxy before the instances, as `docs/several-instances.md` sets it up. Where it is missing, a developer's run says so
//! and goes on; with `CI=true` it fails.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::program::{Folder, free_address};
use crate::harness::wire;

/// The lines of the document, between its fences.
fn documented() -> &'static str {
    let document = include_str!("../../../docs/several-instances.md");
    let (_, rest) = document.split_once("```haproxy\n").expect("its lines");
    rest.split_once("```").expect("their end").0
}

/// Whether there is none, so that the test cannot run; that fails it in CI.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders
        .map(|folder| folder.join("haproxy"))
        .find(|file| file.is_file());
    if found.is_none() {
        let missing = "HAProxy is missing (Debian: apt-get install haproxy)";
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1");
        assert!(!ci, "{missing}");
        eprintln!("skipped: {missing}");
    }
    found
}

pub struct Balancer {
    pub address: SocketAddr,
    state: SocketAddr,
    folder: Folder,
    child: Child,
}

impl Balancer {
    /// Before these instances, which it calls `a`, `b` and so on; nothing where it is not installed.
    pub async fn before(instances: &[SocketAddr]) -> Option<Self> {
        let program = program()?;
        let (address, state) = (free_address(), free_address());
        let mut lines = documented().replace(
            "bind :443 ssl crt /etc/haproxy/example.pem",
            &format!("bind {address}"),
        );
        assert!(lines.contains(&address.to_string()), "{lines}");
        let (before, _) = lines.split_once("    server a ").expect("its servers");
        lines = before.to_owned();
        for (name, instance) in ["a", "b", "c"].iter().zip(instances) {
            lines.push_str(&format!("    server {name} {instance} check\n"));
        }
        lines.push_str(&format!(
            "frontend state\n    bind {state}\n    stats enable\n    stats uri /state\n"
        ));
        let folder = Folder::new();
        let file = folder.file("haproxy.cfg", &lines);
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let child = Command::new(program)
            .args(["-db", "-f", &file])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the file"))
            .stderr(log)
            .spawn()
            .expect("HAProxy starts");
        let mut balancer = Self {
            address,
            state,
            folder,
            child,
        };
        for name in ["a", "b", "c"].iter().take(instances.len()) {
            balancer.sends_to(name).await;
        }
        Some(balancer)
    }

    /// Waits until it sends people to this instance.
    pub async fn sends_to(&mut self, name: &str) {
        for _ in 0..600 {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{ended:?}: {}", self.log());
            if self.state_of(name).await.is_some_and(|state| state == "UP") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} does not come up: {}", self.log());
    }

    async fn state_of(&self, name: &str) -> Option<String> {
        drop(tokio::net::TcpStream::connect(self.state).await.ok()?);
        let table = wire::get(self.state, "/state;csv", &[]).await.body;
        let mut lines = table.lines();
        // Its answer comes in chunks, whose lengths stand between.
        let heading = lines.find(|line| line.starts_with("# "))?;
        let status = heading.split(',').position(|cell| cell == "status")?;
        let row = lines.find(|line| line.split(',').nth(1) == Some(name))?;
        row.split(',').nth(status).map(str::to_owned)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
