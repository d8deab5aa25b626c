//! Restores what another task overwrote or deleted.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{Operation, Range};
use crate::{
    bulk::{
        chunk::{Attempted, Chunk},
        images::Images,
        revert,
    },
    change::Changes,
    error::Result,
    resource::Resource,
    task::{BulkTask, Stored, StoredWork},
};
use powercrud_db::{Fault, Transaction, rules::WriteKind};

pub(super) const NAME: &str = "revert";

/// Restores what another task overwrote or deleted.
#[derive(Debug)]
pub(in crate::bulk) struct Revert {
    images: Images,
    /// Those of the task that it reverts.
    changes: Changes,
}

impl Revert {
    pub(in crate::bulk) fn new(images: Images, changes: Changes) -> Self {
        Self { images, changes }
    }

    pub(super) fn of_task(resource: &Resource, task: &BulkTask) -> Result<Arc<dyn Operation>> {
        let images = revert::check_running(resource, task)?;
        Ok(Arc::new(Self { images, changes: task.changes.clone() }))
    }
}

impl Operation for Revert {
    fn name(&self) -> &str {
        NAME
    }

    fn stored(&self) -> Stored {
        Stored::new(StoredWork::Restore(self.changes.clone()))
    }

    fn restores(&self) -> Option<&Images> {
        Some(&self.images)
    }

    fn write_kind(&self) -> WriteKind {
        if self.images.of_deleted { WriteKind::Insert } else { WriteKind::Update }
    }

    fn finds_blocked(&self) -> bool {
        true
    }

    fn may_be_blocked(&self, fault: &Fault) -> bool {
        !self.images.of_deleted || fault.code == "UNIQUE"
    }

    fn attempt<'a>(
        &'a self,
        chunk: &'a mut Chunk<'_>,
        transaction: &'a Transaction,
        range: Range<'a>,
    ) -> BoxFuture<'a, Result<Attempted>> {
        chunk.attempt_restore(transaction, &self.images, range).boxed()
    }
}
