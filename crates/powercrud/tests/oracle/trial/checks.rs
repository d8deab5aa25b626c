//! What a task says of its records, beside what is true of them.

use std::collections::BTreeMap;

use powercrud::task::{BulkTask, RecordError, Status};

use crate::judge::Verdict;

/// The errors by the tags of their records. Records whose key is NULL have one key, and are named as often as there are such records.
pub(super) fn named(
    errors: &[RecordError],
    keys: &BTreeMap<i64, String>,
    selected: &[i64],
) -> Result<BTreeMap<i64, RecordError>, String> {
    let mut failed = BTreeMap::new();
    for error in errors {
        let is_meant = |tag: &&i64| keys.get(tag).is_some_and(|key| *key == error.record_key);
        let of_key: Vec<_> = selected.iter().filter(is_meant).collect();
        let Some(tag) = of_key.iter().find(|tag| !failed.contains_key(**tag)) else {
            let what = if !of_key.is_empty() {
                "is named twice"
            } else if keys.values().any(|key| *key == error.record_key) {
                "is not selected"
            } else {
                "is not on the list"
            };
            return Err(format!("{error:?}: the record {what}"));
        };
        failed.insert(**tag, error.clone());
    }
    Ok(failed)
}

pub(super) fn check_counts(task: &BulkTask, failed: &BTreeMap<i64, RecordError>) -> Result<(), String> {
    let (succeeded, failures) = (task.succeeded_records, task.failed_records);
    if failures != failed.len() as u64 {
        return Err(format!("the task counts {failures} failed records and names {}", failed.len()));
    }
    if succeeded + failures != task.total_records || task.processed_records != task.total_records {
        return Err("the counts don't add up".to_owned());
    }
    let expected = match (succeeded, failures) {
        (_, 0) => Status::Success,
        (0, _) => Status::Failure,
        _ => Status::Partial,
    };
    if task.status != expected {
        return Err(format!("{expected:?} is the truth"));
    }
    Ok(())
}

/// Records that plain SQL takes, and that PowerCRUD says it can't tell from others or find by their keys.
pub(super) const UNFINDABLE: [&str; 3] = ["KEY_NOT_UNIQUE", "UNKNOWN_RECORD", "NOT_CHANGED"];

/// What PowerCRUD says of such a record where it is alone.
pub(super) const UNFINDABLE_WORDS: [&str; 2] = ["it can't be told from others", "it can't be found by it"];

/// Each reason is of the kind that the database gives.
pub(super) fn reasons(failed: &BTreeMap<i64, RecordError>, verdict: &Verdict) -> Result<(), String> {
    for (tag, error) in failed {
        let Some(refusal) = verdict.refused.get(tag) else { continue };
        let wrong = match refusal.code {
            // Deletes say which records refer to theirs.
            Some("FOREIGN_KEY") => !["FOREIGN_KEY", "REFERENCED"].contains(&error.code.as_str()),
            Some(code) => error.code != code,
            // A trigger may be first to refuse what references forbid as well.
            None => ["UNIQUE", "NOT_NULL", "GONE"].contains(&error.code.as_str()),
        };
        if wrong {
            return Err(format!("{error:?} is not the reason: {refusal:?}"));
        }
    }
    Ok(())
}

pub(super) fn compare_tags(what: &str, expected: &[i64], got: &[i64]) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let missing: Vec<_> = expected.iter().filter(|tag| !got.contains(tag)).take(20).collect();
    let more: Vec<_> = got.iter().filter(|tag| !expected.contains(tag)).take(20).collect();
    let twice: Vec<_> = got.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).take(20).collect();
    Err(format!(
        "{what}: plain SQL finds {}, PowerCRUD {}; missing {missing:?}, too many {more:?}, repeated {twice:?}",
        expected.len(),
        got.len()
    ))
}
