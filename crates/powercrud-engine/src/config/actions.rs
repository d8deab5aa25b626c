//! Actions in a configuration: named sets of changes.

use serde_json::Value;

use super::{ResourceSettings, read};
use crate::{
    action::Action,
    change::{Change, Changes},
};

/// An action as a configuration has it: what it sets, and how it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionSettings {
    /// What people read on its button; its name in words by default.
    pub label: Option<String>,
    /// What people read before they confirm it.
    pub confirm: Option<String>,
    /// The permission that it needs.
    pub permission: Option<String>,
    /// What it does to fields.
    pub changes: Changes,
}

impl ActionSettings {
    /// Every key, in the order of the documentation.
    pub const KEYS: [&str; 9] = ["set", "null", "add", "remove", "replace", "clear", "label", "confirm", "permission"];

    /// Sets one key from a configuration value. `complain` hears of each mistake, with what follows the key in its place.
    fn set_key(&mut self, key: &str, value: Value, complain: &mut dyn FnMut(&str, String)) {
        let done = match key {
            "label" => read(value, "a text").map(|it| self.label = Some(it)),
            "confirm" => read(value, "a text").map(|it| self.confirm = Some(it)),
            "permission" => read(value, "a text").map(|it| self.permission = Some(it)),
            "null" => read(value, "a list of field names").map(|it| self.all(it, &Change::SetNull)),
            "clear" => read(value, "a list of many-to-many fields").map(|it| self.all(it, &Change::Clear)),
            "set" | "add" | "remove" | "replace" => {
                let what = if key == "set" { "field name to value" } else { "many-to-many field to a list of keys" };
                let Value::Object(fields) = value else {
                    return complain("", format!("{value} is not allowed; allowed is a table of {what}"));
                };
                for (field, value) in fields {
                    let change = match key {
                        "set" => text(value).map(Change::Set),
                        _ => links(&field, key, value),
                    };
                    match change {
                        Ok(change) => self.changes.push(field, change),
                        Err(mistake) => complain(&format!(".{field}"), mistake),
                    }
                }
                Ok(())
            }
            _ => Err(format!("there is no such setting of an action; allowed are: {}", Self::KEYS.join(", "))),
        };
        if let Err(mistake) = done {
            complain("", mistake);
        }
    }

    fn all(&mut self, fields: Vec<String>, change: &Change) {
        fields.into_iter().for_each(|field| self.changes.push(field, change.clone()));
    }

    pub(crate) fn to_action(&self, name: &str) -> Action {
        let mut action = Action::change(name, self.changes.clone());
        if let Some(label) = &self.label {
            action.label.clone_from(label);
        }
        action.confirm.clone_from(&self.confirm);
        action.permission.clone_from(&self.permission);
        action
    }
}

/// Keys of linked records: one, or a list.
fn links(field: &str, operation: &str, value: Value) -> Result<Change, String> {
    let keys = match value {
        Value::Array(keys) => keys,
        key => vec![key],
    };
    let keys = keys.into_iter().map(text).collect::<Result<_, _>>()?;
    Change::of_links(field, operation, keys).map_err(|error| error.message)
}

/// A value as the text that stands for it.
fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Object(_) | Value::Array(_) => {
            Err(format!("{value} is not allowed; allowed is a text, a number, true or false"))
        }
    }
}

impl ResourceSettings {
    /// Sets the actions from a configuration's table of them. `complain` hears of each mistake, with its place under `actions`.
    pub fn read_actions(&mut self, value: Value, complain: &mut dyn FnMut(&str, String)) {
        let Value::Object(actions) = value else {
            return complain("", "allowed is a table for each action, such as [resources.book.actions.archive]".into());
        };
        for (name, value) in actions {
            let Value::Object(keys) = value else {
                complain(&format!(".{name}"), "allowed is a table of settings of the action".into());
                continue;
            };
            let mut action = ActionSettings::default();
            // What is set is shown first, however the file has it.
            let place = |key: &str| ActionSettings::KEYS.iter().position(|known| *known == key);
            let mut keys: Vec<_> = keys.into_iter().collect();
            keys.sort_by_key(|(key, _)| place(key).unwrap_or(usize::MAX));
            for (key, value) in keys {
                action.set_key(&key, value, &mut |under, mistake| complain(&format!(".{name}.{key}{under}"), mistake));
            }
            self.actions.insert(name, action);
        }
    }

    /// As [`ResourceSettings::read_actions`], with the mistakes in one text.
    pub(super) fn set_actions(&mut self, value: Value) -> Result<(), String> {
        let mut mistakes = Vec::new();
        self.read_actions(value, &mut |place, mistake| {
            let place = place.trim_start_matches('.');
            mistakes.push(if place.is_empty() { mistake } else { format!("{place}: {mistake}") });
        });
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("; ")) }
    }
}
