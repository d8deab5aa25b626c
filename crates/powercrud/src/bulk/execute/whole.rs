//! All or nothing: everything in one transaction; one bad record, and every row stays as it was.

use std::time::Instant;

use sea_orm::DatabaseTransaction;
use tracing::Instrument as _;

use super::{
    Run, advanced,
    ending::{conclude, ended_unheard},
    write_errors,
};
use crate::{
    bulk::chunk::Failed,
    error::{Error, Result},
    lock,
    task::{BulkTask, store},
};

/// So many bad records are looked for and no more: all will be rolled back anyhow.
const REPORTED_ERRORS: usize = 1_000;

impl Run<'_> {
    pub(super) async fn all_or_nothing(&mut self) -> Result<BulkTask> {
        let mut tries = 0;
        loop {
            if self.wish().await? {
                return self.end(None).await;
            }
            let result = self.try_all().await;
            if let Some(pause) = self.pause_after(&result, &mut tries) {
                tokio::time::sleep(pause).await;
                if ended_unheard(self.app, self.lease).await {
                    lock::unblock(self.app, Some(&self.task.unique_model_key)).await?;
                    return store::load(self.app, self.task.id).await;
                }
                continue;
            }
            match result {
                // Nothing stands; whoever wished so is seen next.
                Err(_) if self.interrupted.is_cancelled() => {}
                // A rule that the database looks at only at the end; what can be named is named the next time.
                Err(Error::Database(fault)) if fault.is_record() && !self.look_first => self.look_first = true,
                Err(Error::Database(fault)) if !fault.is_transient() => return self.end(Some(fault.message)).await,
                result => return result,
            }
        }
    }

    async fn try_all(&self) -> Result<BulkTask> {
        let mut undone = None;
        let done = self
            .in_transaction(async |transaction| match self.attempt_all(transaction).await? {
                // A record that is gone leaves nothing to undo: it is named, and the others are done.
                Some((task, errors)) if errors.iter().all(Failed::is_gone) => {
                    self.conclude(transaction, task, &errors, None).await
                }
                tried => {
                    undone = Some(tried);
                    Err(Error::Internal("what was tried is undone".into()))
                }
            })
            .await;
        match undone {
            None => done?,
            Some(None) => return self.give_back().await,
            Some(Some((_, errors))) => {
                // Only the bad records count, and none is done.
                let mut task = self.task.clone();
                task.failed_records = errors.len() as u64;
                task.processed_records = task.failed_records;
                let first = &errors[0];
                let message = format!(
                    "nothing was changed, because {} of {} records failed; the first is {}: {}",
                    errors.len(),
                    task.total_records,
                    first.record_key,
                    first.error
                );
                self.in_transaction(async |transaction| self.conclude(transaction, task, &errors, Some(message)).await)
                    .await?;
            }
        }
        lock::unblock(self.app, Some(&self.task.unique_model_key)).await?;
        store::load(self.app, self.task.id).await
    }

    /// How the task would stand, and the records that failed; `None` where this process shuts down.
    async fn attempt_all(&self, transaction: &DatabaseTransaction) -> Result<Option<(BulkTask, Vec<Failed>)>> {
        let mut task = self.task.clone();
        let mut errors: Vec<Failed> = Vec::new();
        let bad = |errors: &[Failed]| errors.iter().filter(|failed| !failed.is_gone()).count();
        while task.cursor < task.total_records as i64 && bad(&errors) < REPORTED_ERRORS {
            if self.interrupted.is_cancelled() {
                return Err(Error::Internal("the task was cancelled".into()));
            }
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            let size = self.largest_chunk().min(task.total_records as i64 - task.cursor);
            let (span, started) = (self.chunk_span(task.cursor, size), Instant::now());
            let mut outcome = self.chunk(task.cursor, size).apply(transaction).instrument(span.clone()).await?;
            let counts = (outcome.succeeded, outcome.errors.len() as u64);
            self.chunk_done(&span, started.elapsed(), counts, "not_committed_yet");
            task = advanced(&task, size, &outcome);
            errors.append(&mut outcome.errors);
        }
        if task.cursor == task.total_records as i64 {
            self.free(transaction, &mut task, &mut errors).await?;
        }
        Ok(Some((task, errors)))
    }

    async fn conclude(
        &self,
        transaction: &DatabaseTransaction,
        task: BulkTask,
        errors: &[Failed],
        message: Option<String>,
    ) -> Result<()> {
        write_errors(transaction, task.id, errors).await?;
        conclude(self.app, transaction, &self.lease, task, message).await?;
        Ok(())
    }
}
