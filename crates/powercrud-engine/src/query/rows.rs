//! Rows of a list page.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query, SelectStatement};

use super::{
    bounds,
    condition::condition,
    keys::key_value,
    params::{ListParams, Ordering},
    read::{self, read_row, row_select},
    refused::check_filters,
};
use crate::{
    engine::Engine,
    error::{Error, Result},
    form::Assignment,
    resource::{Field, Reference, Resource},
};
use powercrud_db::{Column, ColumnType, Dialect, QueryExt as _, Value};

/// A page of records.
#[derive(Clone, Debug)]
pub struct Page {
    /// In the order asked for.
    pub rows: Vec<Row>,
    /// How many records match.
    pub count: Count,
    /// From 1.
    pub page: u64,
    /// Records a page.
    pub page_size: u64,
    /// Whether there is a page after this one.
    pub has_next: bool,
}

/// How many records match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exact(u64),
    /// More than could be counted in a moment: more than this many. [`super::count`] counts them all.
    Estimated(u64),
}

/// One record of a page.
#[derive(Clone, Debug)]
pub struct Row {
    /// The record's key; empty where the resource has none.
    pub key: String,
    /// One for each of the fields asked for.
    pub cells: Vec<Cell>,
}

/// One value of a record.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What the database holds.
    pub value: Value,
    /// The name of the record referred to, where this is a reference and that has a name.
    pub display: Option<String>,
}

/// One record that a reference may point to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// What the referring column holds.
    pub value: String,
    /// The record's name.
    pub label: String,
}

impl Count {
    /// The number, exact or not.
    pub fn number(self) -> u64 {
        match self {
            Self::Exact(number) | Self::Estimated(number) => number,
        }
    }
}

/// Counting stops here on a list page; an index walk of this length takes about a millisecond.
const COUNT_LIMIT: u64 = 10_000;

/// One page of a resource's records.
///
/// # Errors
/// [`Error::Invalid`] names unknown fields, operators that don't fit and values of the wrong type.
pub async fn list(engine: &Engine, resource: &Resource, params: &ListParams) -> Result<Page> {
    let resource = engine.seen(resource)?;
    let fields: Vec<&Field> = resource.list_fields().collect();
    list_fields(engine, resource, params, &fields, read::SHOWN).await
}

/// As [`list`], with these fields of each record, of whose values no more than `most` bytes each are read.
pub async fn list_fields(
    engine: &Engine,
    resource: &Resource,
    params: &ListParams,
    fields: &[&Field],
    most: u64,
) -> Result<Page> {
    let resource = engine.seen(resource)?;
    if let Some(hidden) = fields.iter().find(|field| resource.hidden.contains(&field.name)) {
        return Err(Error::Forbidden(format!("see {} of {}", hidden.name, resource.label_plural)));
    }
    let database = engine.database();
    let dialect = database.dialect();
    let page_size = if params.page_size > 0 { params.page_size } else { resource.paginate_by() };
    let page = Ord::max(params.page, 1);
    let most = read::most_of_page(fields, page_size, most);
    let mut select = row_select(resource, fields, dialect, most);
    select
        .cond_where(condition(resource, params, dialect)?)
        // One more than the page shows whether there is another.
        .limit(page_size + 1)
        .offset((page - 1).saturating_mul(page_size));
    order(&mut select, resource, &params.ordering, dialect);
    engine.room(read::reckoned(fields, page_size + 1, most)).await?;
    let found =
        check_filters(engine, resource, params, database.connection().rows(&select).await.map_err(Into::into)).await?;
    let has_next = found.len() as u64 > page_size;
    let mut rows = Vec::with_capacity(found.len());
    for row in found.iter().take(page_size as usize) {
        rows.push(read_row(row, fields, most)?);
    }
    drop(found);
    engine.settle(read::weight(&rows));
    name_references(engine, fields, &mut rows).await?;

    let count = match (has_next, rows.is_empty(), page) {
        (false, false, _) | (false, true, 1) => Count::Exact((page - 1) * page_size + rows.len() as u64),
        _ => quick_count(engine, resource, params).await?,
    };
    Ok(Page { rows, count, page, page_size, has_next })
}

/// How many records match, exactly.
pub async fn count(engine: &Engine, resource: &Resource, params: &ListParams) -> Result<u64> {
    let resource = engine.seen(resource)?;
    let mut select = Query::select();
    select.expr(Expr::cust("COUNT(*)")).from(resource.table.table_ref()).cond_where(condition(
        resource,
        params,
        engine.database().dialect(),
    )?);
    check_filters(engine, resource, params, engine.database().connection().number(&select).await.map_err(Into::into))
        .await
}

/// Counts up to [`COUNT_LIMIT`].
async fn quick_count(engine: &Engine, resource: &Resource, params: &ListParams) -> Result<Count> {
    let dialect = engine.database().dialect();
    let mut matching = Query::select();
    matching
        .expr(Expr::cust("1"))
        .from(resource.table.table_ref())
        .cond_where(condition(resource, params, dialect)?)
        .limit(COUNT_LIMIT + 1);
    let mut select = Query::select();
    select.expr(Expr::cust("COUNT(*)")).from_subquery(matching, Alias::new("matching"));
    let counted = engine.database().connection().number(&select).await?;
    // The database's own guess for a table may be above the truth.
    Ok(if counted <= COUNT_LIMIT { Count::Exact(counted) } else { Count::Estimated(COUNT_LIMIT) })
}

/// The order asked for, else the resource's, and always the key at the end, or all columns where there is none, so that pages neither
/// repeat nor skip a record. The key runs in the direction of the column before it, so that one index serves both.
fn order(select: &mut SelectStatement, resource: &Resource, asked: &[Ordering], dialect: Dialect) {
    let own: Vec<_> = resource.settings.ordering.iter().flatten().map(|name| Ordering::parse(name)).collect();
    let ordering = if asked.is_empty() { &own[..] } else { asked };
    let mut direction = Order::Asc;
    for Ordering { field, descending } in ordering {
        direction = if *descending { Order::Desc } else { Order::Asc };
        let column = resource.field(field).map(|field| &field.column).or_else(|| resource.table.column(field));
        match column {
            Some(column) => select.order_by_expr(resource.table.order_of(column), direction.clone()),
            None => select.order_by(resource.table.column_ref(field), direction.clone()),
        };
    }
    for name in resource.table.primary_key.iter().filter(|name| ordering.iter().all(|one| one.field != **name)) {
        select.order_by(resource.table.column_ref(name), direction.clone());
    }
    if resource.table.primary_key.is_empty() {
        // All that there is, so that only rows without any difference have no order among each other.
        for column in resource.table.columns.iter().filter(|column| !resource.hidden.contains(&column.name)) {
            for part in dialect.total_order(column, resource.table.column_ref(&column.name)) {
                select.order_by_expr(part, direction.clone());
            }
        }
    }
}

/// Looks up the names of all records that a page's rows refer to, one query for each reference.
pub async fn name_references(engine: &Engine, fields: &[&Field], rows: &mut [Row]) -> Result<()> {
    for (index, field) in fields.iter().enumerate() {
        let Some(reference) = &field.reference else { continue };
        let mut values: Vec<Value> = Vec::new();
        for row in rows.iter() {
            let value = &row.cells[index].value;
            if !value.is_null() && !values.contains(value) {
                values.push(value.clone());
            }
        }
        if values.is_empty() || reference.display.is_none() {
            continue;
        }
        let names = names_of(engine, reference, &values).await?;
        for row in rows.iter_mut() {
            let cell = &mut row.cells[index];
            cell.display = names.get(&cell.value.to_text()).cloned();
        }
    }
    Ok(())
}

/// The names of the records that changes refer to, by field.
pub(crate) async fn names_of_changes(
    engine: &Engine,
    resource: &Resource,
    changes: &[Assignment],
) -> Result<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    for change in changes.iter().filter(|change| !change.value.is_null()) {
        let reference = resource.field(&change.field).and_then(|field| field.reference.as_ref());
        let Some(reference) = reference.filter(|reference| reference.display.is_some()) else { continue };
        let found = names_of(engine, reference, std::slice::from_ref(&change.value)).await?;
        if let Some(name) = found.into_values().next() {
            names.insert(change.field.clone(), name);
        }
    }
    Ok(names)
}

/// The names of the records that `values` refer to, by the text of the value; those that are not there are left out.
pub async fn names_of(engine: &Engine, reference: &Reference, values: &[Value]) -> Result<HashMap<String, String>> {
    let dialect = engine.database().dialect();
    let mut select = choice_select(reference, dialect);
    let column = Expr::col(reference.table.column_ref(&reference.column.name));
    select.and_where(column.is_in(values.iter().map(|value| key_value(&reference.column, value, dialect))));
    let mut names = HashMap::new();
    for choice in read_choices(engine, reference, &select).await? {
        names.insert(choice.value, choice.label);
    }
    Ok(names)
}

/// Records of the table that `field`, a reference or a many-to-many field, refers to whose name contains `search`, at most `limit`; for searchable choices.
pub async fn choices(
    engine: &Engine,
    resource: &Resource,
    field: &str,
    search: &str,
    limit: u64,
) -> Result<Vec<Choice>> {
    let resource = engine.seen(resource)?;
    let reference = match resource.many_to_many(field) {
        Some(links) => &links.reference,
        None => {
            let field = resource.require_field(field).map_err(|error| Error::Invalid(vec![error]))?;
            let message = "is not a reference to other records";
            field.reference.as_ref().ok_or_else(|| Error::invalid(&field.name, "NOT_A_REFERENCE", message))?
        }
    };
    let dialect = engine.database().dialect();
    let table = &reference.table;
    let mut select = choice_select(reference, dialect);
    let shown = reference.display.as_ref().unwrap_or(&reference.column);
    for word in bounds::words("q", search).map_err(|error| Error::Invalid(vec![error]))? {
        let by_name = dialect.contains(dialect.searchable(shown, Expr::col(table.column_ref(&shown.name))), word);
        let by_key = Value::parse(&reference.column, word)
            .ok()
            .filter(|_| reference.column.column_type != ColumnType::Other)
            .map(|value| {
                Expr::col(table.column_ref(&reference.column.name)).eq(dialect.comparable(&reference.column, &value))
            });
        select.and_where(match by_key {
            Some(by_key) => by_name.or(by_key),
            None => by_name,
        });
    }
    select.order_by(table.column_ref(&shown.name), Order::Asc).limit(limit);
    read_choices(engine, reference, &select).await
}

pub(super) fn choice_select(reference: &Reference, dialect: Dialect) -> SelectStatement {
    let read =
        |column: &Column, most: u64| dialect.read_at_most(column, reference.table.column_ref(&column.name), most);
    let mut select = Query::select();
    select.expr(read(&reference.column, read::KEY)).from(reference.table.table_ref());
    select.and_where_option(reference.table.own_rows());
    if let Some(display) = &reference.display {
        select.expr(read(display, read::SHOWN));
    }
    select
}

pub(super) async fn read_choices(
    engine: &Engine,
    reference: &Reference,
    select: &SelectStatement,
) -> Result<Vec<Choice>> {
    let mut choices = Vec::new();
    for row in engine.database().connection().rows(select).await? {
        let value = Value::read(&row, 0, &reference.column)?.to_text();
        let label = match &reference.display {
            Some(display) => Value::read(&row, 1, display)?.to_text(),
            None => String::new(),
        };
        let label = if label.is_empty() { value.clone() } else { label };
        choices.push(Choice { value, label });
    }
    Ok(choices)
}
