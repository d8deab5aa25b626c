//! What becomes of a task that an attempt could not carry on: the attempts that got no further are counted, and end it where there were
//! too many; one that runs in a request is ended at once, since nobody else looks after it.

use uuid::Uuid;

use super::ending::end;
use crate::{
    engine::Engine,
    error::{Error, Result},
    task::{
        BulkTask,
        store::{self, Lease},
    },
};

/// How often the end of a task is tried to be written that ran in a request, beyond the tries for passing faults, a lease apart.
const LATE_TRIES: u32 = 40;

/// Why the task is not tried once more, where too many attempts got no further.
pub(super) fn exhausted(engine: &Engine, task: &BulkTask) -> Option<String> {
    let most = engine.settings().max_attempts_without_progress.max(1);
    if task.stalled_attempts <= most {
        return None;
    }
    let met = match &task.attempt_error {
        Some(error) => format!("the last one that could tell met this: {error}"),
        None => "their workers fell silent".to_owned(),
    };
    Some(format!("given up after {most} attempts that got no further; {met}"))
}

/// Notes what an attempt met, as far as the database lets it.
pub(super) async fn note(engine: &Engine, lease: Lease, error: &Error) {
    if let Err(error) = store::note_failure(engine, &lease, &error.to_string()).await {
        tracing::debug!(%error, "what an attempt met could not be noted");
    }
}

/// Ends a task that ran in the request which asked for it, with the error that it met. Where not even that can be written, it is tried
/// for a while, unless a worker takes the task over first.
pub(super) async fn end_in_request(engine: &Engine, lease: Lease, id: Uuid, error: Error) -> Result<BulkTask> {
    tracing::warn!(task_id = %id, %error, "a bulk task in a request could not be carried out");
    let message = error.to_string();
    match end_as_it_stands(engine, lease, id, &message).await {
        Ok(task) => Ok(task),
        Err(other) => {
            tracing::warn!(task_id = %id, error = %other, "the end of a bulk task could not be written; trying again");
            tokio::spawn(keep_trying(engine.clone(), lease, id, message));
            Err(error)
        }
    }
}

async fn keep_trying(engine: Engine, lease: Lease, id: Uuid, message: String) {
    for _ in 0..LATE_TRIES {
        tokio::time::sleep(engine.settings().lease).await;
        match end_as_it_stands(&engine, lease, id, &message).await {
            Ok(_) | Err(Error::LeaseLost(_)) => return,
            Err(error) => tracing::debug!(%error, "the end of a bulk task could not be written"),
        }
    }
}

async fn end_as_it_stands(engine: &Engine, lease: Lease, id: Uuid, message: &str) -> Result<BulkTask> {
    let task = store::load(engine, id).await?;
    if !lease.holds(&task) {
        return if task.status.is_final() { Ok(task) } else { Err(lease.lost(engine)) };
    }
    end(engine, lease, task, Some(message.to_owned())).await
}
