//! Changes of many-to-many fields, checked against their resource.

use super::not_changed_here;
use crate::{
    change::{Change, LinkKey, LinkOperation},
    error::{FieldError, Result},
    resource::{ManyToMany, Resource},
    words::listed,
};
use powercrud_db::{Column, Table, Value};

/// What a bulk edit does to one many-to-many field of each record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LinkChange {
    /// The many-to-many field, by name.
    pub(crate) field: String,
    /// What to do.
    pub(crate) operation: LinkOperation,
    /// With which records of the other table, each once; none where all links go.
    pub(crate) targets: Vec<LinkTarget>,
}

/// A record of the other table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LinkTarget {
    /// Its key.
    pub(crate) key: Value,
    /// Its name; its key where it has none, or where nobody has looked.
    pub(crate) name: String,
}

impl LinkChange {
    /// As a task keeps it.
    pub(crate) fn to_change(&self) -> Change {
        let key = |target: &LinkTarget| LinkKey { key: target.key.to_text(), name: Some(target.name.clone()) };
        let keys = self.targets.iter().map(key).collect();
        match self.operation {
            LinkOperation::Add => Change::Add(keys),
            LinkOperation::Remove => Change::Remove(keys),
            LinkOperation::Replace => Change::Replace(keys),
            LinkOperation::Clear => Change::Clear,
        }
    }
}

/// More than a person would choose one by one; each is a parameter of every statement.
const MOST_TARGETS: usize = 1_000;

/// Checks a change of the many-to-many field `links` beside those that were found right already.
pub(super) fn check(
    resource: &Resource,
    links: &ManyToMany,
    allowed: impl Fn(&ManyToMany) -> bool,
    change: &Change,
    others: &[LinkChange],
) -> Result<LinkChange, FieldError> {
    if !allowed(links) {
        let names: Vec<_> =
            resource.many_to_many.iter().filter(|links| allowed(links)).map(|links| links.name.as_str()).collect();
        return Err(FieldError::new(&links.name, "READ_ONLY_FIELD", not_changed_here(&names)));
    }
    compatible(others, parse(links, change)?)
}

fn parse(links: &ManyToMany, change: &Change) -> Result<LinkChange, FieldError> {
    let refuse = |code: &str, message: String| FieldError::new(&links.name, code, message);
    let Some((operation, keys)) = change.links() else {
        let message =
            format!("is a many-to-many field and has no value of its own; allowed are: {}", listed(LinkOperation::ALL));
        return Err(refuse("UNKNOWN_OPERATION", message));
    };
    let mut change = LinkChange { field: links.name.clone(), operation, targets: Vec::new() };
    if operation == LinkOperation::Clear {
        return Ok(change);
    }
    let other = &links.reference.table.name;
    if keys.is_empty() {
        let all = if operation.is_partial() { "" } else { "; clear removes all" };
        return Err(refuse("NO_VALUE", format!("{operation} needs the key of at least one {other}{all}")));
    }
    if keys.len() > MOST_TARGETS {
        let given = keys.len();
        return Err(refuse("TOO_MANY", format!("{operation} takes {MOST_TARGETS} keys at most, not {given}")));
    }
    for LinkKey { key, .. } in keys {
        // A key that exists may be one that a check list would refuse today.
        let value = Value::parse(&Column { choices: Vec::new(), ..links.reference.column.clone() }, key)
            .map_err(|error| refuse(&error.code, format!("{key:?} is no key of {other}: {}", error.message)))?;
        if change.targets.iter().all(|target| target.key != value) {
            change.targets.push(LinkTarget { name: value.to_text(), key: value });
        }
    }
    Ok(change)
}

/// Refuses what contradicts another change of the same field.
fn compatible(others: &[LinkChange], change: LinkChange) -> Result<LinkChange, FieldError> {
    for other in others.iter().filter(|other| other.field == change.field) {
        if other.operation == change.operation {
            let message = format!("{} is given more than once", change.operation);
            return Err(FieldError::new(&change.field, "DUPLICATE_FIELD", message));
        }
        if !(other.operation.is_partial() && change.operation.is_partial()) {
            let message = format!("{} and {} can't go together", other.operation, change.operation);
            return Err(FieldError::new(&change.field, "CONTRADICTION", message));
        }
        if let Some(both) = change.targets.iter().find(|target| other.targets.contains(target)) {
            let message = format!("{} is to be both added and removed", both.name);
            return Err(FieldError::new(&change.field, "CONTRADICTION", message));
        }
    }
    Ok(change)
}

impl Resource {
    /// The tables that an update with these changes of links writes to.
    pub(crate) fn tables_of(&self, links: &[LinkChange]) -> Vec<&Table> {
        let through = links.iter().filter_map(|change| self.many_to_many(&change.field)).map(|links| &links.through);
        std::iter::once(&self.table).chain(through).collect()
    }
}
