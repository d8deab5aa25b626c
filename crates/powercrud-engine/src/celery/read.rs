//! What a message asks for, from JSON to the engine's words: fields and keys become texts, as a form has them, and whoever plans the operation checks them.

use powercrud_db::ColumnType;
use serde_json::{Map, Value, json};

use crate::{
    bulk::Requested,
    change::{Change, Changes},
    error::{Error, FieldError, Result},
    query::ListParams,
    resource::Resource,
    selection::Selection,
};

/// The most records that are selected one by one.
const MOST_IDS: usize = 100_000;

/// Whole numbers up to here are exact where JSON takes them for floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What to do, and with which records.
///
/// # Errors
/// [`Error::Invalid`], with every mistake.
pub(super) fn read(resource: &Resource, is_delete: bool, asked: &Map<String, Value>) -> Result<(Requested, Selection)> {
    let allowed: &[&str] = if is_delete { &["ids", "filter", "all"] } else { &["ids", "filter", "all", "changes"] };
    let mut errors = Vec::new();
    for name in asked.keys().filter(|name| !allowed.contains(&name.as_str())) {
        let message = format!("is not known; allowed are: resource, user, {}", allowed.join(", "));
        errors.push(FieldError::new(name, "UNKNOWN_FIELD", message));
    }
    let selection = selection(resource, asked, &mut errors);
    let operation = match (is_delete, asked.get("changes").map(Value::as_object)) {
        (true, _) => Requested::Delete,
        (false, Some(Some(given))) => Requested::Update(changes(resource, given, &mut errors)),
        _ => {
            let message = "must be there: an object of field names and new values";
            errors.push(FieldError::new("changes", "NOT_NULL", message));
            Requested::Delete
        }
    };
    match selection {
        Some(selection) if errors.is_empty() => Ok((operation, selection)),
        _ => Err(Error::Invalid(errors)),
    }
}

fn selection(resource: &Resource, asked: &Map<String, Value>, errors: &mut Vec<FieldError>) -> Option<Selection> {
    let given = (asked.get("ids"), asked.get("filter"), asked.get("all"));
    let mut wrong = |field: &str, message: &str| {
        errors.push(FieldError::new(field, "INVALID_SELECTION", message));
        None
    };
    match given {
        (Some(Value::Array(ids)), None, None) if ids.len() > MOST_IDS => {
            wrong("ids", "has too many keys; allowed are 100,000: select many by filter or all")
        }
        (Some(Value::Array(ids)), None, None) => match ids.iter().map(key).collect() {
            Some(keys) => Some(Selection::Keys(keys)),
            None => {
                wrong("ids", "is not allowed; allowed is an array of keys: strings, whole numbers, or arrays of these")
            }
        },
        (Some(_), None, None) => wrong("ids", "is not allowed; allowed is an array of keys"),
        (None, Some(Value::Object(conditions)), None) if !conditions.is_empty() => {
            matching(resource, conditions, errors)
        }
        (None, Some(_), None) => wrong("filter", "is not allowed; allowed is an object of conditions, one at least"),
        (None, None, Some(Value::Bool(true))) => Some(Selection::All),
        (None, None, Some(_)) => wrong("all", "is not allowed; allowed is true"),
        _ => wrong("ids", "is not enough or too much: say which records by exactly one of: ids, filter, all"),
    }
}

/// Conditions as a list's address has them.
fn matching(resource: &Resource, conditions: &Map<String, Value>, errors: &mut Vec<FieldError>) -> Option<Selection> {
    let mut pairs = Vec::with_capacity(conditions.len());
    for (name, value) in conditions {
        let text = match value {
            _ if ["ordering", "page", "page_size"].contains(&name.as_str()) => None,
            Value::Array(items) if name.ends_with("__in") => {
                let parts: Option<Vec<_>> =
                    items.iter().map(|item| scalar(item).filter(|it| !it.contains(','))).collect();
                parts.map(|parts| parts.join(","))
            }
            other => scalar(other),
        };
        match text {
            Some(text) => pairs.push((name.clone(), text)),
            None => {
                let message = "is no condition; allowed are strings, numbers, true and false, and for __in arrays of them without commas";
                errors.push(FieldError::new(name, "INVALID_TYPE", message));
            }
        }
    }
    match ListParams::parse(resource, &pairs) {
        Ok(params) if params.says_nothing() => {
            errors.push(FieldError::new(
                "filter",
                "INVALID_SELECTION",
                "holds no condition; say all where every record is meant",
            ));
            None
        }
        Ok(params) => Some(Selection::Matching(params)),
        Err(Error::Invalid(more)) => {
            errors.extend(more);
            None
        }
        Err(error) => {
            errors.push(FieldError::new("filter", "INVALID_SELECTION", error.to_string()));
            None
        }
    }
}

fn key(id: &Value) -> Option<String> {
    match id {
        Value::Array(parts) => {
            let parts: Vec<_> = parts.iter().map(key_part).collect::<Option<_>>()?;
            Some(json!(parts).to_string())
        }
        part => key_part(part),
    }
}

fn key_part(part: &Value) -> Option<String> {
    scalar(part).filter(|_| part.is_string() || part.is_i64() || part.is_u64())
}

/// A text, unless it is one that no database can hold, or a number that lost digits.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.contains('\0')),
        Value::Bool(is) => Some(is.to_string()),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().filter(|number| number.abs() < EXACT).map(|_| number.to_string())
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn changes(resource: &Resource, given: &Map<String, Value>, errors: &mut Vec<FieldError>) -> Changes {
    let mut changes = Changes::new();
    for (name, value) in given {
        if resource.field(name).is_none() && resource.many_to_many(name).is_some() {
            links(name, value, &mut changes, errors);
            continue;
        }
        let is_json = resource.field(name).is_some_and(|field| field.column.column_type == ColumnType::Json);
        match value {
            Value::Null => changes.push(name, Change::to(None)),
            document if is_json => changes.push(name, Change::to(Some(document.to_string()))),
            value => match scalar(value) {
                Some(text) => changes.push(name, Change::to(Some(text))),
                None => {
                    let message = "is not allowed; allowed are a string, an exact number, true, false or None";
                    errors.push(FieldError::new(name, "INVALID_TYPE", message));
                }
            },
        }
    }
    changes
}

/// Of a many-to-many field: `{"add": [1, 2], "remove": [3]}`, `{"replace": [1]}` or `{"clear": true}`; an array alone replaces, and null clears.
fn links(name: &str, value: &Value, changes: &mut Changes, errors: &mut Vec<FieldError>) {
    let replaced;
    let operations = match value {
        Value::Object(operations) => operations,
        Value::Array(_) => {
            replaced = Map::from_iter([("replace".to_owned(), value.clone())]);
            &replaced
        }
        Value::Null => return changes.push(name, Change::Clear),
        _ => {
            let message = "takes an object of add, remove, replace and clear, or an array of keys";
            return errors.push(FieldError::new(name, "INVALID_TYPE", message));
        }
    };
    for (operation, keys) in operations {
        let keys: Option<Vec<_>> = match keys {
            Value::Bool(true) if operation == "clear" => Some(Vec::new()),
            Value::Array(keys) => keys.iter().map(key_part).collect(),
            _ => None,
        };
        match keys.map(|keys| Change::of_links(name, operation, keys)) {
            Some(Ok(change)) => changes.push(name, change),
            Some(Err(error)) => errors.push(error),
            None => {
                let message = format!("{operation} takes an array of keys, and clear takes true");
                errors.push(FieldError::new(name, "INVALID_TYPE", message));
            }
        }
    }
}
