//! What the rules of the application say of a record that is written by itself.

use std::sync::Arc;

use super::{audited, key_condition, values_of};
use crate::{
    engine::Engine,
    error::{Error, Result},
    extensions::Extensions,
    query::read,
    record_values::RecordValues,
    resource::{Field, Resource},
    user::User,
    validate::ChangedRecord,
};
use powercrud_db::Transaction;

/// The rules of a resource, and what its record held before it was written.
pub(super) struct Rules<'a> {
    engine: &'a Engine,
    extensions: Extensions,
    /// The resource with all of its fields, whatever the user may see.
    whole: Arc<Resource>,
    by: &'a User,
    before: Option<RecordValues>,
}

impl<'a> Rules<'a> {
    /// Reads what the record holds, where there are rules; without a key there is no record yet.
    pub(super) async fn begin(
        transaction: &Transaction,
        engine: &'a Engine,
        resource: &Resource,
        by: &'a User,
        key: Option<&str>,
    ) -> Result<Option<Self>> {
        let extensions = engine.extensions(resource);
        if extensions.rules.is_empty() {
            return Ok(None);
        }
        let whole = engine.whole(resource)?;
        let mut rules = Self { engine, extensions, whole, by, before: None };
        if let Some(key) = key {
            rules.before = rules.read(transaction, key).await?;
        }
        Ok(Some(rules))
    }

    async fn read(&self, transaction: &Transaction, key: &str) -> Result<Option<RecordValues>> {
        // No text of such a key leads to a record.
        let Ok(condition) = key_condition(self.engine, &self.whole, key) else { return Ok(None) };
        let fields: Vec<&Field> = self.whole.fields.iter().collect();
        let row = audited::read_at_most(transaction, self.engine, &self.whole, &fields, condition, false, read::EDITED)
            .await?;
        Ok(row.map(|row| values_of(&self.whole, &row)))
    }

    /// Asks the rules of the record as it is now.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that they have against it.
    pub(super) async fn check(&self, transaction: &Transaction, key: &str) -> Result<()> {
        let after = self.read(transaction, key).await?;
        if self.before == after && after.as_ref().is_none_or(RecordValues::is_whole) {
            return Ok(());
        }
        let record = ChangedRecord {
            resource: &self.whole.name,
            key,
            before: self.before.as_ref(),
            after: after.as_ref(),
            user_id: self.by.id.as_deref(),
            transaction,
        };
        match self.extensions.refuse_record(&record).await? {
            errors if errors.is_empty() => Ok(()),
            errors => Err(Error::Invalid(errors)),
        }
    }
}

/// As [`Rules::check`], where there are any.
pub(super) async fn check(rules: Option<&Rules<'_>>, transaction: &Transaction, key: &str) -> Result<()> {
    match rules {
        Some(rules) => rules.check(transaction, key).await,
        None => Ok(()),
    }
}
