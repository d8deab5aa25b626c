//! Sets the same values on all records: a bulk edit, or an action that is a named set of changes.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value as Json, json};

use super::{Operation, Range};
use crate::{
    bulk::chunk::{Attempted, Chunk},
    error::{Error, Result},
    form::{CheckedChanges, check_bulk_changes},
    resource::Resource,
    task::{BulkTask, Stored, StoredWork},
};
use powercrud_db::{ForeignKey, ReferentialAction, Table, Transaction};

pub(super) const NAME: &str = "update";

/// Sets the same values on all records.
#[derive(Debug)]
pub(in crate::bulk) struct Update {
    changes: CheckedChanges,
}

impl Update {
    pub(in crate::bulk) fn new(changes: CheckedChanges) -> Self {
        Self { changes }
    }

    pub(super) fn of_task(resource: &Resource, task: &BulkTask) -> Result<Arc<dyn Operation>> {
        resource.require_bulk_update()?;
        match check_bulk_changes(resource, &task.changes) {
            (changes, errors) if errors.is_empty() => Ok(Arc::new(Self { changes })),
            (_, errors) => Err(Error::Invalid(errors)),
        }
    }
}

impl Operation for Update {
    fn name(&self) -> &str {
        NAME
    }

    fn stored(&self) -> Stored {
        Stored::new(StoredWork::Change(self.changes.to_changes()))
    }

    fn identity(&self) -> Json {
        identity_of_changes(&self.changes)
    }

    fn changes(&self) -> Option<&CheckedChanges> {
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

/// The names of linked records may change between two requests; their keys don't.
pub(super) fn identity_of_changes(changes: &CheckedChanges) -> Json {
    json!(changes.to_changes().without_names(|_| true))
}

/// Whether the changes make the database empty a reference of other records of the table: what those referred to would be lost.
fn empties_own_references(table: &Table, key: &ForeignKey, changes: &CheckedChanges) -> bool {
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
pub(super) fn columns_of_changes(resource: &Resource, changes: &CheckedChanges) -> Option<Vec<String>> {
    let table = &resource.table;
    let kept = |field: &String| table.column(field).is_some() && !table.primary_key.contains(field);
    let all_kept = changes.links.is_empty() && changes.fields.iter().all(|change| kept(&change.field));
    let all_kept = all_kept && !table.foreign_keys.iter().any(|key| empties_own_references(table, key, changes));
    all_kept.then(|| changes.fields.iter().map(|change| change.field.clone()).collect())
}
