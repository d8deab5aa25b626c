//! Records as they are read: their key and fields, and no more of long values than there is room for.

use sea_orm::{
    QueryResult,
    sea_query::{ExprTrait as _, Query, SelectStatement},
};

use super::rows::{Cell, Row};
use crate::{
    error::Result,
    resource::{Field, Resource},
};
use powercrud_db::{Dialect, Value, legible};

/// The most bytes of a value that a list page shows; it has no room for more.
pub const SHOWN: u64 = 2_000;

/// The most bytes of a value that programs are given in a list.
pub const LISTED: u64 = 64 * 1024;

/// The most bytes of a value that a record's page shows and a form lets edit.
pub const EDITED: u64 = 1024 * 1024;

/// The most bytes of a value that are read of one record.
pub(crate) const WHOLE: u64 = 16 * 1024 * 1024;

/// The most bytes of a key that another record refers to a record by.
pub(crate) const KEY: u64 = 16 * 1024;

/// The most bytes that long values of a page have together, as long as each has a few hundred.
pub(crate) const PAGE: u64 = 32 * 1024 * 1024;
const AT_LEAST: u64 = 400;

/// The most bytes of a value in a page of so many records, where `most` are wanted.
pub(crate) fn most_of_page(fields: &[&Field], records: u64, most: u64) -> u64 {
    let long = fields.iter().filter(|field| field.column.announces_long_values()).count() as u64;
    Ord::min(most, Ord::max(AT_LEAST, PAGE / Ord::max(records * long, 1)))
}

/// Bytes of what has no long values.
const SHORT: u64 = 64;

/// How many times its values' bytes a record takes until it is answered: as the driver has it, as values, as what is shown of them, and as
/// the answer that grows.
pub(crate) const TAKES: u64 = 6;

/// How many bytes so many records may take.
pub(crate) fn reckoned(fields: &[&Field], records: u64, most: u64) -> u64 {
    let bytes = |field: &&Field| if field.column.announces_long_values() { most_of(field, most) } else { SHORT };
    TAKES * records * (SHORT + fields.iter().map(bytes).sum::<u64>())
}

/// How many bytes records take that were read.
pub(crate) fn weight<'a>(rows: impl IntoIterator<Item = &'a Row>) -> u64 {
    let bytes = |row: &Row| row.cells.iter().map(|cell| SHORT + cell.value.bytes()).sum::<u64>();
    TAKES * rows.into_iter().map(|row| SHORT + bytes(row)).sum::<u64>()
}

/// The most bytes that are read of a field. A reference is followed, so it needs to be whole.
fn most_of(field: &Field, most: u64) -> u64 {
    if field.reference.is_some() { Ord::max(most, KEY) } else { most }
}

/// SELECT of a record's key and `fields`, as [`read_row`] reads them: of each value at most so many bytes.
pub(crate) fn row_select(resource: &Resource, fields: &[&Field], dialect: Dialect, most: u64) -> SelectStatement {
    let value = |field: &Field| resource.table.value_of(&field.column);
    let mut select = Query::select();
    select.expr(resource.key_expr(dialect)).from(resource.table.table_ref());
    for field in fields {
        select.expr(dialect.read_value_at_most(&field.column, value(field), most_of(field, most)));
    }
    for size in fields.iter().filter_map(|field| dialect.value_size(&field.column, value(field), most_of(field, most)))
    {
        select.expr(size);
    }
    select
}

pub(crate) fn read_row(row: &QueryResult, fields: &[&Field], most: u64) -> Result<Row> {
    let mut cells = Vec::with_capacity(fields.len());
    let mut size = 1 + fields.len();
    for (index, field) in fields.iter().enumerate() {
        let most = most_of(field, most);
        let at = field.column.may_exceed(most).then_some(size);
        size += usize::from(at.is_some());
        cells.push(Cell { value: Value::read_at_most(row, index + 1, at, &field.column, most)?, display: None });
    }
    Ok(Row { key: legible(row, 0)?.unwrap_or_default(), cells })
}

/// SELECT of keys with how many bytes the long values of their records have, as [`read_size`] reads them; `None` where the table has no key
/// or no long values.
pub(crate) fn sizes_select(resource: &Resource, dialect: Dialect) -> Option<SelectStatement> {
    if resource.key_columns().is_empty() {
        return None;
    }
    // What is read of a value at most counts.
    let bytes = |field: &Field| {
        let size = dialect.value_size(&field.column, resource.table.value_of(&field.column), EDITED)?;
        Some(dialect.custom("CASE WHEN ? IS NULL THEN 0 ELSE ? END", [size.clone(), size]))
    };
    let sum = resource.fields.iter().filter_map(bytes).reduce(|sum, bytes| sum.add(bytes))?;
    let mut select = Query::select();
    Some(select.expr(resource.key_expr(dialect)).expr(sum).from(resource.table.table_ref()).take())
}

/// A record's key, and how many bytes its long values have.
pub(crate) fn read_size(row: &QueryResult) -> Result<(String, u64)> {
    let bytes: i64 = row.try_get_by_index(1)?;
    Ok((row.try_get_by_index::<Option<String>>(0)?.unwrap_or_default(), bytes.unsigned_abs()))
}
