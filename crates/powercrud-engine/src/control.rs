//! What people ask of a task: to cancel, to pause, to go on.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    audit::{Action, AuditEvent, checked_reason},
    backend,
    engine::Engine,
    error::{Error, Result},
    lock, notify,
    task::{
        BulkTask, Event, Status, TaskEvent, TaskEventKind,
        store::{get, load, transition},
    },
    user::User,
};
use powercrud_db::{QueryExt as _, close};

/// Asks for a task of one's own to be cancelled. A running one stops at its next checkpoint; what is done stays done.
///
/// # Errors
/// [`Error::TaskNotFound`] where the user may not see it, [`Error::Transition`] where it has ended, [`Error::Invalid`] where it is somebody
/// else's: [`cancel_because`] takes the reason that is needed then.
pub async fn cancel(engine: &Engine, user: &User, id: Uuid) -> Result<BulkTask> {
    control(engine, user, id, Event::Cancel, "").await
}

/// As [`cancel`], with a reason, which is kept in the [audit trail](crate::audit).
///
/// # Errors
/// Those of [`cancel`], [`Error::Invalid`] where the reason is empty or too long.
pub async fn cancel_because(engine: &Engine, user: &User, id: Uuid, reason: &str) -> Result<BulkTask> {
    control(engine, user, id, Event::Cancel, checked_reason(reason)?).await
}

/// Asks for a running task to pause at its next checkpoint. It keeps its locks.
///
/// # Errors
/// [`Error::TaskNotFound`] where the user may not see it, [`Error::Transition`] where it does not run.
pub async fn pause(engine: &Engine, user: &User, id: Uuid) -> Result<BulkTask> {
    control(engine, user, id, Event::Pause, "").await
}

/// Lets a paused task go on where it stopped.
///
/// # Errors
/// [`Error::TaskNotFound`] where the user may not see it, [`Error::Transition`] where it is not paused.
pub async fn resume(engine: &Engine, user: &User, id: Uuid) -> Result<BulkTask> {
    let task = control(engine, user, id, Event::Resume, "").await?;
    backend::dispatch(engine, &task).await?;
    Ok(task)
}

/// Writes a user's request into the task's row, and into the audit trail.
async fn control(engine: &Engine, user: &User, id: Uuid, event: Event, reason: &str) -> Result<BulkTask> {
    loop {
        let task = get(engine, user, id).await?;
        let next = task.status.next(event)?;
        if event == Event::Cancel && task.user_id != user.id && reason.is_empty() {
            let message = "say why you cancel somebody else's task; the reason is kept in the audit trail";
            return Err(Error::invalid("reason", "NOT_NULL", message));
        }
        let transaction = engine.database().begin().await?;
        let result = carry(engine, &transaction, user, &task, event, next, reason).await;
        // Where its state changed in between, look again.
        if close(transaction, result).await? {
            if next.is_final() {
                lock::unblock(engine, Some(&task.unique_model_key)).await?;
            }
            return load(engine, id).await;
        }
    }
}

/// `false`: the task's state has changed since it was read, and nothing is written.
async fn carry<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    user: &User,
    task: &BulkTask,
    event: Event,
    next: Status,
    reason: &str,
) -> Result<bool> {
    let dialect = engine.database().dialect();
    let mut update = transition(task, next);
    if next.is_final() {
        update.value("completed_at", dialect.now());
    }
    if transaction.update(&update).await? == 0 {
        return Ok(false);
    }
    let (kind, action) = match event {
        Event::Pause => (TaskEventKind::PauseAsked, Action::TaskPaused),
        Event::Resume => (TaskEventKind::Resumed, Action::TaskResumed),
        _ => (TaskEventKind::CancelAsked, Action::TaskCancelled),
    };
    TaskEvent::asked(task, kind, next, user).write(transaction, dialect, task.id).await?;
    AuditEvent::of_task(engine, action, task).because(reason).write(transaction, dialect, user).await?;
    if next.is_final() {
        lock::release(transaction, task.id).await?;
        notify::write(engine, transaction, task.id, false).await?;
        TaskEvent::now(task, TaskEventKind::Ended, next).write(transaction, dialect, task.id).await?;
    }
    Ok(true)
}
