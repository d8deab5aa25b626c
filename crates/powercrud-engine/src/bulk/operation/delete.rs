//! Deletes all records.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;

use super::{Operation, Range};
use crate::{
    bulk::chunk::{Attempted, Chunk},
    error::Result,
    resource::Resource,
    task::{BulkTask, Stored, StoredWork},
};
use powercrud_db::{Fault, Transaction, rules::WriteKind};

pub(super) const NAME: &str = "delete";

/// Deletes all records.
#[derive(Debug)]
pub(in crate::bulk) struct Delete;

impl Delete {
    pub(super) fn of_task(resource: &Resource, _task: &BulkTask) -> Result<Arc<dyn Operation>> {
        resource.require_bulk_delete()?;
        Ok(Arc::new(Self))
    }
}

impl Operation for Delete {
    fn name(&self) -> &str {
        NAME
    }

    fn stored(&self) -> Stored {
        Stored::new(StoredWork::Delete)
    }

    fn identity(&self) -> Json {
        NAME.into()
    }

    fn deletes(&self) -> bool {
        true
    }

    fn write_kind(&self) -> WriteKind {
        WriteKind::Delete
    }

    /// What the database computes it computes again.
    fn columns_to_keep(&self, resource: &Resource) -> Option<Vec<String>> {
        let stored = resource.table.columns.iter().filter(|column| !column.generated || column.identity);
        Some(stored.map(|column| column.name.clone()).collect())
    }

    fn finds_blocked(&self) -> bool {
        true
    }

    fn may_be_blocked(&self, fault: &Fault) -> bool {
        fault.code == "FOREIGN_KEY"
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
