//! The real program as a process of its own, in a temporary folder.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{free_port, run_name, wire};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Goes with its last use.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("vestibule-folder-{}-{number}", run_name());
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

/// `VESTIBULE_TEST_PROGRAM`, as what `cargo ship` has built, or what was built along.
pub fn binary() -> OsString {
    named("VESTIBULE_TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_vestibule").into())
}

/// `VESTIBULE_TEST_PREVIOUS`, what the version before has built; where none is named, it is the same.
fn previous() -> OsString {
    named("VESTIBULE_TEST_PREVIOUS").unwrap_or_else(binary)
}

fn named(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|path| !path.is_empty())
}

/// The program in this folder, with these settings and no others.
pub fn command(folder: &Folder, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = with_nothing_else(&binary(), folder, settings);
    command.args(arguments);
    command
}

fn with_nothing_else(program: &OsStr, folder: &Folder, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder.path())
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end, which must come soon: a start that should have been refused is ended here.
pub fn finish(folder: &Folder, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    to_its_end(command(folder, settings, arguments))
}

/// The same, under a limit that the shell sets.
pub fn finish_under(
    before: &str,
    folder: &Folder,
    settings: &[(&str, &str)],
    arguments: &[&str],
) -> Output {
    let script = format!("{before}\nexec \"$0\" \"$@\"");
    let mut command = with_nothing_else(OsStr::new("/bin/sh"), folder, settings);
    command.args(["-c", &script]).arg(binary()).args(arguments);
    to_its_end(command)
}

fn to_its_end(mut command: Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // Read all the while: a pipe has room for little.
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let end = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > end {
            child.kill().expect("our own child");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().expect("its output"));
    Output {
        status,
        stdout,
        stderr,
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut octets = Vec::new();
        let read = pipe.map(|mut pipe| pipe.read_to_end(&mut octets));
        read.transpose().expect("its output");
        octets
    })
}

/// On loopback, with a port that is nobody else's.
pub fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// `vestibule serve`, answering.
pub struct Program {
    pub folder: Folder,
    pub address: SocketAddr,
    settings: Vec<(String, String)>,
    /// What the shell does before it becomes the program: `ulimit -n 300`.
    before: String,
    binary: OsString,
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

    /// The version before, where one is named.
    pub async fn serve_previous_at(address: SocketAddr, settings: &[(&str, &str)]) -> Self {
        let mut program = Self::start_as(previous(), "", address, settings);
        program.wait_until_ready().await;
        program
    }

    /// The same, under a limit that the shell sets.
    pub async fn serve_under(before: &str, settings: &[(&str, &str)]) -> Self {
        let mut program = Self::start_under(before, free_address(), settings);
        program.wait_until_ready().await;
        program
    }

    /// Started, and not waited for.
    pub fn start(address: SocketAddr, settings: &[(&str, &str)]) -> Self {
        Self::start_under("", address, settings)
    }

    fn start_under(before: &str, address: SocketAddr, settings: &[(&str, &str)]) -> Self {
        Self::start_as(binary(), before, address, settings)
    }

    fn start_as(
        binary: OsString,
        before: &str,
        address: SocketAddr,
        settings: &[(&str, &str)],
    ) -> Self {
        let folder = Folder::new();
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let settings: Vec<_> = settings.iter().map(own).collect();
        let child = spawn(&binary, &folder, address, &settings, before);
        Self {
            folder,
            address,
            settings,
            before: before.to_owned(),
            binary,
            child,
        }
    }

    /// Ends it at once, whatever it is doing.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Starts it again after its end, in the same folder, with the same settings, on another port.
    pub async fn start_again(&mut self) {
        self.address = free_address();
        self.child = spawn(
            &self.binary,
            &self.folder,
            self.address,
            &self.settings,
            &self.before,
        );
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            let listens = tokio::net::TcpStream::connect(self.address).await.is_ok();
            // A database that is slow to answer is away for a moment.
            if listens && wire::get(self.address, "/readyz", &[]).await.status == 200 {
                return;
            }
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{ended:?}: {}", self.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the program is not ready: {}", self.output());
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

    /// The same, once this is a part of it: the log is written a moment after what it tells.
    pub async fn output_with(&self, wanted: &str) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let output = self.output();
            if output.contains(wanted) {
                return output;
            }
            assert!(Instant::now() < end, "{wanted} is not there: {output}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Memory that it holds, in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that it has ever held, in KiB.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running program");
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        number.expect("its memory")
    }

    /// Files and sockets that it holds open.
    pub fn descriptors(&self) -> usize {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        folder.expect("a running program").count()
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Stops it where it is; it lets nobody in, and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
        // A thread that waits for a processor goes on until it has had one.
        let end = Instant::now() + Duration::from_secs(20);
        while !self.stands_still() {
            assert!(Instant::now() < end, "it goes on");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether each of its threads is stopped.
    fn stands_still(&self) -> bool {
        let threads = format!("/proc/{}/task", self.child.id());
        let threads = std::fs::read_dir(threads).expect("Linux tells");
        threads.flatten().all(|thread| {
            let status = std::fs::read_to_string(thread.path().join("status"));
            status.is_ok_and(|status| status.contains("State:\tT"))
        })
    }

    /// After [`Program::freeze`].
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
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

fn spawn(
    binary: &OsStr,
    folder: &Folder,
    address: SocketAddr,
    settings: &[(String, String)],
    before: &str,
) -> Child {
    let open = |name: &str| {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).append(true);
        file.open(folder.path().join(name)).expect("a file")
    };
    let script = format!("{before}\nexec \"$0\" serve");
    Command::new("/bin/sh")
        .args(["-c", &script])
        .arg(binary)
        .current_dir(folder.path())
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .env("VESTIBULE_BIND", address.to_string())
        .stdin(Stdio::null())
        .stdout(open("stdout"))
        .stderr(open("stderr"))
        .spawn()
        .expect("the program starts")
}
