//! What this process has counted and what the database knows, in the text form that Prometheus reads.
//!
//! Counters and histograms are of this process: where several work on one database each is to be scraped, and their sums are the truth.
//! Gauges come from the database, so that every process gives the same. Each [`Engine`](crate::Engine) has a registry of its own: several in one
//! process don't mix.

use std::time::Duration;

use crate::{
    bulk_task::{BulkTask, OPERATIONS},
    config::Channel,
    status::Outcome,
};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector,
    proto::MetricFamily,
};

/// The kind of text that [`Engine::metrics_text`](crate::Engine::metrics_text) gives, as HTTP names it.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// A chunk is meant to take a fifth of a second.
const CHUNK_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1.0, 2.5, 10.0, 60.0];

/// From a worker that was woken at once to a task that waited for another one.
const QUEUE_SECONDS: [f64; 11] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];

/// What came of one try to deliver a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Delivery {
    /// It has arrived.
    Sent,
    /// It has not, and will be tried again.
    Retried,
    /// It has not, and nobody tries again.
    Failed,
}

/// What one process counts.
pub struct Metrics {
    registry: Registry,
    records: IntCounterVec,
    chunk_seconds: HistogramVec,
    queue_seconds: Histogram,
    lease_losses: IntCounter,
    notices: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let records = counter(
            "powercrud_records_total",
            "Records of bulk tasks by outcome: succeeded when their chunk was committed, the others at their task's end.",
            &["operation", "outcome"],
        );
        let chunk_seconds = histogram(
            "powercrud_chunk_seconds",
            "How long chunks of bulk tasks took, each with its commit; of all-or-nothing tasks without.",
            &CHUNK_SECONDS,
        );
        let queue_seconds = histogram(
            "powercrud_queue_seconds",
            "How long bulk tasks waited from submission until a worker of this process took them first.",
            &QUEUE_SECONDS,
        );
        let metrics = Self {
            records,
            chunk_seconds: valid(HistogramVec::new(chunk_seconds, &["operation"])),
            queue_seconds: valid(Histogram::with_opts(queue_seconds)),
            lease_losses: valid(IntCounter::new(
                "powercrud_lease_losses_total",
                "Bulk tasks that this process let go because their lease was lost.",
            )),
            notices: counter(
                "powercrud_notices_total",
                "Tries to tell somebody of a bulk task's end, by channel and outcome: sent, retried (it failed and is tried again), failed.",
                &["channel", "outcome"],
            ),
            registry,
        };
        // All of them are shown from the start, so that rates begin at nothing.
        OPERATIONS.into_iter().for_each(|operation| metrics.show(operation));
        let build = gauges("powercrud_build_info", "Which PowerCRUD this is; always 1.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        metrics.register(metrics.records.clone());
        metrics.register(metrics.chunk_seconds.clone());
        metrics.register(metrics.queue_seconds.clone());
        metrics.register(metrics.lease_losses.clone());
        metrics.register(metrics.notices.clone());
        metrics.register(build);
        metrics
    }

    /// Shows an operation from the start, so that its rates begin at nothing.
    pub(crate) fn show(&self, operation: &str) {
        self.chunk_seconds.with_label_values(&[operation]);
        for outcome in Outcome::ALL {
            self.records.with_label_values(&[operation, outcome.as_str()]);
        }
    }

    /// What this process has counted.
    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    fn register(&self, collector: impl Collector + 'static) {
        valid(self.registry.register(Box::new(collector)));
    }

    /// So many records of a task have met this outcome.
    pub(crate) fn records(&self, task: &BulkTask, outcome: Outcome, count: u64) {
        self.records.with_label_values(&[task.operation.as_str(), outcome.as_str()]).inc_by(count);
    }

    /// A chunk of a task was done.
    pub(crate) fn chunk(&self, task: &BulkTask, took: Duration) {
        self.chunk_seconds.with_label_values(&[task.operation.as_str()]).observe(took.as_secs_f64());
    }

    /// A worker took a task for the first time.
    pub(crate) fn claimed(&self, task: &BulkTask) {
        if let (1, Some(started_at)) = (task.attempt, task.started_at) {
            let waited = Ord::max(started_at - task.created_at, 0) as u64;
            self.queue_seconds.observe(Duration::from_millis(waited).as_secs_f64());
        }
    }

    /// A task was let go because its lease was lost.
    pub(crate) fn lease_lost(&self) {
        self.lease_losses.inc();
    }

    /// A notice was tried to be delivered.
    pub(crate) fn notice(&self, channel: Channel, delivery: Delivery) {
        self.notices.with_label_values(&[channel.as_str(), delivery.into()]).inc();
    }
}

fn counter(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    valid(IntCounterVec::new(Opts::new(name, help), labels))
}

pub(crate) fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    valid(IntGaugeVec::new(Opts::new(name, help), labels))
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(buckets.to_vec())
}

/// Names, labels and buckets stand in this file: a test that makes one [`Metrics`] tries them all.
pub(crate) fn valid<T>(result: prometheus::Result<T>) -> T {
    result.expect("names of metrics are valid and differ")
}
