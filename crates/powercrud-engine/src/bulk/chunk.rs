//! One chunk of the frozen selection: one set-based statement, and where that fails, halves of it, until each bad record stands alone.
//!
//! All of it happens inside the caller's transaction, each try in a savepoint. Most bad records of a delete are found by one query
//! (other records refer to them), so that a chunk with thousands of them does not fall to thousands of statements.

mod actions;
mod attempt;
mod blocked;
mod cascades;
mod changed;
mod dangling;
mod keep;
mod kept;
mod links;
mod models;
mod restore;
mod rules;
mod scope;
mod together;
mod undone_again;
mod unsupported;

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Condition, Query},
};
use uuid::Uuid;

pub(super) use self::rules::OwnCode;
use self::{
    actions::Records,
    attempt::{Done, undone},
};
use super::{chunk_keys::ChunkKeys, images::Images};
use crate::{
    bulk::operation::{Operation, Range, goes_one_by_one},
    engine::Engine,
    error::{Error, FieldError, Result},
    faults::{delete_fault, record_fault},
    resource::Resource,
};
use powercrud_db::{
    Fault, QueryExt as _, Transaction,
    rules::{Rules, is_key_unique},
};

/// The outcome of a chunk's records.
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

/// What an attempt did, where it stands, or why it was undone.
pub(super) type Attempted = std::result::Result<Done, Undone>;

/// Some record's error, by which an attempt was undone.
pub(super) enum Undone {
    /// What the database said.
    Fault(Fault),
    /// What an action's own code said.
    Record(FieldError),
    /// What rules of the application have against these records; the others have not been tried without them.
    Refused(Vec<Failed>),
}

impl Undone {
    /// Whether a record was changed all the same, which stands.
    fn leaves_a_change(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.code == "NOT_DELETED")
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
    operation: &'a dyn Operation,
    /// What is kept of each record, for a revert.
    images: Option<&'a Images>,
    /// Added to the places that images are numbered by, where records are tried again whose places may be taken.
    image_offset: i64,
    task_id: Uuid,
    from: i64,
    to: i64,
    keys: ChunkKeys<'a>,
    /// What the application adds.
    own_code: Option<OwnCode>,
    /// Read beforehand, for an action that goes through them one by one.
    records: Records,
    /// Whether a delete looks for records that others refer to before anything fails.
    look_first: bool,
    /// After so many failed records the rest is not tried.
    most_errors: usize,
    /// Whether the database lets no two rows have the same key; else it is looked before each statement.
    key_is_unique: bool,
    /// Whether triggers may do more than the statement says.
    has_triggers: bool,
    /// The keys of records of which triggers made something else than what was set, when they were done.
    differing_when_done: HashSet<Vec<String>>,
    /// Whether what may be checked at the end of a transaction is checked after a statement, and not within it.
    checks_late: bool,
    /// Whether rows that come again do so without their references to others of the table at first.
    links_later: bool,
    /// [`Known::links_kept_by`].
    links_kept_by: &'a str,
    /// Whether a refusal that should pass is its record's by now.
    refusals_are_final: bool,
}

/// So long a single record is tried again that is refused by what should pass, so often.
const RETRY_FOR: Duration = Duration::from_secs(1);
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
    pub(super) fn limit(&self) -> u64 {
        if self.is_slow() { SLOW_ALIKE } else { ALIKE }
    }
}

/// What the database says of a table when a task is taken up: the catalog is as old as the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    key_is_unique: bool,
    /// Whether triggers run when rows are changed so.
    pub(super) has_triggers: bool,
    /// By what the database may do something else to links than it is told, and raise no error: in words, empty where by nothing.
    links_kept_by: String,
}

impl Known {
    /// Asks the database. Where it does not answer, each statement looks by itself.
    pub(super) async fn ask(engine: &Engine, resource: &Resource, operation: &dyn Operation) -> Self {
        let key_is_unique = is_key_unique(engine.database(), &resource.table).await.unwrap_or(false);
        let has_triggers = has_triggers(engine, resource, operation).await;
        let links_kept_by = links::kept_by(engine, resource, operation).await;
        Self { key_is_unique, has_triggers, links_kept_by }
    }
}

/// Whether triggers run when rows are changed so; where the database does not answer, they may.
pub(super) async fn has_triggers(engine: &Engine, resource: &Resource, operation: &dyn Operation) -> bool {
    let rules = Rules::read(engine.database(), &resource.table, operation.write_kind()).await;
    rules.map_or(true, |rules| rules.has_triggers())
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
        operation: &'a dyn Operation,
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
            own_code: None,
            records: Records::new(),
            look_first,
            most_errors: usize::MAX,
            key_is_unique: true,
            has_triggers: false,
            differing_when_done: HashSet::new(),
            checks_late: false,
            links_later: false,
            links_kept_by: "",
            refusals_are_final: false,
        }
    }

    /// Takes refusals that should pass for those of their records: to try all of it again was in vain.
    pub(super) fn refusals_are_final(self, refusals_are_final: bool) -> Self {
        Self { refusals_are_final, ..self }
    }

    /// What the database says of the table now.
    pub(super) fn on(self, known: &'a Known) -> Self {
        let Known { key_is_unique, has_triggers, links_kept_by } = known;
        Self { key_is_unique: *key_is_unique, has_triggers: *has_triggers, links_kept_by, ..self }
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
        let mut blocked = self.examine(transaction, &mut outcome).await?;
        let operation = self.operation;
        let mut looked_for_blockers = false;
        if self.look_first && operation.finds_blocked() {
            looked_for_blockers = true;
            let mut found = self.find_blocked(transaction, &blocked).await?;
            found.retain(|failed| !blocked.contains(&failed.seq));
            blocked.extend(found.iter().map(|failed| failed.seq));
            outcome.errors.extend(found);
        }
        // Who refers to others of the same table mostly comes after them.
        let last_first = operation.deletes() && self.keeps_itself();
        let mut attempts = match goes_one_by_one(operation, self.resource) {
            true => (self.from..=self.to).rev().map(|seq| Attempt { from: seq, to: seq }).collect(),
            false => vec![Attempt { from: self.from, to: self.to }],
        };
        // Since when a single record is refused by what should pass.
        let mut refused: Option<(i64, Instant)> = None;
        while let Some(Attempt { from, to }) = attempts.pop() {
            let size = (to - from + 1) as u64 - blocked.range(from..=to).count() as u64;
            if size == 0 {
                continue;
            }
            let range = Range { from, to, size, blocked: &blocked };
            let error = match Box::pin(self.attempt(transaction, range)).await? {
                Ok(done) => {
                    self.count(transaction, range, done, &mut outcome).await?;
                    continue;
                }
                Err(Undone::Fault(fault)) => Error::from(fault),
                Err(Undone::Record(error)) => Error::Invalid(vec![error]),
                Err(Undone::Refused(refused)) => {
                    blocked.extend(refused.iter().map(|failed| failed.seq));
                    outcome.errors.extend(refused);
                    attempts.push(Attempt { from, to });
                    continue;
                }
            };
            let fault = if let Error::Database(fault) = &error { Some(&**fault) } else { None };
            if fault.is_some_and(|fault| operation.may_be_blocked(fault)) && !looked_for_blockers {
                looked_for_blockers = true;
                let mut found = self.find_blocked(transaction, &blocked).await?;
                found.retain(|failed| !blocked.contains(&failed.seq));
                if !found.is_empty() {
                    blocked.extend(found.iter().map(|failed| failed.seq));
                    outcome.errors.extend(found);
                    attempts.push(Attempt { from, to });
                    continue;
                }
            }
            if size == 1 && fault.is_some_and(Fault::is_refusal) {
                let (of, since) =
                    *refused.insert(refused.filter(|(of, _)| *of == from).unwrap_or((from, Instant::now())));
                if since.elapsed() < RETRY_FOR {
                    tokio::time::sleep(PAUSE).await;
                    attempts.push(Attempt { from: of, to });
                    continue;
                }
            }
            if size == 1 {
                let seq = (from..=to).find(|seq| !blocked.contains(seq)).unwrap_or(from);
                outcome.errors.push(self.attribute_error(transaction, seq, &error).await?);
                let alike = outcome.alike().is_some_and(|(alike, records)| records >= alike.limit());
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
        Box::pin(self.find_undone_again(transaction, &mut outcome)).await?;
        Box::pin(self.ended(transaction, &outcome)).await?;
        Ok(outcome)
    }

    /// Looks at the chunk's records before the first of them is tried. Those that it names are not; it returns their places.
    async fn examine(&mut self, transaction: &Transaction, outcome: &mut Outcome) -> Result<BTreeSet<i64>> {
        let mut blocked = BTreeSet::new();
        for (seq, record_key, reason) in self.keys.lost(transaction, self.from, self.to).await? {
            blocked.insert(seq);
            let error = FieldError { field: None, code: "UNKNOWN_RECORD".into(), message: reason.into() };
            outcome.errors.push(Failed::new(seq, record_key, error));
        }
        Box::pin(self.begin(transaction)).await?;
        let operation = self.operation;
        for found in [
            self.find_beyond(transaction).await?,
            self.find_changed(transaction).await?,
            operation.prepare(self, transaction).await?,
        ] {
            let found: Vec<_> = found.into_iter().filter(|failed| blocked.insert(failed.seq)).collect();
            outcome.errors.extend(found);
        }
        Ok(blocked)
    }

    /// A record with the fault that is its own.
    pub(super) async fn attribute_error<C: ConnectionTrait>(
        &self,
        connection: &C,
        seq: i64,
        error: &Error,
    ) -> Result<Failed> {
        let changes = self.operation.changes().map_or(&[][..], |changes| &changes.fields);
        let record_key = self.keys.key_of(connection, seq).await?;
        let (error, unknown) = match error {
            Error::Database(fault) => {
                let alike = Alike { code: fault.code, native: fault.native.clone() };
                let is_known = fault.is_record() && !fault.is_unknown();
                let is_delete = self.operation.deletes();
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
