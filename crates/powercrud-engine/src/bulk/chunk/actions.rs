//! A chunk of an action of code: its statements over many records, or its function for each.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::FutureExt as _;
use sea_orm::sea_query::{Cond, Expr, Query, UpdateStatement};

use super::{Attempted, Chunk, Failed, Undone, attempt::Done};
use crate::{
    action::{ActionChunk, ActionRecord, ActionStatement, Reason, RecordFn, RecordParts, StatementsFn},
    bulk::operation::{ActionRun, Range},
    error::{Error, FieldError, Result},
    form,
    query::{self, Row, read},
    record::values_of,
    resource::{Field, Resource},
};
use powercrud_db::{Fault, QueryExt as _, Transaction, roll_back_to};

/// Records that were read for an action, by place.
pub(super) type Records = BTreeMap<i64, Row>;

const PANICKED: &str = "ACTION_PANICKED";

impl Chunk<'_> {
    /// The chunk's records that are gone. The others are locked until the transaction ends.
    pub(in crate::bulk) async fn find_gone(&mut self, transaction: &Transaction) -> Result<Vec<Failed>> {
        let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
        let present = match self.lock_rows(transaction, &keys).await? {
            Some(present) => present,
            None => self.existing(transaction, keys.clone()).await?,
        };
        let size = (self.to - self.from + 1) as u64;
        if present > size {
            return Err(Fault::key_not_unique(present).into());
        }
        if present == size {
            return Ok(Vec::new());
        }
        let present = self.read_keys(transaction, Cond::all().add(keys)).await?;
        let gone = self.keys.among(transaction, self.from, self.to, |key| !present.contains(key)).await?;
        Ok(gone.into_iter().map(|(seq, record_key)| Failed::gone(seq, record_key)).collect())
    }

    /// Reads the chunk's records, so that each is at hand when its turn comes, and returns those that are gone.
    pub(in crate::bulk) async fn read_records(&mut self, transaction: &Transaction) -> Result<Vec<Failed>> {
        let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
        self.lock_rows(transaction, &keys).await?;
        let mut rows = self.rows_by_key(transaction, self.resource, keys).await?;
        let mut gone = Vec::new();
        for (seq, record_key) in self.keys.among(transaction, self.from, self.to, |_| true).await? {
            match rows.remove(&self.keys.parts(&record_key)?) {
                Some(row) => _ = self.records.insert(seq, row),
                None => gone.push(Failed::gone(seq, record_key)),
            }
        }
        Ok(gone)
    }

    /// The rows that match, with the fields of `resource`, by their keys in a form that compares.
    pub(super) async fn rows_by_key(
        &self,
        transaction: &Transaction,
        resource: &Resource,
        condition: Expr,
    ) -> Result<HashMap<Vec<String>, Row>> {
        let fields: Vec<&Field> = resource.fields.iter().collect();
        let dialect = self.engine.database().dialect();
        let mut select = query::row_select(resource, &fields, dialect, read::EDITED);
        select.and_where(condition);
        let mut rows = HashMap::new();
        for row in transaction.rows(&select).await? {
            let row = query::read_row(&row, &fields, read::EDITED)?;
            if rows.insert(self.keys.parts(&row.key)?, row).is_some() {
                return Err(Fault::key_not_unique(2).into());
            }
        }
        Ok(rows)
    }

    /// An UPDATE of the rows that `condition` finds, with the next version.
    fn update_of(&self, condition: Expr) -> UpdateStatement {
        let mut update = Query::update();
        update.table(self.resource.table.table_ref()).and_where(condition);
        form::set_version(&mut update, self.resource, self.engine.database().dialect());
        update
    }

    /// Runs an action's statements over a range of records.
    pub(in crate::bulk) async fn attempt_statements(
        &mut self,
        transaction: &Transaction,
        run: &ActionRun,
        work: &StatementsFn,
        range: Range<'_>,
    ) -> Result<Attempted> {
        let keys = self.keys.condition(transaction, range.from, range.to, range.blocked).await?;
        let (update, values) = (self.update_of(keys.clone()), run.filled_in());
        let statements = {
            let chunk = ActionChunk {
                table: &self.resource.table,
                keys: &keys,
                update: &update,
                values: &values,
                task_id: self.task_id,
                user_id: run.user_id.as_deref(),
                records: range.size,
            };
            catch_unwind(AssertUnwindSafe(|| work(&chunk)))
        };
        let name = &run.action.name;
        let statements = match statements {
            Ok(Ok(statements)) => statements,
            Ok(Err(error)) => match error.reason {
                Reason::Database(error) => return Err(error.into()),
                // It was about no record yet.
                Reason::Record(FieldError { message, .. }) => {
                    return Err(Fault::of_all("ACTION_FAILED", name, format!("the action {name}: {message}")).into());
                }
            },
            Err(_) => {
                return Err(Fault::of_all(PANICKED, name, format!("the code of the action {name} panicked")).into());
            }
        };
        let savepoint = transaction.begin().await?;
        for statement in &statements {
            let table = &self.resource.table;
            let written: Result<()> = match statement {
                ActionStatement::Update(update) => {
                    savepoint.write(table, &**update).await.map(drop).map_err(Error::from)
                }
                ActionStatement::Insert(insert) => savepoint.insert(insert).await.map(drop).map_err(Error::from),
                ActionStatement::Delete(delete) => savepoint.delete(delete).await.map(drop).map_err(Error::from),
            };
            if let Err(error) = written {
                let attempt = self.failed(transaction, savepoint, error).await?;
                return Ok(attempt.map_err(Undone::Fault));
            }
        }
        savepoint.commit().await?;
        Ok(Ok(Done::default()))
    }

    /// Runs an action's code for the one record of a range.
    pub(in crate::bulk) async fn attempt_record(
        &mut self,
        transaction: &Transaction,
        run: &ActionRun,
        work: &RecordFn,
        range: Range<'_>,
    ) -> Result<Attempted> {
        let seq = (range.from..=range.to).find(|seq| !range.blocked.contains(seq)).unwrap_or(range.from);
        let Some(row) = self.records.get(&seq) else {
            return Err(Error::Internal(format!("the record at place {seq} was not read")));
        };
        let key = query::split_key(self.resource, &row.key).map_err(|error| Error::Invalid(vec![error]))?;
        let condition = query::keys_condition(self.resource, &[key], self.engine.database().dialect());
        let parts = RecordParts {
            key: row.key.clone(),
            cells: values_of(self.resource, row),
            update: self.update_of(condition.clone()),
            condition,
            values: run.filled_in(),
            task_id: self.task_id,
            idempotency_key: run.idempotency_key(self.task_id, &row.key),
            user_id: run.user_id.clone(),
        };
        let record = ActionRecord { parts, transaction: transaction.begin().await? };
        let result = AssertUnwindSafe(async { work(&record).await }).catch_unwind().await;
        let savepoint = record.transaction;
        let error = match result {
            Ok(Ok(())) => {
                savepoint.commit().await?;
                return Ok(Ok(Done::default()));
            }
            Ok(Err(error)) => error.reason,
            Err(_) => {
                let message = format!("the code of the action {} panicked", run.action.name);
                Reason::Record(FieldError { field: None, code: PANICKED.into(), message })
            }
        };
        match error {
            Reason::Database(error) => {
                let attempt = self.failed(transaction, savepoint, error.into()).await?;
                Ok(attempt.map_err(Undone::Fault))
            }
            Reason::Record(error) if roll_back_to(savepoint).await => Ok(Err(Undone::Record(error))),
            Reason::Record(error) => Err(Error::Invalid(vec![error])),
        }
    }
}
