//! A worker's walk through a task it holds: chunk after chunk, each committed with its outcome and the task's cursor and counts.
//!
//! A crash at any instant loses no committed chunk and repeats none, because cursor and data are one transaction. A worker whose
//! lease was taken over can't commit, because the checkpoint names task, worker and attempt.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DatabaseTransaction, sea_query::Query};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    chunk::{Chunk, Failed, Outcome},
    is_all_or_nothing, stored_inputs,
};
use crate::{
    app::PowerCrud,
    db::{Run as _, migrations::tables},
    error::{Error, Result},
    form::parse_changes,
    lock,
    resource::Resource,
    task::{
        BulkTask, Event, Operation, Status,
        store::{self, Lease},
    },
};

/// How long a chunk should take: long enough that its overhead is small, short enough that progress is fresh and a cancel is prompt.
const CHUNK_TARGET: Duration = Duration::from_millis(200);
const FIRST_CHUNK: i64 = 1_000;
const LARGEST_CHUNK: i64 = 10_000;

/// How often a transaction is tried again after a passing fault, before the task is left for a later attempt.
const TRIES: u32 = 8;

/// All-or-nothing work stops looking for further bad records here: it will be rolled back anyhow.
const REPORTED_ERRORS: usize = 1_000;

/// Carries a held task to its end, to a wish to cancel or pause, or to `stop`, where the lease is given back.
///
/// # Errors
/// The database's, where it could not be written how the task stands; another worker resumes it when the lease lapses.
pub(crate) async fn execute(
    app: &PowerCrud,
    lease: Lease,
    task: BulkTask,
    stop: &CancellationToken,
) -> Result<BulkTask> {
    let lost = CancellationToken::new();
    let _heartbeat = heartbeat(app, lease, lost.clone());
    let span = tracing::info_span!("bulk_task", task_id = %task.id, resource = %task.resource, attempt = lease.attempt);
    tracing::Instrument::instrument(
        async {
            let mut run = match Run::new(app, lease, task.clone(), stop, &lost) {
                Ok(run) => run,
                // The resource or a field is gone since the task was submitted.
                Err(error) => return end(app, lease, task, Some(error.to_string())).await,
            };
            if is_all_or_nothing(&run.task) { run.all_or_nothing().await } else { run.chunk_by_chunk().await }
        },
        span,
    )
    .await
}

/// Renews the lease while the guard lives, and says so when it is lost.
fn heartbeat(app: &PowerCrud, lease: Lease, lost: CancellationToken) -> DropGuard {
    let app = app.clone();
    let done = CancellationToken::new();
    let ended = done.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(app.settings().lease / 3);
        interval.tick().await;
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                _ = interval.tick() => {}
            }
            match store::renew(&app, &lease).await {
                Ok(true) => {}
                Ok(false) => return lost.cancel(),
                // A database that is away for a moment: the checkpoint decides.
                Err(error) => tracing::debug!(%error, "the lease could not be renewed"),
            }
        }
    });
    done.drop_guard()
}

struct Run<'a> {
    app: &'a PowerCrud,
    lease: Lease,
    task: BulkTask,
    resource: Arc<Resource>,
    operation: Operation,
    stop: &'a CancellationToken,
    lost: &'a CancellationToken,
    /// Records of the next chunk.
    chunk_size: i64,
}

/// Why a walk ends before its last record.
enum Halt {
    /// Somebody wishes it.
    Wish,
    /// This process shuts down.
    Shutdown,
}

impl<'a> Run<'a> {
    fn new(
        app: &'a PowerCrud,
        lease: Lease,
        task: BulkTask,
        stop: &'a CancellationToken,
        lost: &'a CancellationToken,
    ) -> Result<Self> {
        let resource = Arc::clone(app.resource(&task.resource)?);
        resource.require_writable()?;
        // Checked again: what may be changed may have changed since.
        let operation = match task.operation.as_str() {
            "delete" if !resource.can_bulk_delete() => {
                return Err(Error::NotAllowed(format!("bulk delete is switched off for {}", resource.name)));
            }
            "delete" => Operation::Delete,
            _ => {
                let allowed = |field: &crate::Field| resource.bulk_fields().any(|other| other.name == field.name);
                Operation::Update(parse_changes(&resource, allowed, &stored_inputs(&task))?)
            }
        };
        let chunk_size = resource.settings.bulk_chunk_size.map_or(FIRST_CHUNK, |size| size as i64);
        Ok(Self { app, lease, task, resource, operation, stop, lost, chunk_size })
    }

    async fn chunk_by_chunk(&mut self) -> Result<BulkTask> {
        while self.remaining() > 0 {
            match self.halt().await? {
                Some(Halt::Shutdown) => {
                    store::give_back(self.app, &self.lease).await?;
                    return store::load(self.app, self.task.id).await;
                }
                Some(Halt::Wish) => return self.end(None).await,
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
                Err(Error::Database(fault)) if !fault.is_transient() => return self.end(Some(fault.message)).await,
                Err(error) => return Err(error),
            }
        }
        self.end(None).await
    }

    /// One chunk in one transaction with its outcome and checkpoint, tried again after passing faults.
    async fn commit_chunk(&mut self) -> Result<()> {
        let size = self.chunk_size.min(self.remaining());
        let mut tries = 0;
        loop {
            let started = Instant::now();
            match self.try_chunk(size).await {
                Ok(task) => {
                    self.task = task;
                    self.adapt(size, started.elapsed());
                    return Ok(());
                }
                Err(Error::Database(fault)) if fault.is_transient() && tries < TRIES && !self.lost.is_cancelled() => {
                    tries += 1;
                    tracing::debug!(code = fault.code, tries, "a chunk met a passing fault; trying again");
                    tokio::time::sleep(Duration::from_millis(25 << tries)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_chunk(&self, size: i64) -> Result<BulkTask> {
        let transaction = self.begin().await?;
        let result = async {
            let outcome = self.apply(&transaction, size).await?;
            let task = advanced(&self.task, size, &outcome);
            write_errors(&transaction, task.id, &outcome.errors).await?;
            if store::checkpoint(self.app, &transaction, &self.lease, &task).await? {
                Ok(task)
            } else {
                Err(self.lease_lost())
            }
        }
        .await;
        close(transaction, result).await
    }

    /// Everything in one transaction; one bad record, and every row stays as it was.
    async fn all_or_nothing(&mut self) -> Result<BulkTask> {
        let mut tries = 0;
        loop {
            match self.try_all().await {
                Err(Error::Database(fault)) if fault.is_transient() && tries < TRIES && !self.lost.is_cancelled() => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(25 << tries)).await;
                }
                Err(Error::Database(fault)) if !fault.is_transient() => return self.end(Some(fault.message)).await,
                result => return result,
            }
        }
    }

    async fn try_all(&mut self) -> Result<BulkTask> {
        if self.wish().await? {
            return self.end(None).await;
        }
        let transaction = self.begin().await?;
        let mut task = self.task.clone();
        let mut errors = Vec::new();
        while task.cursor < task.total_records as i64 && errors.len() < REPORTED_ERRORS && !self.lost.is_cancelled() {
            if self.stop.is_cancelled() {
                transaction.rollback().await?;
                store::give_back(self.app, &self.lease).await?;
                return store::load(self.app, self.task.id).await;
            }
            let size = LARGEST_CHUNK.min(task.total_records as i64 - task.cursor);
            let mut outcome = match self.apply_at(&transaction, task.cursor, size).await {
                Ok(outcome) => outcome,
                Err(error) => return close(transaction, Err(error)).await,
            };
            task = advanced(&task, size, &outcome);
            errors.append(&mut outcome.errors);
        }
        // A record that is gone leaves nothing to undo: it is named, and the others are done.
        if errors.iter().all(Failed::is_gone) {
            let result = async {
                write_errors(&transaction, task.id, &errors).await?;
                conclude(self.app, &transaction, &self.lease, task, None).await
            }
            .await;
            close(transaction, result).await?;
        } else {
            transaction.rollback().await?;
            // What was done is undone: only the bad records count, and none is done.
            let mut task = self.task.clone();
            task.failed_records = errors.len() as u64;
            task.processed_records = task.failed_records;
            let first = &errors[0];
            let message = format!(
                "nothing was changed, because {} of {} records failed; the first is {}: {}",
                errors.len(),
                task.total_records,
                first.record_key,
                first.error
            );
            let transaction = self.app.database().begin().await?;
            let result = async {
                write_errors(&transaction, task.id, &errors).await?;
                conclude(self.app, &transaction, &self.lease, task, Some(message)).await
            }
            .await;
            close(transaction, result).await?;
        }
        lock::unblock(self.app, Some(&self.task.unique_model_key)).await?;
        store::load(self.app, self.task.id).await
    }

    async fn begin(&self) -> Result<DatabaseTransaction> {
        let transaction = self.app.database().begin().await?;
        if let Some(sql) = self.app.database().dialect().immediate_constraints() {
            transaction.execute_unprepared(sql).await?;
        }
        Ok(transaction)
    }

    async fn apply(&self, transaction: &DatabaseTransaction, size: i64) -> Result<Outcome> {
        self.apply_at(transaction, self.task.cursor, size).await
    }

    async fn apply_at(&self, transaction: &DatabaseTransaction, cursor: i64, size: i64) -> Result<Outcome> {
        let first = self.task.first_seq + cursor;
        let places = (first, first + size - 1);
        let mut chunk = Chunk::new(self.app, &self.resource, &self.operation, self.task.id, places);
        chunk.apply(transaction).await
    }

    fn remaining(&self) -> i64 {
        self.task.total_records as i64 - self.task.cursor
    }

    /// Looks at the task's row, and at this process, before each chunk.
    async fn halt(&mut self) -> Result<Option<Halt>> {
        if self.lost.is_cancelled() {
            return Err(self.lease_lost());
        }
        if self.stop.is_cancelled() {
            return Ok(Some(Halt::Shutdown));
        }
        Ok(self.wish().await?.then_some(Halt::Wish))
    }

    /// Whether somebody wishes to pause or cancel.
    async fn wish(&mut self) -> Result<bool> {
        self.task.status = store::load(self.app, self.task.id).await?.status;
        Ok(matches!(self.task.status, Status::Pausing | Status::Cancelling))
    }

    fn lease_lost(&self) -> Error {
        Error::Internal(format!("the lease on task {} was lost: another worker has taken it over", self.task.id))
    }

    /// Grows or shrinks the next chunk towards [`CHUNK_TARGET`], unless the resource's settings fix its size.
    fn adapt(&mut self, size: i64, took: Duration) {
        if self.resource.settings.bulk_chunk_size.is_none() && size == self.chunk_size {
            let factor = CHUNK_TARGET.as_secs_f64() / took.as_secs_f64().max(0.001);
            self.chunk_size = ((size as f64 * factor.clamp(0.25, 4.0)) as i64).clamp(100, LARGEST_CHUNK);
        }
    }

    async fn end(&mut self, error_message: Option<String>) -> Result<BulkTask> {
        end(self.app, self.lease, self.task.clone(), error_message).await
    }
}

/// The task after `size` more records.
fn advanced(task: &BulkTask, size: i64, outcome: &Outcome) -> BulkTask {
    let mut task = task.clone();
    task.cursor += size;
    task.processed_records += size as u64;
    task.succeeded_records += outcome.succeeded;
    task.missing_records += outcome.missing;
    task.failed_records += outcome.errors.len() as u64;
    task
}

/// Ends a task in a transaction of its own: final state, locks released.
async fn end(app: &PowerCrud, lease: Lease, task: BulkTask, error_message: Option<String>) -> Result<BulkTask> {
    let transaction = app.database().begin().await?;
    let result = conclude(app, &transaction, &lease, task, error_message).await;
    let task = close(transaction, result).await?;
    lock::unblock(app, Some(&task.unique_model_key)).await?;
    store::load(app, task.id).await
}

/// Writes the end of a task, or its stop at a checkpoint, into the transaction given.
async fn conclude<C: ConnectionTrait>(
    app: &PowerCrud,
    transaction: &C,
    lease: &Lease,
    mut task: BulkTask,
    error_message: Option<String>,
) -> Result<BulkTask> {
    let wished = matches!(task.status, Status::Pausing | Status::Cancelling) && error_message.is_none();
    let event = if wished && task.unattempted_records() > 0 {
        Event::Stop
    } else if task.failed_records == 0 && task.unattempted_records() == 0 && error_message.is_none() {
        Event::Succeed
    } else if task.succeeded_records > 0 {
        Event::SucceedPartly
    } else {
        Event::Fail
    };
    task.status = task.status.next(event)?;
    task.error_message = error_message.unwrap_or_default();
    if !store::finish(app, transaction, lease, &task).await? {
        return Err(Error::Internal(format!(
            "the lease on task {} was lost: another worker has taken it over",
            task.id
        )));
    }
    tracing::info!(
        status = task.status.as_str(),
        succeeded = task.succeeded_records,
        failed = task.failed_records,
        unattempted = task.unattempted_records(),
        "bulk task stopped"
    );
    Ok(task)
}

/// Commits or rolls back by the result, and passes it on.
async fn close<T>(transaction: DatabaseTransaction, result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // The first error says more than that of a rollback, which a lost connection does by itself.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Rows of an error insert; six parameters each.
const ERRORS_A_STATEMENT: usize = 2_000;

async fn write_errors<C: ConnectionTrait>(transaction: &C, task_id: uuid::Uuid, errors: &[Failed]) -> Result<()> {
    for errors in errors.chunks(ERRORS_A_STATEMENT) {
        let mut insert = Query::insert();
        insert.into_table(tables::TASK_ERROR).columns(["task_id", "seq", "record_key", "field", "code", "message"]);
        for Failed { seq, record_key, error } in errors {
            insert.values_panic([
                task_id.into(),
                (*seq).into(),
                record_key.as_str().into(),
                error.field.clone().into(),
                error.code.as_str().into(),
                error.message.as_str().into(),
            ]);
        }
        transaction.insert(&insert).await?;
    }
    Ok(())
}
