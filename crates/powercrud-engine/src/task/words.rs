//! What a bulk task does, in words.

use serde_json::{Map, Value};

use super::BulkTask;
use crate::{
    engine::Engine,
    query::RESERVED,
    resource::{Resource, grouped},
};

/// What stands for a value of a field that its resource does not show (any more).
pub const HIDDEN: &str = "(hidden)";

/// Records that a many-to-many change names; more are only counted.
const NAMED: usize = 5;

impl BulkTask {
    /// The task as people and programs may see it: without what it sets fields to, and by what its records were selected, where its
    /// resource does not show the field now.
    pub fn as_shown(&self, engine: &Engine) -> Self {
        let mut task = self.clone();
        let Ok(resource) = engine.resource(&self.resource) else { return task };
        for (name, value) in task.changes.as_object_mut().into_iter().flatten() {
            if !shows(resource, name) {
                *value = HIDDEN.into();
                task.names.remove(name);
            }
        }
        let pairs = task.selection.get_mut("matching").and_then(Value::as_array_mut);
        for pair in pairs.into_iter().flatten().filter_map(Value::as_array_mut) {
            if let [name, value] = &mut pair[..]
                && !name.as_str().is_some_and(|name| shows_filter(resource, name))
            {
                *value = HIDDEN.into();
            }
        }
        task
    }

    /// What an update does, one phrase a field: "Price → 12.50", "Tags: add Sale, New". `label` gives a field's name for people; a text
    /// longer than `longest` characters is cut.
    pub fn changes_in_words(&self, label: impl Fn(&str) -> String, longest: usize) -> Vec<String> {
        let phrase = |(name, value): (&String, &Value)| match value {
            Value::Object(operations) => format!("{}: {}", label(name), links_in_words(operations, longest)),
            Value::Null => format!("{} → empty", label(name)),
            Value::String(text) if text.is_empty() => format!("{} → empty", label(name)),
            Value::String(text) => {
                let text = self.names.get(name).unwrap_or(text);
                format!("{} → {}", label(name), cut(text, longest))
            }
            other => format!("{} → {other}", label(name)),
        };
        self.changes.as_object().into_iter().flatten().map(phrase).collect()
    }

    /// What it did to its records: "changed", "deleted", "restored".
    pub fn deed_in_words(&self) -> &'static str {
        match self.operation.as_str() {
            "delete" => "deleted",
            "revert" => "restored",
            "update" => "changed",
            _ => "done",
        }
    }

    /// What became of the records that it did not change, to follow how many it did: ", 2 already had this value, 37 failed".
    pub fn rest_in_words(&self) -> String {
        [
            (self.unchanged_records, "already had this value"),
            (self.failed_records, "failed"),
            (self.unattempted_records(), "not attempted"),
        ]
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!(", {} {words}", grouped(*number)))
        .collect()
    }
}

fn shows(resource: &Resource, name: &str) -> bool {
    resource.field(name).is_some() || resource.many_to_many(name).is_some()
}

/// Whether a filter is of a field that is shown, or of none.
fn shows_filter(resource: &Resource, name: &str) -> bool {
    let field = name.rsplit_once("__").map_or(name, |(field, _)| field);
    RESERVED.contains(&name) || shows(resource, name) || shows(resource, field)
}

/// "add Sale, New; remove Old".
fn links_in_words(operations: &Map<String, Value>, longest: usize) -> String {
    let phrase = |(word, targets): (&String, &Value)| {
        let names: Vec<_> =
            targets.as_object().into_iter().flatten().map(|(key, name)| name.as_str().unwrap_or(key)).collect();
        let mut listed = names.iter().take(NAMED).map(|name| cut(name, longest)).collect::<Vec<_>>().join(", ");
        if names.len() > NAMED {
            listed.push_str(&format!(" and {} more", names.len() - NAMED));
        }
        match word.as_str() {
            "clear" => "remove all".to_owned(),
            "replace" => format!("only {listed}"),
            word => format!("{word} {listed}"),
        }
    };
    operations.iter().map(phrase).collect::<Vec<_>>().join("; ")
}

fn cut(text: &str, longest: usize) -> String {
    match text.chars().count() > longest {
        true => format!("{}…", text.chars().take(longest).collect::<String>()),
        false => text.to_owned(),
    }
}
