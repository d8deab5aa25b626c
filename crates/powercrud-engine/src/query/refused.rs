//! Filters and searches that only the database can refuse: values that its types don't read, and, where a cell may hold anything, texts that
//! no cell holds and that are no value of the column's type.

use sea_orm::sea_query::{Expr, Query};

use super::{
    condition::condition,
    params::{ListParams, Refused},
};
use crate::{
    engine::Engine,
    error::{Error, FieldError, Result},
    faults::unfit,
    filter::{self, Filter, Operator},
    resource::Resource,
};
use powercrud_db::{Fault, QueryExt as _};

/// `result` of a statement with the filters and the search of `params`. Where the database refused it, those that it refuses alone are
/// named.
pub(crate) async fn attribute_filter_error<T>(
    engine: &Engine,
    resource: &Resource,
    params: &ListParams,
    result: Result<T>,
) -> Result<T> {
    let error = match result {
        Err(Error::Database(fault)) if !fault.is_transient() && !params.is_unfiltered() => Error::Database(fault),
        result => return result,
    };
    let refused = refused_by_database(engine, resource, params).await?;
    Err(if refused.is_empty() { error } else { invalid(refused) })
}

/// As [`attribute_filter_error`], and of a statement that found something or nothing: a text that a filter looks for is one that some cell
/// holds, or a value of the column's type. Else it is a slip of the finger, by which nothing would be found without a word.
pub(crate) async fn check_filters<T>(
    engine: &Engine,
    resource: &Resource,
    params: &ListParams,
    result: Result<T>,
) -> Result<T> {
    let found = attribute_filter_error(engine, resource, params, result).await?;
    let misfits = held_nowhere(engine, resource, params).await?;
    if misfits.is_empty() { Ok(found) } else { Err(invalid(misfits)) }
}

/// `params` with what only the database can refuse set aside in [`ListParams::refused`].
///
/// # Errors
/// Where the database fails.
pub async fn set_aside(engine: &Engine, resource: &Resource, params: &ListParams) -> Result<ListParams> {
    let resource = engine.seen(resource)?;
    let mut refused = refused_by_database(engine, resource, params).await?;
    refused.extend(held_nowhere(engine, resource, params).await?);
    let is_refused = |place| refused.iter().any(|(other, _)| *other == place);
    let mut rest = params.clone();
    rest.filters = Vec::new();
    for (index, filter) in params.filters.iter().enumerate() {
        if !is_refused(Place::Filter(index)) {
            rest.filters.push(filter.clone());
        }
    }
    if is_refused(Place::Search) {
        rest.search = String::new();
    }
    for (place, error) in refused {
        let (key, value) = match place {
            Place::Filter(index) => (params.filters[index].key(), params.filters[index].value.clone()),
            Place::Search => ("q".to_owned(), params.search.clone()),
        };
        rest.refused.push(Refused { key, value, error });
    }
    Ok(rest)
}

/// A part of a list's parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The filter of that index.
    Filter(usize),
    Search,
}

fn invalid(refused: Vec<(Place, FieldError)>) -> Error {
    Error::Invalid(refused.into_iter().map(|(_, error)| error).collect())
}

async fn refused_by_database(
    engine: &Engine,
    resource: &Resource,
    params: &ListParams,
) -> Result<Vec<(Place, FieldError)>> {
    let filters = params.filters.iter().enumerate().map(|(index, filter)| {
        (Place::Filter(index), filter.field.as_str(), filter.value.as_str(), alone(filter.clone()))
    });
    let search = ListParams { search: params.search.clone(), ..ListParams::default() };
    let search = (!params.search.is_empty()).then_some((Place::Search, "q", params.search.as_str(), search));
    let mut refused = Vec::new();
    for (place, name, value, alone) in filters.chain(search) {
        if let Err(fault) = any_match(engine, resource, &alone).await? {
            refused.push((place, unfit(name, value, &fault)));
        }
    }
    Ok(refused)
}

/// The most texts of one filter that are looked for alone: slips of the finger are few.
const MOST_SOUGHT: usize = 20;

async fn held_nowhere(engine: &Engine, resource: &Resource, params: &ListParams) -> Result<Vec<(Place, FieldError)>> {
    let mut refused = Vec::new();
    for (index, filter) in params.filters.iter().enumerate() {
        let Some(field) = resource.field(&filter.field) else { continue };
        for (text, error) in filter::misfits(&field.column, filter).into_iter().take(MOST_SOUGHT) {
            let held = Filter { operator: Operator::Exact, value: text, ..filter.clone() };
            if let Ok(false) = any_match(engine, resource, &alone(held)).await? {
                let message = format!("{}. No {} holds it as a text either", error.message, resource.label);
                refused.push((Place::Filter(index), FieldError { message, ..error }));
                break;
            }
        }
    }
    Ok(refused)
}

fn alone(filter: Filter) -> ListParams {
    ListParams { filters: vec![filter], ..ListParams::default() }
}

/// Whether any row matches, or why the database can't say.
async fn any_match(engine: &Engine, resource: &Resource, params: &ListParams) -> Result<Result<bool, Box<Fault>>> {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from(resource.table.table_ref());
    select.cond_where(condition(resource, params, engine.database().dialect())?).limit(1);
    match engine.database().connection().row(&select).await {
        Ok(row) => Ok(Ok(row.is_some())),
        Err(powercrud_db::Error::Database(fault)) if !fault.is_transient() => Ok(Err(fault)),
        Err(error) => Err(error.into()),
    }
}
