//! A worker's walk through a task it holds: chunk after chunk, each committed with its outcome and the task's cursor and counts.
//!
//! A crash at any instant loses no committed chunk and repeats none, because cursor and data are one transaction. A worker whose
//! lease was taken over can't commit, because the checkpoint names task, worker and attempt. Nor can a chunk be committed twice by the
//! same worker, where the answer to its COMMIT was lost, because the checkpoint also names the progress that it starts from.
//!
//! A connection may also fall silent without an end. A worker that can't renew its lease for as long as it lasts lets go of everything
//! it has begun, and the server ends a transaction in which nobody says anything for as long, so that what it locked is free for the
//! worker that takes over.

mod attempts;
mod closer;
mod ending;
mod errors;
mod heartbeat;
mod kept_first;
mod rights;
mod sweep;
mod taken;
mod together;
mod trace;
mod walk;
mod watch;
mod whole;

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::{
    closer::{Streak, Verdict, verdict},
    ending::end,
    errors::write_errors,
    walk::walk,
};
use super::{
    chunk::{Alike, Chunk, Known, Outcome, OwnCode},
    images::Images,
    is_all_or_nothing,
};
use crate::{
    bulk::operation::{self, ONE_BY_ONE, Operation},
    engine::Engine,
    error::{Error, Result},
    resource::Resource,
    task::{
        BulkTask, Status,
        store::{self, Lease},
    },
};
use powercrud_db::{Transaction, with_timeout};

/// How long a chunk should take: long enough that its overhead is small, short enough that progress is fresh and a cancel is prompt.
const CHUNK_TARGET: Duration = Duration::from_millis(200);

/// How often a transaction is tried again after a passing fault, before the task is left for a later attempt.
const TRIES: u32 = 8;
/// The same, where the database refuses what should pass: longer waits would only keep the neighbours of a record that stays refused.
const REFUSED_TRIES: u32 = 5;
/// The same, where the transaction was made small to find the record that is in the way.
const CAUTIOUS_TRIES: u32 = 2;

/// Carries a held task to its end, to a request to cancel or pause, or to `stop`, where the lease is given back. A panic is an error like
/// any other.
///
/// # Errors
/// The database's, where it could not be written how the task stands; another worker resumes it when the lease lapses, and the attempts
/// that get no further are counted. Where the task runs in a request, an error ends it.
pub(crate) async fn execute(
    engine: &Engine,
    lease: Lease,
    task: BulkTask,
    stop: &CancellationToken,
) -> Result<BulkTask> {
    // Ends, locks and notices are everybody's; records are seen by whoever asked.
    let engine = &engine.for_everybody();
    let lost = CancellationToken::new();
    let _heartbeat = heartbeat::start(engine, lease, lost.clone());
    let span = trace::task_span(&task, &lease);
    let whole = async {
        let id = task.id;
        let result = match AssertUnwindSafe(walk(engine, lease, task, stop, &lost)).catch_unwind().await {
            Ok(result) => result,
            Err(panic) => Err(Error::Internal(format!("the work panicked: {}", said(&*panic)))),
        };
        let left = match result {
            Ok(left) => left,
            Err(error @ Error::LeaseLost(_)) => return Err(error),
            Err(error) if lease.answers => attempts::end_in_request(engine, lease, id, error).await?,
            Err(error) => {
                attempts::note(engine, lease, &error).await;
                return Err(error);
            }
        };
        trace::left(engine, &left);
        Ok(left)
    };
    whole.instrument(span).await
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("nobody knows why")
}

struct Execution<'a> {
    engine: &'a Engine,
    /// The same, as whoever asked for the task sees it.
    seen: Engine,
    lease: Lease,
    task: BulkTask,
    resource: Arc<Resource>,
    operation: Arc<dyn Operation>,
    /// What is kept of each record.
    images: Option<Images>,
    /// Whether that is kept of all records before the first of them changes.
    kept_first: bool,
    /// What the application adds to each chunk.
    own_code: Option<OwnCode>,
    stop: &'a CancellationToken,
    lost: &'a CancellationToken,
    /// Records of the next chunk.
    chunk_size: i64,
    /// No chunk has more: the database ended larger ones, because they took too long.
    ceiling: i64,
    /// Fewer than `chunk_size`, while a record is looked for whose fault ends the whole transaction.
    cautious: Option<i64>,
    /// Whether to try all of a chunk again was in vain, so that refusals are taken for those of their records.
    refusals_are_final: bool,
    /// How many records in a row failed alike, by a fault of which nobody can tell whose it is.
    streak: Streak,
    /// Whether each chunk of a delete first looks for records that others refer to.
    look_first: bool,
    /// What the database says of the table now.
    known: Known,
    /// How many of the records of a delete that takes others along were gone before it began: the others went by it.
    absent: Option<u64>,
    /// Cancelled when the task was seen to be cancelled during a transaction.
    interrupted: CancellationToken,
}

/// The task after a chunk, and by what fault all of the chunk's records failed alike, where they did.
type Committed = (BulkTask, Option<(Alike, u64)>);

/// Why a walk ends before its last record.
enum StopReason {
    /// A user asked for it.
    Requested,
    /// This process shuts down.
    Shutdown,
    /// Whoever asked for it may not do that any more.
    Denied(String),
}

impl<'a> Execution<'a> {
    fn new(
        engine: &'a Engine,
        seen: Engine,
        lease: Lease,
        task: BulkTask,
        stop: &'a CancellationToken,
        lost: &'a CancellationToken,
    ) -> Result<Self> {
        let resource = Arc::clone(seen.resource(&task.resource)?);
        task.require_table(&resource)?;
        task.require_keys(&resource)?;
        resource.require_bulk()?;
        // Checked again: what may be changed may have changed since.
        let operation = operation::of_task(&resource, &task)?;
        let images = match operation.restores() {
            Some(_) => None,
            None => Images::of(&task, task.id, &resource, operation.deletes())?,
        };
        let own_code = OwnCode::of(&seen, &resource, task.user_id.clone())?;
        let has_rules = own_code.as_ref().is_some_and(OwnCode::has_rules);
        let one_by_one = has_rules || operation::goes_one_by_one(&*operation, &resource);
        let (first_chunk, ceiling) = if one_by_one { ONE_BY_ONE } else { operation.chunk_sizes() };
        let largest_chunk = engine.database().dialect().largest_chunk(resource.table.primary_key.len());
        let chunk_size = resource.settings.bulk_chunk_size.map_or(first_chunk, |size| size as i64).min(largest_chunk);
        Ok(Self {
            engine,
            seen,
            lease,
            task,
            resource,
            operation,
            images,
            kept_first: false,
            own_code,
            stop,
            lost,
            chunk_size,
            ceiling: ceiling.min(largest_chunk),
            cautious: None,
            refusals_are_final: false,
            streak: Streak::default(),
            look_first: false,
            known: Known::default(),
            absent: None,
            interrupted: CancellationToken::new(),
        })
    }

    /// Looks how many records are gone before anything is deleted, where a delete may take others of the selection along.
    /// In larger selections than one chunk may be, nobody does.
    async fn count_absent(&mut self) {
        let total = self.task.total_records as i64;
        if self.task.cursor == 0 && (1..=self.ceiling).contains(&total) && self.takes_others() {
            let mut whole = self.chunk(0, total);
            // What is wrong with a key is told where its record's turn comes.
            let existing = with_timeout(whole.count_existing(self.engine.database().connection())).await.ok();
            self.absent = existing.map(|existing| self.task.total_records.saturating_sub(existing));
        }
    }

    async fn chunk_by_chunk(&mut self) -> Result<BulkTask> {
        self.count_absent().await;
        self.keep_first().await?;
        while self.remaining() > 0 {
            match self.halt().await? {
                Some(StopReason::Shutdown) => return self.give_back().await,
                Some(StopReason::Requested) => return self.end(None).await,
                Some(StopReason::Denied(message)) => return self.end(Some(message)).await,
                None => {}
            }
            if let Some(most) = self.resource.settings.bulk_max_errors
                && self.task.failed_records >= most
            {
                let message = format!("stopped after {} failed records; {most} are allowed", self.task.failed_records);
                return self.end(Some(message)).await;
            }
            match self.commit_chunk().await {
                Ok(()) => {}
                // Nothing of the chunk stands; the request is seen next.
                Err(_) if self.interrupted.is_cancelled() => {}
                Err(error) => match verdict(&error) {
                    Verdict::Later => return Err(error),
                    Verdict::Records | Verdict::All => return self.end(Some(error.to_string())).await,
                },
            }
            if let Some(message) = self.give_up().await? {
                return self.end(Some(message)).await;
            }
        }
        let halted = match self.sweep().await? {
            None => self.settle_taken().await?,
            halted => halted,
        };
        match halted {
            Some(StopReason::Shutdown) => self.give_back().await,
            Some(StopReason::Denied(message)) => self.end(Some(message)).await,
            Some(StopReason::Requested) | None => self.end(None).await,
        }
    }

    async fn give_back(&self) -> Result<BulkTask> {
        store::give_back(self.engine, &self.lease).await?;
        store::load(self.engine, self.task.id).await
    }

    /// One chunk in one transaction with its outcome and checkpoint.
    async fn commit_chunk(&mut self) -> Result<()> {
        let size = self.cautious.unwrap_or(self.chunk_size).min(self.remaining());
        let span = self.chunk_span(self.task.cursor, size);
        let (result, took) = self.try_chunk_with_timeout(size).instrument(span.clone()).await;
        self.chunk_ended(&span, took, &result);
        match result {
            Ok((task, alike)) => {
                let tried = task.cursor - self.task.cursor;
                self.refusals_are_final &= task.failed_records > self.task.failed_records;
                self.stands(task);
                self.streak.add(alike);
                self.cautious = self.cautious.map(|size| size * 2).filter(|size| *size < self.chunk_size);
                if tried == size {
                    self.adapt(size, took);
                }
                Ok(())
            }
            Err(_) if self.interrupted.is_cancelled() => Err(Error::Internal("the task was cancelled".into())),
            Err(error) => self.look_closer(size, error).await,
        }
    }

    /// A chunk until it is committed, or fails by more than a passing fault; and how long its last try took.
    // By hand: a try that the watch interrupted is not repeated, but may have been committed as well as any other.
    async fn try_chunk_with_timeout(&self, size: i64) -> (Result<Committed>, Duration) {
        let mut tries = 0;
        loop {
            let started = Instant::now();
            let result = self.try_chunk(size).await;
            let pause = result.as_ref().err().and_then(|error| self.pause_after(error, tries));
            let interrupted = result.is_err() && self.interrupted.is_cancelled();
            if pause.is_none() && !interrupted {
                return (result, started.elapsed());
            }
            tokio::time::sleep(pause.unwrap_or_default()).await;
            if let Some(task) = self.commit_was_applied().await {
                return (Ok((task, None)), started.elapsed());
            }
            if interrupted {
                return (result, started.elapsed());
            }
            tries += 1;
        }
    }

    /// How long to wait before a transaction that met a passing fault is tried again; `None` where it is not.
    fn pause_after(&self, error: &Error, tries: u32) -> Option<Duration> {
        let is_refusal = self.is_refusal(error);
        let most = match is_refusal {
            _ if self.cautious.is_some() || (is_refusal && self.refusals_are_final) => CAUTIOUS_TRIES,
            true => REFUSED_TRIES,
            false => TRIES,
        };
        if self.lost.is_cancelled() { None } else { pause_after(error, tries, most) }
    }

    /// The task as its row has it, where a transaction that seemed to fail was committed: a lost connection keeps back the answer only.
    ///
    /// Where the server still commits while this looks, the checkpoint refuses the repetition.
    async fn commit_was_applied(&self) -> Option<BulkTask> {
        let stored = store::load(self.engine, self.task.id).await.ok()?;
        let further = (stored.cursor, stored.failed_records) != (self.task.cursor, self.task.failed_records);
        (further && self.lease.holds(&stored)).then_some(stored)
    }

    async fn try_chunk(&self, size: i64) -> Result<Committed> {
        self.in_transaction(async |transaction| {
            let outcome = self.chunk(self.task.cursor, size).apply(transaction).await?;
            let task = self.advance(transaction, outcome.stopped_after.unwrap_or(size), &outcome).await?;
            Ok((task, outcome.alike()))
        })
        .await
    }

    /// Writes the outcome of the next `size` records, as part of their transaction.
    async fn advance(&self, transaction: &Transaction, size: i64, outcome: &Outcome) -> Result<BulkTask> {
        let task = advanced(&self.task, size, outcome, self.absent);
        write_errors(transaction, task.id, &outcome.errors).await?;
        self.checkpoint(transaction, task).await
    }

    async fn checkpoint(&self, transaction: &Transaction, task: BulkTask) -> Result<BulkTask> {
        if store::checkpoint(self.engine, transaction, &self.lease, &self.task, &task).await? {
            Ok(task)
        } else {
            Err(self.lease.lost(self.engine))
        }
    }

    /// The `size` records after the first `cursor`.
    fn chunk(&self, cursor: i64, size: i64) -> Chunk<'_> {
        let first = self.task.first_seq + cursor;
        let positions = (first, first + size - 1);
        Chunk::new(&self.seen, &self.resource, &*self.operation, self.task.id, positions, self.look_first)
            .keeping(self.images_by_chunk(), 0)
            .on(&self.known)
            .refusals_are_final(self.refusals_are_final)
            .with(self.own_code.clone())
    }

    fn remaining(&self) -> i64 {
        self.task.total_records as i64 - self.task.cursor
    }

    /// Looks at the task's row, and at this process, before each chunk.
    async fn halt(&mut self) -> Result<Option<StopReason>> {
        if self.lost.is_cancelled() {
            return Err(self.lease.lost(self.engine));
        }
        if self.stop.is_cancelled() {
            return Ok(Some(StopReason::Shutdown));
        }
        if self.stop_requested().await? {
            return Ok(Some(StopReason::Requested));
        }
        self.ask_again().await
    }

    /// Whether somebody asks to pause or cancel.
    async fn stop_requested(&mut self) -> Result<bool> {
        self.task.status = with_timeout(store::load(self.engine, self.task.id)).await?.status;
        Ok(matches!(self.task.status, Status::Pausing | Status::Cancelling))
    }

    /// Grows or shrinks the next chunk towards [`CHUNK_TARGET`], unless the resource's settings fix its size.
    fn adapt(&mut self, size: i64, took: Duration) {
        if self.resource.settings.bulk_chunk_size.is_none() && size == self.chunk_size {
            let factor = CHUNK_TARGET.as_secs_f64() / took.as_secs_f64().max(0.001);
            self.chunk_size =
                ((size as f64 * factor.clamp(0.25, 8.0)) as i64).clamp(Ord::min(100, self.ceiling), self.ceiling);
        }
    }

    async fn end(&mut self, error_message: Option<String>) -> Result<BulkTask> {
        end(self.engine, self.lease, self.task.clone(), error_message).await
    }
}

/// How long to wait before a transaction that met a passing fault is tried again; `None` where it is not.
fn pause_after(error: &Error, tries: u32, most: u32) -> Option<Duration> {
    match error {
        Error::Database(fault) if fault.is_transient() && tries < most => {
            tracing::debug!(code = fault.code, tries, "a transaction met a passing fault; trying again");
            Some(Duration::from_millis(50 << tries))
        }
        _ => None,
    }
}

/// The task after `size` more records.
fn advanced(task: &BulkTask, size: i64, outcome: &Outcome, absent: Option<u64>) -> BulkTask {
    let mut task = task.clone();
    task.cursor += size;
    task.processed_records += size as u64;
    task.succeeded_records += outcome.succeeded;
    // Beyond those that were gone before, records went with others of this task.
    let left = absent.map_or(u64::MAX, |absent| absent.saturating_sub(task.missing_records));
    task.missing_records += Ord::min(outcome.missing, left);
    task.unchanged_records += outcome.unchanged;
    task.failed_records += outcome.errors.len() as u64;
    task
}
