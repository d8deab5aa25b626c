//! What a bulk operation would do, before anybody says go: counts, samples, and what a delete takes along or stumbles over.

mod failures;
mod kept;
mod links;
mod referrers;
mod rule;

use sea_orm::sea_query::{Alias, Cond, Condition, Expr, ExprTrait as _, Order, Query, SelectStatement};
use serde::Serialize;

pub use failures::Failure;
pub(super) use kept::{REFERRERS, emptied, is_readable, is_same};
pub(super) use links::links_differ;

use failures::Judge;
use referrers::Delete;

use super::{Plan, Route};
use crate::{
    config::Atomicity,
    error::Result,
    form::{self, Change},
    query::{self, read},
    record,
    resource::{Field, Resource},
    task::Operation,
};
use powercrud_db::{
    ForeignKey, QueryExt as _, Table,
    rules::{Rules, WriteKind},
};

/// What would happen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Preview {
    /// How many records are selected.
    pub total_records: u64,
    /// Of an update: how many will be changed; of a delete, deleted. What [`Preview::unknown`] says may still be in the way.
    pub changing_records: u64,
    /// Of an update: how many have the new values already.
    pub unchanged_records: u64,
    /// How many will fail.
    pub failing_records: u64,
    /// Why they will.
    pub failures: Vec<Failure>,
    /// What else may refuse records, where the database can't be asked beforehand: "triggers", for instance.
    pub unknown: Vec<String>,
    /// Whether a single failure leaves all records as they are.
    pub all_or_nothing: bool,
    /// Of an update: a few records before and after.
    pub samples: Vec<Sample>,
    /// Of a delete: which other records refer to the selected ones.
    pub referrers: Vec<Referrer>,
    /// Of a delete: how many of the selected records can't be deleted because others refer to them.
    pub blocked_records: u64,
}

/// One record before and after.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Its key.
    pub record_key: String,
    /// Its name, or its key where it has none.
    pub label: String,
    /// Field name, value before and value after, as text; `None` is NULL. For a many-to-many field, the names of the records linked;
    /// `None` is no link.
    pub changes: Vec<(String, Option<String>, Option<String>)>,
}

/// Records elsewhere that refer to the ones to be deleted.
#[derive(Clone, Debug, Serialize)]
pub struct Referrer {
    /// The table they are in.
    pub table: String,
    /// The referring columns.
    pub columns: Vec<String>,
    /// How many.
    pub records: u64,
    /// What becomes of them: `restrict` (the delete is refused), `cascade` (deleted too), `set_null` or `set_default`.
    pub action: &'static str,
    /// Where they refer not to the selected records but to what would be deleted with them: the table of that.
    pub through: Option<String>,
}

const SAMPLES: u64 = 3;

impl Plan {
    /// Counts and samples; reads only.
    pub async fn preview(&self) -> Result<Preview> {
        self.selection.blame(&self.engine, &self.resource, self.foresee().await).await
    }

    async fn foresee(&self) -> Result<Preview> {
        let mut preview = Preview::default();
        let judge = match &self.operation {
            Operation::Update(changes) => Some(Judge::new(self, changes).await),
            Operation::Delete | Operation::Revert(_) => None,
        };
        for slice in self.selection.slices(&self.resource) {
            let condition = slice.condition(&self.engine, &self.resource).await?;
            self.look_at(condition, judge.as_ref(), &mut preview).await?;
        }
        if matches!(self.operation, Operation::Delete) {
            preview.failing_records = preview.blocked_records;
            preview.unknown = self.unknown_of_delete().await;
            preview.unknown.extend(kept::unknown_defaults(&self.engine, &self.resource.table));
            if preview.blocked_records > 0 {
                preview.failures.push(Failure {
                    code: "FOREIGN_KEY".to_owned(),
                    fields: Vec::new(),
                    rule: String::new(),
                    message: "other records refer to them".to_owned(),
                    records: preview.blocked_records,
                });
            }
        }
        preview.failing_records = preview.failures.iter().map(|failure| failure.records).sum();
        let left = preview.total_records.saturating_sub(preview.unchanged_records);
        preview.changing_records = left.saturating_sub(preview.failing_records);
        let background = self.route == Route::Background
            || (self.route == Route::Auto && self.resource.should_process_async(preview.total_records));
        preview.all_or_nothing = self.resource.atomicity(background) == Atomicity::All;
        Ok(preview)
    }

    /// Adds the records of one condition to a preview.
    async fn look_at(&self, condition: Condition, judge: Option<&Judge<'_>>, preview: &mut Preview) -> Result<()> {
        let connection = self.engine.database().connection();
        let total = connection.number(&self.count(condition.clone())).await?;
        preview.total_records += total;
        if matches!(self.operation, Operation::Delete) {
            let (engine, table) = (&self.engine, &self.resource.table);
            let kept = kept::kept(engine, &self.resource, &condition);
            let referrers = Delete { engine, table, selected: &condition, kept: &kept }.referrers().await?;
            if !kept.is_empty() {
                preview.blocked_records += connection.number(&self.count(condition.add(kept))).await?;
            }
            for referrer in referrers {
                let same = |other: &&mut Referrer| {
                    (&other.table, &other.columns, &other.through, other.action)
                        == (&referrer.table, &referrer.columns, &referrer.through, referrer.action)
                };
                match preview.referrers.iter_mut().find(same) {
                    Some(known) => known.records += referrer.records,
                    None => preview.referrers.push(referrer),
                }
            }
            return Ok(());
        }
        let differs = self.differs();
        let changing = connection.number(&self.count(condition.clone().add(differs.clone()))).await?;
        preview.unchanged_records += total.saturating_sub(changing);
        let mut stands = Some(Condition::all());
        if let Some(judge) = judge {
            let foreseen = judge.foresee(&condition).await?;
            stands = (!judge.fails_always()).then(|| Condition::all().add_option(foreseen.standing));
            for failure in foreseen.failures {
                let same = |other: &&mut Failure| other.code == failure.code && other.message == failure.message;
                match preview.failures.iter_mut().find(same) {
                    Some(known) => known.records += failure.records,
                    None => preview.failures.push(failure),
                }
            }
            preview.unknown.extend(foreseen.unknown);
            preview.unknown.sort();
            preview.unknown.dedup();
        }
        if let Some(stands) = stands.filter(|_| (preview.samples.len() as u64) < SAMPLES) {
            preview.samples.extend(self.samples(condition.add(differs).add(stands)).await?);
            preview.samples.truncate(SAMPLES as usize);
        }
        Ok(())
    }

    /// What may keep records from being deleted, and can't be asked beforehand.
    async fn unknown_of_delete(&self) -> Vec<String> {
        match Rules::read(self.engine.database(), &self.resource.table, WriteKind::Delete).await {
            Ok(rules) => rules.unknown.into_iter().map(|unknown| unknown.what).collect(),
            Err(error) => {
                tracing::warn!(%error, resource = self.resource.name, "the rules of a table can't be read");
                vec!["all rules of the table".to_owned()]
            }
        }
    }

    fn count(&self, condition: Condition) -> SelectStatement {
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(self.resource.table.table_ref()).cond_where(condition);
        select.take()
    }

    /// Whether any of the new values differs from the record's.
    fn differs(&self) -> Condition {
        let dialect = self.engine.database().dialect();
        let fields = form::differs(&self.resource, self.changes(), dialect);
        let links = links_differ(&self.resource, self.links(), dialect);
        fields.into_iter().chain(links).fold(Cond::any(), Cond::add)
    }

    async fn samples(&self, condition: Condition) -> Result<Vec<Sample>> {
        let dialect = self.engine.database().dialect();
        let fields: Vec<&Field> = self.resource.fields.iter().collect();
        let mut select = query::row_select(&self.resource, &fields, dialect, read::SHOWN);
        select.cond_where(condition).limit(SAMPLES);
        for name in &self.resource.table.primary_key {
            select.order_by(self.resource.table.column_ref(name), Order::Asc);
        }
        let mut rows = Vec::new();
        for row in self.engine.database().connection().rows(&select).await? {
            rows.push(query::read_row(&row, &fields, read::SHOWN)?);
        }
        query::name_references(&self.engine, &fields, &mut rows).await?;
        let samples = rows.iter().map(|row| {
            let shown = |name: &str| {
                let cell = record::cell(&self.resource, row, name)?;
                cell.display.clone().or_else(|| (!cell.value.is_null()).then(|| cell.value.to_text()))
            };
            let after = |change: &Change| {
                let name = self.names.get(&change.field).cloned();
                name.or_else(|| (!change.value.is_null()).then(|| change.value.to_text()))
            };
            Sample {
                record_key: row.key.clone(),
                label: self
                    .resource
                    .display_field()
                    .and_then(|field| shown(&field.name))
                    .unwrap_or_else(|| row.key.clone()),
                changes: self
                    .changes()
                    .iter()
                    .map(|change| (change.field.clone(), shown(&change.field), after(change)))
                    .collect(),
            }
        });
        let mut samples: Vec<_> = samples.collect();
        for sample in &mut samples {
            sample.changes.extend(self.sample_links(&sample.record_key).await?);
        }
        Ok(samples)
    }
}

const REFERRER: &str = "powercrud_referrer";

/// Whether a row of `table` refers to the record by `key`.
pub(super) fn referred_to(resource: &Resource, table: &Table, key: &ForeignKey) -> Expr {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from_as(table.table_ref(), Alias::new(REFERRER));
    select.and_where_option(table.own_rows_as(REFERRER));
    for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
        select.and_where(Expr::col((REFERRER, column.clone())).eq(Expr::col(resource.table.column_ref(referenced))));
    }
    Expr::exists(select.take())
}
