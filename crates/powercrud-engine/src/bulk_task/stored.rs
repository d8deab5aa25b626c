//! What a task's row keeps of what it does, in the column `changes`.
//!
//! Of an update and of what reverts one those are its changes: field name to text or null, many-to-many field to operation to key to name.
//! Of an action it is a [`StoredAction`], which says by which version of this form it was written. What is in neither form was written by
//! another version of the program; whoever does not know what is meant must not do anything at all, so nothing has a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::OPERATIONS;
use crate::{action::PREFIX, form::LinkOperation};

/// What an action's task does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "version", deny_unknown_fields)]
pub(crate) enum StoredAction {
    /// The only form so far.
    #[serde(rename = "1")]
    V1 {
        /// What it does.
        work: StoredWork,
        /// The first of the tasks that this one retries; `None` where it retries none.
        origin: Option<Uuid>,
    },
}

/// What an action does to each record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredWork {
    /// Sets these, as an update does. What the action set when it was asked for is what is applied, whatever it sets by now.
    Set(serde_json::Map<String, serde_json::Value>),
    /// Runs its code with these values, as texts by field.
    Run(BTreeMap<String, String>),
}

/// What was read of the column.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) changes: serde_json::Value,
    pub(super) values: BTreeMap<String, String>,
    pub(super) origin: Option<Uuid>,
    /// What of it is in no form that this program knows, in words.
    pub(super) unreadable: Option<String>,
}

/// Reads the column by the operation that it belongs to.
pub(super) fn read(operation: &str, text: String) -> Read {
    let json = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
    if operation.starts_with(PREFIX) {
        return read_action(json);
    }
    let unreadable = match OPERATIONS.contains(&operation) {
        true => unreadable_changes(operation, &json),
        false => Some(format!("the operation {operation:?}")),
    };
    Read { changes: json, unreadable, ..Read::default() }
}

fn read_action(json: serde_json::Value) -> Read {
    let empty = serde_json::json!({});
    match serde_json::from_value(json) {
        Ok(StoredAction::V1 { work: StoredWork::Run(values), origin }) => {
            Read { changes: empty, values, origin, unreadable: None }
        }
        Ok(StoredAction::V1 { work: StoredWork::Set(changes), origin }) => {
            let changes = changes.into();
            let unreadable = unreadable_changes("update", &changes);
            Read { changes, origin, unreadable, ..Read::default() }
        }
        Err(error) => {
            Read { changes: empty, unreadable: Some(format!("what the action does ({error})")), ..Read::default() }
        }
    }
}

fn unreadable_changes(operation: &str, changes: &serde_json::Value) -> Option<String> {
    let Some(fields) = changes.as_object() else { return Some("changes that are no object".into()) };
    let is_links = |value: &serde_json::Value| {
        value.as_object().is_some_and(|operations| {
            operations.iter().all(|(word, keys)| word.parse::<LinkOperation>().is_ok() && keys.is_object())
        })
    };
    let is_read = |value: &serde_json::Value| value.is_null() || value.is_string() || is_links(value);
    if let Some((field, _)) = fields.iter().find(|(_, value)| !is_read(value)) {
        return Some(format!("the change of {field:?}"));
    }
    (operation == "update" && fields.is_empty()).then(|| "an update without changes".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_read_as_it_was_written_and_nothing_else_is() {
        let work = StoredWork::Run([("copies".to_owned(), "5".to_owned())].into());
        let stored = StoredAction::V1 { work, origin: Some(Uuid::nil()) };
        let text = serde_json::to_string(&stored).expect("JSON");
        assert_eq!(
            text,
            r#"{"version":"1","work":{"run":{"copies":"5"}},"origin":"00000000-0000-0000-0000-000000000000"}"#
        );
        let read_back = read("action:restock", text);
        assert_eq!((read_back.values["copies"].as_str(), read_back.origin), ("5", Some(Uuid::nil())));
        assert_eq!(read_back.unreadable, None);
        for text in [
            r#"{"version":"2","work":{"run":{}},"origin":null}"#,
            r#"{"version":"1","work":{"run":{}},"origin":null,"later":true}"#,
            r#"{"version":"1","work":{"multiply":{}},"origin":null}"#,
            r#"{"version":"1","work":{"run":{"copies":5}},"origin":null}"#,
            r#"{"version":"1","work":{"set":{}},"origin":null}"#,
            r#"{"version":"1","work":{"set":{"price":5}},"origin":null}"#,
            r#"{"work":{"run":{}},"origin":null}"#,
            r#"{"status":"archived"}"#,
            "no json",
        ] {
            assert!(read("action:restock", text.to_owned()).unreadable.is_some(), "{text}");
        }
    }
}
