//! The kinds of values that a key is made of.

use super::Resource;
use powercrud_db::ColumnType;

impl Resource {
    /// The columns of the key and their kinds of values, such as `id (whole number)`; `none` where there is no key.
    pub(crate) fn key_types(&self) -> String {
        let columns = self.key_columns();
        if columns.is_empty() {
            return "none".to_owned();
        }
        let of_column = columns.iter().map(|column| format!("{} ({})", column.name, kind(&column.column_type)));
        of_column.collect::<Vec<_>>().join(", ")
    }
}

/// In words that don't tell sizes: more of the same kind finds the same records.
fn kind(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Boolean => "true or false",
        ColumnType::Integer { .. } => "whole number",
        ColumnType::Decimal { .. } => "decimal",
        ColumnType::Float => "floating point",
        ColumnType::Text { .. } => "text",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::DateTime => "date and time",
        ColumnType::DateTimeTz => "instant",
        ColumnType::Uuid => "UUID",
        ColumnType::Json => "JSON",
        ColumnType::Enum => "choice",
        ColumnType::Bytes => "bytes",
        ColumnType::Other => "other",
    }
}
