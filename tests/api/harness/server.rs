//! The house behind a real socket, for tests where HTTP itself, a browser or another program matters.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vestibule::http::{ServerOptions, front, serve};

use super::{Backend, Database, HeldClock, TestApp};

pub struct Server {
    pub test: TestApp,
    /// `http://127.0.0.1:port`
    pub base: String,
    pub address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    pub async fn start(backend: Backend) -> Self {
        Self::with(backend, &[]).await
    }

    /// Serves on a free port, with the worker running beside it.
    pub async fn with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        Self::at(backend, settings, HeldClock::start()).await
    }

    async fn at(backend: Backend, settings: &[(&str, &str)], clock: HeldClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let base = format!("http://{address}");
        let mut settings = settings.to_vec();
        settings.push(("VESTIBULE_PUBLIC_URL", &base));
        let database = Database::fresh(backend).await;
        let test = TestApp::with_clock(database, &settings, clock).await;
        let (stop, told) = watch::channel(false);
        let options = ServerOptions {
            connections: 1_000,
            read_timeout: Duration::from_millis(test.app.config.settings.read_timeout),
            shutdown_timeout: Duration::from_secs(5),
        };
        let tasks = vec![
            tokio::spawn(serve(
                listener,
                front(test.app.clone()),
                options,
                told.clone(),
            )),
            tokio::spawn(test.app.worker.clone().run(told.clone())),
            tokio::spawn(vestibule::locksmith::run(test.app.clone(), told)),
        ];
        Self {
            test,
            base,
            address,
            stop,
            tasks,
        }
    }

    /// On the system's clock, for those who judge the age of a token or a mail by their own.
    pub async fn start_now(backend: Backend) -> Self {
        Self::now_with(backend, &[]).await
    }

    pub async fn now_with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        Self::at(backend, settings, HeldClock::now()).await
    }

    /// Stops as on SIGTERM, and waits for the end.
    pub async fn stop(self) {
        self.stop.send(true).expect("somebody serves");
        for task in self.tasks {
            task.await.expect("the server ends in peace");
        }
    }
}
