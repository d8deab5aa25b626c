//! All or nothing: everything in one transaction; one bad record, and every row stays as it was.

use std::time::Instant;

use tracing::Instrument as _;

use super::{
    Execution, StopReason, Verdict, advanced,
    ending::{conclude, end_was_applied},
    verdict, write_errors,
};
use crate::{
    bulk::chunk::Failed,
    error::{Error, Result},
    lock,
    task::{BulkTask, FIRST, store},
};
use powercrud_db::Transaction;

/// So many bad records are looked for and no more: all will be rolled back anyhow.
const REPORTED_ERRORS: usize = 1_000;

impl Execution<'_> {
    pub(super) async fn all_or_nothing(&mut self) -> Result<BulkTask> {
        self.count_absent().await;
        self.kept_first = self.reaches_others();
        // Not by `retry`: each round begins with a look at who asks for it to stop, and most errors change how the next one goes about it.
        let mut tries = 0;
        loop {
            if self.stop_requested().await? {
                return self.end(None).await;
            }
            if let Some(StopReason::Denied(message)) = self.ask_again().await? {
                return self.end(Some(message)).await;
            }
            let result = self.try_all().await;
            if let Some(pause) = result.as_ref().err().and_then(|error| self.pause_after(error, tries)) {
                tokio::time::sleep(pause).await;
                tries += 1;
                if end_was_applied(self.engine, self.lease).await {
                    return self.ended().await;
                }
                continue;
            }
            match result {
                // Nothing stands; the request is seen next.
                Err(_) if self.interrupted.is_cancelled() => {}
                Ok(task) => return Ok(task),
                Err(error) => match verdict(&error) {
                    // Its record is named the next time, where it is one's.
                    Verdict::Later if self.is_refusal(&error) && !self.refusals_are_final => {
                        (self.refusals_are_final, tries) = (true, 0)
                    }
                    Verdict::Later => return Err(error),
                    Verdict::All => return self.end(Some(error.to_string())).await,
                    // A rule that the database looks at only at the end; what can be named is named the next time.
                    Verdict::Records if !self.look_first => self.look_first = true,
                    Verdict::Records if is_interrupted(&error) && self.ceiling > 1 => {
                        self.ceiling = Ord::min(self.ceiling, self.task.total_records as i64) / 2;
                    }
                    Verdict::Records => {
                        let failed = self.find_culprits(&error).await?;
                        if failed.is_empty() {
                            return self.end(Some(error.to_string())).await;
                        }
                        self.nothing_stands(failed).await?;
                        return self.ended().await;
                    }
                },
            }
        }
    }

    /// The record whose fault ends the whole transaction: the last of the fewest first ones that can't be done. Where all can be, and only
    /// the COMMIT fails, those that refer to nothing.
    async fn find_culprits(&self, error: &Error) -> Result<Vec<Failed>> {
        let (mut done, mut failing) = (0, self.task.total_records as i64);
        let mut fault = match self.would_stand(failing).await {
            Ok(()) => return self.find_dangling().await,
            Err((reached, size, fault)) => {
                (done, failing) = (Ord::max(done, reached), Ord::min(failing, reached + size));
                fault
            }
        };
        if verdict(&fault) == Verdict::Later {
            return Err(fault);
        }
        while failing - done > 1 {
            let middle = done + (failing - done) / 2;
            match self.would_stand(middle).await {
                Ok(()) => done = middle,
                Err((_, _, other)) if verdict(&other) == Verdict::Later => return Err(other),
                Err((_, _, other)) => (failing, fault) = (middle, other),
            }
        }
        let fault = if verdict(&fault) == Verdict::Records { &fault } else { error };
        let seq = self.task.first_seq + failing - 1;
        let attributed =
            self.chunk(failing - 1, 1).attribute_error(self.engine.database().connection(), seq, fault).await?;
        Ok(vec![attributed])
    }

    /// Whether the first `count` records can be done in one transaction, which is undone; else what kept them from it, in the chunk from
    /// which record on and of how many.
    async fn would_stand(&self, count: i64) -> Result<(), (i64, i64, Error)> {
        let (mut reached, mut size, mut stand) = (0, count, false);
        let tried = self.in_transaction(async |transaction| {
            while reached < count {
                size = Ord::min(self.ceiling, count - reached);
                self.chunk(reached, size).apply(transaction).await?;
                reached += size;
            }
            stand = true;
            Err::<(), _>(Error::Internal("only tried".into()))
        });
        match tried.await {
            Err(error) if !stand => Err((reached, size, error)),
            _ => Ok(()),
        }
    }

    /// The records that would refer to nothing, were all done; which is undone.
    async fn find_dangling(&self) -> Result<Vec<Failed>> {
        let (total, mut found) = (self.task.total_records as i64, Vec::new());
        let tried = self.in_transaction(async |transaction| {
            let chunks =
                || (0..total).step_by(self.ceiling as usize).map(|first| (first, self.ceiling.min(total - first)));
            for (first, size) in chunks() {
                self.chunk(first, size).apply(transaction).await?;
            }
            for (first, size) in chunks() {
                found.append(&mut self.chunk(first, size).find_dangling(transaction).await?);
                if found.len() >= REPORTED_ERRORS {
                    break;
                }
            }
            Err::<(), _>(Error::Internal("only tried".into()))
        });
        match tried.await {
            Err(error) if verdict(&error) == Verdict::Later => Err(error),
            _ => Ok(found),
        }
    }

    async fn ended(&self) -> Result<BulkTask> {
        lock::unblock(self.engine, Some(&self.task.unique_model_key)).await?;
        store::load(self.engine, self.task.id).await
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
            Some(Some((_, errors))) => self.nothing_stands(errors).await?,
        }
        self.ended().await
    }

    /// Ends the task with every row as it was. Only the bad records count, and none is done.
    async fn nothing_stands(&self, errors: Vec<Failed>) -> Result<()> {
        let mut task = self.task.clone();
        task.failed_records = errors.len() as u64;
        task.processed_records = task.failed_records;
        let first = &errors[0];
        let message = format!(
            "nothing was changed, because {} of {} records failed{FIRST}{}: {}",
            errors.len(),
            task.total_records,
            first.record_key,
            match &first.error.field {
                Some(field) => format!("{}: {}", self.resource.label_of(field), first.error.message),
                None => first.error.message.clone(),
            }
        );
        self.in_transaction(async |transaction| self.conclude(transaction, task, &errors, Some(message)).await).await
    }

    /// How the task would stand, and the records that failed; `None` where this process shuts down.
    async fn attempt_all(&self, transaction: &Transaction) -> Result<Option<(BulkTask, Vec<Failed>)>> {
        let mut task = self.task.clone();
        let mut errors: Vec<Failed> = Vec::new();
        let bad = |errors: &[Failed]| errors.iter().filter(|failed| !failed.is_gone()).count();
        if self.kept_first {
            self.keep_all(transaction).await?;
        }
        while task.cursor < task.total_records as i64 && bad(&errors) < REPORTED_ERRORS {
            if self.interrupted.is_cancelled() {
                return Err(Error::Internal("the task was cancelled".into()));
            }
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            let size = self.ceiling.min(task.total_records as i64 - task.cursor);
            let (span, started) = (self.chunk_span(task.cursor, size), Instant::now());
            let chunk = self.chunk(task.cursor, size).most_errors(REPORTED_ERRORS);
            let mut outcome = { chunk }.apply(transaction).instrument(span.clone()).await?;
            let counts = (outcome.succeeded, outcome.errors.len() as u64);
            self.chunk_done(&span, started.elapsed(), counts, "not_committed_yet");
            task = advanced(&task, outcome.stopped_after.unwrap_or(size), &outcome, self.absent);
            errors.append(&mut outcome.errors);
            if outcome.stopped_after.is_some() {
                break;
            }
        }
        if task.cursor == task.total_records as i64 {
            self.free(transaction, &mut task, &mut errors).await?;
            self.forgive_taken(transaction, &mut task, &mut errors).await?;
        }
        Ok(Some((task, errors)))
    }

    async fn conclude(
        &self,
        transaction: &Transaction,
        task: BulkTask,
        errors: &[Failed],
        message: Option<String>,
    ) -> Result<()> {
        write_errors(transaction, task.id, errors).await?;
        conclude(self.engine, transaction, &self.lease, task, message).await?;
        Ok(())
    }
}

fn is_interrupted(error: &Error) -> bool {
    matches!(error, Error::Database(fault) if fault.is_interrupted())
}
