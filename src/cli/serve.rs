//! `vestibule serve`: the whole house, until it is told to stop.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Failure, explain};
use crate::app::App;
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::http::{self, ServerOptions};
use crate::locksmith;

pub async fn serve(config: Config) -> Result<(), Failure> {
    let bind = config.settings.bind;
    let app = App::open(config, Clock::system(), Rng::system())
        .await
        .map_err(explain)?;
    let listener = TcpListener::bind(bind)
        .await
        .map_err(|cause| format!("VESTIBULE_BIND: {cause}"))?;
    greet(&app.config);

    let (tell, stop) = watch::channel(false);
    let worker = tokio::spawn(app.worker.clone().run(stop.clone()));
    let locksmith = tokio::spawn(locksmith::run(app.clone(), stop.clone()));
    let settings = &app.config.settings;
    let options = ServerOptions {
        connections: settings.http_connections as usize,
        read_timeout: Duration::from_millis(settings.read_timeout),
        shutdown_timeout: Duration::from_millis(settings.shutdown_timeout),
    };
    let server = tokio::spawn(http::serve(
        listener,
        http::router(app.clone()),
        options,
        stop,
    ));
    told_to_stop().await?;
    tracing::info!("stopping: requests under way are finished first");
    // Nobody listening any more means that everything has ended already.
    let _ = tell.send(true);
    server.await?;
    worker.await?;
    locksmith.await?;
    app.db.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn told_to_stop() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
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
