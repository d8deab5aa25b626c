//! Values as parameters: assigned to a column, and compared with it.

use sea_orm::sea_query::{Expr, ExprTrait as _};

use super::{is_spatial, is_uuid_in_bytes};
use crate::{
    dialect::Dialect,
    table::{Column, ColumnType, Equality},
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

    /// `value` as a bound parameter that is compared with `column`: as [`Dialect::write`], but by the rules of a type of texts that has its
    /// own (`citext`, and `character` with its blanks, on PostgreSQL).
    pub fn comparable(self, column: &Column, value: &Value) -> Expr {
        let own_rules = column.parameter_type.ends_with("citext") || column.parameter_type == "bpchar";
        match (self, &column.column_type) {
            (Self::Postgres, ColumnType::Text { .. }) if own_rules && !value.is_null() => {
                self.cast(Expr::val(value.to_text()), &column.parameter_type)
            }
            _ => self.write(column, value),
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

    /// Whether `expr`, which reads `column`, is `value`: equal by the rules of its type, or shown so where it has none.
    pub fn equals(self, column: &Column, expr: Expr, value: &Value) -> Expr {
        let text = || Expr::val(value.to_text());
        // The bytes of a text are no text.
        let same_text = |expr: Expr| {
            let same = "(typeof(?) <> 'blob' AND CAST(? AS TEXT) = ?)";
            self.custom(same, [expr.clone(), expr, text()])
        };
        match (self, &column.column_type) {
            (Self::Sqlite, _) if matches!(value, Value::Raw(_)) => same_text(expr),
            (Self::Sqlite, ColumnType::Other) => {
                let same = same_text(expr.clone());
                let number = match (value.to_text().parse::<i64>(), value.to_text().parse::<f64>()) {
                    (Ok(number), _) => Expr::val(number),
                    (_, Ok(number)) => Expr::val(number),
                    _ => return same,
                };
                same.or(self.custom("(typeof(?) IN ('integer', 'real') AND ? = ?)", [expr.clone(), expr, number]))
            }
            (Self::Postgres, ColumnType::Json | ColumnType::Other) => {
                let typed = || self.cast(text(), &column.parameter_type);
                match column.equality {
                    Equality::Own => expr.eq(typed()),
                    Equality::Spelled => self.read_value(column, expr).eq(self.read_value(column, typed())),
                    Equality::Shown => self.read_value(column, expr).eq(text()),
                }
            }
            // A document in other words, as programs write it again, is the same document.
            (Self::Mysql, ColumnType::Json) if !has_long_number(&value.to_text()) => {
                let same = match column.database_type.to_ascii_lowercase().as_str() {
                    "json" => "COALESCE(? = CAST(? AS JSON), 0)",
                    // MariaDB's documents are texts.
                    _ => "COALESCE(JSON_EQUALS(?, ?), 0)",
                };
                let same = self.custom(same, [expr.clone(), text()]);
                same.or(self.read_value(column, expr).eq(text()))
            }
            (_, ColumnType::Json | ColumnType::Other) => self.read_value(column, expr).eq(text()),
            // What is no moment is none of those asked for.
            (Self::Sqlite, ColumnType::Time | ColumnType::DateTime | ColumnType::DateTimeTz) => self.custom(
                "((? = ?) IS TRUE)",
                [self.timestamp(column, expr), self.timestamp(column, self.write(column, value))],
            ),
            // As 16 bytes or as text, with capitals and hyphens or not; each of them an index can find.
            (Self::Sqlite, ColumnType::Uuid) if !is_uuid_in_bytes(column) => {
                let sql = "? IN (?, lower(?), upper(?), lower(replace(?, '-', '')), unhex(replace(?, '-', '')))";
                self.custom(sql, std::iter::once(expr).chain(std::iter::repeat_n(text(), 5)))
            }
            _ => expr.eq(self.comparable(column, value)),
        }
    }

    /// An operand of a comparison with `column`: on SQLite a moment, which is text that may have a `T`, a zone or fewer digits,
    /// becomes one text in UTC, so that equal moments are equal and earlier ones less; what is not a timestamp becomes NULL. No index serves
    /// that, and each row costs some ten calls of functions, but a wrong selection would be worse.
    pub fn timestamp(self, column: &Column, operand: Expr) -> Expr {
        let (form, shape) = match (self, &column.column_type) {
            (Self::Sqlite, ColumnType::DateTime | ColumnType::DateTimeTz) => {
                ("%Y-%m-%d %H:%M:%S", "[0-9][0-9][0-9][0-9]-*")
            }
            // Some keep a time of day with a date before it.
            (Self::Sqlite, ColumnType::Time) => ("%H:%M:%S", "*[0-9][0-9]:*"),
            _ => return operand,
        };
        let sql = timestamp_sql(form, shape);
        let times = sql.matches('?').count();
        self.custom(&sql, std::iter::repeat_n(operand, times))
    }
}

/// A moment of SQLite as one text, with `?` for it. Its functions know milliseconds only, so the digits after the second go around them.
fn timestamp_sql(form: &str, shape: &str) -> String {
    let after = "substr(?, instr(?, '.') + 1)";
    let zone = format!("ltrim({after}, '0123456789')");
    let digits = format!("substr({after}, 1, length({after}) - length({zone}))");
    format!(
        "CASE WHEN typeof(?) <> 'text' OR ? NOT GLOB '{shape}' THEN NULL
         WHEN instr(?, '.') = 0 THEN strftime('{form}', ?) || '.'
         ELSE strftime('{form}', substr(?, 1, instr(?, '.') - 1) || {zone}) || '.' || rtrim({digits}, '0') END"
    )
}

/// Whether a JSON document has a number of more digits than a comparison of documents looks at.
fn has_long_number(document: &str) -> bool {
    document.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 15)
}

/// Whether `text` is a number in the spelling that a number has.
fn is_plain_number(text: &str) -> bool {
    let integer = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    integer || text.contains('.') && text.parse::<f64>().is_ok_and(|number| number.to_string() == text)
}
