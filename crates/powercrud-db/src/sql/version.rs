//! Version columns: a whole number that grows, or the timestamp of the last change.

use sea_orm::sea_query::Expr;

use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
};

impl Column {
    /// Whether the column can tell versions of a record apart.
    pub fn fits_version(&self) -> bool {
        matches!(self.column_type, ColumnType::Integer { .. } | ColumnType::DateTime | ColumnType::DateTimeTz)
    }
}

impl Dialect {
    /// The version that `expr`, which reads `column`, holds, as a text that is the same in every session; empty where it is NULL.
    pub fn version(self, column: &Column, expr: Expr) -> Expr {
        let template = match (self, &column.column_type) {
            (Self::Sqlite, _) => "COALESCE(CAST(? AS TEXT), '')",
            (Self::Postgres, ColumnType::DateTimeTz) => {
                "COALESCE(to_char(? AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '')"
            }
            (Self::Postgres, ColumnType::DateTime) => "COALESCE(to_char(?, 'YYYY-MM-DD HH24:MI:SS.US'), '')",
            (Self::Postgres, _) => "COALESCE(CAST(? AS text), '')",
            (Self::Mysql, _) => "COALESCE(CAST(? AS CHAR), '')",
        };
        self.custom(template, [expr])
    }

    /// The version after that of `expr`: one more, or now by the database's clock.
    pub fn next_version(self, column: &Column, expr: Expr) -> Expr {
        match (self, &column.column_type) {
            (_, ColumnType::Integer { .. }) => self.custom("COALESCE(?, 0) + 1", [expr]),
            (Self::Sqlite, _) => Expr::cust("strftime('%Y-%m-%d %H:%M:%f', 'now')"),
            (Self::Postgres, ColumnType::DateTime) => Expr::cust("CAST(clock_timestamp() AS timestamp)"),
            (Self::Postgres, _) => Expr::cust("clock_timestamp()"),
            (Self::Mysql, _) => Expr::cust("SYSDATE(6)"),
        }
    }
}
