//! One chunk of the frozen selection: one set-based statement, and where that fails, halves of it, until each bad record stands alone.
//!
//! All of it happens inside the caller's transaction, each try in a savepoint. Most bad records of a delete are found by one query
//! (other records refer to them), so that a chunk with thousands of them does not fall to thousands of statements.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, TransactionTrait as _,
    sea_query::{Cond, Condition, Expr, Query},
};
use uuid::Uuid;

use super::{chunk_keys::ChunkKeys, preview::referred_to, report::record_fault};
use crate::{
    app::PowerCrud,
    db::{Fault, ForeignKey, ReferentialAction, Run as _, Table},
    error::{Error, FieldError, Result},
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
    from: i64,
    to: i64,
    keys: ChunkKeys<'a>,
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
    ) -> Self {
        let keys = ChunkKeys::new(resource, app.database().dialect(), task_id, (from, to));
        Self { app, resource, operation, from, to, keys }
    }

    /// Runs the chunk. Record errors are returned, not written.
    ///
    /// # Errors
    /// Passing faults and faults of the statement; the caller rolls the transaction back.
    pub(super) async fn apply(&mut self, transaction: &DatabaseTransaction) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut blocked = BTreeSet::new();
        let mut looked_for_blockers = false;
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
                let record_key = self.keys.key_of(transaction, seq).await?;
                let changes = match self.operation {
                    Operation::Update(changes) => &changes[..],
                    Operation::Delete => &[],
                };
                let error = record_fault(self.resource, &fault, changes);
                outcome.errors.push(Failed { seq, record_key, error });
            } else if outcome.errors.len() - blocked.len() >= BISECTIONS {
                attempts.extend((from..=to).rev().map(|seq| Attempt { from: seq, to: seq }));
            } else {
                let middle = from + (to - from) / 2;
                attempts.push(Attempt { from: middle + 1, to });
                attempts.push(Attempt { from, to: middle });
            }
        }
        outcome.errors.sort_by_key(|failed| failed.seq);
        Ok(outcome)
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
        let keys = self.keys.condition(transaction, from, to, blocked).await?;
        let savepoint = transaction.begin().await?;
        match self.execute(&savepoint, keys.clone()).await {
            Ok(matched) if matched >= size => {
                savepoint.commit().await?;
                Ok(Ok(0))
            }
            Ok(matched) => {
                // Fewer than selected: the others are gone, or a trigger kept the statement from them without a word.
                let untouched = size - matched;
                let existing = self.existing(&savepoint, keys).await?;
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

    async fn execute(&self, transaction: &DatabaseTransaction, keys: Expr) -> Result<u64> {
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

    /// The chunk's records whose delete other tables refuse, each with the first of them.
    ///
    /// Only references whose rows this delete can't remove by itself are looked at: none from the table itself, and none from
    /// tables that a cascade may empty. What is left over is found by trying.
    async fn find_blocked(&mut self, transaction: &DatabaseTransaction) -> Result<Vec<Failed>> {
        let mut blocked: Vec<Failed> = Vec::new();
        let mut seen = BTreeSet::new();
        for (table, key) in self.blockers() {
            let rows = self.read_blocked(transaction, table, key).await?;
            for (seq, record_key) in rows {
                if seen.insert(seq) {
                    let what =
                        self.app.resources().iter().find(|resource| resource.model_name == table.qualified_name());
                    let what = what.map_or_else(|| table.qualified_name(), |resource| resource.label_plural.clone());
                    let error = FieldError {
                        field: None,
                        code: "FOREIGN_KEY".into(),
                        message: format!("{what} refer to it ({}.{})", table.qualified_name(), key.columns.join(", ")),
                    };
                    blocked.push(Failed { seq, record_key, error });
                }
            }
        }
        Ok(blocked)
    }

    fn blockers(&self) -> Vec<(&'a Table, &'a ForeignKey)> {
        let target: &'a Table = &self.resource.table;
        let catalog = self.app.catalog();
        // Everything that a cascade from the target may reach.
        let mut reached = vec![target];
        let mut next = 0;
        while let Some(&table) = reached.get(next) {
            next += 1;
            for (from, key) in catalog.referrers(table) {
                let known = reached
                    .iter()
                    .any(|other| std::ptr::eq(*other, from) || other.qualified_name() == from.qualified_name());
                if key.on_delete != ReferentialAction::Restrict && !known {
                    reached.push(from);
                }
            }
        }
        let removable = |table: &Table| reached.iter().any(|other| other.qualified_name() == table.qualified_name());
        catalog
            .referrers(target)
            .filter(|(from, key)| key.on_delete == ReferentialAction::Restrict && !removable(from))
            .collect()
    }

    async fn read_blocked(
        &mut self,
        transaction: &DatabaseTransaction,
        table: &Table,
        key: &ForeignKey,
    ) -> Result<Vec<(i64, String)>> {
        let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
        let condition = Cond::all().add(keys).add(referred_to(self.resource, table, key));
        let blocked = self.read_keys(transaction, condition).await?;
        if blocked.is_empty() {
            return Ok(Vec::new());
        }
        self.keys.among(transaction, self.from, self.to, |key| blocked.contains(key)).await
    }
}
