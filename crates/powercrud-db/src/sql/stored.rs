//! A value as its column would hold it, for asking what the database would say of a row before it is written.

use sea_orm::sea_query::{Expr, ExprTrait as _, Func};

use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
    value::Value,
};

impl Dialect {
    /// `value` with the type that `column` would give it. `own` reads the column itself, and `collation` is its own where it has one and
    /// the database forgets it outside of the table.
    pub fn stored(self, column: &Column, value: &Value, own: Expr, collation: Option<&str>) -> Expr {
        let written = match self {
            Self::Sqlite => self.assign(column, own.clone(), value),
            Self::Postgres | Self::Mysql => self.write(column, value),
        };
        match self {
            Self::Postgres => self.cast(written, &column.database_type),
            Self::Mysql if self.is_single(column) => written.cast_as("FLOAT"),
            // With the column's character set, collation and digits.
            Self::Mysql if !value.is_null() => Func::coalesce([written, own]).into(),
            Self::Mysql => written,
            Self::Sqlite => {
                let template = match column.column_type {
                    ColumnType::Integer { .. } | ColumnType::Boolean => "CAST(? AS NUMERIC)",
                    ColumnType::Float => "CAST(? AS REAL)",
                    ColumnType::Text { .. } => "CAST(? AS TEXT)",
                    _ => "?",
                };
                let collation = collation.map(|name| format!(" COLLATE \"{}\"", name.replace('"', "\"\"")));
                self.custom(&format!("({template}{})", collation.unwrap_or_default()), [written])
            }
        }
    }

    /// Whether an update looks at all CHECKs of a row, also those that read none of the columns that it sets.
    pub fn checks_whole_rows(self) -> bool {
        self != Self::Sqlite
    }

    /// The sum of `number` over the rows before this one, in `order`, among those that are alike in `parts`; NULL where there are none.
    pub fn sum_before(self, number: Expr, parts: Vec<Expr>, order: Vec<Expr>) -> Expr {
        let marks = |count: usize| vec!["?"; count].join(", ");
        let sql = format!(
            "SUM(?) OVER (PARTITION BY {} ORDER BY {} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
            marks(parts.len()),
            marks(order.len())
        );
        self.custom(&sql, std::iter::once(number).chain(parts).chain(order))
    }
}
