//! Traces for an OpenTelemetry collector (OTLP over HTTP, protobuf). Spans wait in a bounded queue, and one task hands
//! them over: a collector that is slow or away costs spans, never a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    IdGenerator, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::courier::Courier;
use crate::clock::Rng;
use crate::metrics::{Metrics, SpanOutcome};

/// Spans that may wait; further ones are dropped.
const QUEUE: usize = 4_096;
/// Spans handed over at once.
const BATCH: usize = 512;
/// How long a batch waits to become full.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(3);

/// Everything between a span's end and the collector.
pub struct Traces {
    waiting: mpsc::Receiver<SpanData>,
    exporter: opentelemetry_otlp::SpanExporter,
    dropped: Arc<AtomicU64>,
    /// The last batch was not taken.
    failing: bool,
    /// The queue goes with it.
    _provider: SdkTracerProvider,
}

/// Makes what spans are recorded by, and what hands them over.
///
/// # Errors
/// When no client can be made for the endpoint.
pub fn new(
    endpoint: &Url,
    rng: &Rng,
) -> Result<(SdkTracer, Traces), Box<dyn std::error::Error + Send + Sync>> {
    let resource = Resource::builder_empty()
        .with_service_name("vestibule")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance(rng)),
        ])
        .build();
    let mut exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(Courier::new(endpoint, PATIENCE)?)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(PATIENCE)
        .with_endpoint(address(endpoint))
        .build()?;
    exporter.set_resource(&resource);
    let (queue, waiting) = mpsc::channel(QUEUE);
    let dropped = Arc::<AtomicU64>::default();
    let queue = Queue {
        queue,
        dropped: Arc::clone(&dropped),
    };
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue)
        .with_id_generator(Ids(rng.clone()))
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(resource)
        .build();
    let traces = Traces {
        waiting,
        exporter,
        dropped,
        failing: false,
        _provider: provider.clone(),
    };
    Ok((provider.tracer("vestibule"), traces))
}

/// The collector's address is a base (OTLP, section "Endpoint URLs for OTLP/HTTP").
fn address(endpoint: &Url) -> String {
    let base = endpoint.as_str().trim_end_matches('/');
    match base.strip_suffix("/v1/traces") {
        Some(_) => base.to_owned(),
        None => format!("{base}/v1/traces"),
    }
}

/// Tells this process from others; means nothing else.
fn instance(rng: &Rng) -> String {
    uuid::Builder::from_random_bytes(rng.bytes())
        .into_uuid()
        .to_string()
}

impl Traces {
    /// Hands spans over until told to stop, and then what is left of them.
    pub async fn run(mut self, metrics: Arc<Metrics>, mut stop: watch::Receiver<bool>) {
        metrics.expect_spans();
        loop {
            let mut batch = Vec::new();
            let told = tokio::select! {
                () = gather(&mut self.waiting, &mut batch) => false,
                // Nobody telling any more means the same.
                _ = stop.wait_for(|stop| *stop) => true,
            };
            self.hand_over(batch, &metrics).await;
            if told {
                break;
            }
        }
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            self.hand_over(batch, &metrics).await;
            if self.failing {
                // Nobody waits longer for a collector that takes nothing.
                return;
            }
        }
    }

    async fn hand_over(&mut self, batch: Vec<SpanData>, metrics: &Metrics) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        metrics.spans(SpanOutcome::Dropped, dropped);
        if batch.is_empty() {
            return;
        }
        let many = batch.len() as u64;
        let taken = timeout(PATIENCE, self.exporter.export(batch)).await;
        let failing = !matches!(taken, Ok(Ok(())));
        let outcome = if failing {
            SpanOutcome::Failed
        } else {
            SpanOutcome::Sent
        };
        metrics.spans(outcome, many);
        // Once, and not with every batch.
        if failing && !self.failing {
            tracing::warn!("the collector does not take the spans of traces; they are lost");
        } else if self.failing && !failing {
            tracing::info!("the collector takes the spans of traces again");
        }
        self.failing = failing;
    }
}

/// Waits for a span, and a little longer for more.
async fn gather(waiting: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) {
    if waiting.recv_many(batch, BATCH).await == 0 {
        // Nobody can send any more: what ends this is the word to stop.
        return std::future::pending().await;
    }
    let end = Instant::now() + PAUSE;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        if !matches!(
            timeout_at(end, waiting.recv_many(batch, room)).await,
            Ok(1..)
        ) {
            return;
        }
    }
}

/// Takes spans as they end, without waiting for anything.
#[derive(Debug)]
struct Queue {
    queue: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Ids from the random source of the house.
#[derive(Clone, Debug)]
struct Ids(Rng);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_bytes(self.0.bytes())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(self.0.bytes())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Span as _, Tracer};

    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts_and_holds_nobody_up() {
        let (queue, mut waiting) = mpsc::channel(2);
        let dropped = Arc::<AtomicU64>::default();
        let queue = Queue {
            queue,
            dropped: Arc::clone(&dropped),
        };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_id_generator(Ids(Rng::system()))
            .build();
        let tracer = provider.tracer("test");
        for _ in 0..5 {
            tracer.start("a span").end();
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        let first = waiting.try_recv().unwrap().span_context;
        let second = waiting.try_recv().unwrap().span_context;
        assert!(first.is_valid() && second.is_valid());
        assert_ne!(first.trace_id(), second.trace_id());
        assert!(waiting.try_recv().is_err());
    }

    #[test]
    fn the_address_is_a_base_or_whole() {
        for (given, expected) in [
            ("http://c:4318", "http://c:4318/v1/traces"),
            ("http://c:4318/", "http://c:4318/v1/traces"),
            ("https://c/otlp", "https://c/otlp/v1/traces"),
            ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
        ] {
            assert_eq!(address(&given.parse().unwrap()), expected);
        }
    }
}
