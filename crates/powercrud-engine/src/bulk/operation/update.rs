//! Sets the same values on all records: a bulk edit, or an action that is a named set of changes.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Map, Value as Json, json};

use super::{Operation, Range};
use crate::{
    bulk::{
        chunk::{Attempted, Chunk},
        stored_inputs,
    },
    error::{Error, Result},
    form::{Changes, LinkChange, sort_bulk_inputs},
    resource::Resource,
    task::BulkTask,
};
use powercrud_db::{ForeignKey, ReferentialAction, Table, Transaction, Value};

pub(super) const NAME: &str = "update";

/// Sets the same values on all records.
#[derive(Debug)]
pub(in crate::bulk) struct Update {
    changes: Changes,
}

impl Update {
    pub(in crate::bulk) fn new(changes: Changes) -> Self {
        Self { changes }
    }

    pub(super) fn of_task(resource: &Resource, task: &BulkTask) -> Result<Arc<dyn Operation>> {
        resource.require_bulk_update()?;
        match sort_bulk_inputs(resource, &stored_inputs(task)) {
            (changes, errors) if errors.is_empty() => Ok(Arc::new(Self { changes })),
            (_, errors) => Err(Error::Invalid(errors)),
        }
    }
}

impl Operation for Update {
    fn name(&self) -> &str {
        NAME
    }

    fn stored(&self) -> Json {
        stored_changes(&self.changes)
    }

    fn identity(&self) -> Json {
        identity_of_changes(&self.changes)
    }

    fn changes(&self) -> Option<&Changes> {
        Some(&self.changes)
    }

    fn columns_to_keep(&self, resource: &Resource) -> Option<Vec<String>> {
        columns_of_changes(resource, &self.changes)
    }

    fn writes_records(&self) -> bool {
        true
    }

    fn attempt<'a>(
        &'a self,
        chunk: &'a mut Chunk<'_>,
        transaction: &'a Transaction,
        range: Range<'a>,
    ) -> BoxFuture<'a, Result<Attempted>> {
        chunk.attempt_statement(transaction, range).boxed()
    }
}

/// Field name to text, or null; many-to-many field to operation to key to name: what a retry reads back.
pub(super) fn stored_changes(changes: &Changes) -> Json {
    let mut json = fields(changes);
    for change in &changes.links {
        let names = change.targets.iter().map(|target| (target.key.to_text(), target.name.as_str().into()));
        let names: Map<_, _> = names.collect();
        let field = json.entry(change.field.clone()).or_insert_with(|| json!({}));
        field[change.operation.as_str()] = names.into();
    }
    json.into()
}

fn fields(changes: &Changes) -> Map<String, Json> {
    let text = |value: &Value| if value.is_null() { Json::Null } else { value.to_text().into() };
    changes.fields.iter().map(|change| (change.field.clone(), text(&change.value))).collect()
}

/// The names of linked records may change between two requests; their keys don't.
pub(super) fn identity_of_changes(changes: &Changes) -> Json {
    if changes.links.is_empty() {
        return stored_changes(changes);
    }
    let links: Vec<_> = changes.links.iter().map(LinkChange::to_input).collect();
    json!([fields(changes), links])
}

/// Whether the changes make the database empty a reference of other records of the table: what those referred to would be lost.
fn empties_own_references(table: &Table, key: &ForeignKey, changes: &Changes) -> bool {
    let change = |name: &String| changes.fields.iter().find(|change| change.field == *name);
    let mut changed = key.referenced_columns.iter().filter_map(change);
    key.referenced_schema == table.schema
        && key.referenced_table == table.name
        && match key.on_update {
            ReferentialAction::Restrict => false,
            ReferentialAction::Cascade => changed.any(|change| change.value.is_null()),
            ReferentialAction::SetNull | ReferentialAction::SetDefault => changed.next().is_some(),
        }
}

/// The columns that are kept; `None` where a change of the key itself leaves nothing to find records by, or references of others of the
/// table are emptied with it.
pub(super) fn columns_of_changes(resource: &Resource, changes: &Changes) -> Option<Vec<String>> {
    let table = &resource.table;
    let kept = |field: &String| table.column(field).is_some() && !table.primary_key.contains(field);
    let all_kept = changes.links.is_empty() && changes.fields.iter().all(|change| kept(&change.field));
    let all_kept = all_kept && !table.foreign_keys.iter().any(|key| empties_own_references(table, key, changes));
    all_kept.then(|| changes.fields.iter().map(|change| change.field.clone()).collect())
}
