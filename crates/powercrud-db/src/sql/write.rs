//! Values as parameters: assigned to a column, and compared with it.

use sea_orm::sea_query::{Expr, ExprTrait as _};

use super::{is_spatial, is_uuid_in_bytes};
use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
    value::Value,
};

impl Dialect {
    /// `value` as a bound parameter of the type of `column`, for SET, INSERT and comparisons.
    ///
    /// Where a cast is needed it is to the type without length and without domain. The assignment then brings the value into the
    /// column, and refuses what a cast to `bit(8)` or `varchar(3)[]` would cut or pad.
    pub fn write(self, column: &Column, value: &Value) -> Expr {
        let bound = Expr::val(value.bind());
        if value.is_null() {
            return Expr::cust("NULL");
        }
        match self {
            // What NUMERIC affinity would do to the column, but for comparisons with views as well.
            Self::Sqlite if matches!(column.column_type, ColumnType::Decimal { .. }) => {
                self.custom("CAST(? AS NUMERIC)", [bound])
            }
            Self::Sqlite if is_uuid_in_bytes(column) => self.custom("unhex(replace(?, '-', ''))", [bound]),
            Self::Sqlite => bound,
            Self::Postgres => match (&column.column_type, value) {
                (_, Value::Raw(_)) => self.cast(bound, &column.parameter_type),
                (ColumnType::Boolean | ColumnType::Integer { .. } | ColumnType::Text { .. }, _) => bound,
                // A cast to numeric(10,2) would round without a word; the assignment checks precision.
                (ColumnType::Decimal { .. }, _) => self.cast(bound, "numeric"),
                _ => self.cast(bound, &column.parameter_type),
            },
            Self::Mysql => match (&column.column_type, value) {
                (ColumnType::Decimal { .. }, Value::Decimal(digits)) => {
                    // All 65 digits, wherever the point is.
                    let scale = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len()).min(30);
                    self.custom(&format!("CAST(? AS DECIMAL(65,{scale}))"), [bound])
                }
                (ColumnType::Other, _) if is_spatial(&column.database_type) => {
                    self.custom("ST_GeomFromText(?)", [bound])
                }
                // MariaDB takes no zone; the connection's is UTC.
                (ColumnType::DateTimeTz, _) => Expr::val(value.to_text().trim_end_matches("+00:00")),
                // As the column has it, or it would equal nothing.
                (ColumnType::Float, Value::Float(number)) if column.is_single() => Expr::val(f64::from(*number as f32)),
                _ => bound,
            },
        }
    }

    /// `value` for the column that `cell` reads: as [`Dialect::write`], but on SQLite a column without a type of its own keeps the kind of
    /// value that is there. A number stays a number, and text stays text though it looks like one.
    pub fn assign(self, column: &Column, cell: Expr, value: &Value) -> Expr {
        match value {
            Value::Text(text) if self.is_untyped(column) && is_plain_number(text) => {
                let text = Expr::val(text.as_str());
                let sql = "CASE typeof(?) WHEN 'text' THEN ? ELSE CAST(? AS NUMERIC) END";
                self.custom(sql, [cell, text.clone(), text])
            }
            _ => self.write_or_fail(column, value),
        }
    }

    /// `value` for a new row: as [`Dialect::write`], but on SQLite what looks like a number is one in a column without a type.
    pub fn insert(self, column: &Column, value: &Value) -> Expr {
        match value {
            Value::Text(text) if self.is_untyped(column) && is_plain_number(text) => {
                self.custom("CAST(? AS NUMERIC)", [Expr::val(text.as_str())])
            }
            _ => self.write_or_fail(column, value),
        }
    }

    /// As [`Dialect::write`], for a place that a value is put into: MariaDB makes NULL of what is no geometry, where it is to be refused.
    fn write_or_fail(self, column: &Column, value: &Value) -> Expr {
        let written = self.write(column, value);
        match self {
            Self::Mysql if !value.is_null() && is_spatial(&column.database_type) => {
                self.custom("COALESCE(?, 'no geometry')", [written])
            }
            _ => written,
        }
    }

    fn is_untyped(self, column: &Column) -> bool {
        self == Self::Sqlite && column.column_type == ColumnType::Other
    }

    /// Whether `expr`, which reads `column`, is what is shown as `value`. Types without an equality of their own are compared as the
    /// text that is shown.
    pub fn equals(self, column: &Column, expr: Expr, value: &Value) -> Expr {
        let text = || Expr::val(value.to_text());
        match (self, &column.column_type) {
            (Self::Sqlite, ColumnType::Other) => {
                let same = self.custom("CAST(? AS TEXT) = ?", [expr.clone(), text()]);
                let number = match (value.to_text().parse::<i64>(), value.to_text().parse::<f64>()) {
                    (Ok(number), _) => Expr::val(number),
                    (_, Ok(number)) => Expr::val(number),
                    _ => return same,
                };
                same.or(self.custom("(typeof(?) IN ('integer', 'real') AND ? = ?)", [expr.clone(), expr, number]))
            }
            (_, ColumnType::Json | ColumnType::Other) => self.read_value(column, expr).eq(text()),
            // As 16 bytes or as text, with capitals and hyphens or not; each of them an index can find.
            (Self::Sqlite, ColumnType::Uuid) if !is_uuid_in_bytes(column) => {
                let sql = "? IN (?, lower(?), upper(?), lower(replace(?, '-', '')), unhex(replace(?, '-', '')))";
                self.custom(sql, std::iter::once(expr).chain(std::iter::repeat_n(text(), 5)))
            }
            _ => self.moment(column, expr).eq(self.moment(column, self.write(column, value))),
        }
    }

    /// An operand of a comparison with `column`: on SQLite a moment, which is text that may have a `T`, a zone or fewer digits,
    /// becomes one text in UTC, so that equal moments are equal and earlier ones less. No index serves that, but a wrong selection
    /// would be worse.
    pub fn moment(self, column: &Column, operand: Expr) -> Expr {
        match (self, &column.column_type) {
            (Self::Sqlite, ColumnType::DateTime | ColumnType::DateTimeTz) => {
                self.custom("strftime('%Y-%m-%d %H:%M:%f', ?)", [operand])
            }
            (Self::Sqlite, ColumnType::Time) => self.custom("strftime('%H:%M:%f', ?)", [operand]),
            _ => operand,
        }
    }
}

/// Whether `text` is a number in the spelling that a number has.
fn is_plain_number(text: &str) -> bool {
    let integer = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    integer || text.contains('.') && text.parse::<f64>().is_ok_and(|number| number.to_string() == text)
}
