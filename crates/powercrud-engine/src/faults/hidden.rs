//! Faults that are about columns which nobody is shown: neither their names nor what a rule says of their values may be told.

use crate::{engine::Engine, error::FieldError, resource::Resource};
use powercrud_db::{Fault, columns_in};

/// The fault without the names of columns, the rule and its kind: that a key is broken tells that two hidden values are the same.
pub(super) fn told(field: Option<String>) -> FieldError {
    let message = "was refused by a rule of the database over fields that are not shown".to_owned();
    FieldError { field, code: "CHECK".into(), message }
}

/// Whether the fault is about a column of the table that the resource does not show.
pub(super) fn is_about_hidden(resource: &Resource, fault: &Fault) -> bool {
    named_columns(resource, fault).iter().any(|name| resource.field(name).is_none())
}

/// Whether the fault may be about a column that any resource hides: of a delete, other tables may be meant.
pub(super) fn is_about_any_hidden(engine: &Engine, fault: &Fault) -> bool {
    engine.resources().iter().any(|resource| {
        named_columns(resource, fault)
            .iter()
            .any(|name| resource.secrets.contains(name) || resource.hidden.contains(name))
    })
}

/// The columns of the resource's table that the fault names: by a constraint or key, or in a list or condition.
fn named_columns(resource: &Resource, fault: &Fault) -> Vec<String> {
    let table = &resource.table;
    let (Some(named), Some(first)) = (fault.field.as_deref(), table.columns.first()) else { return Vec::new() };
    if let Some(constraint) = super::constraint(resource, named) {
        return constraint.columns.clone();
    }
    if let Some(key) = table.foreign_keys.iter().find(|key| key.name == named) {
        return key.columns.clone();
    }
    columns_in(named, &table.columns, first.dialect)
}
