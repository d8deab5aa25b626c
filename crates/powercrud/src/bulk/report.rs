//! Faults of records in words for people.

use crate::{db::Fault, error::FieldError, form::Change, resource::Resource};

/// A record's fault, at its field where that can be told: of several that are involved, one that was to be changed.
pub(crate) fn record_fault(resource: &Resource, fault: &Fault, changes: &[Change]) -> FieldError {
    let links = fault.field.as_deref().and_then(|named| resource.many_to_many(named)).map(|links| links.name.clone());
    let field = links.or_else(|| fault.field.as_deref().and_then(|named| field_of(resource, named, changes)));
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
        "NOT_PERMITTED" => "the database does not permit it",
        "INTERRUPTED" => "took longer than the database allows",
        "KEY_NOT_UNIQUE" => "was left as it was",
        _ => "was refused",
    };
    FieldError { field, code: fault.code.to_owned(), message: format!("{message} ({})", fault.message) }
}

/// The field that the database means by column names, or by the name of a key or constraint that contains it.
fn field_of(resource: &Resource, named: &str, changes: &[Change]) -> Option<String> {
    // MySQL writes `table.key`, and quotes each of several columns.
    let named = named.rsplit('.').next().unwrap_or(named);
    let named_by_word =
        |column: &str| named.split(',').any(|word| word.trim_matches([' ', '`', '"']).eq_ignore_ascii_case(column));
    let constraint = named.to_lowercase();
    let named_in_part = |column: &str| constraint.contains(&column.to_lowercase());
    let table = &resource.table;
    let keys = || {
        table.unique_keys.iter().chain([&table.primary_key]).chain(table.foreign_keys.iter().map(|key| &key.columns))
    };
    let columns = |is_named: &dyn Fn(&str) -> bool| -> Vec<&str> {
        let own = resource.fields.iter().map(|field| field.name.as_str()).filter(|name| is_named(name));
        // A key that is named by one of its columns is about all of them.
        let of_keys = keys().filter(|key| key.iter().any(|column| is_named(column))).flatten().map(String::as_str);
        own.chain(of_keys).collect()
    };
    let is_changed = |name: &&&str| changes.iter().any(|change| change.field == ***name);
    let pick = |names: Vec<&str>| names.iter().find(is_changed).or(names.first()).map(|name| (*name).to_owned());
    let field = pick(columns(&named_by_word)).or_else(|| {
        let in_keys = keys().flatten().map(String::as_str).filter(|column| named_in_part(column)).collect();
        pick(in_keys)
    });
    field.filter(|name| resource.field(name).is_some())
}
