//! Which rows of a table are its records for whoever asks.
//!
//! PostgreSQL: a table that others inherit from is read and written together with their rows, which may repeat its keys. Its own rows
//! are its records; the others' are theirs. And a table that is seen by somebody who may see but a part of it has a
//! [scope](crate::Scope), beyond which it has no rows at all.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, IntoColumnRef as _};

use crate::table::Table;

impl Table {
    /// Whether a row is the table's own and of its scope, where statements reach others as well.
    pub fn own_rows(&self) -> Option<Expr> {
        let own = self.is_own(Expr::col(self.column_ref("tableoid")));
        both(own, self.scope.as_ref().map(|scope| scope.condition(self)))
    }

    /// As [`Table::own_rows`], of the table under another name.
    pub fn own_rows_as(&self, alias: &'static str) -> Option<Expr> {
        let own = self.is_own(Expr::col((Alias::new(alias), Alias::new("tableoid")).into_column_ref()));
        both(own, self.scope.as_ref().map(|scope| scope.condition(&self.named(alias))))
    }

    /// Whether a row is the table's own and not of its scope; `None` where all are.
    pub fn rows_outside(&self) -> Option<Expr> {
        let scope = self.scope.as_ref()?;
        let own = self.is_own(Expr::col(self.column_ref("tableoid")));
        both(own, Some(outside(scope.condition(self))))
    }

    /// Whether a row of values that a statement has derived, under the table's name, is not of its scope; `None` where all are.
    pub fn values_outside(&self) -> Option<Expr> {
        let scope = self.scope.as_ref()?;
        Some(outside(scope.condition(&self.named(&self.name))))
    }

    /// As [`Table::rows_outside`], of the table under another name.
    pub fn rows_outside_as(&self, alias: &'static str) -> Option<Expr> {
        let scope = self.scope.as_ref()?;
        let own = self.is_own(Expr::col((Alias::new(alias), Alias::new("tableoid")).into_column_ref()));
        both(own, Some(outside(scope.condition(&self.named(alias)))))
    }

    /// `condition`, of the rows that [`Table::own_rows`] says.
    pub fn of_own_rows(&self, condition: Condition) -> Condition {
        match self.own_rows() {
            Some(own) => Condition::all().add(own).add(condition),
            None => condition,
        }
    }

    /// The table with all of its rows.
    #[must_use]
    pub fn unscoped(&self) -> Self {
        Self { scope: None, ..self.clone() }
    }

    fn is_own(&self, of: Expr) -> Option<Expr> {
        self.inherited.then(|| of.eq(Expr::val(self.sql_name()).cast_as("regclass")))
    }

    /// The table as a statement has it that calls it `alias`.
    fn named(&self, alias: &str) -> Self {
        Self { sql_schema: None, name: alias.to_owned(), ..self.clone() }
    }
}

fn both(one: Option<Expr>, other: Option<Expr>) -> Option<Expr> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}

/// Also where the scope can't be told of a row, since a NULL is compared: it is not of it.
fn outside(scope: Expr) -> Expr {
    let told: Expr = Expr::case(scope, Expr::cust("0")).finally(Expr::cust("1")).into();
    told.eq(Expr::cust("1"))
}
