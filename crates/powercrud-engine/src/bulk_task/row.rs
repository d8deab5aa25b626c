//! A task's row in words of this program, and what of it another version wrote.

use sea_orm::{QueryResult, sea_query::SelectStatement};

use super::{BulkTask, OPERATIONS, stored};
use crate::{
    action::PREFIX,
    config::Atomicity,
    error::Result,
    own::entity::{self, bulk_task},
    status::Status,
};

/// All tasks.
pub(crate) fn select_task() -> SelectStatement {
    entity::select::<bulk_task::Entity>()
}

/// A row of [`select_task`].
pub(crate) fn read_task(row: &QueryResult) -> Result<BulkTask> {
    let row: bulk_task::Model = entity::read(row)?;
    let count = |number: i64| Ord::max(number, 0) as u64;
    let json = |text: String| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
    let stored = stored::read(&row.operation, &row.changes);
    let waited_for = unknown_word(&row.operation, &row.atomicity).filter(|_| row.status == Status::Pending.as_str());
    let version = concat!("this version of PowerCRUD, ", env!("CARGO_PKG_VERSION"));
    let unreadable = match (Status::from_word(&row.status), row.atomicity.parse::<Atomicity>().ok()) {
        (None, _) => Some(format!("the status {:?}", row.status)),
        (_, None) if stored.unreadable.is_none() => Some(format!("the atomicity {:?}", row.atomicity)),
        _ => stored.unreadable,
    };
    Ok(BulkTask {
        pending_reason: waited_for.map(|what| pending_reason(&what, version)),
        unreadable,
        id: row.id,
        parent_id: row.parent_id,
        user_id: row.user_id,
        user_name: row.user_name,
        user_access: row.user_access,
        resource: row.model_name,
        sql_table: row.sql_table,
        key_types: row.key_types,
        unique_model_key: row.unique_model_key,
        operation: row.operation,
        changes: stored.changes,
        values: stored.values,
        origin_id: stored.origin,
        selection: json(row.selection),
        names: row.names.and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default(),
        status: Status::from_word(&row.status).unwrap_or(Status::Unknown),
        total_records: count(row.total_records),
        processed_records: count(row.processed_records),
        succeeded_records: count(row.succeeded_records),
        failed_records: count(row.failed_records),
        missing_records: count(row.missing_records),
        unchanged_records: count(row.unchanged_records),
        first_seq: row.first_seq,
        cursor: row.cursor,
        atomicity: row.atomicity.parse().unwrap_or(Atomicity::All),
        attempt: row.attempt,
        stalled_attempts: count(row.stalled_attempts),
        attempt_error: row.attempt_error,
        worker_id: row.worker_id,
        created_at: row.created_at,
        started_at: row.started_at,
        completed_at: row.completed_at,
        error_message: row.error_message,
        results_purged_at: row.results_purged_at,
        image_columns: row.image_columns.and_then(|columns| serde_json::from_str(&columns).ok()),
        images_purged_at: row.images_purged_at,
        reverts: row.reverts,
        request_id: row.request_id,
        traceparent: row.traceparent,
    })
}

/// What a worker would have to know to take a task that stays queued, and `who` does not.
pub(crate) fn pending_reason(what: &str, who: &str) -> String {
    format!("it waits for a worker that knows {what}; {who}, does not. Where no such worker comes, cancel it")
}

/// The word of a task's row for which a worker of this version leaves it alone.
fn unknown_word(operation: &str, atomicity: &str) -> Option<String> {
    if !OPERATIONS.contains(&operation) && !operation.starts_with(PREFIX) {
        return Some(format!("the operation {operation:?}"));
    }
    atomicity.parse::<Atomicity>().is_err().then(|| format!("the atomicity {atomicity:?}"))
}
