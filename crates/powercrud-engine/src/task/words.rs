//! What a bulk task does, in words.

use serde_json::Value;

use super::BulkTask;
use crate::{
    bulk_task::pending_reason,
    change::{Change, LinkKey, LinkOperation},
    engine::Engine,
    query::RESERVED,
    resource::Resource,
    status::Status,
    words::grouped,
};

/// What stands for a value of a field that its resource does not show (any more).
pub const HIDDEN: &str = "(hidden)";

/// What stands before the record that an error message names.
pub(crate) const FIRST: &str = "; the first is ";

/// Records that a many-to-many change names; more are only counted.
const NAMED: usize = 5;

impl BulkTask {
    /// The task as people and programs may see it: without what it sets fields to, and by what its records were selected, where its
    /// resource does not show the field now.
    pub fn as_shown(&self, engine: &Engine) -> Self {
        let mut task = self.clone();
        task.pending_reason = self.pending_reason.clone().or_else(|| self.unknown_table(&engine.for_everybody()));
        if engine.viewer().is_some() {
            task.keep_back(engine);
        }
        let Ok(resource) = engine.resource(&self.resource) else { return task };
        task.changes.hide(|name| shows(resource, name), HIDDEN);
        task.names.retain(|name, _| shows(resource, name));
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

    /// Takes out what the engine's user may not know any more.
    fn keep_back(&mut self, engine: &Engine) {
        self.attempt_error = None;
        let Ok(resource) = engine.resource(&self.resource) else {
            self.names.clear();
            self.changes.hide(|_| false, HIDDEN);
            let pairs = self.selection.get_mut("matching").and_then(Value::as_array_mut);
            for pair in pairs.into_iter().flatten().filter_map(Value::as_array_mut) {
                pair.iter_mut().for_each(|word| *word = HIDDEN.into());
            }
            if !self.error_message.is_empty() {
                self.error_message = HIDDEN.to_owned();
            }
            return;
        };
        // The names of records that may not be the user's.
        let is_part = |name: &str| {
            let of_field = resource.field(name).and_then(|field| field.reference.as_ref());
            let reference = of_field.or_else(|| resource.many_to_many(name).map(|links| &links.reference));
            reference.is_some_and(|reference| reference.table.scope.is_some())
        };
        self.names.retain(|name, _| !is_part(name));
        self.changes = std::mem::take(&mut self.changes).without_names(is_part);
        // A record is named there, with what is wrong with it.
        if resource.table.scope.is_some()
            && let Some((told, _)) = self.error_message.split_once(FIRST)
        {
            self.error_message = told.to_owned();
        }
    }

    /// Why no worker takes the queued task that knows the same tables as this process.
    fn unknown_table(&self, engine: &Engine) -> Option<String> {
        if self.status != Status::Pending {
            return None;
        }
        let (name, table) = (&self.resource, self.sql_table.as_deref());
        let resource = engine.resource(name).ok();
        match (resource.map(|resource| resource.table.sql_name()), table) {
            (Some(here), Some(table)) if here != table => Some(pending_reason(
                &format!("the resource {name:?} as the table {table}"),
                &format!("this process, which knows it as {here}"),
            )),
            (Some(_), _) => None,
            (None, table) => {
                let table = table.map(|table| format!(", the table {table}")).unwrap_or_default();
                let what = format!("the resource {name:?}{table}");
                Some(pending_reason(&what, "this process, by the tables that it finds now"))
            }
        }
    }

    /// What an update does, one phrase a field: "Price → 12.50", "Tags: add Sale, New". `label` gives a field's name for people; a text
    /// longer than `longest` characters is cut.
    pub fn changes_in_words(&self, label: impl Fn(&str) -> String, longest: usize) -> Vec<String> {
        self.changes_showing(label, longest, str::to_owned)
    }

    /// As [`Self::changes_in_words`], where `show` is given each value and gives what stands for it.
    pub fn changes_showing(
        &self,
        label: impl Fn(&str) -> String,
        longest: usize,
        show: impl Fn(&str) -> String,
    ) -> Vec<String> {
        let mut phrases: Vec<(&str, String)> = Vec::new();
        for (name, change) in self.changes.iter() {
            let phrase = match (change, change.links()) {
                (Change::Set(text), _) if !text.is_empty() => {
                    let text = self.names.get(name).unwrap_or(text);
                    format!("{} → {}", label(name), show(&cut(text, longest)))
                }
                (_, Some((operation, keys))) => {
                    let links = links_in_words(operation, keys, longest, &show);
                    // What is added and what is removed are one field's.
                    if let Some((_, phrase)) = phrases.iter_mut().find(|(other, _)| *other == name) {
                        phrase.push_str(&format!("; {links}"));
                        continue;
                    }
                    format!("{}: {links}", label(name))
                }
                _ => format!("{} → empty", label(name)),
            };
            phrases.push((name, phrase));
        }
        phrases.into_iter().map(|(_, phrase)| phrase).collect()
    }

    /// What it did to its records: "changed", "deleted", "restored".
    pub fn outcome_verb(&self) -> &'static str {
        match self.operation.as_str() {
            "delete" => "deleted",
            "revert" => "restored",
            "update" => "changed",
            _ if self.sets_fields() => "changed",
            _ => "done",
        }
    }

    /// "12,299 changed, 2 already had this value, 37 failed"; `done` says how many it changed, and may name them: "1 of 3 books".
    pub fn outcome_in_words(&self, done: &str) -> String {
        let rest = [
            (self.unchanged_records, "already had this value"),
            (self.failed_records, "failed"),
            (self.unattempted_records(), "not attempted"),
        ];
        let rest = rest.into_iter().filter(|(number, _)| *number > 0);
        let rest = rest.map(|(number, words)| format!(", {} {words}", grouped(number)));
        format!("{done} {}{}", self.outcome_verb(), rest.collect::<String>())
    }

    /// "3 books", or "3 records of book" where the resource is gone.
    pub fn records_in_words(&self, resource: Option<&Resource>, number: u64) -> String {
        match resource {
            Some(resource) => resource.count_in_words(number),
            None if number == 1 => format!("1 record of {}", self.resource),
            None => format!("{} records of {}", grouped(number), self.resource),
        }
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

/// "add Sale, New".
fn links_in_words(
    operation: LinkOperation,
    keys: &[LinkKey],
    longest: usize,
    show: &impl Fn(&str) -> String,
) -> String {
    let name = |key: &LinkKey| show(&cut(key.name.as_ref().unwrap_or(&key.key), longest));
    let mut listed = keys.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
    if keys.len() > NAMED {
        listed.push_str(&format!(" and {} more", keys.len() - NAMED));
    }
    match operation {
        LinkOperation::Clear => "remove all".to_owned(),
        LinkOperation::Replace => format!("only {listed}"),
        LinkOperation::Add | LinkOperation::Remove => format!("{operation} {listed}"),
    }
}

fn cut(text: &str, longest: usize) -> String {
    match text.chars().count() > longest {
        true => format!("{}…", text.chars().take(longest).collect::<String>()),
        false => text.to_owned(),
    }
}
