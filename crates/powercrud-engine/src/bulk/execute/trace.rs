//! What operators are told of a run: spans for traces, counts for metrics. Of records both have numbers and places, never what they hold.

use std::time::Duration;

use tracing::{Span, field::Empty};

use super::{Committed, Execution, Lease};
use crate::{
    bulk::origin,
    engine::Engine,
    error::Result,
    task::{BulkTask, results::Outcome},
};

/// Around everything that one worker does for a task. The span of the request that submitted it is the parent: where that does the work
/// itself, because it is around this one, else by what the task keeps of it.
pub(super) fn task_span(task: &BulkTask, lease: &Lease) -> Span {
    let span = tracing::info_span!(
        "bulk_task",
        task_id = %task.id,
        request_id = task.request_id,
        resource = task.resource,
        operation = task.operation,
        attempt = lease.attempt,
        worker = %lease.worker_id,
        status = Empty,
    );
    if !lease.answers {
        origin::adopt(&span, task);
    }
    span
}

/// Tells how a worker left a task, and counts what only an end makes certain: a record of a delete that failed may yet go.
pub(super) fn left(engine: &Engine, task: &BulkTask) {
    Span::current().record("status", task.status.as_str());
    if task.status.is_final() {
        engine.metrics().records(task, Outcome::Failed, task.failed_records);
        engine.metrics().records(task, Outcome::Unprocessed, task.unattempted_records());
        if super::is_all_or_nothing(task) {
            engine.metrics().records(task, Outcome::Succeeded, task.succeeded_records);
        }
    }
}

impl Execution<'_> {
    /// Around the records of one chunk: `first` and `last` are places in the selection, from 1.
    pub(super) fn chunk_span(&self, cursor: i64, size: i64) -> Span {
        tracing::info_span!(
            "chunk",
            first = cursor + 1,
            last = cursor + size,
            size,
            milliseconds = Empty,
            succeeded = Empty,
            failed = Empty,
            outcome = Empty,
        )
    }

    /// Tells how a chunk of its own transaction ended.
    pub(super) fn chunk_ended(&self, span: &Span, took: Duration, result: &Result<Committed>) {
        match result {
            Ok((task, _)) => {
                let more = |now: u64, before: u64| now.saturating_sub(before);
                let succeeded = more(task.succeeded_records, self.task.succeeded_records);
                let failed = more(task.failed_records, self.task.failed_records);
                self.chunk_done(span, took, (succeeded, failed), "committed");
            }
            Err(_) => {
                span.record("milliseconds", milliseconds(took));
                let outcome = if self.interrupted.is_cancelled() { "interrupted" } else { "rolled_back" };
                span.record("outcome", outcome);
            }
        }
    }

    /// Tells that a chunk was done: so many records succeeded, so many failed.
    pub(super) fn chunk_done(&self, span: &Span, took: Duration, counts: (u64, u64), outcome: &'static str) {
        self.engine.metrics().chunk(&self.task, took);
        span.record("milliseconds", milliseconds(took));
        span.record("succeeded", counts.0);
        span.record("failed", counts.1);
        span.record("outcome", outcome);
    }

    /// The task stands so now, by a commit.
    pub(super) fn stands(&mut self, task: BulkTask) {
        let succeeded = task.succeeded_records.saturating_sub(self.task.succeeded_records);
        self.engine.metrics().records(&task, Outcome::Succeeded, succeeded);
        self.task = task;
    }
}

fn milliseconds(took: Duration) -> u64 {
    took.as_millis() as u64
}
