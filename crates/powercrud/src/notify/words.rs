//! How a task ended, in one sentence.

use crate::{
    resource::{Resource, grouped},
    task::{BulkTask, Status},
};

/// How well a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// All is done.
    Success,
    /// Some of it is done, or somebody stopped it.
    Warning,
    /// Nothing is done.
    Error,
}

impl Level {
    /// The word in the message table, which is also the tone of a page's alerts.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// "12,299 of 12,300 books changed, 1 failed." `resource` is `None` where it is gone.
pub(crate) fn outcome(resource: Option<&Resource>, task: &BulkTask) -> (Level, String) {
    let deed = match task.operation.as_str() {
        "update" => "changed",
        "delete" => "deleted",
        "revert" => "restored",
        _ => "done",
    };
    let records = |number: u64| match resource {
        Some(resource) => resource.count_in_words(number),
        None if number == 1 => format!("1 record of {}", task.resource),
        None => format!("{} records of {}", grouped(number), task.resource),
    };
    let all = records(task.total_records);
    let mut rest = String::new();
    if task.failed_records > 0 {
        rest.push_str(&format!(", {} failed", grouped(task.failed_records)));
    }
    if task.unattempted_records() > 0 {
        rest.push_str(&format!(", {} not attempted", grouped(task.unattempted_records())));
    }
    let why = match task.error_message.trim_end_matches('.') {
        "" => String::new(),
        reason => format!(" It stopped: {reason}."),
    };
    let some = format!("{} of {all} {deed}{rest}.", grouped(task.succeeded_records));
    match task.status {
        Status::Success => (Level::Success, format!("{all} {deed}.")),
        Status::Cancelled => (Level::Warning, format!("Cancelled: {some}")),
        Status::Partial => (Level::Warning, format!("{some}{why}")),
        // A task in any other state has not ended; the numbers are true all the same.
        _ if task.succeeded_records > 0 => (Level::Warning, format!("{some}{why}")),
        _ => (Level::Error, format!("None of {all} {deed}{rest}.{why}")),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::config::Atomicity;

    fn check(status: Status, (total, succeeded, failed): (u64, u64, u64), error: &str, expected: &str, level: Level) {
        let task = BulkTask {
            id: Uuid::nil(),
            parent_id: None,
            user_id: None,
            user_name: None,
            resource: "book".into(),
            unique_model_key: "book".into(),
            operation: "update".into(),
            changes: serde_json::json!({}),
            selection: serde_json::json!({}),
            names: Default::default(),
            status,
            total_records: total,
            processed_records: succeeded + failed,
            succeeded_records: succeeded,
            failed_records: failed,
            missing_records: 0,
            unchanged_records: 0,
            stalled_attempts: 0,
            attempt_error: None,
            sql_table: None,
            unreadable: None,
            first_seq: 1,
            cursor: 0,
            atomicity: Atomicity::Chunk,
            attempt: 1,
            worker_id: None,
            created_at: 0,
            started_at: None,
            completed_at: None,
            error_message: error.into(),
            results_purged_at: None,
            image_columns: None,
            images_purged_at: None,
            reverts: None,
            request_id: None,
            traceparent: None,
        };
        assert_eq!(outcome(None, &task), (level, expected.to_owned()));
    }

    #[test]
    fn every_ending_is_one_sentence() {
        check(Status::Success, (12_300, 12_300, 0), "", "12,300 records of book changed.", Level::Success);
        check(Status::Success, (1, 1, 0), "", "1 record of book changed.", Level::Success);
        let some = "12,299 of 12,300 records of book changed, 1 failed.";
        check(Status::Partial, (12_300, 12_299, 1), "", some, Level::Warning);
        let none = "None of 40 records of book changed, 5 failed, 35 not attempted. It stopped: too many.";
        check(Status::Failure, (40, 0, 5), "too many", none, Level::Error);
        let cancelled = "Cancelled: 10 of 40 records of book changed, 30 not attempted.";
        check(Status::Cancelled, (40, 10, 0), "", cancelled, Level::Warning);
    }
}
