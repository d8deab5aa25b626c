//! A task's row in words of this program, and what of it another version wrote.

use sea_orm::{
    QueryResult,
    sea_query::{Query, SelectStatement},
};

use super::{BulkTask, Operation, Status};
use crate::{config::Atomicity, error::Result, form::LinkOperation, own::tables};

const COLUMNS: [&str; 35] = [
    "id",
    "parent_id",
    "user_id",
    "model_name",
    "unique_model_key",
    "operation",
    "changes",
    "selection",
    "status",
    "total_records",
    "processed_records",
    "succeeded_records",
    "failed_records",
    "missing_records",
    "cursor",
    "atomicity",
    "attempt",
    "worker_id",
    "created_at",
    "started_at",
    "completed_at",
    "error_message",
    "first_seq",
    "user_name",
    "results_purged_at",
    "names",
    "image_columns",
    "images_purged_at",
    "reverts",
    "request_id",
    "traceparent",
    "unchanged_records",
    "stalled_attempts",
    "attempt_error",
    "sql_table",
];

/// All tasks.
pub(super) fn select_task() -> SelectStatement {
    Query::select().columns(COLUMNS).from(tables::BULK_TASK).take()
}

/// A row of [`select_task`].
pub(super) fn read_task(row: &QueryResult) -> Result<BulkTask> {
    let number = |index: usize| row.try_get_by_index::<i64>(index).map(|number| Ord::max(number, 0) as u64);
    let json = |index: usize| -> Result<serde_json::Value> {
        let text: String = row.try_get_by_index(index)?;
        Ok(serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
    };
    let status: String = row.try_get_by_index(8)?;
    let (operation, changes, atomicity) =
        (row.try_get_by_index::<String>(5)?, json(6)?, row.try_get_by_index::<String>(15)?);
    Ok(BulkTask {
        unreadable: match Status::from_word(&status) {
            Some(_) => unreadable(&operation, &changes, &atomicity),
            None => Some(format!("the status {status:?}")),
        },
        id: row.try_get_by_index(0)?,
        parent_id: row.try_get_by_index(1)?,
        user_id: row.try_get_by_index(2)?,
        resource: row.try_get_by_index(3)?,
        unique_model_key: row.try_get_by_index(4)?,
        operation,
        changes,
        selection: json(7)?,
        status: Status::from_word(&status).unwrap_or(Status::Unknown),
        total_records: number(9)?,
        processed_records: number(10)?,
        succeeded_records: number(11)?,
        failed_records: number(12)?,
        missing_records: number(13)?,
        cursor: row.try_get_by_index(14)?,
        atomicity: Atomicity::from_word(&atomicity).unwrap_or(Atomicity::All),
        attempt: row.try_get_by_index(16)?,
        worker_id: row.try_get_by_index(17)?,
        created_at: row.try_get_by_index(18)?,
        started_at: row.try_get_by_index(19)?,
        completed_at: row.try_get_by_index(20)?,
        error_message: row.try_get_by_index(21)?,
        first_seq: row.try_get_by_index(22)?,
        user_name: row.try_get_by_index(23)?,
        results_purged_at: row.try_get_by_index(24)?,
        names: row
            .try_get_by_index::<Option<String>>(25)?
            .and_then(|names| serde_json::from_str(&names).ok())
            .unwrap_or_default(),
        image_columns: row
            .try_get_by_index::<Option<String>>(26)?
            .and_then(|columns| serde_json::from_str(&columns).ok()),
        images_purged_at: row.try_get_by_index(27)?,
        reverts: row.try_get_by_index(28)?,
        request_id: row.try_get_by_index(29)?,
        traceparent: row.try_get_by_index(30)?,
        unchanged_records: number(31)?,
        stalled_attempts: number(32)?,
        attempt_error: row.try_get_by_index(33)?,
        sql_table: row.try_get_by_index(34)?,
    })
}

/// What of a task's row is not in a form that this program writes. Whoever does not know what is meant must not do anything at all.
fn unreadable(operation: &str, changes: &serde_json::Value, atomicity: &str) -> Option<String> {
    if !Operation::WORDS.contains(&operation) {
        return Some(format!("the operation {operation:?}"));
    }
    if Atomicity::from_word(atomicity).is_none() {
        return Some(format!("the atomicity {atomicity:?}"));
    }
    let Some(fields) = changes.as_object() else { return Some("changes that are no object".into()) };
    let is_links = |value: &serde_json::Value| {
        value.as_object().is_some_and(|operations| {
            operations.iter().all(|(word, keys)| LinkOperation::from_word(word).is_some() && keys.is_object())
        })
    };
    let is_read = |value: &serde_json::Value| value.is_null() || value.is_string() || is_links(value);
    if let Some((field, _)) = fields.iter().find(|(_, value)| !is_read(value)) {
        return Some(format!("the change of {field:?}"));
    }
    (operation == "update" && fields.is_empty()).then(|| "an update without changes".into())
}
