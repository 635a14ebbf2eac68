//! The real program as a process of its own, in a temporary folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::postgres::free_port;
use super::wire;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Goes with its last use.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("vestibule-folder-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and answers its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a process still holds open stays; the system's own cleaning finds it.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The program in this folder, with these settings and no others.
pub fn command(folder: &Folder, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end, which must come soon: a start that should have been refused is ended here.
pub fn finish(folder: &Folder, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = command(folder, settings, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let end = Instant::now() + Duration::from_secs(30);
    // The help is shorter than the pipe's room.
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > end {
            child.kill().expect("our own child");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("its output")
}

/// On loopback, with a port that is free now.
pub fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// `vestibule serve`, answering.
pub struct Program {
    pub folder: Folder,
    pub address: SocketAddr,
    child: Child,
}

impl Program {
    pub async fn serve(settings: &[(&str, &str)]) -> Self {
        Self::serve_at(free_address(), settings).await
    }

    /// At an address that is known before, and again after a restart.
    pub async fn serve_at(address: SocketAddr, settings: &[(&str, &str)]) -> Self {
        let mut program = Self::start(address, settings);
        program.wait_until_ready().await;
        program
    }

    /// Started, and not waited for.
    pub fn start(address: SocketAddr, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let bind = address.to_string();
        let mut settings = settings.to_vec();
        settings.push(("VESTIBULE_BIND", &bind));
        let open = |name: &str| std::fs::File::create(folder.path().join(name)).expect("a file");
        let mut command = command(&folder, &settings, &["serve"]);
        let child = command
            .stdout(open("stdout"))
            .stderr(open("stderr"))
            .spawn()
            .expect("the program starts");
        Self {
            folder,
            address,
            child,
        }
    }

    async fn wait_until_ready(&mut self) {
        for _ in 0..600 {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                assert_eq!(wire::get(self.address, "/readyz", &[]).await.status, 200);
                return;
            }
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{ended:?}: {}", self.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the program does not answer: {}", self.output());
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has printed so far.
    pub fn output(&self) -> String {
        let read = |name| std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
        text("stdout") + &text("stderr")
    }

    /// Ends it in the middle of whatever it does, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("its end");
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill").success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the program does not end: {}", self.output());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Ended already, in a test that went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
