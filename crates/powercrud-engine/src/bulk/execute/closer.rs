//! Whose fault it is that a chunk can't be committed: smaller and smaller chunks are tried until a record stands alone, and that one is
//! named. Where single records fail alike, by a fault that nobody foresaw, it is looked whether any other would fare better.

use super::{Alike, Chunk, Execution, Outcome};
use crate::{
    bulk::{
        chunk::{ALIKE, Failed},
        operation::goes_one_by_one,
    },
    error::{Error, Result},
};

/// With fewer records left each is tried, whatever happened to those before: that is quickly done.
const FEW: i64 = 1_000;
/// So many of the rest, evenly spread, are tried before a task is given up.
const SAMPLE: i64 = 40;
/// The same of records each of which may take as long as a statement may.
const SLOW_SAMPLE: i64 = 4;

/// What follows from an error that kept a chunk from being committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may pass, or this worker has lost the task or does not know its table as it is.
    Later,
    /// The error belongs to some record.
    Records,
    /// No record would fare better.
    All,
}

/// Reads an error. What nobody foresaw is a record's.
pub(super) fn verdict(error: &Error) -> Verdict {
    match error {
        Error::LeaseLost(_) | Error::TablesChanged(_) => Verdict::Later,
        Error::Database(fault) if fault.is_transient() => Verdict::Later,
        Error::Database(fault) if !fault.is_record() && !fault.is_interrupted() => Verdict::All,
        _ => Verdict::Records,
    }
}

/// Records in a row that failed alike.
#[derive(Debug)]
pub(super) struct Streak {
    alike: Option<Alike>,
    records: u64,
    /// Nobody thinks of giving up before there are so many.
    limit: u64,
}

impl Default for Streak {
    fn default() -> Self {
        Self { alike: None, records: 0, limit: ALIKE }
    }
}

impl Streak {
    /// One more chunk: all of its records failed alike, or not.
    pub(super) fn add(&mut self, failed: Option<(Alike, u64)>) {
        *self = match failed {
            None => Self::default(),
            Some((alike, records)) if self.alike.as_ref() == Some(&alike) => {
                Self { records: self.records + records, alike: Some(alike), limit: self.limit }
            }
            Some((alike, records)) => Self { limit: alike.limit(), alike: Some(alike), records },
        };
    }
}

impl Execution<'_> {
    /// Nothing of a chunk stands, and nobody was named: its fault showed only at COMMIT, as with SQLite's deferred references, ended the
    /// whole transaction, or is none of the database. Smaller chunks are tried until the record stands alone.
    pub(super) async fn look_closer(&mut self, size: i64, error: Error) -> Result<()> {
        match verdict(&error) {
            Verdict::Records => {}
            Verdict::Later if self.is_refusal(&error) && !self.refusals_are_final => {
                self.refusals_are_final = true;
                return Ok(());
            }
            Verdict::Later if size > 1 && (is_connection_lost(&error) || self.is_refusal(&error)) => {}
            Verdict::Later if self.cautious.is_some() && self.is_refusal(&error) => {}
            _ => return Err(error),
        }
        let interrupted = matches!(&error, Error::Database(fault) if fault.is_interrupted());
        if self.operation.finds_blocked() && !self.look_first && !interrupted {
            self.look_first = true;
            return Ok(());
        }
        if size > 1 {
            tracing::debug!(%error, size, "a chunk can't be committed; trying smaller ones");
            self.cautious = Some(size / 2);
            if interrupted {
                self.ceiling = Ord::min(self.ceiling, size / 2);
                self.chunk_size = Ord::min(self.chunk_size, self.ceiling);
            }
            return Ok(());
        }
        let mut alike = None;
        let attributed = self.in_transaction(async |transaction| {
            let seq = self.task.first_seq + self.task.cursor;
            let failed = self.chunk(self.task.cursor, 1).attribute_error(transaction, seq, &error).await?;
            let outcome = Outcome { errors: vec![failed], ..Outcome::default() };
            alike = outcome.alike();
            self.advance(transaction, 1, &outcome).await
        });
        let attributed = attributed.await?;
        self.stands(attributed);
        self.streak.add(alike);
        Ok(())
    }

    /// Whether the database refuses by a fault that should pass, and does not: a record is locked all the time, or a trigger raises that as
    /// any other. Where the whole database has one writer, it is no record's.
    pub(super) fn is_refusal(&self, error: &Error) -> bool {
        let refused = matches!(error, Error::Database(fault) if fault.is_refusal());
        refused && self.engine.database().dialect().is_remote()
    }

    /// Why the task is given up, where many records in a row failed alike and others, evenly spread over the rest, would as well.
    /// Not where an application's code runs for each of them: what that does elsewhere is not undone by a look.
    pub(super) async fn give_up(&mut self) -> Result<Option<String>> {
        if goes_one_by_one(&*self.operation, &self.resource) {
            return Ok(None);
        }
        let Streak { alike: Some(alike), records, limit } = &self.streak else { return Ok(None) };
        let slow = alike.is_slow();
        let few = if slow { 0 } else { FEW };
        if records < limit || self.remaining() <= few {
            return Ok(None);
        }
        let (sample, records) = (Ord::min(if slow { SLOW_SAMPLE } else { SAMPLE }, self.remaining()), *records);
        let mut reason = String::new();
        for number in 1..=sample {
            let cursor = self.task.cursor + number * self.remaining() / sample - 1;
            match self.would_fail(cursor).await {
                Some(failed) if failed.unknown.as_ref() == Some(alike) => reason = failed.error.message,
                _ => {
                    self.streak.limit = records * 2;
                    return Ok(None);
                }
            }
        }
        Ok(Some(format!(
            "stopped, because {records} records in a row failed alike, and each of {sample} others that were tried would too: {reason}"
        )))
    }

    /// How the record at a place would fail, if it would; whatever it does is undone.
    async fn would_fail(&self, cursor: i64) -> Option<Failed> {
        let mut outcome = Outcome::default();
        let seq = self.task.first_seq + cursor;
        let looked = self
            .in_transaction(async |transaction| {
                outcome = self.chunk(cursor, 1).apply(transaction).await?;
                Err::<(), _>(Error::Internal("only looked at".into()))
            })
            .await;
        match looked {
            _ if !outcome.errors.is_empty() || outcome.succeeded > 0 => outcome.errors.pop(),
            Err(error) if verdict(&error) == Verdict::Records => {
                let chunk: Chunk<'_> = self.chunk(cursor, 1);
                chunk.attribute_error(self.engine.database().connection(), seq, &error).await.ok()
            }
            _ => None,
        }
    }
}

/// Whether the connection went: the statement of some record may take it down each time.
fn is_connection_lost(error: &Error) -> bool {
    matches!(error, Error::Database(fault) if fault.code == "CONNECTION_LOST")
}
