//! What all tables hold, so that two moments can be compared.

use sea_orm::{ConnectionTrait, sea_query::Query};

use crate::{
    engine::Engine,
    error::Result,
    query::{read_row, row_select},
    record::values_of,
    record_values::RecordValues,
    resource::Resource,
};
use powercrud_db::{QueryExt as _, TableKind, Value};

/// The most bytes of a value that are compared.
const MOST: u64 = 64 * 1024;

/// Each table's name and rows, in no order of the database's.
pub(super) type Contents = Vec<(String, Vec<String>)>;

/// What the application's tables hold, as the connection or transaction sees them.
pub(super) async fn contents<C: ConnectionTrait>(engine: &Engine, connection: &C) -> Result<Contents> {
    let dialect = engine.database().dialect();
    let mut all = Vec::new();
    for table in engine.catalog().tables.iter().filter(|table| table.kind == TableKind::Table) {
        let mut select = Query::select();
        for column in &table.columns {
            select.expr(dialect.read_at_most(column, table.column_ref(&column.name), MOST));
        }
        let mut rows = Vec::new();
        for row in connection.rows(select.from(table.table_ref())).await? {
            let cells = table.columns.iter().enumerate();
            let cells = cells.map(|(index, column)| Value::read_at_most(&row, index, None, column, MOST));
            rows.push(format!("{:?}", cells.collect::<std::result::Result<Vec<_>, _>>()?));
        }
        rows.sort();
        all.push((table.qualified_name(), rows));
    }
    Ok(all)
}

/// The tables in which two moments differ, in words; `None` where there are none.
pub(super) fn difference(before: &Contents, after: &Contents) -> Option<String> {
    let differ: Vec<_> = before.iter().zip(after).filter(|(before, after)| before != after).collect();
    let names: Vec<_> = differ.iter().map(|((name, _), _)| name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The first records of a resource, each with its key.
pub(super) async fn records(engine: &Engine, resource: &Resource, most: u64) -> Result<Vec<(String, RecordValues)>> {
    let fields: Vec<_> = resource.fields.iter().collect();
    let mut select = row_select(resource, &fields, engine.database().dialect(), MOST);
    let rows = engine.database().connection().rows(select.limit(most)).await?;
    let read = rows.iter().map(|row| {
        let row = read_row(row, &fields, MOST)?;
        Ok((row.key.clone(), values_of(resource, &row)))
    });
    read.collect()
}
