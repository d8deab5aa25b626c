//! PostgreSQL: a table that others inherit from is read and written together with their rows, which may repeat its keys. Its own rows
//! are its records; the others' are theirs.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, IntoColumnRef as _};

use crate::table::Table;

impl Table {
    /// Whether a row is the table's own, where statements reach others as well.
    pub fn own_rows(&self) -> Option<Expr> {
        self.is_own(Expr::col(self.column_ref("tableoid")))
    }

    /// As [`Table::own_rows`], of the table under another name.
    pub fn own_rows_as(&self, alias: &'static str) -> Option<Expr> {
        self.is_own(Expr::col((Alias::new(alias), Alias::new("tableoid")).into_column_ref()))
    }

    /// `condition`, of the table's own rows.
    pub fn of_own_rows(&self, condition: Condition) -> Condition {
        match self.own_rows() {
            Some(own) => Condition::all().add(own).add(condition),
            None => condition,
        }
    }

    fn is_own(&self, of: Expr) -> Option<Expr> {
        self.inherited.then(|| of.eq(Expr::val(self.sql_name()).cast_as("regclass")))
    }
}
