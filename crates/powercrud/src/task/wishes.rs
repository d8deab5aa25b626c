//! What people ask of a task: to cancel, to pause, to go on.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use uuid::Uuid;

use super::{
    BulkTask, Event, Happening, TaskEvent,
    store::{get, load},
};
use crate::{
    app::{PowerCrud, User},
    db::{Run as _, migrations::tables},
    error::Result,
    lock, notify,
};

/// Asks for a task to be cancelled. A running one stops at its next checkpoint; what is done stays done.
///
/// # Errors
/// [`Error::TaskNotFound`](crate::Error::TaskNotFound) where the user may not see it, [`Error::Transition`](crate::Error::Transition) where it has ended.
pub async fn cancel(app: &PowerCrud, user: &User, id: Uuid) -> Result<BulkTask> {
    wish(app, user, id, Event::Cancel).await
}

/// Asks for a running task to pause at its next checkpoint. It keeps its locks.
///
/// # Errors
/// [`Error::TaskNotFound`](crate::Error::TaskNotFound) where the user may not see it, [`Error::Transition`](crate::Error::Transition) where it does not run.
pub async fn pause(app: &PowerCrud, user: &User, id: Uuid) -> Result<BulkTask> {
    wish(app, user, id, Event::Pause).await
}

/// Lets a paused task go on where it stopped.
///
/// # Errors
/// [`Error::TaskNotFound`](crate::Error::TaskNotFound) where the user may not see it, [`Error::Transition`](crate::Error::Transition) where it is not paused.
pub async fn resume(app: &PowerCrud, user: &User, id: Uuid) -> Result<BulkTask> {
    let task = wish(app, user, id, Event::Resume).await?;
    crate::backend::dispatch(app, id).await?;
    Ok(task)
}

/// Carries a user's wish into the task's row.
async fn wish(app: &PowerCrud, user: &User, id: Uuid, event: Event) -> Result<BulkTask> {
    loop {
        let task = get(app, user, id).await?;
        let next = task.status.next(event)?;
        let transaction = app.database().begin().await?;
        let mut update = Query::update();
        update
            .table(tables::BULK_TASK)
            .value("status", next.as_str())
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("status").eq(task.status.as_str()));
        if next.is_final() {
            update.value("completed_at", app.database().dialect().now());
            lock::release(&transaction, id).await?;
        }
        // Where its state changed in between, look again.
        if transaction.update(&update).await? == 1 {
            let happening = match event {
                Event::Pause => Happening::PauseAsked,
                Event::Resume => Happening::Resumed,
                _ => Happening::CancelAsked,
            };
            let asked = TaskEvent {
                user_id: user.id.clone(),
                user_name: user.recorded_name(),
                ..TaskEvent::now(&task, happening, next)
            };
            asked.write(&transaction, app.database().dialect(), id).await?;
            if next.is_final() {
                notify::write(app, &transaction, id, false).await?;
                TaskEvent::now(&task, Happening::Ended, next).write(&transaction, app.database().dialect(), id).await?;
            }
            transaction.commit().await?;
            if next.is_final() {
                lock::unblock(app, Some(&task.unique_model_key)).await?;
            }
            return load(app, id).await;
        }
        transaction.rollback().await?;
    }
}
