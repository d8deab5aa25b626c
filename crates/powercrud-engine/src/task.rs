//! Bulk tasks: the record of each bulk operation, and the only truth about it.

pub mod keeping;
pub mod results;
mod row;
mod status;
pub mod store;
mod timeline;
pub(crate) mod wishes;
mod words;

use uuid::Uuid;

pub use status::{Event, Status};
pub use timeline::{Happening, TaskEvent, timeline};
pub use words::HIDDEN;

pub use crate::notify::{NoticeState, NoticeStatus, of_task as notices};

use crate::{bulk::Images, config::Atomicity, form::Changes, resource::grouped};

/// What a bulk task does to each record.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Sets the same values on all.
    Update(Changes),
    /// Deletes all.
    Delete,
    /// Restores what another task overwrote or deleted.
    Revert(Images),
}

impl Operation {
    /// The word in the task table.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Update(_) => "update",
            Self::Delete => "delete",
            Self::Revert(_) => "revert",
        }
    }

    /// The words that this program knows.
    pub(crate) const WORDS: [&str; 3] = ["update", "delete", "revert"];
}

/// One bulk task, as its row says. Moments are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkTask {
    /// UUID version 7: ordered by creation.
    pub id: Uuid,
    /// The task that this one retries or reverts.
    pub parent_id: Option<Uuid>,
    /// Who asked; `None` for the operator.
    pub user_id: Option<String>,
    /// That user's name at the time.
    pub user_name: Option<String>,
    /// The resource's name.
    pub resource: String,
    /// The table that it is about, as its database names it; `None` of tasks from before this was kept.
    pub(crate) sql_table: Option<String>,
    /// What it locks.
    pub unique_model_key: String,
    /// `update`, `delete` or `revert`.
    pub operation: String,
    /// An object of field name to text or null, and of many-to-many field to what becomes of its links: an object of operation to an
    /// object of key to name. Empty for a delete. A revert has those of the task that it reverts.
    pub changes: serde_json::Value,
    /// How the records were selected.
    pub selection: serde_json::Value,
    /// Names of the records that the changes refer to, by field, as they were at the submission.
    pub names: std::collections::BTreeMap<String, String>,
    /// Where it stands.
    pub status: Status,
    /// How many records were selected.
    pub total_records: u64,
    /// How many were attempted.
    pub processed_records: u64,
    /// How many were done.
    pub succeeded_records: u64,
    /// How many failed.
    pub failed_records: u64,
    /// Of a delete's done records, how many were gone already.
    pub missing_records: u64,
    /// Of an update's done records, how many held the values already and were not written.
    pub unchanged_records: u64,
    /// Its first place among the frozen selections.
    pub(crate) first_seq: i64,
    /// How many places of its frozen selection are dealt with.
    pub cursor: i64,
    /// What stays when a record fails.
    pub atomicity: Atomicity,
    /// How often a worker has taken it.
    pub attempt: i64,
    /// Attempts in a row that committed nothing, the one that is under way among them.
    pub stalled_attempts: u64,
    /// What the last of those met; `None` where its worker died without a word.
    pub attempt_error: Option<String>,
    /// What of its row this program can't read, in words: another version of it wrote that.
    pub unreadable: Option<String>,
    /// Who works on it.
    pub worker_id: Option<Uuid>,
    /// When it was submitted.
    pub created_at: i64,
    /// When a worker first took it.
    pub started_at: Option<i64>,
    /// When it ended.
    pub completed_at: Option<i64>,
    /// Why it ended early, empty where it did not.
    pub error_message: String,
    /// When its frozen selection and record errors were purged.
    pub results_purged_at: Option<i64>,
    /// The columns whose values are kept for a revert; `None` where none are.
    pub image_columns: Option<Vec<String>>,
    /// When what was kept was thrown away.
    pub images_purged_at: Option<i64>,
    /// Of a revert, also of a retried one: the task whose kept values it restores.
    pub reverts: Option<Uuid>,
    /// The id of the request that asked for it; `None` where that was none.
    pub request_id: Option<String>,
    /// The W3C `traceparent` of that request's span, where somebody traced it.
    pub(crate) traceparent: Option<String>,
}

/// What went wrong with one record of a task.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RecordError {
    /// The record.
    pub record_key: String,
    /// The field, where the fault can be pinned to one.
    pub field: Option<String>,
    /// A stable UPPER_SNAKE word.
    pub code: String,
    /// For people.
    pub message: String,
}

impl BulkTask {
    /// From 0 to 100, whole; 100 only when every record was attempted. Derived here and nowhere else.
    pub fn progress_percent(&self) -> u64 {
        match self.total_records {
            0 if self.status.is_final() => 100,
            0 => 0,
            total => self.processed_records.min(total) * 100 / total,
        }
    }

    /// "12,000 of 100,000 records, 12%".
    pub fn progress_in_words(&self) -> String {
        let (done, total) = (grouped(self.processed_records), grouped(self.total_records));
        format!("{done} of {total} records, {}%", self.progress_percent())
    }

    /// How many records are done and were not so already.
    pub fn changed_records(&self) -> u64 {
        self.succeeded_records.saturating_sub(self.unchanged_records)
    }

    /// How many records were not attempted (yet).
    pub fn unattempted_records(&self) -> u64 {
        self.total_records.saturating_sub(self.processed_records)
    }

    /// Whether some records failed or were not attempted, so that a retry has something to do.
    pub fn can_retry(&self) -> bool {
        self.status.is_final()
            && self.results_purged_at.is_none()
            && (self.failed_records > 0 || self.unattempted_records() > 0)
    }

    /// The JSON that the command line and the API give; the API that of [`BulkTask::as_shown`].
    pub fn to_json(&self, errors: &[RecordError]) -> serde_json::Value {
        let moment = |at: Option<i64>| at.and_then(chrono::DateTime::from_timestamp_millis).map(|at| at.to_rfc3339());
        serde_json::json!({
            "id": self.id,
            "parent_id": self.parent_id,
            "reverts": self.reverts,
            "status": self.status.as_str(),
            "operation": self.operation,
            "resource": self.resource,
            "user_id": self.user_id,
            "user_name": self.user_name,
            "request_id": self.request_id,
            "changes": self.changes,
            "total_records": self.total_records,
            "processed_records": self.processed_records,
            "succeeded_records": self.succeeded_records,
            "failed_records": self.failed_records,
            "missing_records": self.missing_records,
            "unchanged_records": self.unchanged_records,
            "progress_percent": self.progress_percent(),
            "created_at": moment(Some(self.created_at)),
            "started_at": moment(self.started_at),
            "completed_at": moment(self.completed_at),
            "error_message": self.error_message,
            "results_purged_at": moment(self.results_purged_at),
            "errors": errors,
        })
    }

    /// As [`BulkTask::to_json`], with who is told of its end.
    pub fn to_json_with_notices(&self, errors: &[RecordError], notices: &[NoticeState]) -> serde_json::Value {
        let mut json = self.to_json(errors);
        json["notices"] = notices.iter().map(NoticeState::to_json).collect();
        json
    }
}
