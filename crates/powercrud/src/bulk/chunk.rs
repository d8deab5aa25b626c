//! One chunk of the frozen selection: one set-based statement, and where that fails, halves of it, until each bad record stands alone.
//!
//! All of it happens inside the caller's transaction, each try in a savepoint. Most bad records of a delete are found by one query
//! (other records refer to them), so that a chunk with thousands of them does not fall to thousands of statements.

mod blocked;

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, TransactionTrait as _,
    sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use uuid::Uuid;

use super::report::record_fault;
use crate::{
    app::PowerCrud,
    db::{ColumnType, Fault, Run as _, Value, migrations::tables},
    error::{Error, FieldError, Result},
    query,
    resource::Resource,
    selection::keys_subquery,
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
    pub(super) app: &'a PowerCrud,
    pub(super) resource: &'a Resource,
    pub(super) operation: &'a Operation,
    pub(super) task_id: Uuid,
    pub(super) from: i64,
    pub(super) to: i64,
    /// The chunk's keys, where the dialect wants them bound.
    pub(super) keys: Option<Vec<(i64, Vec<Value>)>>,
    /// Whether a delete looks for records that others refer to before anything fails.
    pub(super) look_first: bool,
}

/// Records by place: a range without the places in `blocked`.
struct Attempt {
    from: i64,
    to: i64,
}

impl Chunk<'_> {
    /// Runs the chunk. Record errors are returned, not written.
    ///
    /// # Errors
    /// Passing faults and faults of the statement; the caller rolls the transaction back.
    pub(super) async fn apply(&mut self, transaction: &DatabaseTransaction) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        if self.app.database().dialect().binds_chunk_keys() {
            self.keys = Some(self.fetch_keys(transaction).await?);
        }
        let mut blocked = BTreeSet::new();
        let mut looked_for_blockers = false;
        if self.look_first && matches!(self.operation, Operation::Delete) {
            looked_for_blockers = true;
            let found = self.find_blocked(transaction).await?;
            blocked.extend(found.iter().map(|failed| failed.seq));
            outcome.errors.extend(found);
        }
        // Who refers to others of the same table mostly comes after them.
        let last_first = self.keeps_itself();
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
            if fault.code == "FOREIGN_KEY" && matches!(self.operation, Operation::Delete) && !looked_for_blockers {
                looked_for_blockers = true;
                let found = self.find_blocked(transaction).await?;
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
            Operation::Update(changes) => &changes[..],
            Operation::Delete => &[],
        };
        let record_key = self.key_of(transaction, seq).await?;
        Ok(Failed { seq, record_key, error: record_fault(self.resource, fault, changes) })
    }

    /// One statement over a range, in a savepoint. `Ok(Ok(missing))`: it stands, and so many records were not there. `Ok(Err(fault))`:
    /// some record's fault, and nothing stands.
    async fn attempt(
        &self,
        transaction: &DatabaseTransaction,
        from: i64,
        to: i64,
        size: u64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Result<u64, Fault>> {
        let savepoint = transaction.begin().await?;
        match self.execute(&savepoint, from, to, blocked).await {
            Ok(matched) if matched >= size => {
                savepoint.commit().await?;
                Ok(Ok(0))
            }
            Ok(matched) => {
                // Fewer than selected: the others are gone, or a trigger kept the statement from them without a word.
                let untouched = size - matched;
                let existing = self.existing(&savepoint, from, to, blocked).await?;
                let kept = match self.operation {
                    Operation::Update(_) => untouched.saturating_sub(size - Ord::min(existing, size)),
                    Operation::Delete => existing,
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

    async fn execute(
        &self,
        transaction: &DatabaseTransaction,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<u64> {
        let keys = self.keys_condition(from, to, blocked);
        match self.operation {
            Operation::Delete => {
                let mut delete = Query::delete();
                delete.from_table(self.resource.table.table_ref()).and_where(keys);
                transaction.delete(&delete).await
            }
            Operation::Update(changes) => {
                let mut update = Query::update();
                update.table(self.resource.table.table_ref()).and_where(keys);
                for change in changes {
                    if let Some(field) = self.resource.field(&change.field) {
                        let value = self.app.database().dialect().write(&field.column, &change.value);
                        update.value(change.field.clone(), value);
                    }
                }
                transaction.update(&update).await
            }
        }
    }

    /// Counts what an attempt did, and names the records of an update that are gone.
    async fn count(
        &self,
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

    /// Whether a row of the resource's table is one of the range's records.
    fn keys_condition(&self, from: i64, to: i64, blocked: &BTreeSet<i64>) -> Expr {
        let dialect = self.app.database().dialect();
        if let Some(keys) = &self.keys {
            let keys: Vec<_> = keys
                .iter()
                .filter(|(seq, _)| (from..=to).contains(seq) && !blocked.contains(seq))
                .map(|(_, parts)| parts.clone())
                .collect();
            return query::keys_condition(self.resource, &keys, dialect);
        }
        let mut keys = self.selected(from, to);
        let excluded: Vec<i64> = blocked.range(from..=to).copied().collect();
        if !excluded.is_empty() {
            // Written into the statement: places are numbers of our own making, and there may be more than can be bound.
            let list = excluded.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            keys.and_where(dialect.custom(&format!("? NOT IN ({list})"), [Expr::col((tables::SELECTED, "seq"))]));
        }
        keys_subquery(self.resource, keys, dialect)
    }

    fn selected(&self, from: i64, to: i64) -> SelectStatement {
        Query::select()
            .column((tables::SELECTED, "record_key"))
            .from(tables::SELECTED)
            .and_where(Expr::col((tables::SELECTED, "task_id")).eq(self.task_id))
            .and_where(Expr::col((tables::SELECTED, "seq")).between(from, to))
            .take()
    }

    async fn fetch_keys<C: ConnectionTrait>(&self, connection: &C) -> Result<Vec<(i64, Vec<Value>)>> {
        let mut keys = Vec::with_capacity((self.to - self.from + 1) as usize);
        for (seq, key) in self.read_selected(connection, self.from, self.to).await? {
            let parts = query::split_key(self.resource, &key).map_err(|error| Error::Invalid(vec![error]))?;
            keys.push((seq, parts));
        }
        Ok(keys)
    }

    async fn read_selected<C: ConnectionTrait>(
        &self,
        connection: &C,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, String)>> {
        let mut select = self.selected(from, to);
        select.clear_selects().columns(["seq", "record_key"]).order_by("seq", Order::Asc);
        let rows = connection.rows(&select).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    async fn key_of<C: ConnectionTrait>(&self, connection: &C, seq: i64) -> Result<String> {
        let found = self.read_selected(connection, seq, seq).await?.pop();
        found.map(|(_, key)| key).ok_or_else(|| Error::Internal(format!("place {seq} of the frozen selection is gone")))
    }

    /// How many of a range's records exist.
    async fn existing<C: ConnectionTrait>(
        &self,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<u64> {
        let mut select = Query::select();
        select
            .expr(Expr::cust("COUNT(*)"))
            .from(self.resource.table.table_ref())
            .and_where(self.keys_condition(from, to, blocked));
        connection.number(&select).await
    }

    /// The records of a range that don't exist.
    async fn gone<C: ConnectionTrait>(&self, connection: &C, from: i64, to: i64) -> Result<Vec<(i64, String)>> {
        let dialect = self.app.database().dialect();
        let mut select = Query::select();
        select
            .expr(self.resource.key_expr(dialect))
            .from(self.resource.table.table_ref())
            .and_where(self.keys_condition(from, to, &BTreeSet::new()));
        let mut existing = std::collections::HashSet::new();
        for row in connection.rows(&select).await? {
            existing.insert(self.parts(&row.try_get_by_index::<String>(0)?)?);
        }
        let mut gone = Vec::new();
        for (seq, key) in self.read_selected(connection, from, to).await? {
            if !existing.contains(&self.parts(&key)?) {
                gone.push((seq, key));
            }
        }
        Ok(gone)
    }

    /// A key in a form that compares: databases write composite keys with and without blanks, bytes in capitals or not.
    fn parts(&self, key: &str) -> Result<Vec<String>> {
        let parts = query::split_key(self.resource, key).map_err(|error| Error::Invalid(vec![error]))?;
        let columns = self.resource.key_columns();
        let texts = columns.iter().zip(&parts).map(|(column, part)| match column.column_type {
            ColumnType::Bytes => part.to_text().to_lowercase(),
            ColumnType::Uuid => part.to_text().to_lowercase().replace('-', ""),
            _ => part.to_text(),
        });
        Ok(texts.collect())
    }
}
