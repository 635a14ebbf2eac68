//! The log: readable lines in development, JSON in production. Secrets have a type that does not print; statements are
//! logged without their values, requests without query and body. Traces go to a collector, where one is set.

mod courier;
mod lines;
mod traces;

use std::any::Any;
use std::collections::HashMap;
use std::io::IsTerminal;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Metadata, Span, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::clock::Rng;
use crate::config::{Config, ConfigError};
pub use lines::{Log, lost_lines, say_at_last};
pub use traces::Traces;

/// The target of spans that go to the collector. Their level is TRACE, so that where there is no collector, the log's
/// filter switches them off where they stand.
pub const TRACED: &str = "vestibule::traced";

/// What nobody is shown, whatever they ask for: these name what a connection was opened with, its password among it, beside each
/// line that is written meanwhile.
const UNSEEN: [&str; 2] = ["sea_orm::database", "sea_orm::driver"];

/// Starts logging to standard error, for as long as what it answers is held.
///
/// # Errors
/// When the filter is malformed.
pub fn start(config: &Config) -> Result<Log, ConfigError> {
    let filter = filter(config)?;
    let (writer, log) = lines::start();
    tracing_subscriber::registry()
        .with(layer(config, writer))
        .with(filter)
        .init();
    careful_panics();
    Ok(log)
}

/// The same, and traces for the collector, where one is set. What it answers must be run, or they go nowhere.
///
/// # Errors
/// When the filter is malformed, or no client can be made for the collector.
pub fn start_traced(config: &Config) -> Result<(Log, Option<Traces>), ConfigError> {
    let Some(endpoint) = &config.settings.otlp_endpoint else {
        return Ok((start(config)?, None));
    };
    let filter = filter(config)?;
    let (tracer, traces) =
        traces::new(endpoint, &Rng::system()).map_err(|_| ConfigError::Invalid {
            setting: "VESTIBULE_OTLP_ENDPOINT".into(),
            problem: "cannot be used".into(),
        })?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    // Lines of the log stay in the log: they are written for other eyes.
    let is_traced = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target() == TRACED;
    let (writer, log) = lines::start();
    tracing_subscriber::registry()
        .with(layer(config, writer).with_filter(filter))
        .with(spans.with_filter(filter_fn(is_traced)))
        .init();
    careful_panics();
    Ok((log, Some(traces)))
}

/// Puts the span below the one that `traceparent` names (W3C Trace Context), if it can be read. The span must not have
/// been entered, and whoever sent the header must be trusted: they name the trace, and whether it is recorded.
pub fn adopt(span: &Span, traceparent: &str) {
    let header = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&header);
    // What cannot be adopted begins a trace of its own.
    drop(span.set_parent(parent));
}

/// The log itself.
fn layer<S>(config: &Config, writer: NonBlocking) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let log = fmt::layer().with_writer(writer);
    if config.is_development() {
        let colours = std::io::stderr().is_terminal();
        log.compact().with_target(false).with_ansi(colours).boxed()
    } else {
        log.json().boxed()
    }
}

/// By target and level: `info,vestibule=debug`. Directives about spans and their fields would be asked at every step of every
/// request. What would be read as a target that nothing has is refused.
fn filter(config: &Config) -> Result<Targets, ConfigError> {
    let directives = config.settings.log.split(',').map(str::trim);
    let directives: Vec<_> = directives.filter(|one| !one.is_empty()).collect();
    let filter = directives.join(",").parse::<Targets>();
    let filter = filter.ok().filter(|_| directives.iter().all(is_directive));
    let unseen = UNSEEN.map(|target| (target, LevelFilter::OFF));
    let filter = filter.map(|filter| filter.with_targets(unseen));
    filter.ok_or_else(|| ConfigError::Invalid {
        setting: "VESTIBULE_LOG".into(),
        problem: "is neither a level nor a list of levels and target=level".into(),
    })
}

fn is_directive(directive: &&str) -> bool {
    let (target, level) = directive
        .split_once('=')
        .unwrap_or(("vestibule", directive));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
    let is_target = !target.is_empty() && target.bytes().all(fits);
    is_target && !level.is_empty() && level.parse::<LevelFilter>().is_ok()
}

fn careful_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = literal(panic.payload());
        tracing::error!(place = place.unwrap_or_default(), said, "a panic");
    }));
}

/// What a panic says, where that is a literal of the source. What was put together may quote what was worked on: a text
/// that is cut inside of a character is shown in full, and it may be a password. Then the place has to do.
fn literal(payload: &(dyn Any + Send)) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("[redacted]")
}

#[cfg(test)]
mod tests {
    use super::{is_directive, literal};

    #[test]
    fn a_directive_is_a_level_or_a_target_and_its_level() {
        for good in [
            "info",
            "OFF",
            "3",
            "vestibule=debug",
            "tower-http=off",
            "vestibule::job=trace",
        ] {
            assert!(is_directive(&good), "{good}");
        }
        for bad in [
            "loud",
            "vestibule",
            "vestibule=",
            "=info",
            "*=debug",
            "a b=info",
            "vestibule[request]=debug",
        ] {
            assert!(!is_directive(&bad), "{bad}");
        }
    }

    #[test]
    fn a_panic_tells_its_literal_and_nothing_of_what_it_quotes() {
        let said = |panics: fn()| literal(&*std::panic::catch_unwind(panics).unwrap_err());
        assert_eq!(said(|| panic!("a literal")), "a literal");
        assert_eq!(said(|| panic!("{}", String::from("canary"))), "[redacted]");
        let cut = || drop("canary \u{fc}ber"[..8].to_owned());
        assert_eq!(said(cut), "[redacted]");
    }
}
