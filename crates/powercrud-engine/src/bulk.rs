//! The bulk engine: plan, submit, route, execute, finish.
//!
//! [`run`] is the whole walk: a request is checked once ([`plan`]), frozen with its locks in one transaction (`submit`), and then,
//! small, done at once or, large, left to a worker (`execute`).

mod chunk;
mod chunk_keys;
mod execute;
mod images;
mod origin;
pub(crate) mod places;
mod plan;
mod preview;
mod purge;
mod repeat;
mod report;
mod revert;
mod runs;
mod submit;

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

pub(crate) use execute::execute;
pub use images::Images;
pub(crate) use images::{KeptValues, kept_values, records as kept_records};
pub use origin::in_request;
pub use origin::is_request_id;
pub use plan::{Plan, plan};
pub use preview::{Failure, Preview, Referrer, Sample};
pub use purge::purge;
pub(crate) use purge::throw_away;
pub use repeat::RequestKey;
pub(crate) use report::{delete_fault, record_fault};
pub use revert::{Revertible, revert, revertible};
pub use revert::{may_revert, reverted_by};

use crate::{
    backend,
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
    /// Who asks.
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
    /// Set these fields; `None` sets NULL. For many-to-many fields see [`Input`].
    Update(Vec<Input>),
    /// Delete.
    Delete,
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
        /// Whether some worker showed a sign of life lately; else the task waits in the database.
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
                let worker_alive = backend::dispatch(&self.engine, task.id).await?;
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
    engine.resource(&task.resource)?.require_table_of(&task)?;
    let operation = match (task.operation.as_str(), task.reverts) {
        (_, Some(reverted)) => Requested::Revert(reverted),
        ("delete", None) => Requested::Delete,
        _ => Requested::Update(stored_inputs(&task)),
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

/// The inputs that a task's `changes` were made from.
pub(crate) fn stored_inputs(task: &BulkTask) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (field, value) in task.changes.as_object().into_iter().flatten() {
        match value.as_object() {
            None => inputs.push((field.clone(), value.as_str().map(str::to_owned))),
            Some(operations) => {
                for (word, keys) in operations {
                    let keys: Vec<_> = keys.as_object().into_iter().flatten().map(|(key, _)| key).collect();
                    let text = (!keys.is_empty()).then(|| serde_json::json!(keys).to_string());
                    inputs.push((format!("{field}__{word}"), text));
                }
            }
        }
    }
    inputs
}

/// Whether everything or nothing is to stay.
pub(crate) fn is_all_or_nothing(task: &BulkTask) -> bool {
    task.atomicity == Atomicity::All
}
