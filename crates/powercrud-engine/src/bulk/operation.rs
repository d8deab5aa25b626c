//! What a bulk task does to each record, behind one trait.
//!
//! An implementation is a value: which changes, which images, which action with which values. It is made twice, of a request while that
//! is planned (`plan`) and of the task's row by whoever carries it out ([`of_task`]), so all that it needs must be in the row.
//!
//! What the engine promises around it: the records at hand are frozen and locked as their resource says, what is done to them, their
//! outcome and the task's cursor are one transaction, and [`Operation::attempt`] is undone as a whole where it says that a record is in the
//! way; smaller ranges of records are tried then, until that record stands alone.

mod action;
mod delete;
mod revert;
mod update;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value as Json, json};

pub(in crate::bulk) use action::ActionRun;
pub(in crate::bulk) use delete::Delete;
pub(in crate::bulk) use revert::Revert;
pub(in crate::bulk) use update::Update;

use super::{
    chunk::{Attempted, Chunk, Failed},
    images::Images,
};
use crate::{
    action::PREFIX,
    error::{Error, Result},
    form::CheckedChanges,
    resource::Resource,
    task::{BulkTask, Stored},
};
use powercrud_db::{Fault, Table, Transaction, rules::WriteKind};

/// How many records the first chunk has, and how many one has at most, where a statement does them all.
pub(in crate::bulk) const BY_STATEMENT: (i64, i64) = (2_000, 50_000);
/// The same, where code runs for each of them, which nobody knows how long it takes, and which all of them are read for.
pub(in crate::bulk) const ONE_BY_ONE: (i64, i64) = (50, 1_000);

/// Records by place in the frozen selection: `from..=to` without those that are blocked.
#[derive(Clone, Copy)]
pub(in crate::bulk) struct Range<'a> {
    pub(in crate::bulk) from: i64,
    pub(in crate::bulk) to: i64,
    /// How many they are.
    pub(in crate::bulk) size: u64,
    pub(in crate::bulk) blocked: &'a BTreeSet<i64>,
}

/// What a bulk task does to each record.
pub(in crate::bulk) trait Operation: fmt::Debug + Send + Sync {
    /// The word in the task table, in metrics and in spans.
    fn name(&self) -> &str;

    /// What the task's row keeps of it, in `changes`; [`of_task`] reads it back.
    fn stored(&self) -> Stored;

    /// What tells it from other requests on the same records: of two alike, the second is the first one's task.
    fn identity(&self) -> Json {
        json!(self.stored())
    }

    /// What it sets on each record, where it sets the same on all.
    fn changes(&self) -> Option<&CheckedChanges> {
        None
    }

    /// What was filled in for it, as texts by field.
    fn values(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Whether the records go.
    fn deletes(&self) -> bool {
        false
    }

    /// The images that it restores, where it is a revert.
    fn restores(&self) -> Option<&Images> {
        None
    }

    /// The tables that it writes to, as far as that is known.
    fn tables<'a>(&self, resource: &'a Resource) -> Vec<&'a Table> {
        let links = self.changes().map_or(&[][..], |changes| &changes.links);
        resource.tables_of(links)
    }

    /// By which kind of write the table's rules are asked.
    fn write_kind(&self) -> WriteKind {
        WriteKind::Update
    }

    /// The columns that are kept of each record for a revert; `None` where it can't be reverted.
    fn columns_to_keep(&self, _resource: &Resource) -> Option<Vec<String>> {
        None
    }

    /// What of its outcome nobody can tell beforehand, in words.
    fn unforeseen(&self) -> Option<&'static str> {
        None
    }

    /// Whether records that can't be done may be found by one look before anything is tried; [`Chunk::find_blocked`] finds them.
    fn finds_blocked(&self) -> bool {
        false
    }

    /// Whether a fault may be that of such a record.
    fn may_be_blocked(&self, _fault: &Fault) -> bool {
        false
    }

    /// How many records its first chunk has, and how many one has at most.
    fn chunk_sizes(&self) -> (i64, i64) {
        BY_STATEMENT
    }

    /// Whether each record is tried by itself.
    fn goes_one_by_one(&self) -> bool {
        false
    }

    /// Whether it changes or deletes records as edits do, so that the ActiveModel of their entity may do it.
    fn writes_records(&self) -> bool {
        false
    }

    /// Looks at a chunk's records before the first of them is tried. Those it returns are not.
    fn prepare<'a>(
        &'a self,
        _chunk: &'a mut Chunk<'_>,
        _transaction: &'a Transaction,
    ) -> BoxFuture<'a, Result<Vec<Failed>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    /// Does it to a range of records, in a savepoint of its own: it stands, or some record's fault undoes all of it.
    fn attempt<'a>(
        &'a self,
        chunk: &'a mut Chunk<'_>,
        transaction: &'a Transaction,
        range: Range<'a>,
    ) -> BoxFuture<'a, Result<Attempted>>;
}

/// Whether each record of the resource is tried by itself.
pub(in crate::bulk) fn goes_one_by_one(operation: &dyn Operation, resource: &Resource) -> bool {
    operation.goes_one_by_one() || (resource.model.is_some() && operation.writes_records())
}

/// Makes an operation of a task's row.
type FromTask = fn(&Resource, &BulkTask) -> Result<Arc<dyn Operation>>;

/// The operations that every program knows, by their words. A resource's actions are beside them.
const KNOWN: [(&str, FromTask); 3] =
    [(update::NAME, Update::of_task), (delete::NAME, Delete::of_task), (revert::NAME, Revert::of_task)];

/// What a task does, as its row says. It is checked again: what may be done may have changed since.
///
/// # Errors
/// Where the row holds what this program can't read, or the resource does not take it (any more).
pub(in crate::bulk) fn of_task(resource: &Resource, task: &BulkTask) -> Result<Arc<dyn Operation>> {
    if let Some(what) = &task.unreadable {
        let message = format!("this version of PowerCRUD can't read {what} of the task, so nothing was done");
        return Err(Error::NotAllowed(message));
    }
    let name = task.operation.as_str();
    match KNOWN.iter().find(|(known, _)| *known == name) {
        Some((_, make)) => make(resource, task),
        None if name.starts_with(PREFIX) => ActionRun::of_task(resource, task),
        None => Err(Error::NotAllowed(format!("there is no operation {name:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::bulk_task::OPERATIONS;

    /// What is claimed, counted and read is what can be carried out.
    #[test]
    fn every_known_operation_is_claimed() {
        assert_eq!(super::KNOWN.map(|(name, _)| name), OPERATIONS);
    }
}
