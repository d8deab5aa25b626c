//! What Celery's callers are told of a task.

use powercrud_celery::{Failure, Outcome};
use serde_json::{Value, json};

use crate::{
    bulk_task::RecordError,
    error::Error,
    task::{BulkTask, Status},
    task_json::TaskJson,
};

/// So many records that failed are named.
pub(super) const MOST_ERRORS: u64 = 100;

/// How an ended task is told: one whose records did not all succeed is no success.
pub(super) fn outcome(task: &BulkTask, errors: Vec<RecordError>) -> Outcome {
    let told = TaskJson { errors: Some(errors), ..TaskJson::from(task) };
    let told = serde_json::to_value(told).unwrap_or_default();
    let kind = match task.status {
        Status::Success => return Outcome::Success(told),
        Status::Cancelled => return Outcome::Revoked,
        Status::Partial => "BulkTaskPartial",
        _ => "BulkTaskFailed",
    };
    let counts = format!("{} of {} records failed", task.failed_records, task.total_records);
    let message = match task.error_message.as_str() {
        "" => counts,
        why => format!("{counts}: {why}"),
    };
    Outcome::Failure(Failure {
        kind: kind.to_owned(),
        module: "powercrud.tasks".to_owned(),
        message,
        details: vec![told],
    })
}

/// How far a task has got.
pub(super) fn progress(task: &BulkTask) -> Value {
    json!({
        "task_id": task.id,
        "current": task.processed_records,
        "total": task.total_records,
        "percent": task.progress_percent(),
        "succeeded": task.succeeded_records,
        "failed": task.failed_records,
    })
}

/// A request that was refused.
pub(super) fn refusal(error: &Error) -> Failure {
    let kind = match error {
        Error::Forbidden(_) | Error::NotAllowed(_) | Error::UnknownUser(_) => "PermissionError",
        Error::TaskNotFound(_) | Error::UnknownResource { .. } => "LookupError",
        Error::Invalid(_) | Error::NothingSelected(_) => "ValueError",
        _ => "RuntimeError",
    };
    Failure::builtin(kind, error.to_string())
}

/// Arguments that don't fit.
pub(super) fn mistake(message: &str) -> Failure {
    Failure::builtin("ValueError", message)
}
