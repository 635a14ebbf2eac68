//! The server that is measured: the optimised binary as a process of its own, in a temporary folder. It ends when its
//! `House` is dropped, however that comes about.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Connection;
use super::plan::Limits;

/// The one that is built along.
const PROGRAM: &str = env!("CARGO_BIN_EXE_vestibule");
const ADMIN_SECRET: &str = "an admin secret of the benchmark";
const MASTER_KEY: &str = "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=";
const PATIENCE: Duration = Duration::from_secs(20);

/// The one that is measured.
pub fn program() -> OsString {
    let given = std::env::var_os("VESTIBULE_BENCH_PROGRAM");
    given.unwrap_or_else(|| PROGRAM.into())
}

pub struct House {
    pub address: SocketAddr,
    /// From the moment it was started to its first answer.
    pub to_first_answer: Duration,
    process: Child,
}

impl House {
    pub async fn start(database: &str, folder: &Path, limits: Limits) -> Self {
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = folder.join(format!("house-{port}.log"));
        let errors = std::fs::File::create(&log).expect("a file for the log");
        let start = Instant::now();
        let process = Command::new(program())
            .arg("serve")
            .current_dir(folder)
            .env_clear()
            .env("VESTIBULE_MODE", "development")
            .env("VESTIBULE_BIND", address.to_string())
            // The tokens' issuer: those of one start must be good at the next.
            .env("VESTIBULE_PUBLIC_URL", "http://localhost:4000")
            .env("VESTIBULE_DATABASE_URL", database)
            .env("VESTIBULE_MASTER_KEY", MASTER_KEY)
            .env("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET)
            .env("VESTIBULE_RATE_LIMITS", limits.as_str())
            // As high as they go, where they count: everybody here is of one network.
            .env("VESTIBULE_FAILURES_PER_NETWORK", "1000000")
            .env("VESTIBULE_SIGN_UPS_PER_NETWORK", "1000000")
            .env("VESTIBULE_MAILS_PER_NETWORK", "100000")
            .env("VESTIBULE_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("the server can be started");
        let mut house = Self {
            address,
            to_first_answer: Duration::ZERO,
            process,
        };
        while !house.answers().await {
            let ended = house.process.try_wait().expect("a child can be asked");
            if ended.is_some() || start.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("the server did not answer: {log}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        house.to_first_answer = start.elapsed();
        house
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A header line.
    pub fn admin_header(&self) -> String {
        format!("x-vestibule-admin-secret: {ADMIN_SECRET}\r\n")
    }

    /// Whether sign-ups wait for their mail, or answer a session at once.
    pub async fn require_verification(&self, required: bool) {
        let input = json!({ "name": "default", "emailVerificationRequired": required });
        let body = json!({
            "query": "mutation($input: AdminUpdateConnectionInput!) { adminUpdateConnection(input: $input) { name } }",
            "variables": { "input": input },
        });
        let headers = self.admin_header();
        let mut connection = Connection::open(self.address).await.expect("a connection");
        let answer = connection
            .post(&headers, &body.to_string())
            .await
            .expect("an answer");
        assert!(!answer.body.contains("\"errors\""), "{}", answer.body);
    }

    /// Stops as on SIGTERM, so that the next start finds a database that was closed.
    pub async fn stop(mut self) {
        let pid = self.pid().to_string();
        let told = Command::new("kill").arg(pid).status();
        assert!(told.is_ok_and(|told| told.success()), "kill");
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn answers(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else {
            return false;
        };
        let answer = connection.post("", r#"{"query":"{__typename}"}"#).await;
        answer.is_ok_and(|answer| answer.status == 200)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Free now; taken by nobody else in the moment it takes to bind it.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
