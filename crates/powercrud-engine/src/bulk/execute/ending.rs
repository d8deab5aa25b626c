//! How a walk ends: the final state or a stop at a checkpoint, and the locks released, in one transaction.

use sea_orm::ConnectionTrait;

use super::{TRIES, pause_after};
use crate::{
    bulk::places,
    engine::Engine,
    error::Result,
    lock,
    task::{
        BulkTask, Event, Status,
        store::{self, Lease},
    },
};
use powercrud_db::close;

/// Ends a task in a transaction of its own: final state, locks released.
pub(super) async fn end(
    engine: &Engine,
    lease: Lease,
    task: BulkTask,
    error_message: Option<String>,
) -> Result<BulkTask> {
    let mut tries = 0;
    loop {
        let result = try_end(engine, lease, task.clone(), error_message.clone()).await;
        match pause_after(&result, &mut tries, TRIES) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                result?;
                break;
            }
        }
        if ended_unheard(engine, lease).await {
            break;
        }
    }
    lock::unblock(engine, Some(&task.unique_model_key)).await?;
    let task = store::load(engine, task.id).await?;
    note_places(engine, &task);
    Ok(task)
}

/// Notes where the task's records lie, in a task of its own: nobody waits for this, and what is missing is made up for later.
fn note_places(engine: &Engine, task: &BulkTask) {
    let (engine, task) = (engine.clone(), task.clone());
    tokio::spawn(async move {
        if let Err(error) = places::note(&engine, &task).await {
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
pub(super) async fn ended_unheard(engine: &Engine, lease: Lease) -> bool {
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
    if !store::finish(engine, transaction, lease, &task).await? {
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
