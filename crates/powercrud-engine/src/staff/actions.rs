//! Tasks that somebody else submitted, or that no living worker has: cancelled, queued again, ended.
//!
//! A worker counts as dead once its lease has lapsed, or once it has registered and sent no heartbeat for a while; work that runs
//! in a request or in a command is not registered, and only its lease counts. Both actions name the attempt and the lease that they have
//! looked at, so that a worker that was only slow, and has renewed it meanwhile, keeps its task; and what the dead one writes later
//! names a lease that there is no more.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, Query},
};
use uuid::Uuid;

use crate::{
    audit::{self, Action, AuditEvent},
    backend, control,
    engine::Engine,
    error::{Error, Result},
    heartbeat::{self, WorkerInfo},
    lock, notify,
    own::tables,
    task::{BulkTask, Event, Status, TaskEvent, TaskEventKind, store::load},
    user::User,
};
use powercrud_db::{QueryExt as _, close};

/// How a task is held.
pub(super) struct Hold {
    is_held: bool,
    has_lapsed: bool,
    lease_expires_at: Option<i64>,
    worker: Option<WorkerInfo>,
}

impl Hold {
    /// Whether the task's row says that a worker has it, and none that lives does.
    pub(super) fn is_dead(&self) -> bool {
        let is_silent = self.worker.as_ref().is_some_and(|worker| !worker.is_alive);
        self.is_held && (self.has_lapsed || is_silent)
    }

    /// Refuses where a living worker has the task.
    fn require_dead(&self, task: &BulkTask) -> Result<()> {
        if !self.is_held || self.is_dead() {
            return Ok(());
        }
        let who = match &self.worker {
            Some(worker) => format!("the worker {} on {} lives", worker.pid, worker.host),
            None => "whoever has it renews its lease".to_owned(),
        };
        let message = format!("task {} is being worked on: {who}. Cancel it instead, and it stops by itself", task.id);
        Err(Error::NotAllowed(message))
    }

    /// The row as it was looked at.
    fn unchanged(&self, task: &BulkTask) -> Cond {
        let lease = Expr::col("lease_expires_at");
        Cond::all()
            .add(Expr::col("id").eq(task.id))
            .add(Expr::col("status").eq(task.status.as_str()))
            .add(Expr::col("attempt").eq(task.attempt))
            .add(self.lease_expires_at.map_or_else(|| lease.clone().is_null(), |at| lease.clone().eq(at)))
    }
}

async fn hold(engine: &Engine, task: &BulkTask) -> Result<Hold> {
    look(engine, task).await?.ok_or_else(|| moved_on(task))
}

/// How a task is held; `None` where it has moved on since it was read.
pub(super) async fn look(engine: &Engine, task: &BulkTask) -> Result<Option<Hold>> {
    let select = Query::select()
        .column("lease_expires_at")
        .expr(engine.database().dialect().now())
        .from(tables::BULK_TASK)
        .and_where(Expr::col("id").eq(task.id))
        .and_where(Expr::col("attempt").eq(task.attempt))
        .take();
    let row = engine.database().connection().row(&select).await?;
    let (lease_expires_at, now) = match row {
        Some(row) => (row.try_get_by_index::<Option<i64>>(0)?, row.try_get_by_index::<i64>(1)?),
        None => return Ok(None),
    };
    let mut workers =
        if task.worker_id.is_some() && task.status.is_held() { heartbeat::all(engine).await? } else { Vec::new() };
    workers.retain(|worker| Some(worker.id) == task.worker_id);
    Ok(Some(Hold {
        is_held: task.status.is_held(),
        has_lapsed: lease_expires_at.is_none_or(|at| at < now),
        lease_expires_at,
        worker: workers.pop(),
    }))
}

/// Whether a task's row says that a worker has it, and none that lives does.
///
/// # Errors
/// [`Error::NotAllowed`] for who is not staff.
pub async fn is_dead(engine: &Engine, by: &User, task: &BulkTask) -> Result<bool> {
    by.require_staff()?;
    Ok(look(engine, task).await?.is_some_and(|hold| hold.is_dead()))
}

/// Asks for anybody's task to be cancelled, as [`control::cancel_because`] does.
///
/// # Errors
/// Those of [`control::cancel_because`], [`Error::NotAllowed`] for who is not staff.
pub async fn cancel(engine: &Engine, by: &User, id: Uuid, reason: &str) -> Result<BulkTask> {
    by.require_staff()?;
    control::cancel_because(engine, by, id, reason).await
}

/// Takes a running task from a worker that is dead: it is queued again, and goes on where it stopped.
///
/// # Errors
/// [`Error::NotAllowed`] where a living worker has it, or for who is not staff; [`Error::Transition`] where it does not run;
/// [`Error::Invalid`] without a reason.
pub async fn requeue(engine: &Engine, by: &User, id: Uuid, reason: &str) -> Result<BulkTask> {
    by.require_staff()?;
    let reason = audit::checked_reason(reason)?;
    let task = load(engine, id).await?;
    let next = task.status.next(Event::Requeue)?;
    let hold = hold(engine, &task).await?;
    hold.require_dead(&task)?;
    let mut update = Query::update();
    update
        .table(tables::BULK_TASK)
        .value("status", next.as_str())
        .value("worker_id", None::<Uuid>)
        .value("lease_expires_at", None::<i64>)
        // The caller knows better than the count.
        .value("stalled_attempts", 0i64)
        .cond_where(hold.unchanged(&task));
    let dialect = engine.database().dialect();
    let transaction = engine.database().begin().await?;
    let result = async {
        if transaction.update(&update).await? == 0 {
            return Err(moved_on(&task));
        }
        TaskEvent::asked(&task, TaskEventKind::Requeued, next, by).write(&transaction, dialect, id).await?;
        AuditEvent::of_task(engine, Action::TaskRequeued, &task).because(reason).write(&transaction, dialect, by).await
    };
    let result = result.await;
    close(transaction, result).await?;
    backend::dispatch(engine, &task).await?;
    load(engine, id).await
}

/// Ends a task that no living worker has, so that its locks go: cancelled where nobody has begun or somebody asked for it, else as partly
/// done or failed. What is committed stays.
///
/// # Errors
/// [`Error::NotAllowed`] where a living worker has it, or for who is not staff; [`Error::Transition`] where it has ended;
/// [`Error::Invalid`] without a reason.
pub async fn release(engine: &Engine, by: &User, id: Uuid, reason: &str) -> Result<BulkTask> {
    by.require_staff()?;
    let reason = audit::checked_reason(reason)?;
    let task = load(engine, id).await?;
    let event = match task.status {
        Status::Cancelling => Event::Stop,
        Status::Started | Status::Pausing if task.succeeded_records > 0 => Event::SucceedPartly,
        Status::Started | Status::Pausing => Event::Fail,
        _ => Event::Cancel,
    };
    let next = task.status.next(event)?;
    let hold = hold(engine, &task).await?;
    hold.require_dead(&task)?;
    let transaction = engine.database().begin().await?;
    let result = end(engine, &transaction, by, &task, &hold, next, reason).await;
    close(transaction, result).await?;
    lock::unblock(engine, Some(&task.unique_model_key)).await?;
    load(engine, id).await
}

async fn end<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    by: &User,
    task: &BulkTask,
    hold: &Hold,
    next: Status,
    reason: &str,
) -> Result<()> {
    let dialect = engine.database().dialect();
    let mut update = Query::update();
    update
        .table(tables::BULK_TASK)
        .value("status", next.as_str())
        .value("error_message", format!("ended by {}, because no living worker had it: {reason}", by.name))
        .value("worker_id", None::<Uuid>)
        .value("lease_expires_at", None::<i64>)
        .value("completed_at", dialect.now())
        .cond_where(hold.unchanged(task));
    if transaction.update(&update).await? == 0 {
        return Err(moved_on(task));
    }
    lock::release(transaction, task.id).await?;
    notify::write(engine, transaction, task.id, false).await?;
    TaskEvent::asked(task, TaskEventKind::Released, next, by).write(transaction, dialect, task.id).await?;
    TaskEvent::now(task, TaskEventKind::Ended, next).write(transaction, dialect, task.id).await?;
    AuditEvent::of_task(engine, Action::TaskReleased, task).because(reason).write(transaction, dialect, by).await
}

fn moved_on(task: &BulkTask) -> Error {
    Error::NotAllowed(format!("task {} has moved on meanwhile; look at it again", task.id))
}
