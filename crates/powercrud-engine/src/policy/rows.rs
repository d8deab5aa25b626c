//! Which rows a policy gives a user.

use std::{fmt, sync::Arc};

use sea_orm::sea_query::{Condition, Expr};

use crate::{
    filter::{self, Filter, Operator},
    names::FieldName,
    resource::Resource,
};
use powercrud_db::{Column, Dialect, Scope, Table};

/// The records of a resource that there are for a user.
#[derive(Clone, Debug)]
pub enum Rows {
    /// All of them.
    All,
    /// None of them: the resource is there, and empty.
    None,
    /// Those that match all of these filters, over any column of the table, shown or not. Where one of them does not fit the table (there
    /// is no such column, or the value is none of its type) there are no rows, and the log says why.
    Matching(Vec<Filter>),
    /// Those for which a condition holds; see [`Rows::condition`].
    Condition(RowCondition),
}

/// A condition over the rows of a table.
#[derive(Clone)]
pub struct RowCondition(Arc<dyn Fn(&RowColumns<'_>) -> Condition + Send + Sync>);

/// The columns of the table as a statement has it, which may be under another name than its own.
pub struct RowColumns<'a>(&'a Table);

impl RowColumns<'_> {
    /// The column of that name.
    pub fn column<M>(&self, name: impl FieldName<M>) -> Expr {
        Expr::col(self.0.column_ref(&name.field_name()))
    }
}

impl Rows {
    /// Those whose column holds that value, as its text. Whatever the text is, it is a value.
    pub fn equal<M>(column: impl FieldName<M>, value: impl ToString) -> Self {
        let (field, value) = (column.field_name(), value.to_string());
        Self::Matching(vec![Filter { field, operator: Operator::Exact, value }])
    }

    /// Those for which a condition holds. It is made for each statement anew, since the table may have another name there; so it names
    /// its columns by what it is given:
    ///
    /// ```
    /// use powercrud_engine::policy::Rows;
    /// use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
    ///
    /// let own = Rows::condition(|row| {
    ///     let shops = Query::select().column("shop_id").from("shop_user").and_where(Expr::col("user_id").eq(7)).take();
    ///     Condition::all().add(row.column("shop_id").in_subquery(shops)).add(row.column("archived").eq(false))
    /// });
    /// # let _ = own;
    /// ```
    ///
    /// A row for which it is neither true nor false, because of a NULL, is none of them.
    pub fn condition(condition: impl Fn(&RowColumns<'_>) -> Condition + Send + Sync + 'static) -> Self {
        Self::Condition(RowCondition(Arc::new(condition)))
    }

    /// The columns that have one certain value in each of these rows.
    pub(super) fn fixed_columns(&self) -> impl Iterator<Item = &str> {
        let filters = if let Self::Matching(filters) = self { &filters[..] } else { &[] };
        filters.iter().filter(|filter| filter.operator == Operator::Exact).map(|filter| filter.field.as_str())
    }

    /// Why they don't fit the table, where they don't: nobody is shown any row then.
    #[cfg(feature = "testing")]
    pub(crate) fn misfit(&self, resource: &Resource, dialect: Dialect) -> Option<String> {
        let Self::Matching(filters) = self else { return None };
        let checked = |filter: &Filter| {
            let column = check(&resource.table, filter)?;
            let condition = filter::condition(&resource.table, column, filter, dialect);
            condition.map(|_| ()).map_err(|error| error.to_string())
        };
        filters.iter().find_map(|filter| checked(filter).err())
    }

    /// What statements about the resource's table are bound to; `None` where that is nothing.
    pub(crate) fn scope(self, resource: &Resource, dialect: Dialect) -> Option<Scope> {
        match self {
            Self::All => None,
            Self::None => Some(Scope::nothing()),
            Self::Matching(filters) => Some(matching(resource, filters, dialect)),
            Self::Condition(condition) => Some(Scope::new(move |table| (condition.0)(&RowColumns(table)))),
        }
    }
}

impl fmt::Debug for RowCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowCondition")
    }
}

fn matching(resource: &Resource, filters: Vec<Filter>, dialect: Dialect) -> Scope {
    let mut parts: Vec<(Column, Filter)> = Vec::with_capacity(filters.len());
    for filter in filters {
        let checked = check(&resource.table, &filter).and_then(|column| {
            let told = filter::condition(&resource.table, column, &filter, dialect);
            told.map(|_| column.clone()).map_err(|error| error.to_string())
        });
        match checked {
            Ok(column) => parts.push((column, filter)),
            Err(mistake) => {
                // Not what was compared with: that may be a person's.
                tracing::error!(resource = resource.name, mistake, "a policy's rows don't fit; nobody is shown any");
                return Scope::nothing();
            }
        }
    }
    Scope::new(move |table| {
        parts.iter().fold(Condition::all(), |all, (column, filter)| {
            // It was made before, and a name is all that differs.
            let part = filter::condition(table, column, filter, dialect);
            all.add(part.unwrap_or_else(|_| Expr::cust("1 = 0")))
        })
    })
}

/// The column that a filter is about, where it fits it.
pub(super) fn check<'a>(table: &'a Table, filter: &Filter) -> Result<&'a Column, String> {
    let column = table.column(&filter.field).ok_or_else(|| {
        let known: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
        format!("{} has no column {:?}; there are: {}", table.name, filter.field, known.join(", "))
    })?;
    let allowed = Operator::fit_for(column);
    if !allowed.contains(&filter.operator) {
        let names: Vec<_> = allowed.iter().map(|operator| operator.name()).collect();
        let word = filter.operator.name();
        return Err(format!("{word:?} is no operator for {}; allowed are: {}", filter.field, names.join(", ")));
    }
    Ok(column)
}
