//! Actions that are named sets of changes, checked against their resource.

use std::sync::Arc;

use super::{CheckedChanges, check_changes};
use crate::{
    action::{Action, Work},
    change::{Change, Changes},
    error::FieldError,
    resource::{Field, ManyToMany, Resource},
};

/// The changes of an action that sets fields, whether or not bulk edit offers them; and one entry for each mistake.
pub(crate) fn check_action_changes(resource: &Resource, changes: &Changes) -> (CheckedChanges, Vec<FieldError>) {
    let may_link = |links: &ManyToMany| resource.many_to_many_for_actions().any(|other| other.name == links.name);
    check_changes(resource, |field| resource.may_set_by_action(field), may_link, changes)
}

/// Leaves a resource the actions that fit it. What is wrong with the others joins `mistakes`; those that the database's role may not do are
/// left out without a word, as all that it may not do.
pub(crate) fn check_actions(resource: &mut Resource, mistakes: &mut Vec<String>) {
    let actions = std::mem::take(&mut resource.actions);
    let is_writable = resource.read_only.is_none() && resource.table.no_bulk.is_none();
    let mut checked: Vec<Arc<Action>> = Vec::new();
    for action in actions {
        let before = mistakes.len();
        let place = format!("resources.{}.actions.{}", resource.name, action.name);
        let mut complain = |key: &str, message: String| {
            let dot = if key.is_empty() { "" } else { "." };
            mistakes.push(format!("{place}{dot}{key}: {message}"));
        };
        for (key, message) in action.mistakes() {
            complain(&key, message);
        }
        if checked.iter().any(|other| other.name == action.name) {
            complain("", "there are two actions of this name; give one of them another".to_owned());
        }
        let mut action = Arc::unwrap_or_clone(action);
        if let Work::Set(changes) = &mut action.work {
            let mut known = Changes::new();
            for (name, change) in changes.iter() {
                let name = resource.require_field(name).map_or(name, |field| &field.name);
                // With the mistakes that are told already: of those, only what is wrong with values is left to be told.
                match why_not_set(resource, name, change) {
                    Some(message) => complain(&format!("set.{name}"), message),
                    None => known.push(name, change.clone()),
                }
            }
            *changes = known.clone();
            known.retain(|name, _| !is_denied(resource, name));
            if is_writable {
                for error in check_action_changes(resource, &known).1 {
                    complain(&format!("set.{}", error.field.unwrap_or_default()), error.message);
                }
            }
        }
        let denied = |changes: &Changes| changes.iter().any(|(name, _)| is_denied(resource, name));
        let is_denied = action.changes().is_some_and(denied);
        if mistakes.len() == before && is_writable && !is_denied {
            checked.push(Arc::new(action));
        }
    }
    resource.actions = checked;
}

/// Why an action may not set what `name` says, whatever the database's role may do.
fn why_not_set(resource: &Resource, name: &str, change: &Change) -> Option<String> {
    if resource.field(name).is_none() && (resource.many_to_many(name).is_some() || change.links().is_some()) {
        return None;
    }
    let fits = |field: &&Field| field.editable && !field.key;
    let allowed = || {
        let names: Vec<_> = resource.fields.iter().filter(fits).map(|field| field.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    match resource.require_field(name) {
        Ok(field) if field.key => Some(format!("is part of the key, which no action sets; allowed are: {}", allowed())),
        Ok(field) if !field.editable => Some(format!("can't be written; allowed are: {}", allowed())),
        Ok(_) => None,
        Err(_) if resource.table.column(name).is_some() => {
            let message =
                "is hidden, so that nobody would see what is done; show the field, or write the action as code";
            Some(format!("{message}. Allowed are: {}", allowed()))
        }
        Err(_) => Some(format!("there is no field {name:?}; allowed are: {}", allowed())),
    }
}

/// Whether the database's role may not set it.
fn is_denied(resource: &Resource, name: &str) -> bool {
    match resource.many_to_many(name).filter(|_| resource.field(name).is_none()) {
        Some(links) => {
            let denied = &links.through.denied;
            denied.everything.is_some() || denied.insert || denied.delete
        }
        None => {
            resource.table.denied.update || resource.table.denied.update_columns.iter().any(|column| column == name)
        }
    }
}
