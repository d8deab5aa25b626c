//! What of a task's records whoever asks may know: nothing of those that are there and not for them (any more).

use std::collections::HashSet;

use sea_orm::sea_query::{ExprTrait as _, Query};

use super::{BulkTask, RecordError, words::HIDDEN};
use crate::{
    engine::Engine,
    error::Result,
    query::{self, comparable_key},
    resource::Resource,
};
use powercrud_db::{QueryExt as _, columns_in};

/// Keys in one statement.
const KEYS: usize = 500;

/// Keeps of `records` those that `engine`'s user may know of; `key` tells a record's key.
pub(super) async fn keep_shown<T>(
    engine: &Engine,
    task: &BulkTask,
    records: &mut Vec<T>,
    key: impl Fn(&T) -> &str,
) -> Result<()> {
    if engine.viewer().is_none() || records.is_empty() {
        return Ok(());
    }
    let Ok(resource) = engine.resource(&task.resource) else {
        records.clear();
        return Ok(());
    };
    let Some(outside) = resource.table.rows_outside() else { return Ok(()) };
    let dialect = engine.database().dialect();
    let whole = Resource { table: resource.table.unscoped(), ..(**resource).clone() };
    let split: Vec<_> = records.iter().filter_map(|record| query::split_key(&whole, key(record)).ok()).collect();
    let mut hidden: HashSet<Vec<String>> = HashSet::new();
    for keys in split.chunks(KEYS) {
        let mut select = Query::select();
        select
            .expr(whole.key_expr(dialect))
            .from(whole.table.table_ref())
            .and_where(outside.clone().and(query::keys_condition(&whole, keys, dialect)));
        for row in engine.database().connection().rows(&select).await? {
            hidden.insert(comparable_key(&whole, &row.try_get_by_index::<String>(0)?));
        }
    }
    records.retain(|record| !hidden.contains(&comparable_key(&whole, key(record))));
    Ok(())
}

/// Takes out of an error what is about a field that its resource does not show.
pub(super) fn hide_field(engine: &Engine, task: &BulkTask, error: &mut RecordError) {
    if engine.viewer().is_none() {
        return;
    }
    if engine.resource(&task.resource).is_ok_and(|resource| names_hidden(resource, &error.message)) {
        error.message = HIDDEN.to_owned();
    }
    let Some(name) = error.field.as_ref() else { return };
    let shows = |resource: &Resource| resource.field(name).is_some() || resource.many_to_many(name).is_some();
    if !engine.resource(&task.resource).is_ok_and(|resource| shows(resource)) {
        error.field = None;
        error.message = HIDDEN.to_owned();
    }
}

/// Whether a message, such as one with the text of a rule, names a column that the resource does not show (any more).
fn names_hidden(resource: &Resource, message: &str) -> bool {
    let columns = &resource.table.columns;
    let Some(first) = columns.first() else { return false };
    let is_hidden = |name: &String| resource.hidden.contains(name) || resource.secrets.contains(name);
    columns_in(message, columns, first.dialect).iter().any(is_hidden)
}
