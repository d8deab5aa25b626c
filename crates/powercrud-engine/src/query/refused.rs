//! Filters and searches with a value that the database refuses, although nothing was wrong with it here.

use sea_orm::sea_query::{Expr, Query};

use super::{condition::condition, params::ListParams};
use crate::{
    engine::Engine,
    error::{Error, Result},
    record,
    resource::Resource,
};
use powercrud_db::QueryExt as _;

/// `result` of a statement with the filters and the search of `params`. Where the database refused it, those that it refuses alone are
/// named.
pub(crate) async fn blame_filters<T>(
    engine: &Engine,
    resource: &Resource,
    params: &ListParams,
    result: Result<T>,
) -> Result<T> {
    let error = match result {
        Err(Error::Database(fault)) if !fault.is_transient() && !params.is_unfiltered() => Error::Database(fault),
        result => return result,
    };
    let mut errors = Vec::new();
    let filters = params.filters.iter().map(|filter| {
        let alone = ListParams { filters: vec![filter.clone()], ..ListParams::default() };
        (filter.field.as_str(), filter.value.as_str(), alone)
    });
    let search = ListParams { search: params.search.clone(), ..ListParams::default() };
    let search = (!params.search.is_empty()).then_some(("q", params.search.as_str(), search));
    for (name, value, alone) in filters.chain(search) {
        let mut select = Query::select();
        select.expr(Expr::cust("1")).from(resource.table.table_ref());
        select.cond_where(condition(resource, &alone, engine.database().dialect())?).limit(1);
        match engine.database().connection().row(&select).await {
            Err(powercrud_db::Error::Database(fault)) if !fault.is_transient() => {
                errors.push(record::unfit(name, value, &fault));
            }
            _ => {}
        }
    }
    Err(if errors.is_empty() { error } else { Error::Invalid(errors) })
}
