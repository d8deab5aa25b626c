//! Values between JSON and the database.
//!
//! | column | JSON |
//! |---|---|
//! | true or false | a boolean |
//! | whole numbers, floating point | a number |
//! | exact decimals | a string of digits, so that none is lost; a number is taken too, digit by digit |
//! | dates, times, timestamps | a string as ISO 8601 has it: `2026-01-31`, `13:05:00`, `2026-01-31T13:05:00`, with a zone `…+00:00` |
//! | JSON | the document itself |
//! | bytes | how many there are; they can't be written |
//! | texts, UUIDs, enums and all others | a string |
//! | NULL | `null` |
//!
//! What has its value already is not written, so all that was read may be sent back, also bytes, keys and computed fields.
//!
//! A string is taken for every column, as a form takes what is typed; a cell that does not fit its column's type is given as the text
//! that it is.

use serde_json::value::RawValue;

use super::body::Body;
use crate::web::view::to_scale;
use powercrud_db::{ColumnType, Value};
use powercrud_engine::{
    change::{Change, Changes},
    error::FieldError,
    form::Input,
    resource::{Field, Resource},
};

/// A cell's value for a program. A JSON document is given as the text that it is, so that no digit and no key of it is lost.
pub(super) fn to_json(field: &Field, value: &Value) -> Box<RawValue> {
    let json = match (&field.column.column_type, value) {
        (_, Value::Json(document)) => match RawValue::from_string(document.trim().to_owned()) {
            Ok(document) => return document,
            Err(_) => document.as_str().into(),
        },
        (ColumnType::DateTime | ColumnType::DateTimeTz, Value::Text(text)) => text.replacen(' ', "T", 1).into(),
        (column_type, Value::Decimal(digits)) => to_scale(column_type, digits).into(),
        // Bytes where another kind of value is announced are no number.
        (column_type, Value::Bytes(_)) if *column_type != ColumnType::Bytes => value.to_text().into(),
        // JSON has no infinity.
        (_, Value::Float(number)) if !number.is_finite() => value.to_text().into(),
        _ => value.to_json(),
    };
    serde_json::value::to_raw_value(&json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// What a body says of fields; mistakes of kind go to `errors`, those of content are found by whoever checks the changes.
pub(super) fn inputs(resource: &Resource, body: &Body, errors: &mut Vec<FieldError>) -> Vec<Input> {
    let mut inputs = Vec::with_capacity(body.0.len());
    for (name, value) in &body.0 {
        match of_field(resource, name, value) {
            Ok(text) => inputs.push((name.clone(), text)),
            Err(message) => errors.push(FieldError::new(name, "INVALID_TYPE", message)),
        }
    }
    inputs
}

/// What a bulk edit's body says of fields; mistakes as of [`inputs`].
pub(super) fn changes(resource: &Resource, body: &Body, errors: &mut Vec<FieldError>) -> Changes {
    let mut changes = Changes::new();
    for (name, value) in &body.0 {
        if resource.field(name).is_none() && resource.many_to_many(name).is_some() {
            links(name, value, &mut changes, errors);
            continue;
        }
        match of_field(resource, name, value) {
            Ok(text) => changes.push(name, Change::to(text)),
            Err(message) => errors.push(FieldError::new(name, "INVALID_TYPE", message)),
        }
    }
    changes
}

fn of_field(resource: &Resource, name: &str, value: &RawValue) -> Result<Option<String>, &'static str> {
    let column = resource.require_field(name).ok().map(|field| &field.column);
    // Where a cell may hold a number although its column's type is another, a number is no mistake of kind.
    let column_type = column.map(|column| match &column.column_type {
        ColumnType::Boolean if column.takes_numbers_for_flags() && is_number(value) => &ColumnType::Float,
        ColumnType::Other if column.holds_anything() && is_number(value) => &ColumnType::Float,
        ColumnType::Bytes if is_number(value) => &ColumnType::Float,
        column_type => column_type,
    });
    input(column_type, value)
}

fn is_number(value: &RawValue) -> bool {
    value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// What is said of a many-to-many field: `{"add": [1, 2], "remove": [3]}`; an array alone replaces, and null clears.
fn links(name: &str, value: &RawValue, changes: &mut Changes, errors: &mut Vec<FieldError>) {
    let operations = match value.get().as_bytes() {
        [b'{', ..] => serde_json::from_str::<Body>(value.get()).map(|body| body.0).unwrap_or_default(),
        [b'[', ..] => vec![("replace".to_owned(), value.to_owned())],
        b"null" => return changes.push(name, Change::Clear),
        _ => {
            let message = "takes an object of add, remove, replace and clear, or an array of keys";
            return errors.push(FieldError::new(name, "INVALID_TYPE", message));
        }
    };
    for (operation, keys) in operations {
        let keys = match keys.get() {
            "true" if operation == "clear" => Some(Vec::new()),
            array if array.starts_with('[') => self::keys(array),
            _ => None,
        };
        match keys.map(|keys| Change::of_links(name, &operation, keys)) {
            Some(Ok(change)) => changes.push(name, change),
            Some(Err(error)) => errors.push(error),
            None => {
                let message = format!("{operation} takes an array of keys, and clear takes true");
                errors.push(FieldError::new(name, "INVALID_TYPE", message));
            }
        }
    }
}

/// The keys of an array of strings and numbers.
fn keys(array: &str) -> Option<Vec<String>> {
    let keys: Vec<&RawValue> = serde_json::from_str(array).ok()?;
    let text = |key: &&RawValue| match key.get().as_bytes() {
        [b'"', ..] => serde_json::from_str(key.get()).ok(),
        [b'-' | b'0'..=b'9', ..] => Some(key.get().to_owned()),
        _ => None,
    };
    keys.iter().map(text).collect()
}

/// One value as the text that a form would have; `None` is NULL. `column_type` is unknown where the field is.
fn input(column_type: Option<&ColumnType>, value: &RawValue) -> Result<Option<String>, &'static str> {
    use ColumnType::{Boolean, Decimal, Float, Integer, Json};
    let text = value.get();
    Ok(match (text.bytes().next(), column_type) {
        (Some(b'n'), _) => None,
        (_, Some(Json)) => Some(text.to_owned()),
        (Some(b'"'), _) => Some(serde_json::from_str(text).map_err(|_| "is not a text of Unicode characters")?),
        // What there is not at all is refused by its name.
        (_, None) => Some(text.to_owned()),
        (Some(b't' | b'f'), Some(Boolean)) => Some(text.to_owned()),
        (Some(b't' | b'f'), _) => return Err("is not true or false; give a string"),
        (Some(b'[' | b'{'), _) => return Err("holds no JSON document; give a string"),
        (_, Some(Integer { .. } | Decimal { .. } | Float)) => Some(text.to_owned()),
        _ => return Err("is no number; give a string"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column_type: &ColumnType, json: &str, expected: Result<Option<&str>, ()>) {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let got = input(Some(column_type), &raw).map_err(|_| ());
        assert_eq!(got, expected.map(|text| text.map(str::to_owned)), "{json} for {column_type:?}");
    }

    #[test]
    fn no_digit_is_lost_and_kinds_are_not_mixed_up() {
        let money = ColumnType::Decimal { precision: Some(40), scale: Some(20) };
        let text = ColumnType::Text { max_length: None };
        check(&money, "12.50", Ok(Some("12.50")));
        check(
            &money,
            "12345678901234567890.12345678901234567890",
            Ok(Some("12345678901234567890.12345678901234567890")),
        );
        check(&money, "\"12.50\"", Ok(Some("12.50")));
        check(&money, "true", Err(()));
        check(&money, "null", Ok(None));
        check(&text, "\"a\\n\\u00e9\"", Ok(Some("a\né")));
        check(&text, "\"\"", Ok(Some("")));
        check(&text, "5", Err(()));
        check(&text, "[]", Err(()));
        check(&ColumnType::Boolean, "true", Ok(Some("true")));
        check(&ColumnType::Boolean, "1", Err(()));
        check(&ColumnType::Json, "{\"a\": 1.0}", Ok(Some("{\"a\": 1.0}")));
        check(&ColumnType::Json, "\"a\"", Ok(Some("\"a\"")));
        check(&ColumnType::Json, "null", Ok(None));
    }
}
