//! One statement over a range of records, in a savepoint: it stands, or some record's fault undoes it.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, Query},
};

use super::{Attempted, Chunk, Failed, Outcome, Undone, kept};
use crate::{
    bulk::operation::Range,
    bulk::{images::numbered_by_key, preview::links_differ},
    error::{Error, Result},
    form,
    record::{BY_POLICY, CHANGED_INSTEAD, KEPT},
    resource::Field,
};
use powercrud_db::{Fault, QueryExt as _, Transaction, roll_back_to};

/// What an attempt that stands did to its records.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::bulk) struct Done {
    /// So many were not there.
    pub(super) missing: u64,
    /// So many held what was to be set already, and were not written.
    pub(super) unchanged: u64,
}

/// The rows of one statement.
pub(super) struct Rows {
    pub(super) from: i64,
    pub(super) to: i64,
    /// How many records they are to be.
    pub(super) size: u64,
    pub(super) keys: Expr,
    /// Whether a row would be changed, where that can be told.
    pub(super) differs: Option<Expr>,
}

/// Whether all records of an attempt are accounted for.
enum Account {
    /// They are, and what was done stands.
    Done(Done),
    /// The database took the statements, and kept something of a record as it was.
    Kept(Fault),
    /// They are not.
    Unclear,
}

impl Account {
    fn where_all(are_accounted_for: bool, done: Done) -> Self {
        if are_accounted_for { Self::Done(done) } else { Self::Unclear }
    }
}

fn kept_field(field: String) -> Fault {
    Fault { field: Some(field), ..Fault::of_record("NOT_CHANGED", kept::FIELD_KEPT) }
}

/// Undoes an attempt because of some record's fault. Where the database has ended the whole transaction by it, nothing more can be done
/// here, and the fault is that of the chunk.
pub(super) async fn undone(savepoint: Transaction, fault: Fault) -> Result<Result<Done, Fault>> {
    if roll_back_to(savepoint).await { Ok(Err(fault)) } else { Err(Error::Database(Box::new(fault))) }
}

/// Whether a transaction goes on.
async fn answers(transaction: &Transaction) -> bool {
    transaction.row(&Query::select().expr(Expr::cust("1")).take()).await.is_ok()
}

impl Chunk<'_> {
    /// Undoes an attempt because of an error, which is some record's, or that of the whole transaction.
    ///
    /// What announces that the connection is lost, or the database full, may have been raised by a trigger: where the database goes on in
    /// the same transaction, neither is so.
    pub(super) async fn failed(
        &self,
        transaction: &Transaction,
        savepoint: Transaction,
        error: Error,
    ) -> Result<Result<Done, Fault>> {
        match error {
            Error::Database(fault) if fault.is_record() => undone(savepoint, *fault).await,
            Error::Database(fault) => {
                let goes_on = roll_back_to(savepoint).await && self.may_be_raised(&fault) && answers(transaction).await;
                if goes_on { Ok(Err(fault.of_transaction_that_goes_on())) } else { Err(Error::Database(fault)) }
            }
            error => {
                roll_back_to(savepoint).await;
                Err(error)
            }
        }
    }

    fn may_be_raised(&self, fault: &Fault) -> bool {
        let raises = fault.is_answer() && self.engine.database().dialect().is_remote();
        // Deadlocks are worth another try of the whole transaction, until those were in vain.
        raises && !fault.is_interrupted() && (self.refusals_are_final || !fault.is_refusal())
    }

    /// One statement over a range, in a savepoint. `Ok(Ok(done))`: it stands. `Ok(Err(fault))`: some record's fault, and nothing stands.
    pub(in crate::bulk) async fn attempt_statement(
        &mut self,
        transaction: &Transaction,
        range: Range<'_>,
    ) -> Result<Attempted> {
        match self.resource.model.clone().filter(|_| self.operation.writes_records()) {
            Some(model) => Box::pin(self.attempt_model(transaction, range, &*model)).await,
            None => {
                let tried = self.statement(transaction, range).await?;
                let is_refused = |fault: &Fault| range.size == 1 && fault.code == "FOREIGN_KEY";
                // What refers to a record may go with it, after the database has looked.
                if self.operation.deletes() && tried.as_ref().is_err_and(is_refused) && self.may_check_late() {
                    self.checks_late = true;
                    let tried = self.statement(transaction, range).await;
                    self.checks_late = false;
                    return Ok(tried?.map_err(Undone::Fault));
                }
                Ok(tried.map_err(Undone::Fault))
            }
        }
    }

    /// Whether the database can look at references once a statement and all that follows from it is done.
    fn may_check_late(&self) -> bool {
        self.engine.database().dialect().checking_late().is_some()
    }

    pub(super) async fn statement(
        &mut self,
        transaction: &Transaction,
        range: Range<'_>,
    ) -> Result<Result<Done, Fault>> {
        let Range { from, to, size, blocked } = range;
        let keys = self.keys.condition(transaction, from, to, blocked).await?;
        let rows = Rows { from, to, size, keys, differs: self.differs() };
        // What a change of links leaves as it was is seen only before it.
        let look_first = self.operation.changes().is_some_and(|changes| !changes.links.is_empty());
        for look_first in [look_first, true] {
            let savepoint = transaction.begin().await?;
            let stamp = if look_first && size == 1 { self.stamp(&savepoint, &rows).await? } else { None };
            match self.change(&savepoint, &rows, blocked, look_first).await {
                Ok(Account::Done(done)) => {
                    savepoint.commit().await?;
                    return Ok(Ok(done));
                }
                Ok(Account::Kept(fault)) => return undone(savepoint, fault).await,
                Ok(Account::Unclear) if look_first => return self.kept(savepoint, &rows, stamp.as_deref()).await,
                Ok(Account::Unclear) => {
                    if !roll_back_to(savepoint).await {
                        return Err(Error::Internal("the database has ended the transaction by itself".into()));
                    }
                }
                Err(error) => return self.failed(transaction, savepoint, error).await,
            }
        }
        Err(Error::Internal("an attempt has two tries at most".into()))
    }

    /// What tells whether a row that a delete left where it was is another by now.
    async fn stamp<C: ConnectionTrait>(&self, connection: &C, rows: &Rows) -> Result<Option<String>> {
        let stamp = self.engine.database().dialect().row_stamp(&self.resource.table);
        let Some(stamp) = stamp.filter(|_| self.operation.deletes()) else { return Ok(None) };
        let mut select = Query::select();
        select.expr(stamp).from(self.resource.table.table_ref()).and_where(rows.keys.clone());
        let row = connection.row(&select).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Some of the rows are where they were. Of a single one its outcome can be told; a delete that a trigger turned into a
    /// change of the row stands as that change.
    async fn kept(&self, savepoint: Transaction, rows: &Rows, stamp: Option<&str>) -> Result<Result<Done, Fault>> {
        let after = if stamp.is_some() { self.stamp(&savepoint, rows).await? } else { None };
        if after.is_some() && after.as_deref() != stamp {
            savepoint.commit().await?;
            return Ok(Err(Fault::of_record("NOT_DELETED", CHANGED_INSTEAD)));
        }
        let dialect = self.engine.database().dialect();
        let mut message = KEPT;
        if rows.size == 1 && dialect.has_policies(&savepoint, &self.resource.table).await? {
            let locked = self.lock_rows(&savepoint, &rows.keys).await?;
            if locked.is_some_and(|locked| locked == 0) {
                message = BY_POLICY;
            }
        }
        undone(savepoint, Fault::of_record("NOT_CHANGED", message)).await
    }

    /// Changes rows, and accounts for each of them: changed, unchanged because it held all that already, or not there. Where some can't
    /// be accounted for, the database may have kept them as they were; or it has written other values than were set, which is told
    /// from that only where it was looked first which rows would differ.
    async fn change(
        &mut self,
        savepoint: &Transaction,
        rows: &Rows,
        blocked: &BTreeSet<i64>,
        look_first: bool,
    ) -> Result<Account> {
        let same_before = match &rows.differs {
            Some(differs) if look_first => {
                self.lock_rows(savepoint, &rows.keys).await?;
                Some(self.existing(savepoint, rows.keys.clone().and(differs.clone().not())).await?)
            }
            _ => None,
        };
        if !self.key_is_unique {
            self.lock_rows(savepoint, &rows.keys).await?;
            let (found, keys) =
                (self.existing(savepoint, rows.keys.clone()).await?, self.named(savepoint, rows, blocked).await?);
            if found > keys {
                return Err(Fault::key_not_unique(found).into());
            }
        }
        // What goes with another record of the same statement is not counted by every database, nor what goes by its trigger.
        let cascades = self.cascades_to_itself();
        let takes_others = self.operation.deletes() && self.has_triggers || cascades;
        let there_before = match takes_others {
            true => {
                self.lock_rows(savepoint, &rows.keys).await?;
                Some(self.existing(savepoint, rows.keys.clone()).await?)
            }
            false => None,
        };
        if cascades {
            self.note_cascades(savepoint, (rows.from, rows.to), &rows.keys).await?;
        }
        let before = if look_first { self.differing(savepoint, rows).await? } else { None };
        let dialect = self.engine.database().dialect();
        let late = if self.checks_late { dialect.checking_late().zip(dialect.checking_now()) } else { None };
        if let Some((late, _)) = late {
            savepoint.execute_unprepared(late).await?;
        }
        let matched = self.execute(savepoint, rows).await?;
        if let Some((_, now)) = late {
            savepoint.execute_unprepared(now).await?;
        }
        // Where the database lets no two rows have one key, as many rows as keys are each key's record.
        if matched > rows.size {
            return Err(Fault::key_not_unique(matched).into());
        }
        self.require_within(savepoint, (rows.from, rows.to), blocked).await?;
        self.change_links(savepoint, rows.from, rows.to, blocked, &rows.keys).await?;
        if let Some(fault) = self.kept_links(savepoint, &rows.keys).await? {
            return Ok(Account::Kept(fault));
        }
        // What a trigger kept as it was is not done, though the statement met it.
        match before {
            Some(before) => {
                let after = self.differing(savepoint, rows).await?.unwrap_or_default();
                if let Some((field, is_all)) = kept::field(&self.set_by_triggers(), &before, &after) {
                    return Ok(if is_all { Account::Unclear } else { Account::Kept(kept_field(field)) });
                }
                for key in after.keys() {
                    self.differing_when_done.insert(self.keys.parts(key)?);
                }
            }
            None if !look_first && self.may_keep(savepoint, rows).await? => return Ok(Account::Unclear),
            None => {}
        }
        // What was deleted may have been put back.
        let is_certain = !self.operation.deletes() || !self.has_triggers;
        if matched == rows.size && same_before.unwrap_or(0) == 0 && is_certain {
            return Ok(Account::Done(Done::default()));
        }
        let (existing, same) = self.existing_and_same(savepoint, rows).await?;
        if existing > rows.size {
            return Err(Fault::key_not_unique(existing).into());
        }
        let missing = rows.size - existing;
        if self.operation.deletes() {
            let missing = rows.size.saturating_sub(there_before.unwrap_or(matched));
            return Ok(Account::where_all(existing == 0, Done { missing, unchanged: 0 }));
        }
        // Those that were changed hold the values now, as those do that were not.
        let unchanged = same_before.unwrap_or(same.saturating_sub(matched));
        let changed = if self.writes() { matched } else { matched.saturating_sub(unchanged) };
        Ok(Account::where_all(changed + unchanged == existing, Done { missing, unchanged }))
    }

    /// The fields of an update that triggers may give other values than it sets.
    fn set_by_triggers(&self) -> Vec<&Field> {
        let Some(changes) = self.operation.changes() else { return Vec::new() };
        let fields = changes.fields.iter().filter_map(|change| self.resource.field(&change.field));
        if self.has_triggers { fields.collect() } else { Vec::new() }
    }

    /// Whether rows don't hold what was set, because of triggers.
    async fn may_keep<C: ConnectionTrait>(&self, connection: &C, rows: &Rows) -> Result<bool> {
        match &rows.differs {
            Some(differs) if !self.set_by_triggers().is_empty() => {
                Ok(self.existing(connection, rows.keys.clone().and(differs.clone())).await? > 0)
            }
            _ => Ok(false),
        }
    }

    /// What the rows hold that don't hold what is to be set, by their keys; `None` where no trigger keeps any.
    async fn differing<C: ConnectionTrait>(&self, connection: &C, rows: &Rows) -> Result<Option<kept::Differing>> {
        let (fields, Some(differs)) = (self.set_by_triggers(), &rows.differs) else { return Ok(None) };
        let Some(changes) = self.operation.changes() else { return Ok(None) };
        if fields.is_empty() {
            return Ok(None);
        }
        let condition = rows.keys.clone().and(differs.clone());
        kept::differing(connection, self.resource, self.engine.database().dialect(), &fields, changes, condition)
            .await
            .map(Some)
    }

    /// Whether there is anything to set on the rows of the table itself.
    fn writes(&self) -> bool {
        self.operation.changes().is_some_and(|changes| !changes.fields.is_empty() || self.resource.version.is_some())
    }

    /// Whether a row of the resource's table would be changed.
    pub(super) fn differs(&self) -> Option<Expr> {
        let changes = self.operation.changes()?;
        let dialect = self.engine.database().dialect();
        let fields = form::differs(self.resource, &changes.fields, dialect);
        fields.into_iter().chain(links_differ(self.resource, &changes.links, dialect)).reduce(Expr::or)
    }

    /// Sets what is to change, where that differs, or deletes, and keeps what was there.
    async fn execute(&self, transaction: &Transaction, rows: &Rows) -> Result<u64> {
        let dialect = self.engine.database().dialect();
        let Some(changes) = self.operation.changes() else {
            self.keep_before(transaction, &rows.keys, rows.from).await?;
            let mut delete = Query::delete();
            delete.from_table(self.resource.table.table_ref()).and_where(rows.keys.clone());
            return Ok(transaction.delete(&delete).await?);
        };
        if !self.writes() {
            return self.existing(transaction, rows.keys.clone()).await;
        }
        let changing = match &rows.differs {
            Some(differs) => rows.keys.clone().and(differs.clone()),
            None => rows.keys.clone(),
        };
        // Images that are numbered by place need the same places before and after.
        let kept = if numbered_by_key(self.resource, dialect) { &changing } else { &rows.keys };
        self.keep_before(transaction, kept, rows.from).await?;
        let mut update = Query::update();
        update.table(self.resource.table.table_ref()).and_where(changing);
        form::set(&mut update, self.resource, &changes.fields, dialect);
        form::set_version(&mut update, self.resource, dialect);
        let matched = transaction.write(&self.resource.table, &update).await?.rows_affected();
        self.keep_after(transaction, &rows.keys, rows.from).await?;
        Ok(matched)
    }

    /// Counts what an attempt did, and names the records of an update that are gone.
    pub(super) async fn count(
        &mut self,
        transaction: &Transaction,
        range: Range<'_>,
        done: Done,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let Range { from, to, size, blocked } = range;
        outcome.unchanged += done.unchanged;
        if done.missing == 0 || self.operation.deletes() {
            outcome.succeeded += size;
            outcome.missing += done.missing;
            return Ok(());
        }
        let gone = self.gone(transaction, from, to, blocked).await?;
        outcome.succeeded += size - gone.len() as u64;
        outcome.errors.extend(gone.into_iter().map(|(seq, record_key)| Failed::gone(seq, record_key)));
        Ok(())
    }

    /// How many of the rows exist, and how many of those hold what is to be set.
    pub(super) async fn existing_and_same<C: ConnectionTrait>(
        &self,
        connection: &C,
        rows: &Rows,
    ) -> Result<(u64, u64)> {
        let Some(differs) = &rows.differs else { return Ok((self.existing(connection, rows.keys.clone()).await?, 0)) };
        let same = Expr::case(differs.clone(), Expr::cust("NULL")).finally(Expr::cust("1"));
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).expr(same.count());
        select.from(self.resource.table.table_ref()).and_where(rows.keys.clone());
        let row = connection.row(&select).await?;
        let number = |index| -> Result<u64> {
            let number = row.as_ref().map(|row| row.try_get_by_index::<i64>(index)).transpose()?;
            Ok(number.unwrap_or(0) as u64)
        };
        Ok((number(0)?, number(1)?))
    }

    /// How many of the records exist.
    pub(super) async fn existing<C: ConnectionTrait>(&self, connection: &C, keys: Expr) -> Result<u64> {
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(self.resource.table.table_ref()).and_where(keys);
        Ok(connection.number(&select).await?)
    }

    /// How many of the keys are a record's, to the letter.
    async fn named<C: ConnectionTrait>(&mut self, connection: &C, rows: &Rows, blocked: &BTreeSet<i64>) -> Result<u64> {
        let existing = self.read_keys(connection, Cond::all().add(rows.keys.clone())).await?;
        let named = self.keys.among(connection, rows.from, rows.to, |key| existing.contains(key)).await?;
        Ok(named.iter().filter(|(seq, _)| !blocked.contains(seq)).count() as u64)
    }

    /// The records of a range that don't exist. Of the blocked ones that may not be seen here, it is told already.
    async fn gone<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Vec<(i64, String)>> {
        let keys = self.keys.condition(connection, from, to, &BTreeSet::new()).await?;
        let existing = self.read_keys(connection, Cond::all().add(keys)).await?;
        let mut gone = self.keys.among(connection, from, to, |key| !existing.contains(key)).await?;
        gone.retain(|(seq, _)| !blocked.contains(seq));
        Ok(gone)
    }
}
