//! What a [`Validate`] promises, put to one.

use uuid::Uuid;

use super::{
    BrokenPromises, Findings, RecordsSuite,
    contents::{contents, difference, records},
    read, why_no_error,
};
use crate::{
    action::{AppError, Reason},
    engine::Engine,
    error::Result,
    record_values::RecordValues,
    resource::Resource,
    user::User,
    validate::{ChangedRecord, PlannedOperation, Validate},
};
use powercrud_db::Transaction;

const ENDS: &str = "it waits for nobody else's machine, and does not panic";
const SAME: &str = "it decides by what it is given, and says the same when asked again";
const WRITES_NOTHING: &str = "it writes nothing";
const TOLD: &str = "an error has a field that there is, a word for programs and a message for people";
const PLAN: &str = "a plan that is refused is refused with an entry for each mistake";

/// A suite for rules; see [`validate`].
pub type ValidateSuite<'a> = RecordsSuite<'a, dyn Validate>;

/// Checks what [`Validate`] promises, by the records that the resource has: as they were left as they are, made, and deleted, and each as it
/// were changed to the next. Nothing is written.
///
/// ```
/// # async fn test(engine: &powercrud_engine::Engine, rules: &dyn powercrud_engine::validate::Validate) {
/// powercrud_engine::testing::validate(engine, "book", rules).check().await.unwrap();
/// # }
/// ```
pub fn validate<'a>(engine: &'a Engine, resource: &'a str, rule: &'a (dyn Validate + 'static)) -> ValidateSuite<'a> {
    RecordsSuite::new(engine, resource, rule, 100)
}

impl RecordsSuite<'_, dyn Validate> {
    /// Checks it.
    ///
    /// # Errors
    /// What it does not keep.
    pub async fn check(self) -> std::result::Result<(), BrokenPromises> {
        let mut findings = Findings::new(self.patience);
        if let Some((engine, resource)) = self.resource(&mut findings) {
            let asked = self.ask(&mut findings, &engine, &resource).await;
            read(&mut findings, asked);
        }
        findings.end()
    }

    async fn ask(&self, findings: &mut Findings, engine: &Engine, resource: &Resource) -> Result<()> {
        let records = records(engine, resource, self.records).await?;
        let before = contents(engine, engine.database().connection()).await?;
        let mut transaction = engine.database().begin_changing().await?;
        self.plans(findings, resource, records.first().map(|(_, values)| values)).await;
        for (place, (key, values)) in records.iter().enumerate() {
            let next = records.get(place + 1).map_or(values, |(_, next)| next);
            for (before, after) in
                [(Some(values), Some(values)), (Some(values), Some(next)), (None, Some(values)), (Some(values), None)]
            {
                let (first, again) = {
                    let record = changed(resource, key, before, after, &transaction);
                    let Some(first) = findings.within(ENDS, "record", self.subject.record(&record)).await else {
                        return Ok(());
                    };
                    // A database that has refused something wants a new transaction, and the rule had its say.
                    let is_over = matches!(&first, Err(AppError { reason: Reason::Database(_) }));
                    let again = match is_over {
                        true => None,
                        false => findings.within(ENDS, "record", self.subject.record(&record)).await,
                    };
                    (first, again)
                };
                if let Err(AppError { reason: Reason::Record(error) }) = &first
                    && let Some(mistake) = why_no_error(error, |name| is_field(resource, name))
                {
                    findings.broken(TOLD, mistake);
                }
                match again {
                    Some(again) => {
                        let (first, again) = (format!("{first:?}"), format!("{again:?}"));
                        findings.require(first == again, SAME, format_args!("of {key}: {first}, then {again}"));
                    }
                    None => {
                        transaction.rollback().await?;
                        transaction = engine.database().begin_changing().await?;
                    }
                }
            }
        }
        let inside = contents(engine, &transaction).await;
        transaction.rollback().await?;
        let after = contents(engine, engine.database().connection()).await?;
        for (seen, how) in [(inside?, "in the transaction"), (after, "past the transaction")] {
            if let Some(tables) = difference(&before, &seen) {
                findings.broken(WRITES_NOTHING, format_args!("{tables} changed {how}"));
            }
        }
        Ok(())
    }

    async fn plans(&self, findings: &mut Findings, resource: &Resource, values: Option<&RecordValues>) {
        let user = User::new(Uuid::nil().to_string(), "Conformance");
        let all = values.map(|values| values.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect());
        for (operation, values) in [("update", all.unwrap_or_default()), ("update", Vec::new()), ("delete", Vec::new())]
        {
            let plan = PlannedOperation { resource: &resource.name, operation, user: &user, values, links: Vec::new() };
            let Some(first) = findings.within(ENDS, "plan", self.subject.plan(&plan)).await else { return };
            let again = findings.within(ENDS, "plan", self.subject.plan(&plan)).await;
            let (told, told_again) = (format!("{first:?}"), format!("{:?}", again.unwrap_or(Ok(()))));
            findings.require(told == told_again, SAME, format_args!("of a plan: {told}, then {told_again}"));
            let Err(errors) = first else { continue };
            findings.require(!errors.is_empty(), PLAN, "there is none");
            for mistake in errors.iter().filter_map(|error| why_no_error(error, |name| is_field(resource, name))) {
                findings.broken(TOLD, mistake);
            }
        }
    }
}

fn is_field(resource: &Resource, name: &str) -> bool {
    resource.field(name).is_some() || resource.many_to_many(name).is_some()
}

fn changed<'a>(
    resource: &'a Resource,
    key: &'a str,
    before: Option<&'a RecordValues>,
    after: Option<&'a RecordValues>,
    transaction: &'a Transaction,
) -> ChangedRecord<'a> {
    ChangedRecord { resource: &resource.name, key, before, after, user_id: None, transaction }
}
