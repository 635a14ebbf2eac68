//! `vestibule serve`: the whole house, until it is told to stop.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{Failure, explain};
use crate::app::App;
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::http::{self, ServerOptions};
use crate::key;
use crate::locksmith;
use crate::telemetry::Traces;

/// Connections to `/metrics` held open at once, where it has an address of its own.
const WATCHERS: usize = 16;

/// `traces` is what hands spans to the collector, where there is one.
pub async fn serve(config: Config, traces: Option<Traces>) -> Result<(), Failure> {
    let bind = config.settings.bind;
    let app = App::open(config, Clock::system(), Rng::system())
        .await
        .map_err(explain)?;
    let listener = TcpListener::bind(bind)
        .await
        .map_err(|cause| format!("VESTIBULE_BIND: {cause}"))?;
    let metrics_listener = match app.config.settings.metrics_bind {
        Some(bind) => Some(
            TcpListener::bind(bind)
                .await
                .map_err(|cause| format!("VESTIBULE_METRICS_BIND: {cause}"))?,
        ),
        None => None,
    };
    let mut signals = Signals::listen()?;
    greet(&app.config);

    let (tell, stop) = watch::channel(false);
    let worker = tokio::spawn(app.worker.clone().run(stop.clone()));
    let locksmith = tokio::spawn(locksmith::run(app.clone(), stop.clone()));
    let watch = tokio::spawn(app.db.clone().watch(stop.clone()));
    let (end_traces, traces_end) = watch::channel(false);
    let traces = traces.map(|traces| tokio::spawn(traces.run(app.metrics.clone(), traces_end)));
    let settings = &app.config.settings;
    let options = ServerOptions {
        connections: settings.http_connections as usize,
        read_timeout: Duration::from_millis(settings.read_timeout),
        shutdown_timeout: Duration::from_millis(settings.shutdown_timeout),
    };
    let watched = metrics_listener.map(|listener| {
        let few = ServerOptions {
            connections: WATCHERS,
            ..options
        };
        let router = http::metrics_router(app.clone());
        tokio::spawn(http::serve(listener, router, few, stop.clone()))
    });
    let server = tokio::spawn(http::serve(
        listener,
        http::front(app.clone()),
        options,
        stop,
    ));
    // Once requests are answered, so that the first does not wait for it.
    tokio::task::spawn_blocking(key::warm_up);
    signals.received().await;
    drain(&app, &mut signals).await;
    tracing::info!("stopping: requests under way are finished first");
    // Nobody listening any more means that everything has ended already.
    let _ = tell.send(true);
    server.await?;
    if let Some(watched) = watched {
        watched.await?;
    }
    worker.await?;
    locksmith.await?;
    watch.await?;
    app.close().await;
    // Last, because everything before has spans; and no longer than requests were waited for.
    let _ = end_traces.send(true);
    if let Some(traces) = traces
        && tokio::time::timeout(options.shutdown_timeout, traces)
            .await
            .is_err()
    {
        tracing::warn!("the collector is too slow: the last spans of traces are lost");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Serves on for a while, but tells load balancers to send nobody any more. Who is in a hurry asks again.
async fn drain(app: &App, signals: &mut Signals) {
    app.leave();
    let delay = app.config.drain_delay();
    if delay.is_zero() {
        return;
    }
    tracing::info!(
        millis = delay.as_millis(),
        "told to stop: not ready any more, serving on for a while"
    );
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = signals.received() => {}
    }
}

/// What asks the house to stop: SIGTERM, and SIGINT of a terminal.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The three addresses a newcomer needs.
fn greet(config: &Config) {
    let base = config.issuer();
    if !config.is_development() {
        tracing::info!(bind = %config.settings.bind, public_url = base, "serving");
        return;
    }
    println!("\n  Vestibule is open (development mode).\n");
    println!("  GraphiQL   {base}/graphql");
    println!("  Inbox      {base}/dev/inbox");
    println!("  JWKS       {base}/.well-known/jwks.json\n");
    if !http::EMBEDDED {
        println!(
            "  This build does not hold GraphiQL: its page loads it from {}.\n",
            http::CDN
        );
    }
}
