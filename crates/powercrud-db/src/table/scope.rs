//! Which rows of a table there are for somebody: a condition that goes with the table into every statement about it.

use std::{fmt, sync::Arc};

use sea_orm::sea_query::{Condition, Expr};

use super::Table;

/// A condition over a table's rows, under whatever name a statement has the table.
#[derive(Clone)]
pub struct Scope(Arc<dyn Fn(&Table) -> Condition + Send + Sync>);

impl Scope {
    /// The rows for which `condition` holds; it names columns by [`Table::column_ref`] of the table that it is given.
    pub fn new(condition: impl Fn(&Table) -> Condition + Send + Sync + 'static) -> Self {
        Self(Arc::new(condition))
    }

    /// No row.
    pub fn nothing() -> Self {
        Self::new(|_| Condition::all().add(Expr::cust("1 = 0")))
    }

    /// The rows that are of this scope and of `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(move |table| Condition::all().add((self.0)(table)).add((other.0)(table)))
    }

    /// The rows that are of this scope or of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::new(move |table| Condition::any().add((self.0)(table)).add((other.0)(table)))
    }

    /// The condition over `table`.
    pub(crate) fn condition(&self, table: &Table) -> Expr {
        (self.0)(table).into()
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

/// Two scopes are the same where they are one.
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
