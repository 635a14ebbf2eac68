//! `vestibule serve`: the whole house, until it is told to stop.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError};
use tokio::time::Instant;

use super::signals::Signals;
use super::{Failure, explain};
use crate::app::App;
use crate::clock::{Clock, Rng};
use crate::config::{Config, descriptors};
use crate::http::{self, ServerOptions};
use crate::locksmith;
use crate::telemetry::Traces;

/// Connections to `/metrics` held open at once, where it has an address of its own.
const WATCHERS: usize = 16;

/// However long requests took to end, mail and traces under way have this long to do so.
const LEAST: Duration = Duration::from_secs(1);

/// `traces` is what hands spans to the collector, where there is one.
pub async fn serve(config: Config, traces: Option<Traces>) -> Result<(), Failure> {
    // First: where the program is the first process (a container), the system loses a signal that nobody listens for.
    let mut signals = Signals::listen()?;
    make_room(&config);
    let bind = config.settings.bind;
    let app = tokio::select! {
        opened = App::open(config, Clock::system(), Rng::system()) => opened.map_err(explain)?,
        () = signals.received() => {
            tracing::info!("told to stop before the house was open");
            return Ok(());
        }
    };
    let listener = http::listen(bind).map_err(|cause| format!("VESTIBULE_BIND: {cause}"))?;
    let metrics_listener = match app.config.settings.metrics_bind {
        Some(bind) => {
            let listens = http::listen(bind);
            Some(listens.map_err(|cause| format!("VESTIBULE_METRICS_BIND: {cause}"))?)
        }
        None => None,
    };
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
    signals.received().await;
    drain(&app, &mut signals).await;
    tracing::info!("stopping: requests under way are finished first");
    // Nobody listening any more means that everything has ended already.
    let _ = tell.send(true);
    let until = Instant::now() + options.shutdown_timeout;
    server.await?;
    if let Some(watched) = watched {
        watched.await?;
    }
    let helpers = [&worker, &locksmith, &watch].map(|helper| helper.abort_handle());
    let ended = async {
        worker.await?;
        locksmith.await?;
        watch.await
    };
    wait_for_helpers(ended, &helpers, until, &mut signals).await?;
    app.close().await;
    // Last, because everything before has spans; and no longer than requests were waited for.
    let _ = end_traces.send(true);
    if let Some(traces) = traces
        && tokio::time::timeout(what_is_left(until), traces)
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

/// For as many connections as are set, where the system lets us.
fn make_room(config: &Config) {
    descriptors::raise();
    let needed = descriptors::needed(&config.settings);
    if let Some(allowed) = descriptors::allowed()
        && allowed < needed
    {
        tracing::warn!(
            allowed,
            needed,
            "fewer files and sockets may be open than VESTIBULE_HTTP_CONNECTIONS asks for: clients beyond that wait"
        );
    }
}

/// Lets them end what they have in hand. A mail server may take its time: a mail that is broken off here is taken up later,
/// by another instance or the next start, once the claim on it has run out.
async fn wait_for_helpers(
    ended: impl Future<Output = Result<(), JoinError>>,
    helpers: &[AbortHandle],
    until: Instant,
    signals: &mut Signals,
) -> Result<(), JoinError> {
    tokio::select! {
        biased;
        ended = ended => return ended,
        () = tokio::time::sleep(what_is_left(until)) => {}
        () = signals.received() => {}
    }
    tracing::warn!("mail is still under way: it is broken off, and sent again after five minutes");
    helpers.iter().for_each(AbortHandle::abort);
    Ok(())
}

fn what_is_left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).max(LEAST)
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
