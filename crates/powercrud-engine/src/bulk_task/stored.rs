//! What a task's row keeps of what it does, in the column `changes`.
//!
//! It says by which version of this form it was written. What is in no known form was written by another version of the program; whoever
//! does not know what is meant must not do anything at all, so nothing has a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::OPERATIONS;
use crate::{action::PREFIX, change::Changes};

/// What a task does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "version", deny_unknown_fields)]
pub(crate) enum Stored {
    /// The only form so far.
    #[serde(rename = "1")]
    V1 {
        /// What it does.
        work: StoredWork,
        /// Of an action: the first of the tasks that this one retries; `None` where it retries none.
        origin: Option<Uuid>,
    },
}

/// What a task does to each record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredWork {
    /// Makes these changes: an update, or an action that is a named set of changes. What the action set when it was asked for is what is
    /// applied, whatever it sets by now.
    Change(Changes),
    /// Deletes the record.
    Delete,
    /// Restores what another task overwrote with these changes; with none, what it deleted.
    Restore(Changes),
    /// Runs an action's code with these values, as texts by field.
    Run(BTreeMap<String, String>),
}

impl Stored {
    /// In the form of today.
    pub(crate) fn new(work: StoredWork) -> Self {
        Self::V1 { work, origin: None }
    }
}

/// What was read of the column.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) changes: Changes,
    pub(super) values: BTreeMap<String, String>,
    pub(super) origin: Option<Uuid>,
    /// What of it is in no form that this program knows, in words.
    pub(super) unreadable: Option<String>,
}

/// Reads the column by the operation that it belongs to.
pub(super) fn read(operation: &str, text: &str) -> Read {
    let unreadable = |what: String| Read { unreadable: Some(what), ..Read::default() };
    let is_action = operation.starts_with(PREFIX);
    if !is_action && !OPERATIONS.contains(&operation) {
        return unreadable(format!("the operation {operation:?}"));
    }
    let Stored::V1 { work, origin } = match serde_json::from_str(text) {
        Ok(stored) => stored,
        Err(error) => return unreadable(format!("the changes ({error})")),
    };
    match (operation, work) {
        ("update", StoredWork::Change(changes)) if !changes.is_empty() => Read { changes, ..Read::default() },
        ("revert", StoredWork::Restore(changes)) => Read { changes, ..Read::default() },
        ("delete", StoredWork::Delete) => Read::default(),
        (_, StoredWork::Change(changes)) if is_action && !changes.is_empty() => {
            Read { changes, origin, ..Read::default() }
        }
        (_, StoredWork::Run(values)) if is_action => Read { values, origin, ..Read::default() },
        (_, work) => unreadable(format!("the changes, which are none of the operation {operation}: {work:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_does_is_read_as_it_was_written_and_nothing_else_is() {
        let work = StoredWork::Run([("copies".to_owned(), "5".to_owned())].into());
        let stored = Stored::V1 { work, origin: Some(Uuid::nil()) };
        let text = serde_json::to_string(&stored).expect("JSON");
        assert_eq!(
            text,
            r#"{"version":"1","work":{"run":{"copies":"5"}},"origin":"00000000-0000-0000-0000-000000000000"}"#
        );
        let read_back = read("action:restock", &text);
        assert_eq!((read_back.values["copies"].as_str(), read_back.origin), ("5", Some(Uuid::nil())));
        assert_eq!(read_back.unreadable, None);
        let changes = Changes::new().set("price", "5").clear("tags");
        for (operation, work) in [
            ("update", StoredWork::Change(changes.clone())),
            ("action:cheap", StoredWork::Change(changes.clone())),
            ("revert", StoredWork::Restore(changes.clone())),
            ("revert", StoredWork::Restore(Changes::new())),
            ("delete", StoredWork::Delete),
        ] {
            let text = serde_json::to_string(&Stored::new(work.clone())).expect("JSON");
            let read = read(operation, &text);
            assert_eq!(read.unreadable, None, "{text}");
            let kept = !matches!(&work, StoredWork::Delete) && work != StoredWork::Restore(Changes::new());
            assert_eq!(read.changes, if kept { changes.clone() } else { Changes::new() }, "{text}");
        }
    }

    #[test]
    fn what_is_in_no_known_form_is_not_read() {
        for (operation, text) in [
            ("action:restock", r#"{"version":"2","work":{"run":{}},"origin":null}"#),
            ("action:restock", r#"{"version":"1","work":{"run":{}},"origin":null,"later":true}"#),
            ("action:restock", r#"{"version":"1","work":{"multiply":{}},"origin":null}"#),
            ("action:restock", r#"{"version":"1","work":{"run":{"copies":5}},"origin":null}"#),
            ("action:restock", r#"{"version":"1","work":{"change":[]},"origin":null}"#),
            ("action:restock", r#"{"version":"1","work":{"change":[["price",{"set":5}]]},"origin":null}"#),
            ("action:restock", r#"{"work":{"run":{}},"origin":null}"#),
            ("action:restock", r#"{"status":"archived"}"#),
            ("action:restock", r#"{"version":"1","work":"delete","origin":null}"#),
            ("update", r#"{"version":"1","work":{"change":[["price",{"multiply":"1.1"}]]},"origin":null}"#),
            ("update", r#"{"version":"1","work":{"change":[]},"origin":null}"#),
            ("update", r#"{"version":"1","work":{"run":{}},"origin":null}"#),
            ("update", r#"{"price":"5"}"#),
            ("update", "no json"),
            ("delete", "{}"),
            ("revert", r#"{"version":"1","work":"delete","origin":null}"#),
            ("anonymize", r#"{"version":"1","work":"delete","origin":null}"#),
        ] {
            assert!(read(operation, text).unreadable.is_some(), "{operation}: {text}");
        }
    }
}
