//! What the house counts about itself, for `/metrics`. Every `App` has counts of its own. Labels come from lists that the
//! source knows: nothing that a client wrote, no id and no address ever is one.

mod label;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use label::{LimitName, MailOutcome, PasswordRefusal, SpanOutcome};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// What it is written in: OpenMetrics, which Prometheus and its relatives ask for.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds, from an answer out of memory to a request that took as long as it may. Fifteen milliseconds are the most that is
/// borne beside a rush, two seconds until whoever is turned away knows.
const BUCKETS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0,
];

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;

/// The counts of one house.
pub struct Metrics {
    registry: Registry,
    operations: Counts<2>,
    events: Counts<1>,
    limits: Counts<1>,
    refused: Counts<1>,
    mails: Counts<1>,
    spans: Counts<1>,
    requests: Family<Labels<2>, Histogram, Seconds>,
    password_wait: Histogram,
    password_hash: Histogram,
    begin: Histogram,
    statement: Histogram,
}

/// Makes a histogram of durations.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// Time that is to be left out of what a request took. Whole milliseconds.
#[derive(Debug, Default)]
pub struct Stopwatch(AtomicU64);

impl Stopwatch {
    pub fn add(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn read(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("vestibule");
        let metrics = Self {
            operations: count(
                &mut registry,
                "operations",
                "Root fields of GraphQL operations by their outcome: ok, or the code of the error",
            ),
            events: count(&mut registry, "events", "Events of the audit trail by kind"),
            limits: count(
                &mut registry,
                "limits_hit",
                "What a limit refused, by the limit",
            ),
            refused: count(
                &mut registry,
                "passwords_refused",
                "Passwords that were not hashed, by the reason",
            ),
            mails: count(
                &mut registry,
                "mails",
                "Attempts to hand a mail over, by the outcome",
            ),
            spans: count(
                &mut registry,
                "spans",
                "Spans of traces by what became of them",
            ),
            requests: Family::new_with_constructor(Seconds),
            password_wait: Seconds.new_metric(),
            password_hash: Seconds.new_metric(),
            begin: Seconds.new_metric(),
            statement: Seconds.new_metric(),
            registry: Registry::default(),
        };
        let mut seconds = |name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        seconds(
            "password_wait",
            "How long passwords waited for a worker",
            &metrics.password_wait,
        );
        seconds(
            "password_hash",
            "How long hashing a password took",
            &metrics.password_hash,
        );
        seconds(
            "database_begin",
            "How long writing transactions waited for their connection and their begin",
            &metrics.begin,
        );
        seconds(
            "database_statement",
            "How long statements outside of transactions took, with the wait for their connection",
            &metrics.statement,
        );
        registry.register_with_unit(
            "http_request",
            "How long requests took, by route and class of status",
            Unit::Seconds,
            metrics.requests.clone(),
        );
        metrics.begin_at_zero();
        Self {
            registry,
            ..metrics
        }
    }

    /// A rule that waits for an increase sees none in a series that begins with 1.
    fn begin_at_zero(&self) {
        let all = LimitName::ALL.iter().map(|limit| limit.as_str());
        all.for_each(|limit| begin(&self.limits, "limit", limit));
        let all = PasswordRefusal::ALL.iter().map(|refusal| refusal.as_str());
        all.for_each(|reason| begin(&self.refused, "reason", reason));
        let all = MailOutcome::ALL.iter().map(|outcome| outcome.as_str());
        all.for_each(|outcome| begin(&self.mails, "outcome", outcome));
        for (operation, outcomes) in label::WATCHED {
            for outcome in outcomes {
                let labels = of_operation(operation, outcome);
                drop(self.operations.get_or_create(&labels));
            }
        }
    }

    /// There are traces: what becomes of their spans is counted from 0 on.
    pub fn expect_spans(&self) {
        let all = SpanOutcome::ALL.iter().map(|outcome| outcome.as_str());
        all.for_each(|outcome| begin(&self.spans, "outcome", outcome));
    }

    /// The kinds of events that there are, which only the audit trail knows: counted from 0 on.
    pub fn expect_events(&self, kinds: impl IntoIterator<Item = &'static str>) {
        kinds
            .into_iter()
            .for_each(|kind| begin(&self.events, "kind", kind));
    }

    /// A root field of an operation ran: `ok`, or the code of its error. The name is to be one of the schema.
    pub fn operation(&self, name: &str, outcome: &str) {
        self.operations
            .get_or_create(&of_operation(name, outcome))
            .inc();
    }

    pub fn event(&self, kind: &'static str) {
        add(&self.events, "kind", kind);
    }

    pub fn limit_hit(&self, limit: LimitName) {
        add(&self.limits, "limit", limit.as_str());
    }

    pub fn password_waited(&self, wait: Duration) {
        self.password_wait.observe(wait.as_secs_f64());
    }

    pub fn password_hashed(&self, taken: Duration) {
        self.password_hash.observe(taken.as_secs_f64());
    }

    pub fn password_refused(&self, refusal: PasswordRefusal) {
        add(&self.refused, "reason", refusal.as_str());
    }

    pub fn mail(&self, outcome: MailOutcome) {
        add(&self.mails, "outcome", outcome.as_str());
    }

    pub fn spans(&self, outcome: SpanOutcome, many: u64) {
        if many == 0 {
            return;
        }
        let labels = [("outcome", Cow::Borrowed(outcome.as_str()))];
        self.spans.get_or_create(&labels).inc_by(many);
    }

    pub fn begun(&self, wait: Duration) {
        self.begin.observe(wait.as_secs_f64());
    }

    pub fn stated(&self, taken: Duration) {
        self.statement.observe(taken.as_secs_f64());
    }

    /// A request was answered. The route is the pattern that it matched, never its path.
    pub fn answered(&self, route: &str, status: u16, taken: Duration) {
        let class = match status {
            0..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        let labels = [
            ("route", Cow::Owned(route.to_owned())),
            ("status", Cow::Borrowed(class)),
        ];
        let requests = self.requests.get_or_create(&labels);
        requests.observe(taken.as_secs_f64());
    }

    /// Everything that was counted, and what was looked up for this one answer.
    ///
    /// # Errors
    /// When it cannot be written, which a text in memory always can.
    pub fn text(&self, now: Levels) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &now.registry)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// What stands at a level now, looked up for one answer: two at once do not meet in each other's.
#[derive(Default)]
pub struct Levels {
    registry: Registry,
}

impl Levels {
    pub fn add(&mut self, name: &str, help: &str, value: f64) {
        let gauge = ConstGauge::new(value);
        self.registry.register(name, help, gauge);
    }

    /// What was counted elsewhere.
    pub fn count(&mut self, name: &str, help: &str, value: u64) {
        let counter = ConstCounter::new(value);
        self.registry.register(name, help, counter);
    }

    /// One name with several values, told apart by labels.
    pub fn add_all<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = ([(&'static str, String); N], f64)>,
    ) {
        let family = Family::<_, Level>::default();
        for (labels, value) in values {
            family.get_or_create(&labels.to_vec()).set(value);
        }
        self.registry.register(name, help, family);
    }
}

type Level = prometheus_client::metrics::gauge::Gauge<f64, std::sync::atomic::AtomicU64>;

fn count<const N: usize>(registry: &mut Registry, name: &str, help: &str) -> Counts<N> {
    let family = Counts::default();
    registry.register(name, help, family.clone());
    family
}

fn add(family: &Counts<1>, label: &'static str, value: &'static str) {
    family.get_or_create(&[(label, Cow::Borrowed(value))]).inc();
}

fn begin(family: &Counts<1>, label: &'static str, value: &'static str) {
    drop(family.get_or_create(&[(label, Cow::Borrowed(value))]));
}

fn of_operation(name: &str, outcome: &str) -> Labels<2> {
    [
        ("operation", Cow::Owned(name.to_owned())),
        ("outcome", Cow::Owned(outcome.to_owned())),
    ]
}
