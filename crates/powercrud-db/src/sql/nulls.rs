//! Whether a cell is NULL.
//!
//! MySQL and MariaDB read `d IS NULL` in a condition as "or `d` is the zero date" where the column `d` is a NOT NULL DATE or DATETIME, also
//! within views, subqueries and `NOT (d IS NOT NULL)`. `d <=> NULL` is true of NULL alone.

use sea_orm::sea_query::{Expr, ExprTrait as _};

use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
};

impl Dialect {
    /// Whether `cell`, which reads `column`, is NULL.
    pub fn is_null(self, column: &Column, cell: Expr) -> Expr {
        match self.finds_zero_dates(column) {
            true if column.nullable => self.custom("(? <=> NULL)", [cell]),
            true => Expr::cust("FALSE"),
            false => cell.is_null(),
        }
    }

    /// Whether `cell`, which reads `column`, is another value than NULL.
    pub fn is_not_null(self, column: &Column, cell: Expr) -> Expr {
        match self.finds_zero_dates(column) {
            true if column.nullable => self.custom("(NOT (? <=> NULL))", [cell]),
            true => Expr::cust("TRUE"),
            false => cell.is_not_null(),
        }
    }

    /// Whether `IS NULL` may find more in `column` than NULL.
    fn finds_zero_dates(self, column: &Column) -> bool {
        let may_be_zero =
            matches!(column.column_type, ColumnType::Date | ColumnType::DateTime | ColumnType::DateTimeTz);
        self == Self::Mysql && may_be_zero
    }
}
