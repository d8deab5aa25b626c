//! The rules and hooks of the application around a chunk: each changed record is checked before what an attempt did stands.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{Attempted, Chunk, Failed, Outcome, Undone};
use crate::{
    bulk::operation::Range,
    chunk_hook::ChunkOfTask,
    engine::Engine,
    error::{Error, FieldError, Result},
    extensions::Extensions,
    record::values_of,
    record_values::RecordValues,
    resource::Resource,
    validate::ChangedRecord,
};
use powercrud_db::{Transaction, roll_back_to};
use sea_orm::sea_query::Expr;

/// What the application adds to a chunk.
#[derive(Clone, Debug)]
pub(in crate::bulk) struct OwnCode {
    extensions: Extensions,
    /// The resource with all of its fields, whatever the user may see.
    whole: Arc<Resource>,
    user_id: Option<String>,
    /// What the records held when the chunk began, where there are rules.
    before: HashMap<Vec<String>, RecordValues>,
}

impl OwnCode {
    /// `None` where the application adds nothing.
    pub(in crate::bulk) fn of(engine: &Engine, resource: &Resource, user_id: Option<String>) -> Result<Option<Self>> {
        let extensions = engine.extensions(resource);
        if extensions.rules.is_empty() && extensions.chunk_hooks.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { extensions, whole: engine.whole(resource)?, user_id, before: HashMap::new() }))
    }

    /// Whether each record is read before and after.
    pub(in crate::bulk) fn has_rules(&self) -> bool {
        !self.extensions.rules.is_empty()
    }

    async fn refuse(
        &self,
        transaction: &Transaction,
        key: &str,
        before: Option<&RecordValues>,
        after: Option<&RecordValues>,
    ) -> Result<Option<FieldError>> {
        let record = ChangedRecord {
            resource: &self.whole.name,
            key,
            before,
            after,
            user_id: self.user_id.as_deref(),
            transaction,
        };
        Ok(self.extensions.refuse_record(&record).await?.into_iter().next())
    }
}

/// What the rules have against the records of an attempt.
enum Refused {
    /// These are refused; nothing stands where there are any.
    Records(Vec<Failed>),
    /// The database failed under a rule while it looked at the record at this place.
    Database(i64, Error),
}

impl Chunk<'_> {
    /// Lets the application's code have its say.
    pub(in crate::bulk) fn with(self, own_code: Option<OwnCode>) -> Self {
        Self { own_code, ..self }
    }

    /// Tells the hooks that the chunk begins, and reads what its records hold, for the rules.
    pub(super) async fn begin(&mut self, transaction: &Transaction) -> Result<()> {
        self.tell_hooks(transaction, None).await?;
        let Some(whole) = self.own_code.as_ref().filter(|own| own.has_rules()).map(|own| Arc::clone(&own.whole)) else {
            return Ok(());
        };
        let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
        self.lock_rows(transaction, &keys).await?;
        let before = self.values(transaction, &whole, keys).await?;
        if let Some(own_code) = &mut self.own_code {
            own_code.before = before;
        }
        Ok(())
    }

    /// Tells the hooks what became of the chunk.
    pub(super) async fn ended(&self, transaction: &Transaction, outcome: &Outcome) -> Result<()> {
        self.tell_hooks(transaction, Some(outcome)).await
    }

    async fn tell_hooks(&self, transaction: &Transaction, outcome: Option<&Outcome>) -> Result<()> {
        let Some(own) = self.own_code.as_ref().filter(|own| !own.extensions.chunk_hooks.is_empty()) else {
            return Ok(());
        };
        let tried = outcome.and_then(|outcome| outcome.stopped_after);
        let last = tried.map_or(self.to, |tried| self.from + tried - 1);
        let keys = self.keys.among(transaction, self.from, last, |_| true).await?;
        let failed = outcome.map_or(&[][..], |outcome| &outcome.errors);
        let chunk = ChunkOfTask {
            task_id: self.task_id,
            resource: &own.whole.name,
            operation: self.operation.name(),
            user_id: own.user_id.as_deref(),
            keys: &keys.into_iter().map(|(_, key)| key).collect::<Vec<_>>(),
            failed: &failed.iter().map(|failed| failed.record_key.clone()).collect::<Vec<_>>(),
            transaction,
        };
        match outcome {
            None => own.extensions.before_chunk(&chunk).await?,
            Some(_) => own.extensions.after_chunk(&chunk).await?,
        }
        Ok(())
    }

    /// Tries a range of records. What was done to them stands if the rules let all of them be; else nothing does, and those that they
    /// refuse are named.
    pub(super) async fn attempt(&mut self, transaction: &Transaction, range: Range<'_>) -> Result<Attempted> {
        let operation = self.operation;
        if !self.own_code.as_ref().is_some_and(OwnCode::has_rules) {
            return operation.attempt(self, transaction, range).await;
        }
        let savepoint = transaction.begin().await?;
        let attempted = match operation.attempt(self, &savepoint, range).await {
            Ok(attempted) => attempted,
            Err(error) => {
                // For the pool, which counts savepoints also where the transaction is gone.
                roll_back_to(savepoint).await;
                return Err(error);
            }
        };
        let refused = match &attempted {
            Err(undone) if !undone.leaves_a_change() => Refused::Records(Vec::new()),
            _ => self.refused(&savepoint, range).await?,
        };
        match refused {
            Refused::Records(refused) if refused.is_empty() => {
                savepoint.commit().await?;
                Ok(attempted)
            }
            Refused::Records(refused) => match roll_back_to(savepoint).await {
                true => Ok(Err(Undone::Refused(refused))),
                false => Err(Error::Internal("a rule of the application ended the transaction".into())),
            },
            Refused::Database(seq, error) => match self.failed(transaction, savepoint, error).await? {
                Err(fault) => {
                    let failed = self.attribute_error(transaction, seq, &fault.into()).await?;
                    Ok(Err(Undone::Refused(vec![failed])))
                }
                Ok(_) => Err(Error::Internal("what failed can't have been done".into())),
            },
        }
    }

    /// Asks the rules of each record of a range that is other than it was.
    async fn refused(&mut self, transaction: &Transaction, range: Range<'_>) -> Result<Refused> {
        let keys = self.keys.condition(transaction, range.from, range.to, range.blocked).await?;
        let Some(own) = &self.own_code else { return Ok(Refused::Records(Vec::new())) };
        let mut after = self.values(transaction, &own.whole, keys).await?;
        let places = self.keys.among(transaction, range.from, range.to, |_| true).await?;
        let links_change = self.operation.changes().is_some_and(|changes| !changes.links.is_empty());
        let mut refused = Vec::new();
        for (seq, key) in places.into_iter().filter(|(seq, _)| !range.blocked.contains(seq)) {
            let parts = self.keys.parts(&key)?;
            let (before, after) = (own.before.get(&parts), after.remove(&parts));
            // What differs behind the beginning of a long value is not known.
            let is_known = after.as_ref().is_none_or(|after| after.is_whole() && !links_change);
            if is_known && before == after.as_ref() {
                continue;
            }
            match own.refuse(transaction, &key, before, after.as_ref()).await {
                Ok(error) => refused.extend(error.map(|error| Failed::new(seq, key, error))),
                Err(error) => return Ok(Refused::Database(seq, error)),
            }
        }
        Ok(Refused::Records(refused))
    }

    async fn values(
        &self,
        transaction: &Transaction,
        whole: &Resource,
        keys: Expr,
    ) -> Result<HashMap<Vec<String>, RecordValues>> {
        let rows = self.rows_by_key(transaction, whole, keys).await?;
        Ok(rows.into_iter().map(|(key, row)| (key, values_of(whole, &row))).collect())
    }
}
