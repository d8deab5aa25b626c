//! A preview, as the JSON API tells it.

use serde::Serialize;
use utoipa::ToSchema;

use powercrud_engine::bulk::{self, Preview};

/// What a bulk operation would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub(super) struct PreviewJson {
    /// How many records are selected; of `ids`, also those that are not there.
    total_records: u64,
    /// How many will be changed, or deleted: those that neither fail nor have the new values already.
    changing_records: u64,
    /// Of an update: how many have the new values already.
    unchanged_records: u64,
    /// Of a delete: how many of `ids` are not there, so that there is nothing left to do; they count as done.
    missing_records: u64,
    /// How many will fail. Where `all_or_nothing` is true and some fail by another code than `NOT_FOUND`, no record is changed.
    failing_records: u64,
    /// Why they will fail.
    failures: Vec<FailureJson>,
    /// What else may refuse records, where the database can't be asked beforehand, such as triggers.
    unknown: Vec<String>,
    /// Whether a single failure leaves all records as they are. A record that is not there (`NOT_FOUND`) does not: it is named.
    all_or_nothing: bool,
    /// Of a delete: how many can't be deleted because other records refer to them.
    blocked_records: u64,
    /// Whether it would run in the background.
    background: bool,
    /// Of an update: a few records before and after.
    samples: Vec<SampleJson>,
    /// Of a delete: which other records refer to the selected ones. Of an update: which refer to links that it takes away.
    referrers: Vec<ReferrerJson>,
    /// Tables of which more rows may change than `referrers` counts, because too many go along to be followed.
    unfollowed: Vec<String>,
}

/// Why some of the records will fail.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewFailure)]
struct FailureJson {
    /// The code that each of these records' error will have, such as `CHECK`, `UNIQUE`, `FOREIGN_KEY` or `NOT_FOUND`.
    code: String,
    /// The fields that the rule is about.
    fields: Vec<String>,
    /// The rule as the database has it, such as `sale_price < price`; empty where it has no text.
    rule: String,
    /// The reason in words.
    message: String,
    /// How many records.
    records: u64,
}

/// One record before and after.
#[derive(Serialize, ToSchema)]
#[schema(as = Sample)]
struct SampleJson {
    /// Its key.
    key: String,
    /// Its name, or its key where it has none.
    label: String,
    changes: Vec<SampleChange>,
}

/// One field before and after, as text.
#[derive(Serialize, ToSchema)]
struct SampleChange {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

/// Records elsewhere that refer to the ones to be deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = Referrer)]
struct ReferrerJson {
    /// The table they are in.
    table: String,
    /// The referring columns.
    columns: Vec<String>,
    /// How many.
    records: u64,
    /// What becomes of them: `restrict` (they stand in the way), `cascade` (deleted too), `set_null` or `set_default`.
    action: &'static str,
    /// Where they refer not to the selected records but to what would be deleted with them: the table of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<String>,
}

impl PreviewJson {
    pub(super) fn new(preview: Preview, background: bool) -> Self {
        let sample = |sample: bulk::Sample| SampleJson {
            key: sample.record_key,
            label: sample.label,
            changes: sample
                .changes
                .into_iter()
                .map(|(field, before, after)| SampleChange { field, before, after })
                .collect(),
        };
        let referrer = |referrer: bulk::Referrer| ReferrerJson {
            table: referrer.table,
            columns: referrer.columns,
            records: referrer.records,
            action: referrer.action,
            through: referrer.through,
        };
        let failure = |failure: bulk::Failure| FailureJson {
            code: failure.code,
            fields: failure.fields,
            rule: failure.rule,
            message: failure.message,
            records: failure.records,
        };
        Self {
            total_records: preview.total_records,
            changing_records: preview.changing_records,
            unchanged_records: preview.unchanged_records,
            missing_records: preview.missing_records,
            failing_records: preview.failing_records,
            failures: preview.failures.into_iter().map(failure).collect(),
            unknown: preview.unknown,
            all_or_nothing: preview.all_or_nothing,
            blocked_records: preview.blocked_records,
            background,
            samples: preview.samples.into_iter().map(sample).collect(),
            referrers: preview.referrers.into_iter().map(referrer).collect(),
            unfollowed: preview.unfollowed,
        }
    }
}
