//! Whether a cell differs from the value that is to be written into it, by more than what the database calls equal: collations that ignore
//! case, trailing blanks and the digits of a number would keep a change from being made.

use sea_orm::sea_query::Expr;

use super::is_spatial;
use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
    value::Value,
};

impl Dialect {
    /// Whether `cell`, which reads `column`, differs from `value`, NULL being a value like any other. Where nobody can tell, it does.
    pub fn differs(self, column: &Column, cell: Expr, value: &Value) -> Expr {
        if value.is_null() {
            return self.is_not_null(column, cell);
        }
        let template = match self {
            Self::Sqlite => "(? COLLATE BINARY IS NOT ?)",
            Self::Postgres => match &column.column_type {
                // 1.0 and 1.00 are equal, and where the column sets no scale not the same.
                ColumnType::Decimal { scale: None, .. } => "(CAST(? AS text) IS DISTINCT FROM CAST(? AS text))",
                // 0 over -0 counts as unchanged: numbers that are equal.
                ColumnType::Boolean
                | ColumnType::Integer { .. }
                | ColumnType::Decimal { .. }
                | ColumnType::Float
                | ColumnType::Date
                | ColumnType::Time
                | ColumnType::DateTime
                | ColumnType::DateTimeTz
                | ColumnType::Uuid
                | ColumnType::Bytes => "(? IS DISTINCT FROM ?)",
                ColumnType::Text { .. } | ColumnType::Json | ColumnType::Enum | ColumnType::Other => {
                    "(CAST(? AS text) COLLATE \"C\" IS DISTINCT FROM CAST(? AS text))"
                }
            },
            Self::Mysql => match &column.column_type {
                ColumnType::Other if is_spatial(&column.database_type) => "(NOT (ST_AsText(?) <=> ST_AsText(?)))",
                _ if column.database_type.starts_with("bit") => "(NOT (? + 0 <=> ? + 0))",
                // Of fewer digits than the number it is compared with.
                _ if self.is_single(column) => "(NOT (? <=> CAST(? AS FLOAT)))",
                ColumnType::Boolean
                | ColumnType::Integer { .. }
                | ColumnType::Decimal { .. }
                | ColumnType::Float
                | ColumnType::Date
                | ColumnType::Time
                | ColumnType::DateTime
                | ColumnType::DateTimeTz
                | ColumnType::Bytes => "(NOT (? <=> ?))",
                ColumnType::Text { .. }
                | ColumnType::Uuid
                | ColumnType::Json
                | ColumnType::Enum
                | ColumnType::Other => {
                    "(NOT (CAST(CONVERT(? USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY)))"
                }
            },
        };
        // A number in a column without a type is another value than its digits.
        let value = match self {
            Self::Sqlite => self.assign(column, cell.clone(), value),
            Self::Postgres | Self::Mysql => self.write(column, value),
        };
        self.custom(template, [cell, value])
    }

    /// Whether a column of MySQL keeps fewer digits than a number has elsewhere.
    pub(super) fn is_single(self, column: &Column) -> bool {
        self == Self::Mysql && column.database_type.to_ascii_lowercase().starts_with("float")
    }
}
