//! The record of a bulk operation, and the only truth about it.

mod event;
mod row;
mod stored;

use uuid::Uuid;

use crate::{
    action::PREFIX,
    change::Changes,
    config::Atomicity,
    error::{Error, Result},
    resource::Resource,
    status::Status,
    words::grouped,
};

pub use event::{TaskEvent, TaskEventKind};
pub(crate) use row::{pending_reason, read_task, select_task};
pub(crate) use stored::{Stored, StoredWork};

/// The words of what a task may do, beside the actions of its resource.
pub(crate) const OPERATIONS: [&str; 3] = ["update", "delete", "revert"];

/// One bulk task, as its row says. Timestamps are milliseconds since 1970 UTC.
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
    /// What a policy went by of that user then; `None` of the operator, and of tasks from before this was kept.
    pub(crate) user_access: Option<String>,
    /// The resource's name.
    pub resource: String,
    /// The table that it is about, as its database names it; `None` of tasks from before this was kept.
    pub(crate) sql_table: Option<String>,
    /// The columns of that table's key and their kinds of values, in words; `None` of tasks from before this was kept.
    pub(crate) key_types: Option<String>,
    /// What it locks.
    pub unique_model_key: String,
    /// `update`, `delete`, `revert`, or `action:` and the name of an action of the resource.
    pub operation: String,
    /// What it does to fields. Empty for a delete, and for an action of code. A revert has those of the task that it reverts.
    pub changes: Changes,
    /// What was filled in for an action, as texts by field.
    pub values: std::collections::BTreeMap<String, String>,
    /// Of an action's retry, also of a retry's retry: the first of these tasks.
    pub(crate) origin_id: Option<Uuid>,
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
    /// Of a queued task: what a worker has to know to take it, where none like this process does, in words. What of that is about tables
    /// is told by [`BulkTask::as_shown`] alone.
    pub pending_reason: Option<String>,
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

/// What went wrong with one record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordError {
    /// The record's key.
    pub record_key: String,
    /// The field, where the fault can be pinned to one.
    pub field: Option<String>,
    /// The kind of fault, such as `UNIQUE` or `FOREIGN_KEY`.
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

    /// How far it is, for somebody who is not to know whose it is: without counts where the resource has records beyond those that there are
    /// for them.
    pub fn progress_for_others(&self, resource: &Resource) -> String {
        match resource.table.scope {
            Some(_) => format!("{}%", self.progress_percent()),
            None => self.progress_in_words(),
        }
    }

    /// How many records are done and were not so already.
    pub fn changed_records(&self) -> u64 {
        self.succeeded_records.saturating_sub(self.unchanged_records)
    }

    /// How many records were not attempted (yet).
    pub fn unattempted_records(&self) -> u64 {
        self.total_records.saturating_sub(self.processed_records)
    }

    /// The name of the action that it carries out; `None` where it is none.
    pub fn action(&self) -> Option<&str> {
        self.operation.strip_prefix(PREFIX)
    }

    /// Whether it sets fields to the same values on all of its records: a bulk edit, or an action that is a named set of changes.
    pub fn sets_fields(&self) -> bool {
        self.operation == "update" || (self.action().is_some() && !self.changes.is_empty())
    }

    /// Whether some records failed or were not attempted, so that a retry has something to do.
    pub fn can_retry(&self) -> bool {
        self.status.is_final()
            && self.results_purged_at.is_none()
            && (self.failed_records > 0 || self.unattempted_records() > 0)
    }

    /// Fails where the task's records were frozen by keys of other kinds than the table has now: those may find other records.
    pub(crate) fn require_keys(&self, resource: &Resource) -> Result<()> {
        let now = resource.key_types();
        match &self.key_types {
            Some(before) if *before != now => Err(Error::NotAllowed(format!(
                "the key of {} was {before} when task {} was submitted and is {now} now, so that the task's keys may find other records; \
                 submit it again",
                resource.name, self.id
            ))),
            _ => Ok(()),
        }
    }

    /// Fails where the task is about another table than `resource`: who shares PowerCRUD's tables may mean another one by the name.
    pub(crate) fn require_table(&self, resource: &Resource) -> Result<()> {
        match &self.sql_table {
            Some(table) if *table != resource.table.sql_name() => Err(Error::NotAllowed(format!(
                "task {} is about the table {table}, and {} is {} here",
                self.id,
                resource.name,
                resource.table.sql_name()
            ))),
            _ => Ok(()),
        }
    }
}
