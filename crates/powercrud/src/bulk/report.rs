//! Faults of records in words for people.

use crate::{db::Fault, error::FieldError, resource::Resource};

/// A record's fault, at its field where that can be told.
pub(crate) fn record_fault(resource: &Resource, fault: &Fault) -> FieldError {
    let field = fault.field.as_deref().and_then(|named| field_of(resource, named));
    let message = match fault.code {
        "UNIQUE" => "another record already has this value",
        "FOREIGN_KEY" if fault.message.contains("delete") || field.is_none() => {
            "other records refer to it, or it refers to none"
        }
        "FOREIGN_KEY" => "refers to a record that does not exist",
        "NOT_NULL" => "must have a value",
        "CHECK" => "breaks a rule of the database",
        "TOO_LONG" => "is too long",
        "OUT_OF_RANGE" => "is out of range",
        "INVALID_VALUE" => "is not a value that the column takes",
        "TRIGGER" => "was refused by the database",
        _ => "was refused",
    };
    FieldError { field, code: fault.code.to_owned(), message: format!("{message} ({})", fault.message) }
}

/// The field that the database means by a column name, or by the name of a key or constraint that contains it.
fn field_of(resource: &Resource, named: &str) -> Option<String> {
    // MySQL writes `table.key`.
    let named = named.rsplit('.').next().unwrap_or(named);
    let by_name = |name: &str| resource.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.trim()));
    let by_constraint = || {
        let named = named.to_lowercase();
        let key = resource.table.unique_keys.iter().chain([&resource.table.primary_key]);
        let mut columns = key.flatten().filter(|column| named.contains(&column.to_lowercase()));
        columns.next().and_then(|column| resource.field(column))
    };
    by_name(named).or_else(|| named.split(',').find_map(by_name)).or_else(by_constraint).map(|field| field.name.clone())
}
