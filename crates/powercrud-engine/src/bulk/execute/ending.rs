//! How a walk ends: the final state or a stop at a checkpoint, and the locks released, in one transaction.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};
use uuid::Uuid;

use super::{TRIES, pause_after};
use crate::{
    bulk::key_ranges,
    engine::Engine,
    error::Result,
    lock, notify,
    own::tables,
    retry::retry,
    task::{
        BulkTask, Event, Status, TaskEvent, TaskEventKind,
        store::{self, Lease},
    },
};
use powercrud_db::{QueryExt as _, close};

/// Ends a task in a transaction of its own: final state, locks released.
pub(super) async fn end(
    engine: &Engine,
    lease: Lease,
    task: BulkTask,
    error_message: Option<String>,
) -> Result<BulkTask> {
    retry(
        |error, tries| pause_after(error, tries, TRIES),
        || async { end_was_applied(engine, lease).await.then_some(Ok(())) },
        || async { try_end(engine, lease, task.clone(), error_message.clone()).await.map(drop) },
    )
    .await?;
    lock::unblock(engine, Some(&task.unique_model_key)).await?;
    let task = store::load(engine, task.id).await?;
    note_key_ranges(engine, &task);
    Ok(task)
}

/// Notes where the task's records lie, in a task of its own: nobody waits for this, and what is missing is made up for later.
fn note_key_ranges(engine: &Engine, task: &BulkTask) {
    let (engine, task) = (engine.clone(), task.clone());
    tokio::spawn(async move {
        if let Err(error) = key_ranges::note(&engine, &task).await {
            tracing::debug!(%error, task_id = %task.id, "where the task's records lie could not be noted");
        }
    });
}

async fn try_end(engine: &Engine, lease: Lease, task: BulkTask, error_message: Option<String>) -> Result<BulkTask> {
    let transaction = engine.database().begin().await?;
    let result = conclude(engine, &transaction, &lease, task, error_message).await;
    close(transaction, result).await
}

/// Whether the transaction that ends or stops a task was committed, although a lost connection kept back the answer.
pub(super) async fn end_was_applied(engine: &Engine, lease: Lease) -> bool {
    let stored = store::load(engine, lease.task_id).await;
    stored.is_ok_and(|task| task.attempt == lease.attempt && !task.status.is_held())
}

/// Writes the end of a task, or its stop at a checkpoint, into the transaction given.
pub(super) async fn conclude<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    lease: &Lease,
    mut task: BulkTask,
    error_message: Option<String>,
) -> Result<BulkTask> {
    let stopping = matches!(task.status, Status::Pausing | Status::Cancelling) && error_message.is_none();
    let event = if stopping && task.unattempted_records() > 0 {
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
    if !finish(engine, transaction, lease, &task).await? {
        return Err(lease.lost(engine));
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

/// Ends a task or stops it at its checkpoint, with its counts; where it ended, releases its locks and writes its notices. All in the
/// transaction given.
/// `false`: the lease is lost.
async fn finish<C: ConnectionTrait>(engine: &Engine, transaction: &C, lease: &Lease, task: &BulkTask) -> Result<bool> {
    if !store::write_progress(engine, transaction, store::held_by(lease), task, true).await? {
        return Ok(false);
    }
    let mut update = Query::update();
    update
        .table(tables::BULK_TASK)
        .value("status", task.status.as_str())
        .value("error_message", task.error_message.as_str())
        .value("worker_id", None::<Uuid>)
        .value("lease_expires_at", None::<i64>)
        .and_where(Expr::col("id").eq(lease.task_id));
    if task.status.is_final() {
        update.value("completed_at", engine.database().dialect().now());
        lock::release(transaction, lease.task_id).await?;
    }
    transaction.update(&update).await?;
    if task.status.is_final() {
        notify::write(engine, transaction, lease.task_id, lease.answers).await?;
    }
    let kind = if task.status.is_final() { TaskEventKind::Ended } else { TaskEventKind::Paused };
    TaskEvent::now(task, kind, task.status).write(transaction, engine.database().dialect(), task.id).await?;
    Ok(true)
}
