//! The bulk engine: plan, submit, route, execute, finish.
//!
//! [`run`] is the whole walk: a request is checked once ([`plan`]), frozen with its locks in one transaction (`submit`), and then,
//! small, done at once or, large, left to a worker (`execute`).

mod builder;
mod chunk;
mod chunk_keys;
mod execute;
mod images;
pub(crate) mod key_ranges;
mod operation;
mod origin;
mod plan;
mod preview;
mod purge;
mod repeat;
mod revert;
mod runs;
mod submission;
mod submit;

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

pub use builder::{BulkFilter, Delete, RunAction, Update, action, delete, update};
pub(crate) use execute::execute;
pub use images::Images;
pub(crate) use images::{KeptValues, kept_values};
pub use origin::in_request;
pub use origin::is_request_id;
pub use plan::{Plan, plan};
pub use preview::{Failure, Preview, Referrer, Sample};
pub use purge::purge;
pub(crate) use purge::throw_away;
pub use repeat::RequestKey;
pub use revert::{Revertible, revert, revertible};
pub use revert::{may_revert, reverted_by};
pub use submission::Submission;

use crate::{
    action::Action,
    backend,
    change::Changes,
    config::{Atomicity, OnConflict},
    engine::Engine,
    error::{Error, Result},
    form::Input,
    selection::Selection,
    task::{BulkTask, store},
    user::User,
};

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct BulkRequest {
    /// The resource's name.
    pub resource: String,
    /// What to do to each record.
    pub operation: Requested,
    /// To which records.
    pub selection: Selection,
    /// The user.
    pub user: User,
    /// Whether it may run in the request.
    pub route: Route,
    /// The task that this one retries or reverts.
    pub parent_id: Option<Uuid>,
    /// What to do where another task is in the way; as the resource's settings say, where it is `None`.
    pub on_conflict: Option<OnConflict>,
}

/// The operation asked for, unchecked.
#[derive(Clone, Debug)]
pub enum Requested {
    /// Make these changes.
    Update(Changes),
    /// Delete.
    Delete,
    /// Carry out an action of the resource.
    Action {
        /// The action's name.
        name: String,
        /// What is filled in, as texts by field.
        values: Vec<Input>,
    },
    /// Restore what this task overwrote or deleted.
    Revert(Uuid),
}

/// Where a bulk operation runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Few records at once, many in the background, as the resource's settings say.
    #[default]
    Auto,
    /// In the background, however few.
    Background,
}

/// How a request was answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It ran at once and has ended, well or not.
    Done(BulkTask),
    /// A worker runs it.
    Queued {
        /// The task.
        task: BulkTask,
        /// Whether some worker sent a heartbeat lately; else the task waits in the database.
        worker_alive: bool,
    },
    /// The same request is running already; this is its task.
    Duplicate(BulkTask),
}

impl Answer {
    /// The task, however it was answered.
    pub fn task(&self) -> &BulkTask {
        match self {
            Self::Done(task) | Self::Queued { task, .. } | Self::Duplicate(task) => task,
        }
    }
}

/// Carries out a bulk request: checks it, freezes it, and runs it or leaves it to a worker.
///
/// # Errors
/// [`Error::Invalid`] names each field with a mistake, [`Error::NothingSelected`], [`Error::Conflict`] where another task is
/// active on the resource; nothing was written then.
pub async fn run(engine: &Engine, request: BulkRequest) -> Result<Answer> {
    plan(engine, request).await?.run().await
}

impl Plan {
    /// Freezes the plan, and runs it or leaves it to a worker.
    ///
    /// # Errors
    /// As [`run`], and [`Error::RequestIdReused`].
    pub async fn run(self) -> Result<Answer> {
        let hooks = self.engine.queue_hooks();
        let result = self.submit_and_run().await;
        // What a hook does is its own affair: the task stands either way.
        let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            match (&result, &hooks.success, &hooks.failure) {
                (Ok(Answer::Queued { task, .. }), Some(success), _) => success(task),
                (Err(error), _, Some(failure)) => failure(&self.resource, &self.user, error),
                _ => {}
            }
        }));
        if called.is_err() {
            tracing::error!("a hook of the application panicked when a bulk request was answered");
        }
        result
    }

    async fn submit_and_run(&self) -> Result<Answer> {
        let submitted = self.submit().await?;
        let (submit::Submitted::Queued(task)
        | submit::Submitted::Held { task, .. }
        | submit::Submitted::Duplicate(task)) = &submitted;
        // In the span of the request, which may end long before the task.
        tracing::info!(task_id = %task.id, resource = task.resource, records = task.total_records, "bulk task submitted");
        match submitted {
            submit::Submitted::Duplicate(task) => Ok(Answer::Duplicate(task)),
            submit::Submitted::Held { lease, task } => {
                // In a task of its own: a client that hangs up does not stop the work half-way.
                let engine = self.engine.clone();
                let work = async move { execute(&engine, lease, task, &CancellationToken::new()).await };
                let work = tokio::spawn(work.in_current_span());
                let task = work
                    .await
                    .map_err(|error| Error::Internal(format!("the bulk operation was interrupted: {error}")))??;
                Ok(Answer::Done(task))
            }
            submit::Submitted::Queued(task) => {
                let worker_alive = backend::dispatch(&self.engine, &task).await?;
                Ok(Answer::Queued { task, worker_alive })
            }
        }
    }
}

/// Submits a new task for the records of an ended one that failed or were not attempted.
///
/// # Errors
/// [`Error::NotAllowed`] where there are none, or the task still runs.
pub async fn retry(engine: &Engine, user: &User, task_id: Uuid) -> Result<Answer> {
    let engine = &engine.for_user(user);
    let task = store::get(engine, user, task_id).await?;
    if let Some(at) = task.results_purged_at {
        return Err(crate::task::results::purged(&task, at));
    }
    if let Some(what) = &task.unreadable {
        let message = format!("this version of PowerCRUD can't read {what} of task {task_id}, so it can't retry it");
        return Err(Error::NotAllowed(message));
    }
    if !task.can_retry() {
        let status = task.status.as_str();
        return Err(Error::NotAllowed(format!(
            "task {task_id} is {status} and has no failed or unattempted records to retry"
        )));
    }
    let resource = engine.resource(&task.resource)?;
    task.require_table(resource)?;
    task.require_keys(resource)?;
    let operation = match (task.operation.as_str(), task.reverts, task.action()) {
        (_, Some(reverted), _) => Requested::Revert(reverted),
        ("delete", ..) => Requested::Delete,
        // What it sets is what the first task set.
        (_, None, Some(action)) => {
            let values = filled_in(resource.action(action)?, &task);
            Requested::Action { name: action.to_owned(), values }
        }
        _ => Requested::Update(task.changes.clone()),
    };
    let request = BulkRequest {
        resource: task.resource.clone(),
        operation,
        selection: Selection::Unfinished(task_id),
        user: user.clone(),
        route: Route::Auto,
        parent_id: Some(task_id),
        on_conflict: None,
    };
    run(engine, request).await
}

/// What was filled in for an action's task; what was left empty then is not filled with the default of today.
fn filled_in(action: &Action, task: &BulkTask) -> Vec<Input> {
    action.fields.iter().map(|field| (field.name.clone(), task.values.get(&field.name).cloned())).collect()
}

/// Whether a retry of the task is worth offering to whoever the engine is narrowed for.
pub fn may_retry(engine: &Engine, task: &BulkTask) -> bool {
    let Ok(resource) = engine.resource(&task.resource) else { return false };
    let may = match (task.action(), task.operation.as_str(), task.reverts) {
        (Some(action), ..) => resource.action(action).map(|_| ()),
        (_, _, Some(_)) => resource.require_revert(),
        (_, "delete", None) => resource.require_bulk_delete_right(),
        _ => resource.require_bulk_update(),
    };
    may.is_ok() && task.can_retry()
}

/// Whether everything or nothing is to stay.
pub(crate) fn is_all_or_nothing(task: &BulkTask) -> bool {
    task.atomicity == Atomicity::All
}
