//! What staff look at and do beside what everybody may: workers, locks, queues, and tasks that nobody works on any more.
//!
//! Every action needs a reason, which is kept in the [audit trail](crate::audit). Everybody else is refused.

mod actions;
mod purge;

use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query};
use uuid::Uuid;

pub use actions::{cancel, is_dead, release, requeue};
pub use purge::{count_old, delete_old};

use crate::{
    audit,
    config::DATABASE_BACKEND,
    engine::Engine,
    error::Result,
    heartbeat::{self, WorkerInfo},
    own::tables,
    task::{
        BulkTask, Status,
        store::{self, TaskFilter},
    },
    user::User,
};
use powercrud_db::QueryExt as _;

/// A lock, with the task that holds it.
#[derive(Clone, Debug)]
pub struct LockInfo {
    /// What tells it from other locks.
    pub key: String,
    /// What it is on.
    pub kind: LockKind,
    /// Who holds it; `None` where that task is no more, which should never be.
    pub task: Option<BulkTask>,
    /// Whether no living worker has that task, though its row says that one does.
    pub is_dead: bool,
    /// The tasks that wait for it, or for others on the same model, in their turn.
    pub waiting: Vec<BulkTask>,
}

/// What a lock is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// A whole model, with its suffix.
    Model,
    /// The records that its task has frozen.
    Records,
    /// A request, so that it is not carried out twice at a time.
    Request,
}

/// What is on its way through a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The backend's name.
    pub backend: String,
    /// By state.
    pub depths: Vec<Depth>,
}

/// How many tasks stand at a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The state.
    pub status: Status,
    /// How many.
    pub tasks: u64,
    /// For how many milliseconds the oldest has been there since it was submitted.
    pub oldest: Option<i64>,
}

/// The states that [`queues`] counts.
pub const COUNTED: [Status; 6] =
    [Status::Waiting, Status::Pending, Status::Started, Status::Pausing, Status::Paused, Status::Cancelling];

/// All workers, also those that fell silent, longest running first.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for who is not staff.
pub async fn workers(engine: &Engine, user: &User) -> Result<Vec<WorkerInfo>> {
    user.require_staff()?;
    heartbeat::all(engine).await
}

/// The most tasks that [`at_work`] tells of.
const MOST_AT_WORK: u64 = 100;

/// The tasks that their rows say a worker has, newest first, each with whether none that lives does.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for who is not staff.
pub async fn at_work(engine: &Engine, user: &User) -> Result<Vec<(BulkTask, bool)>> {
    user.require_staff()?;
    let statuses = Status::ALL.iter().copied().filter(|status| status.is_held()).collect();
    let filter = TaskFilter { statuses, limit: MOST_AT_WORK, ..TaskFilter::default() };
    let mut tasks = Vec::new();
    for task in store::list(engine, user, &filter).await? {
        if let Some(hold) = actions::look(engine, &task).await? {
            tasks.push((task, hold.is_dead()));
        }
    }
    Ok(tasks)
}

/// All locks on models and records, oldest task first; those on requests only where `requests`.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for who is not staff.
pub async fn locks(engine: &Engine, user: &User, requests: bool) -> Result<Vec<LockInfo>> {
    user.require_staff()?;
    let select = Query::select().columns(["lock_key", "task_id"]).from(tables::LOCK).take();
    let mut found: Vec<(String, LockKind, Uuid)> = Vec::new();
    for row in engine.database().connection().rows(&select).await? {
        let (key, task_id): (String, Uuid) = row.try_get_many_by_index()?;
        let kind = match key.split_once(':') {
            Some(("model", _)) => LockKind::Model,
            Some(("records", _)) => LockKind::Records,
            _ => LockKind::Request,
        };
        if requests || kind != LockKind::Request {
            found.push((key, kind, task_id));
        }
    }
    let ids: Vec<_> = found.iter().map(|(_, _, task_id)| *task_id).collect();
    let tasks = store::load_all(engine, &ids).await?;
    let waiting = store::waiting(engine, None).await?;
    let mut locks = Vec::with_capacity(found.len());
    for (key, kind, task_id) in found {
        let task = tasks.iter().find(|task| task.id == task_id).cloned();
        let is_dead = match &task {
            Some(task) => actions::look(engine, task).await?.is_some_and(|hold| hold.is_dead()),
            None => true,
        };
        let same_model = |other: &&BulkTask| {
            kind != LockKind::Request
                && task.as_ref().is_some_and(|task| task.unique_model_key == other.unique_model_key)
        };
        let waiting = waiting.iter().filter(same_model).cloned().collect();
        locks.push(LockInfo { key, kind, task, is_dead, waiting });
    }
    locks.sort_by_key(|lock| lock.task.as_ref().map(|task| task.id));
    Ok(locks)
}

/// What is on its way, by backend: also through those on which there is nothing now.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for who is not staff.
pub async fn queues(engine: &Engine, user: &User) -> Result<Vec<Queue>> {
    user.require_staff()?;
    let select = Query::select()
        .columns(["backend", "status"])
        .expr(Expr::cust("COUNT(*)"))
        .expr(Expr::col("created_at").min())
        .expr(engine.database().dialect().now())
        .from(tables::BULK_TASK)
        .and_where(Expr::col("status").is_in(COUNTED.map(Status::as_str)))
        .add_group_by([Expr::col("backend"), Expr::col("status")])
        .order_by("backend", Order::Asc)
        .take();
    let none = || COUNTED.map(|status| Depth { status, tasks: 0, oldest: None }).to_vec();
    let mut names: Vec<_> = engine.resources().iter().map(|resource| resource.backend().to_owned()).collect();
    names.push(DATABASE_BACKEND.to_owned());
    names.sort_unstable();
    names.dedup();
    let mut queues: Vec<_> = names.into_iter().map(|backend| Queue { backend, depths: none() }).collect();
    for row in engine.database().connection().rows(&select).await? {
        let (backend, status, tasks, since, now): (String, String, i64, i64, i64) = row.try_get_many_by_index()?;
        let place = queues.iter().position(|queue| queue.backend == backend).unwrap_or_else(|| {
            queues.push(Queue { backend, depths: none() });
            queues.len() - 1
        });
        for depth in queues[place].depths.iter_mut().filter(|depth| depth.status.as_str() == status) {
            depth.tasks = Ord::max(tasks, 0) as u64;
            depth.oldest = Some(Ord::max(now - since, 0));
        }
    }
    Ok(queues)
}

/// Everybody who has bulk tasks, by id and name; the operator's id is `None`.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for who is not staff.
pub async fn owners(engine: &Engine, user: &User) -> Result<Vec<(Option<String>, String)>> {
    user.require_staff()?;
    let select = Query::select()
        .column("user_id")
        .expr(Expr::col("user_name").max())
        .from(tables::BULK_TASK)
        .add_group_by([Expr::col("user_id")])
        .take();
    audit::people_of(engine, &select).await
}
