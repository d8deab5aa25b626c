//! Actions that are named sets of changes, checked against their resource.

use std::sync::Arc;

use super::{Changes, Input, links::named, sort_inputs, sort_link_inputs};
use crate::{
    action::{Action, Work},
    error::FieldError,
    resource::{Field, ManyToMany, Resource},
};

/// The changes of an action that sets fields, whether or not bulk edit offers them; and one entry for each mistake.
pub(crate) fn sort_action_inputs(resource: &Resource, inputs: &[Input]) -> (Changes, Vec<FieldError>) {
    let may_change = |links: &ManyToMany| resource.many_to_many_for_actions().any(|other| other.name == links.name);
    let (links, mut errors, inputs) = sort_link_inputs(resource, may_change, inputs);
    let (fields, more) = sort_inputs(resource, |field| resource.may_set_by_action(field), &inputs);
    errors.extend(more);
    (Changes { fields, links }, errors)
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
        if let Work::Set(inputs) = &mut action.work {
            for (name, _) in inputs.iter_mut() {
                if let Some(message) = why_not_set(resource, name) {
                    complain(&format!("set.{name}"), message);
                } else if let Ok(field) = resource.require_field(name) {
                    name.clone_from(&field.name);
                }
            }
            // With the mistakes that are told already: of those, only what is wrong with values is left to be told.
            let known = |input: &&Input| why_not_set(resource, &input.0).is_none() && !is_denied(resource, &input.0);
            let known: Vec<Input> = inputs.iter().filter(known).cloned().collect();
            if is_writable {
                for error in sort_action_inputs(resource, &known).1 {
                    complain(&format!("set.{}", error.field.unwrap_or_default()), error.message);
                }
            }
        }
        let denied = |inputs: &[Input]| inputs.iter().any(|(name, _)| is_denied(resource, name));
        let is_denied = action.set_inputs().is_some_and(denied);
        if mistakes.len() == before && is_writable && !is_denied {
            checked.push(Arc::new(action));
        }
    }
    resource.actions = checked;
}

/// Why an action may not set what `name` says, whatever the database's role may do.
fn why_not_set(resource: &Resource, name: &str) -> Option<String> {
    if named(resource, name).is_some() {
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
    match named(resource, name) {
        Some((links, _)) => {
            let denied = &links.through.denied;
            denied.everything.is_some() || denied.insert || denied.delete
        }
        None => {
            resource.table.denied.update || resource.table.denied.update_columns.iter().any(|column| column == name)
        }
    }
}
