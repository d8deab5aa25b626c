//! A bulk task as programs are given it: by the command line, the JSON API and webhooks.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    bulk_task::{BulkTask, RecordError},
    notify::NoticeState,
    status::Status,
    words::rfc3339,
};

/// A bulk task.
// What programs are told is listed here: a new column of the row is told only once somebody wants it to be.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Task))]
pub struct TaskJson {
    /// Names it; later tasks have greater ids.
    pub id: Uuid,
    /// The task that this one retries or reverts.
    pub parent_id: Option<Uuid>,
    /// Where it stands. SUCCESS, PARTIAL (some records failed), FAILURE and CANCELLED are ends.
    pub status: Status,
    /// What it does: `update`, `delete`, `revert`, or `action:` and an action's name.
    pub operation: String,
    /// The resource.
    pub resource: String,
    /// The id of who submitted it; null for the operator.
    pub user_id: Option<String>,
    /// That user's name at the time.
    pub user_name: Option<String>,
    /// The `x-request-id` of the request that submitted it, not the `request_id` of its body; null where it was not submitted by HTTP.
    pub request_id: Option<String>,
    /// Of an update, and of an action that sets fields: the new values as text, by field name; null is NULL. Of a many-to-many field: operations, each with keys and names.
    /// `(hidden)` stands for what was done to a field that the resource does not show now.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, serde_json::Value>))]
    pub changes: serde_json::Value,
    /// What was filled in for an action, as text, by field.
    pub values: BTreeMap<String, String>,
    /// How many records were selected.
    pub total_records: u64,
    /// How many were attempted.
    pub processed_records: u64,
    /// How many were done.
    pub succeeded_records: u64,
    /// How many failed.
    pub failed_records: u64,
    /// Of a delete's done records: how many were gone already.
    pub missing_records: u64,
    /// Of an update's done records: how many held the new values already and were not written.
    pub unchanged_records: u64,
    /// From 0 to 100.
    #[cfg_attr(feature = "openapi", schema(maximum = 100))]
    pub progress_percent: u64,
    /// When it was submitted.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub created_at: i64,
    /// When a worker first took it.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub started_at: Option<i64>,
    /// When it ended.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub completed_at: Option<i64>,
    /// When its records and their errors were thrown away, where they are not kept any more.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub results_purged_at: Option<i64>,
    /// Of a revert, also of a retried one: the task whose former values it restores.
    pub reverts: Option<Uuid>,
    /// Why it ended early; empty where it did not.
    pub error_message: String,
    /// Of a queued task: what a worker has to know to take it, where none like the one that answers does; else null.
    pub pending_reason: Option<String>,
    /// The first hundred records that failed, in the order of the selection; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub errors: Option<Vec<RecordError>>,
    /// Who is told of its end, oldest first; none before it. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub notices: Option<Vec<NoticeState>>,
}

/// Without errors and notices, as in lists. Whoever else than an operator is told gets that of [`BulkTask::as_shown`].
impl From<&BulkTask> for TaskJson {
    fn from(task: &BulkTask) -> Self {
        Self {
            id: task.id,
            parent_id: task.parent_id,
            status: task.status,
            operation: task.operation.clone(),
            resource: task.resource.clone(),
            user_id: task.user_id.clone(),
            user_name: task.user_name.clone(),
            request_id: task.request_id.clone(),
            changes: task.changes.to_json(),
            values: task.values.clone(),
            total_records: task.total_records,
            processed_records: task.processed_records,
            succeeded_records: task.succeeded_records,
            failed_records: task.failed_records,
            missing_records: task.missing_records,
            unchanged_records: task.unchanged_records,
            progress_percent: task.progress_percent(),
            created_at: task.created_at,
            started_at: task.started_at,
            completed_at: task.completed_at,
            results_purged_at: task.results_purged_at,
            reverts: task.reverts,
            error_message: task.error_message.clone(),
            pending_reason: task.pending_reason.clone(),
            errors: None,
            notices: None,
        }
    }
}
