//! What a record held and holds, for the audit trail.

use sea_orm::{ConnectionTrait, sea_query::Expr};

use crate::{
    audit::{FieldChange, FieldChanges, kept_value},
    engine::Engine,
    error::Result,
    query::{self, Row, read},
    resource::{Field, Resource},
};
use powercrud_db::{QueryExt as _, Value};

/// Takes room for what a request reads of a record, by the size that it has: before it is locked, since others may wait for it.
pub(super) async fn room(engine: &Engine, resource: &Resource, key: &str) -> Result<()> {
    let select = read::sizes_select(resource, engine.database().dialect()).filter(|_| engine.is_counted());
    let Some(mut select) = select else { return Ok(()) };
    select.and_where(super::key_condition(engine, resource, key)?);
    let Some(row) = engine.database().connection().row(&select).await? else { return Ok(()) };
    engine.room(read::TAKES * read::read_size(&row)?.1.min(read::PAGE)).await
}

/// The record's values in `fields`; `None` where it is not there. `hold` keeps others from changing it until the transaction ends: a
/// locking read, which on MySQL does not yet fix what later reads see.
pub(super) async fn read<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    fields: &[&Field],
    condition: Expr,
    hold: bool,
) -> Result<Option<Row>> {
    read_at_most(connection, engine, resource, fields, condition, hold, read::WHOLE).await
}

/// As [`read`], with no more than `most` bytes of each value.
pub(super) async fn read_at_most<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    fields: &[&Field],
    condition: Expr,
    hold: bool,
    most: u64,
) -> Result<Option<Row>> {
    let dialect = engine.database().dialect();
    let most = read::most_of_page(fields, 1, most);
    let mut select = query::row_select(resource, fields, dialect, most);
    select.and_where(condition);
    if let (true, Some(lock)) = (hold, dialect.row_lock(&resource.table)) {
        select.lock(lock);
    }
    let row = connection.row(&select).await?;
    row.map(|row| query::read_row(&row, fields, most)).transpose()
}

/// What differs; of a record that was created or deleted, what it has or had.
pub(super) fn changes(fields: &[&Field], before: Option<&Row>, after: Option<&Row>) -> FieldChanges {
    let value = |row: Option<&Row>, index: usize| row.map(|row| kept_value(&row.cells[index].value));
    let change = |(index, field): (usize, &&Field)| {
        let (from, to) = (value(before, index), value(after, index));
        let says_something = match (before, after) {
            // What differs behind the beginning is not known.
            (Some(before), Some(_)) if matches!(before.cells[index].value, Value::Beginning(..)) => true,
            (Some(before), Some(after)) => before.cells[index].value != after.cells[index].value,
            _ => from.iter().chain(&to).any(Option::is_some),
        };
        says_something.then(|| (field.name.clone(), FieldChange { from, to }))
    };
    fields.iter().enumerate().filter_map(change).collect()
}
