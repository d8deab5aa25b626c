//! One chunk of the frozen selection: one set-based statement, and where that fails, halves of it, until each bad record stands alone.
//!
//! All of it happens inside the caller's transaction, each try in a savepoint. Most bad records of a delete are found by one query
//! (other records refer to them), so that a chunk with thousands of them does not fall to thousands of statements.

mod attempt;
mod blocked;
mod changed;
mod keep;
mod links;
mod restore;
mod taken;

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Condition, Query},
};
use uuid::Uuid;

use self::attempt::undone;
use super::{
    chunk_keys::ChunkKeys,
    images::Images,
    report::{delete_fault, record_fault},
};
use crate::{
    engine::Engine,
    error::{Error, FieldError, Result},
    resource::Resource,
    task::Operation,
};
use powercrud_db::{
    QueryExt as _, Transaction,
    rules::{Rules, WriteKind, is_key_unique},
};

/// What became of a chunk's records.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Done, including those of a delete that were gone already.
    pub(super) succeeded: u64,
    /// Of the done, those that were gone already.
    pub(super) missing: u64,
    /// Of the done, those that held the values already and were not written.
    pub(super) unchanged: u64,
    /// Failed, with the reason.
    pub(super) errors: Vec<Failed>,
    /// How many of the chunk's first records this is about, where the rest was not tried.
    pub(super) stopped_after: Option<i64>,
}

impl Outcome {
    /// The fault that all of these records failed alike by, one that nobody can tell whose it is; and how many they are.
    pub(super) fn alike(&self) -> Option<(Alike, u64)> {
        let first = self.errors.first()?.unknown.as_ref()?;
        let alike = self.succeeded == 0 && self.errors.iter().all(|failed| failed.unknown.as_ref() == Some(first));
        alike.then(|| (first.clone(), self.errors.len() as u64))
    }
}

/// By what faults are alike: this crate's code, and the database's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    pub(super) code: &'static str,
    pub(super) native: String,
}

/// A record that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) seq: i64,
    pub(super) record_key: String,
    pub(super) error: FieldError,
    /// What the fault is like, where it is the record's only until others fail alike.
    pub(super) unknown: Option<Alike>,
}

impl Failed {
    fn new(seq: i64, record_key: String, error: FieldError) -> Self {
        Self { seq, record_key, error, unknown: None }
    }

    fn gone(seq: i64, record_key: String) -> Self {
        let error = FieldError { field: None, code: GONE.into(), message: "the record is gone".into() };
        Self::new(seq, record_key, error)
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
    engine: &'a Engine,
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
    /// After so many failed records the rest is not tried.
    most_errors: usize,
    /// Whether the database lets no two rows have the same key; else it is looked before each statement.
    key_is_unique: bool,
    /// Whether triggers may do more than the statement says.
    has_triggers: bool,
    /// Whether a refusal that should pass is its record's by now.
    impatient: bool,
}

/// So long a single record is tried again that is refused by what should pass, so often.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);

/// After so many records that failed alike, by a fault of which nobody can tell whose it is, a chunk leaves the rest to be thought over.
pub(super) const ALIKE: u64 = 50;
/// The same of records each of which may take as long as a statement may, or as a lock is waited for.
const SLOW_ALIKE: u64 = 8;

impl Alike {
    /// Whether each such record takes its time.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.code, "INTERRUPTED" | "DEADLOCK" | "BUSY")
    }

    /// Nobody thinks of giving up before there are so many.
    pub(super) fn patience(&self) -> u64 {
        if self.is_slow() { SLOW_ALIKE } else { ALIKE }
    }
}

/// What the database says of a table when a task is taken up: the catalog is as old as the process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    key_is_unique: bool,
    /// Whether triggers run when rows are changed so.
    pub(super) has_triggers: bool,
}

impl Known {
    /// Asks the database. Where it does not answer, each statement looks by itself.
    pub(super) async fn ask(engine: &Engine, resource: &Resource, operation: &Operation) -> Self {
        let key_is_unique = is_key_unique(engine.database(), &resource.table).await.unwrap_or(false);
        let kind = match operation {
            Operation::Delete => WriteKind::Delete,
            Operation::Update(_) | Operation::Revert(_) => WriteKind::Update,
        };
        let rules = Rules::read(engine.database(), &resource.table, kind).await;
        let has_triggers = rules.map_or(true, |rules| rules.has_triggers());
        Self { key_is_unique, has_triggers }
    }
}

/// Records by place: a range without the places in `blocked`.
struct Attempt {
    from: i64,
    to: i64,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        resource: &'a Resource,
        operation: &'a Operation,
        task_id: Uuid,
        (from, to): (i64, i64),
        look_first: bool,
    ) -> Self {
        let keys = ChunkKeys::new(resource, engine.database().dialect(), task_id, (from, to));
        Self {
            engine,
            resource,
            operation,
            images: None,
            image_offset: 0,
            task_id,
            from,
            to,
            keys,
            look_first,
            most_errors: usize::MAX,
            key_is_unique: true,
            has_triggers: false,
            impatient: false,
        }
    }

    /// Takes refusals that should pass for those of their records: to try all of it again was in vain.
    pub(super) fn impatient(self, impatient: bool) -> Self {
        Self { impatient, ..self }
    }

    /// What the database says of the table now.
    pub(super) fn on(self, known: Known) -> Self {
        Self { key_is_unique: known.key_is_unique, has_triggers: known.has_triggers, ..self }
    }

    /// Stops after so many failed records, where nothing will stand anyhow.
    pub(super) fn most_errors(self, most_errors: usize) -> Self {
        Self { most_errors, ..self }
    }

    /// Keeps an image of each record. `offset`: as many as the task has records where some are tried again.
    pub(super) fn keeping(self, images: Option<&'a Images>, offset: i64) -> Self {
        Self { images, image_offset: offset, ..self }
    }

    /// Runs the chunk. Record errors are returned, not written.
    ///
    /// # Errors
    /// Passing faults and faults of the statement; the caller rolls the transaction back.
    pub(super) async fn apply(&mut self, transaction: &Transaction) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut blocked = BTreeSet::new();
        for (seq, record_key, reason) in self.keys.lost(transaction, self.from, self.to).await? {
            blocked.insert(seq);
            let error = FieldError { field: None, code: "UNKNOWN_RECORD".into(), message: reason.into() };
            outcome.errors.push(Failed::new(seq, record_key, error));
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
        // Since when a single record is refused by what should pass.
        let mut refused: Option<(i64, Instant)> = None;
        while let Some(Attempt { from, to }) = attempts.pop() {
            let size = (to - from + 1) as u64 - blocked.range(from..=to).count() as u64;
            if size == 0 {
                continue;
            }
            let fault = match self.attempt(transaction, from, to, size, &blocked).await? {
                Ok(done) => {
                    self.count(transaction, (from, to), size, done, &mut outcome).await?;
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
            if size == 1 && fault.is_refusal() {
                let (of, since) =
                    *refused.insert(refused.filter(|(of, _)| *of == from).unwrap_or((from, Instant::now())));
                if since.elapsed() < PATIENCE {
                    tokio::time::sleep(PAUSE).await;
                    attempts.push(Attempt { from: of, to });
                    continue;
                }
            }
            if size == 1 {
                let seq = (from..=to).find(|seq| !blocked.contains(seq)).unwrap_or(from);
                outcome.errors.push(self.blame(transaction, seq, &fault.into()).await?);
                let alike = outcome.alike().is_some_and(|(alike, records)| records >= alike.patience());
                if (alike && !last_first) || outcome.errors.len() >= self.most_errors {
                    outcome.errors.retain(|failed| failed.seq <= seq);
                    outcome.stopped_after = Some(seq - self.from + 1);
                    break;
                }
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
    pub(super) async fn blame<C: ConnectionTrait>(&self, connection: &C, seq: i64, error: &Error) -> Result<Failed> {
        let changes = match self.operation {
            Operation::Update(changes) => &changes.fields[..],
            Operation::Delete | Operation::Revert(_) => &[],
        };
        let record_key = self.keys.key_of(connection, seq).await?;
        let (error, unknown) = match error {
            Error::Database(fault) => {
                let alike = Alike { code: fault.code, native: fault.native.clone() };
                let is_known = fault.is_record() && !fault.is_unknown();
                let is_delete = matches!(self.operation, Operation::Delete);
                let error = match is_delete && fault.code == "FOREIGN_KEY" {
                    true => self.who_refers(connection, seq).await?,
                    false => None,
                };
                let error = error.unwrap_or_else(|| match is_delete {
                    true => delete_fault(self.engine, self.resource, fault),
                    false => record_fault(self.resource, fault, changes),
                });
                (error, (!is_known).then_some(alike))
            }
            Error::Invalid(errors) if !errors.is_empty() => (errors[0].clone(), None),
            error => {
                let alike = Alike { code: "INTERNAL", native: String::new() };
                let error = FieldError { field: None, code: error.code().to_owned(), message: error.to_string() };
                (error, Some(alike))
            }
        };
        Ok(Failed { seq, record_key, error, unknown })
    }

    /// The keys of the records that match, in a form that compares.
    async fn read_keys<C: ConnectionTrait>(
        &self,
        connection: &C,
        condition: Condition,
    ) -> Result<HashSet<Vec<String>>> {
        let mut select = Query::select();
        select
            .expr(self.resource.key_expr(self.engine.database().dialect()))
            .from(self.resource.table.table_ref())
            .cond_where(condition);
        let rows = connection.rows(&select).await?;
        rows.iter().map(|row| self.keys.parts(&row.try_get_by_index::<String>(0)?)).collect()
    }
}
