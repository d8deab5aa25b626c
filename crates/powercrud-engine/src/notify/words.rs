//! How a task ended, in one sentence.

use crate::{
    resource::{Resource, grouped},
    task::{BulkTask, Status},
};

/// How well a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Level {
    /// All is done.
    Success,
    /// Some of it is done, or somebody stopped it.
    Warning,
    /// Nothing is done.
    Error,
}

impl Level {
    /// The word in the message table, which is also the tone of a page's alerts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// "12,299 of 12,300 books changed, 1 failed.", "1 of 3 books changed, 2 already had this value." `resource` is `None` where it is gone.
pub fn outcome(resource: Option<&Resource>, task: &BulkTask) -> (Level, String) {
    let all = task.records_in_words(resource, task.total_records);
    let why = match task.error_message.trim_end_matches('.') {
        "" => String::new(),
        reason => format!(" It stopped: {reason}."),
    };
    let number = match task.changed_records() {
        0 if task.status == Status::Success => "None".to_owned(),
        number => grouped(number),
    };
    let some = format!("{}.", task.outcome_in_words(&format!("{number} of {all}")));
    match task.status {
        Status::Success if task.unchanged_records > 0 => (Level::Success, some),
        Status::Success => (Level::Success, format!("{}.", task.outcome_in_words(&all))),
        Status::Cancelled => (Level::Warning, format!("Cancelled: {some}")),
        Status::Partial => (Level::Warning, format!("{some}{why}")),
        // A task in any other state has not ended; the numbers are true all the same.
        _ if task.succeeded_records > 0 => (Level::Warning, format!("{some}{why}")),
        _ => (Level::Error, format!("{}.{why}", task.outcome_in_words(&format!("None of {all}")))),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::config::Atomicity;

    fn task(status: Status, (total, succeeded, failed): (u64, u64, u64), error: &str) -> BulkTask {
        BulkTask {
            id: Uuid::nil(),
            parent_id: None,
            user_id: None,
            user_access: None,
            user_name: None,
            resource: "book".into(),
            unique_model_key: "book".into(),
            operation: "update".into(),
            changes: crate::change::Changes::new(),
            values: Default::default(),
            origin_id: None,
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
            key_types: None,
            unreadable: None,
            pending_reason: None,
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
        }
    }

    fn check(status: Status, counts: (u64, u64, u64), error: &str, expected: &str, level: Level) {
        assert_eq!(outcome(None, &task(status, counts, error)), (level, expected.to_owned()));
    }

    #[test]
    fn what_was_so_already_is_told_apart() {
        let records = |number| BulkTask { unchanged_records: number, ..task(Status::Success, (3, 3, 0), "") };
        let told = |number| outcome(None, &records(number)).1;
        assert_eq!(told(2), "1 of 3 records of book changed, 2 already had this value.");
        assert_eq!(told(3), "None of 3 records of book changed, 3 already had this value.");
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
