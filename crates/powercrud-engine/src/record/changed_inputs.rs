//! Which inputs ask for another value than a record has.
//!
//! What has its value already is not written: neither its column's type nor a lossy way to text and back can then change a byte of it,
//! and a program may send back all that it was told, also of fields that can't be written.

use super::Expected;
use crate::{
    form::Input,
    query::{Cell, Row},
    resource::{Field, Resource},
};
use powercrud_db::{Column, ColumnType, Value};

/// The inputs whose field has another value now, or that are about no field.
pub(super) fn changed_inputs(resource: &Resource, row: &Row, inputs: &[Input], expected: &Expected) -> Vec<Input> {
    let is_unlike = |(name, text): &&Input| {
        // A name that comes twice is a mistake, whatever it says.
        if inputs.iter().filter(|(other, _)| other == name).count() > 1 {
            return true;
        }
        let place = resource.require_field(name).ok().map(|field| &field.name);
        let place = place.and_then(|name| resource.fields.iter().position(|field| field.name == *name));
        match place.and_then(|at| Some((&resource.fields[at], row.cells.get(at)?))) {
            Some((field, cell)) => {
                let is_null_either_way = expected.takes_null_for_null && text.is_none() && is_json_null(cell);
                !is_null_either_way && !says_the_same(field, cell, text.as_deref())
            }
            None => true,
        }
    };
    inputs.iter().filter(is_unlike).cloned().collect()
}

/// Whether `text`, or NULL where there is none, is what the cell holds.
pub(crate) fn says_the_same(field: &Field, cell: &Cell, text: Option<&str>) -> bool {
    let Some(text) = text else { return cell.value.is_null() };
    // What is no document is given as a text, which in a document has quotes.
    let is_quoted =
        field.column.column_type == ColumnType::Json && matches!(cell.value, Value::Raw(_) | Value::Bytes(_));
    if is_quoted && serde_json::from_str::<String>(text).is_ok_and(|text| text == cell.value.to_text()) {
        return true;
    }
    match &cell.value {
        Value::Null => false,
        Value::Bytes(size) => text == size.to_string() || text == cell.value.to_text(),
        Value::Decimal(digits) if same_digits(digits, text) => true,
        Value::Float(number) if text.parse::<f64>().is_ok_and(|other| Value::Float(other) == Value::Float(*number)) => {
            true
        }
        Value::Json(document) => document == text || compact(document) == compact(text),
        // Texts are the same to the letter, or not at all.
        Value::Text(own) if matches!(field.column.column_type, ColumnType::Text { .. } | ColumnType::Other) => {
            own == text
        }
        value => {
            let column = || Column { choices: Vec::new(), ..field.column.clone() };
            let own = value.to_text();
            own == text
                || own == text.replacen('T', " ", 1)
                || Value::parse(&column(), text).is_ok_and(|parsed| parsed == *value)
        }
    }
}

/// Whether the cell holds the JSON document `null`, which is not NULL.
fn is_json_null(cell: &Cell) -> bool {
    matches!(&cell.value, Value::Json(document) if document.trim() == "null")
}

/// Whether two decimals differ in nothing but zeros at their end.
fn same_digits(one: &str, other: &str) -> bool {
    let short = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    short(one) == short(other)
}

/// A JSON document without blanks between its parts, and with each text spelled one way. Numbers, the order of keys and keys that come
/// twice stay as they are.
fn compact(document: &str) -> String {
    let mut compact = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(end);
        match serde_json::from_str::<String>(piece) {
            Ok(text) if first == '"' => compact.push_str(&serde_json::Value::String(text).to_string()),
            _ if first.is_whitespace() => {}
            _ => compact.push_str(piece),
        }
        rest = after;
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn documents_are_compared_without_blanks_and_spelling() {
        assert_eq!(compact("{\"a\" : [1.0, \"\\u00e9 \\\"x\"]}"), "{\"a\":[1.0,\"é \\\"x\"]}");
        assert_ne!(compact("[1.0]"), compact("[1]"));
        assert_ne!(compact("[\"a b\"]"), compact("[\"ab\"]"));
    }
}
