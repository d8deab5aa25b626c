//! Filters and keys as SQL conditions over a resource's table.

use sea_orm::sea_query::{Cond, Condition, Expr};

use super::{bounds, params::ListParams};
use crate::{
    error::{Error, FieldError, Result},
    filter::{self, Filter},
    resource::Resource,
};
use powercrud_db::Dialect;

/// Checks filters without building SQL for a particular database.
pub(super) fn check(resource: &Resource, params: &ListParams) -> Result<()> {
    condition(resource, params, Dialect::Sqlite).map(|_| ())
}

/// The WHERE of a list, or of "all that match".
pub(crate) fn condition(resource: &Resource, params: &ListParams, dialect: Dialect) -> Result<Condition> {
    bounds::check(params)?;
    let mut all = Cond::all().add_option(resource.table.own_rows());
    let mut errors = Vec::new();
    for filter in &params.filters {
        match filter_condition(resource, filter, dialect) {
            Ok(condition) => all = all.add(condition),
            Err(error) => errors.push(error),
        }
    }
    if let Some(in_task) = params.in_task {
        all = all.add(in_task.condition(resource, dialect));
    }
    for word in params.search.split_whitespace() {
        let mut any = Cond::any();
        for field in resource.search_fields() {
            let text = dialect.searchable(&field.column, resource.table.value_of(&field.column));
            any = any.add(dialect.contains(text, word));
        }
        // A resource without search fields matches nothing by words rather than everything.
        all = all.add(if any.is_empty() { Cond::all().add(Expr::cust("1 = 0")) } else { any });
    }
    if errors.is_empty() { Ok(all) } else { Err(Error::Invalid(errors)) }
}

fn filter_condition(resource: &Resource, filter: &Filter, dialect: Dialect) -> Result<Expr, FieldError> {
    let field = resource.require_field(&filter.field)?;
    filter::condition(&resource.table, &field.column, filter, dialect)
}
