//! One chunk of the frozen selection: one set-based statement, and where that fails, halves of it, until each bad record stands alone.
//!
//! All of it happens inside the caller's transaction, each try in a savepoint. Most bad records of a delete are found by one query
//! (other records refer to them), so that a chunk with thousands of them does not fall to thousands of statements.

mod blocked;
mod changed;
mod keep;
mod links;
mod restore;

use std::collections::{BTreeSet, HashSet};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, TransactionTrait as _,
    sea_query::{Cond, Condition, Expr, Query},
};
use uuid::Uuid;

use super::{chunk_keys::ChunkKeys, images::Images, report::record_fault};
use crate::{
    app::PowerCrud,
    db::{Fault, Run as _},
    error::{Error, FieldError, Result},
    form::{self, Change},
    resource::Resource,
    task::Operation,
};

/// What became of a chunk's records.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Done, including those of a delete that were gone already.
    pub(super) succeeded: u64,
    /// Of the done, those that were gone already.
    pub(super) missing: u64,
    /// Failed, with the reason.
    pub(super) errors: Vec<Failed>,
}

/// A record that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) seq: i64,
    pub(super) record_key: String,
    pub(super) error: FieldError,
}

impl Failed {
    fn gone(seq: i64, record_key: String) -> Self {
        let error = FieldError { field: None, code: GONE.into(), message: "the record is gone".into() };
        Self { seq, record_key, error }
    }

    /// Whether it failed only because there was nothing left to change.
    pub(super) fn is_gone(&self) -> bool {
        self.error.code == GONE
    }
}

const GONE: &str = "NOT_FOUND";

/// After so many bad records in a chunk, the rest goes record by record: halving would only try each of them more often.
const BISECTIONS: usize = 64;

/// Applies an operation to the frozen records `from..=to` (places in the selection) of a task.
pub(super) struct Chunk<'a> {
    app: &'a PowerCrud,
    resource: &'a Resource,
    operation: &'a Operation,
    /// What is kept of each record, for a revert.
    images: Option<&'a Images>,
    /// Added to the places that images are numbered by, where records are tried again whose places may be taken.
    image_offset: i64,
    task_id: Uuid,
    from: i64,
    to: i64,
    keys: ChunkKeys<'a>,
    /// Whether a delete looks for records that others refer to before anything fails.
    look_first: bool,
}

/// Records by place: a range without the places in `blocked`.
struct Attempt {
    from: i64,
    to: i64,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(
        app: &'a PowerCrud,
        resource: &'a Resource,
        operation: &'a Operation,
        task_id: Uuid,
        (from, to): (i64, i64),
        look_first: bool,
    ) -> Self {
        let keys = ChunkKeys::new(resource, app.database().dialect(), task_id, (from, to));
        Self { app, resource, operation, images: None, image_offset: 0, task_id, from, to, keys, look_first }
    }

    /// Keeps an image of each record. `offset`: as many as the task has records where some are tried again.
    pub(super) fn keeping(self, images: Option<&'a Images>, offset: i64) -> Self {
        Self { images, image_offset: offset, ..self }
    }

    /// Runs the chunk. Record errors are returned, not written.
    ///
    /// # Errors
    /// Passing faults and faults of the statement; the caller rolls the transaction back.
    pub(super) async fn apply(&mut self, transaction: &DatabaseTransaction) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut blocked = BTreeSet::new();
        for (seq, record_key, reason) in self.keys.lost(transaction, self.from, self.to).await? {
            blocked.insert(seq);
            let error = FieldError { field: None, code: "UNKNOWN_RECORD".into(), message: reason.into() };
            outcome.errors.push(Failed { seq, record_key, error });
        }
        let changed = self.find_changed(transaction).await?;
        blocked.extend(changed.iter().map(|failed| failed.seq));
        outcome.errors.extend(changed);
        let mut looked_for_blockers = false;
        if self.look_first && !matches!(self.operation, Operation::Update(_)) {
            looked_for_blockers = true;
            let found = self.find_blocked(transaction, &blocked).await?;
            blocked.extend(found.iter().map(|failed| failed.seq));
            outcome.errors.extend(found);
        }
        // Who refers to others of the same table mostly comes after them.
        let last_first = matches!(self.operation, Operation::Delete) && self.keeps_itself();
        let mut attempts = vec![Attempt { from: self.from, to: self.to }];
        while let Some(Attempt { from, to }) = attempts.pop() {
            let size = (to - from + 1) as u64 - blocked.range(from..=to).count() as u64;
            if size == 0 {
                continue;
            }
            let fault = match self.attempt(transaction, from, to, size, &blocked).await? {
                Ok(missing) => {
                    self.count(transaction, from, to, size, missing, &mut outcome).await?;
                    continue;
                }
                Err(fault) => fault,
            };
            if self.may_be_blocked(&fault) && !looked_for_blockers {
                looked_for_blockers = true;
                let found = self.find_blocked(transaction, &blocked).await?;
                if !found.is_empty() {
                    blocked.extend(found.iter().map(|failed| failed.seq));
                    outcome.errors.extend(found);
                    attempts.push(Attempt { from, to });
                    continue;
                }
            }
            if size == 1 {
                let seq = (from..=to).find(|seq| !blocked.contains(seq)).unwrap_or(from);
                outcome.errors.push(self.blame(transaction, seq, &fault).await?);
            } else if outcome.errors.len() - blocked.len() >= BISECTIONS {
                let each = |seq| Attempt { from: seq, to: seq };
                if last_first {
                    attempts.extend((from..=to).map(each));
                } else {
                    attempts.extend((from..=to).rev().map(each));
                }
            } else {
                let middle = from + (to - from) / 2;
                let mut halves = [Attempt { from: middle + 1, to }, Attempt { from, to: middle }];
                if last_first {
                    halves.reverse();
                }
                attempts.extend(halves);
            }
        }
        outcome.errors.sort_by_key(|failed| failed.seq);
        Ok(outcome)
    }

    /// A record with the fault that is its own.
    pub(super) async fn blame(&self, transaction: &DatabaseTransaction, seq: i64, fault: &Fault) -> Result<Failed> {
        let changes = match self.operation {
            Operation::Update(changes) => &changes.fields[..],
            Operation::Delete | Operation::Revert(_) => &[],
        };
        let record_key = self.keys.key_of(transaction, seq).await?;
        Ok(Failed { seq, record_key, error: record_fault(self.resource, fault, changes) })
    }

    /// One statement over a range, in a savepoint. `Ok(Ok(missing))`: it stands, and so many records were not there. `Ok(Err(fault))`:
    /// some record's fault, and nothing stands.
    async fn attempt(
        &mut self,
        transaction: &DatabaseTransaction,
        from: i64,
        to: i64,
        size: u64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Result<u64, Fault>> {
        let changes = match self.operation {
            Operation::Update(changes) => Some(&changes.fields[..]),
            Operation::Delete => None,
            Operation::Revert(images) => {
                return self.attempt_restore(transaction, images, (from, to), size, blocked).await;
            }
        };
        let keys = self.keys.condition(transaction, from, to, blocked).await?;
        let savepoint = transaction.begin().await?;
        let result = match self.execute(&savepoint, changes, &keys, from).await {
            Ok(matched) => self.change_links(&savepoint, from, to, blocked, &keys).await.map(|()| matched),
            Err(error) => Err(error),
        };
        match result {
            Ok(matched) if matched >= size => {
                savepoint.commit().await?;
                Ok(Ok(0))
            }
            Ok(matched) => {
                // Fewer than selected: the others are gone, or a trigger kept the statement from them without a word.
                let untouched = size - matched;
                let existing = self.existing(&savepoint, keys).await?;
                let kept = match changes {
                    Some(_) => untouched.saturating_sub(size - Ord::min(existing, size)),
                    None => existing,
                };
                if kept == 0 {
                    savepoint.commit().await?;
                    return Ok(Ok(untouched));
                }
                savepoint.rollback().await?;
                let message = "the database kept the record as it was, perhaps by a trigger".to_owned();
                Ok(Err(Fault { code: "NOT_CHANGED", kind: crate::db::FaultKind::Record, field: None, message }))
            }
            Err(Error::Database(fault)) if fault.is_record() => {
                savepoint.rollback().await?;
                Ok(Err(*fault))
            }
            Err(error) => Err(error),
        }
    }

    /// Sets `changes`, or deletes, and keeps what was there.
    async fn execute(
        &self,
        transaction: &DatabaseTransaction,
        changes: Option<&[Change]>,
        keys: &Expr,
        from: i64,
    ) -> Result<u64> {
        self.keep_before(transaction, keys, from).await?;
        let Some(changes) = changes else {
            let mut delete = Query::delete();
            delete.from_table(self.resource.table.table_ref()).and_where(keys.clone());
            return transaction.delete(&delete).await;
        };
        if changes.is_empty() && self.resource.version.is_none() {
            return self.existing(transaction, keys.clone()).await;
        }
        let mut update = Query::update();
        update.table(self.resource.table.table_ref()).and_where(keys.clone());
        form::set(&mut update, self.resource, changes, self.app.database().dialect());
        form::set_version(&mut update, self.resource, self.app.database().dialect());
        let matched = transaction.update(&update).await?;
        self.keep_after(transaction, keys, from).await?;
        Ok(matched)
    }

    /// Counts what an attempt did, and names the records of an update that are gone.
    async fn count(
        &mut self,
        transaction: &DatabaseTransaction,
        from: i64,
        to: i64,
        size: u64,
        missing: u64,
        outcome: &mut Outcome,
    ) -> Result<()> {
        if missing == 0 || matches!(self.operation, Operation::Delete) {
            outcome.succeeded += size;
            outcome.missing += missing;
            return Ok(());
        }
        let gone = self.gone(transaction, from, to).await?;
        outcome.succeeded += size - gone.len() as u64;
        outcome.errors.extend(gone.into_iter().map(|(seq, record_key)| Failed::gone(seq, record_key)));
        Ok(())
    }

    /// How many of the records exist.
    async fn existing<C: ConnectionTrait>(&self, connection: &C, keys: Expr) -> Result<u64> {
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(self.resource.table.table_ref()).and_where(keys);
        connection.number(&select).await
    }

    /// The records of a range that don't exist.
    async fn gone<C: ConnectionTrait>(&mut self, connection: &C, from: i64, to: i64) -> Result<Vec<(i64, String)>> {
        let keys = self.keys.condition(connection, from, to, &BTreeSet::new()).await?;
        let existing = self.read_keys(connection, Cond::all().add(keys)).await?;
        self.keys.among(connection, from, to, |key| !existing.contains(key)).await
    }

    /// The keys of the records that match, in a form that compares.
    async fn read_keys<C: ConnectionTrait>(
        &self,
        connection: &C,
        condition: Condition,
    ) -> Result<HashSet<Vec<String>>> {
        let mut select = Query::select();
        select
            .expr(self.resource.key_expr(self.app.database().dialect()))
            .from(self.resource.table.table_ref())
            .cond_where(condition);
        let rows = connection.rows(&select).await?;
        rows.iter().map(|row| self.keys.parts(&row.try_get_by_index::<String>(0)?)).collect()
    }
}
