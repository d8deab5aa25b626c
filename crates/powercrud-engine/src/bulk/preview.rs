//! What a bulk operation would do, before anybody says go: counts, samples, and what a delete takes along or stumbles over.

mod entangled;
mod failures;
mod fates;
mod further;
mod kept;
mod links;
mod lost;
mod missing;
mod reading;
mod referrers;
mod rule;
mod unlinked;

use sea_orm::sea_query::{Cond, Condition, Expr, ExprTrait as _, Order, Query, SelectStatement};
use serde::Serialize;

pub(super) use entangled::is_entangled;
pub use failures::Failure;
pub(super) use kept::{REFERRERS, kept};
pub(super) use links::{link_goes, links_beyond, links_differ};

use entangled::Entangled;
use failures::Judge;
use referrers::{Delete, emptied_by_update};

use super::{Plan, Route};
use crate::{
    cascades::{beyond, beyond_changes},
    config::Atomicity,
    error::{Error, Result},
    form::{self, Assignment},
    query::{self, read},
    record,
    resource::Field,
};
use powercrud_db::{
    QueryExt as _,
    rules::{Rules, WriteKind},
};

/// What would happen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Preview {
    /// How many records are selected; of those that are named by key, also the ones that are not there.
    pub total_records: u64,
    /// Of an update: how many will be changed; of a delete, deleted. What [`Preview::unknown`] says may still be in the way.
    pub changing_records: u64,
    /// Of an update: how many have the new values already.
    pub unchanged_records: u64,
    /// Of a delete: how many of the named records are not there, so that there is nothing left to do; they count as done.
    pub missing_records: u64,
    /// How many will fail.
    pub failing_records: u64,
    /// Why they will.
    pub failures: Vec<Failure>,
    /// What else may refuse records, where the database can't be asked beforehand: "triggers", for instance.
    pub unknown: Vec<String>,
    /// Whether a single failure leaves all records as they are; see [`Preview::stops_all`].
    pub all_or_nothing: bool,
    /// Of an update: a few records before and after.
    pub samples: Vec<Sample>,
    /// Of a delete: which other records refer to the selected ones. Of an update: which refer to links that it takes away.
    pub referrers: Vec<Referrer>,
    /// Tables of which more rows may change than [`Preview::referrers`] counts, because too many go along to be followed.
    pub unfollowed: Vec<String>,
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

impl Referrer {
    /// Whether both are of the same records, but for their number.
    fn is_alike(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.table.clone(), one.columns.clone(), one.through.clone(), one.action);
        what(self) == what(other)
    }
}

const SAMPLES: u64 = 3;

/// The code of a record that is not there.
const MISSING: &str = "NOT_FOUND";

impl Preview {
    /// Whether a failure that is foreseen leaves all records as they are. One that is not there leaves nothing to undo: it is named, and
    /// the others are done.
    pub fn stops_all(&self) -> bool {
        self.all_or_nothing && self.failures.iter().any(|failure| failure.code != MISSING)
    }

    fn add_referrer(&mut self, referrer: Referrer) {
        match self.referrers.iter_mut().find(|known| known.is_alike(&referrer)) {
            Some(known) => known.records += referrer.records,
            None => self.referrers.push(referrer),
        }
    }

    fn add_failure(&mut self, failure: Failure) {
        let same = |other: &&mut Failure| other.code == failure.code && other.message == failure.message;
        match self.failures.iter_mut().find(same) {
            Some(known) => known.records += failure.records,
            None if failure.records > 0 => self.failures.push(failure),
            None => {}
        }
    }
}

fn beyond_failure(records: u64) -> Failure {
    Failure {
        code: "OTHERS_AFFECTED".to_owned(),
        fields: Vec::new(),
        rule: String::new(),
        message: "other records would be deleted or changed with them, which are not yours to delete or change"
            .to_owned(),
        records,
    }
}

impl Plan {
    /// Counts and samples; reads only.
    pub async fn preview(&self) -> Result<Preview> {
        let preview = self.selection.attribute_error(&self.engine, &self.resource, self.foresee().await).await?;
        if preview.total_records == 0 {
            self.selection.explain_nothing(&self.engine, &self.resource).await?;
        }
        Ok(preview)
    }

    async fn foresee(&self) -> Result<Preview> {
        let mut preview = Preview::default();
        let judge = match self.operation.changes() {
            Some(changes) => Some(Judge::new(self, changes).await),
            None => None,
        };
        let slices = self.selection.slices(&self.resource);
        for slice in &slices {
            let condition = slice.condition(&self.engine, &self.resource).await?;
            self.look_at(condition, slices.len() == 1, judge.as_ref(), &mut preview).await?;
        }
        preview.unknown.extend(self.unknown_of_links().await);
        preview.unknown.extend(self.operation.unforeseen().map(str::to_owned));
        if self.resource.model.is_some() && self.operation.writes_records() {
            preview.unknown.push("the hooks of its entity".to_owned());
        }
        if self.has_rules() {
            preview.unknown.push("the application's own rules".to_owned());
        }
        if self.operation.deletes() {
            preview.unknown.extend(self.unknown_of_delete().await);
            let defaults = kept::unknown_defaults(&self.engine, &self.resource.table);
            match self.engine.viewer() {
                Some(_) if !defaults.is_empty() => preview.unknown.push("records that go back to their default".into()),
                _ => preview.unknown.extend(defaults),
            }
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
        let is_told = |table: &String| {
            let table = self.engine.catalog().tables.iter().find(|other| other.qualified_name() == *table);
            table.is_some_and(|table| self.engine.shows_whole(table))
        };
        if self.engine.viewer().is_some() {
            preview.referrers.retain(|referrer| is_told(&referrer.table) && referrer.through.iter().all(is_told));
        }
        self.add_missing(&mut preview).await?;
        preview.failing_records = preview.failures.iter().map(|failure| failure.records).sum();
        let left = preview.total_records.saturating_sub(preview.unchanged_records + preview.missing_records);
        preview.changing_records = left.saturating_sub(preview.failing_records);
        let background = self.route == Route::Background
            || (self.route == Route::Auto && self.resource.should_process_async(preview.total_records));
        preview.all_or_nothing = self.resource.atomicity(background) == Atomicity::All;
        Ok(preview)
    }

    /// Adds the records of one condition to a preview. `is_all`: whether those are all that are selected.
    async fn look_at(
        &self,
        condition: Condition,
        is_all: bool,
        judge: Option<&Judge<'_>>,
        preview: &mut Preview,
    ) -> Result<()> {
        let connection = self.engine.database().connection();
        let total = connection.number(&self.count(condition.clone())).await?;
        preview.total_records += total;
        let (lost, condition) = self.without_lost(condition, preview).await?;
        if self.operation.deletes() {
            let (engine, table) = (&self.engine, &self.resource.table);
            let going = kept::defaults_that_go(engine, table, &condition).await?;
            match engine.viewer() {
                Some(_) if !going.is_empty() => preview.unknown.push("records that go back to their default".into()),
                _ => preview.unknown.extend(going),
            }
            let blocked = self.kept(&condition, is_all, preview).await?;
            let mut kept = blocked.clone();
            // Of a record that fails by both this is told.
            let beyond = beyond(engine, &self.resource);
            if let Some(beyond) = &beyond {
                kept =
                    if blocked.is_empty() { Condition::any() } else { Condition::any().add(kept) }.add(beyond.clone());
                let records = connection.number(&self.count(condition.clone().add(beyond.clone()))).await?;
                preview.add_failure(beyond_failure(records));
            }
            let delete = Delete { engine, table, selected: &condition, kept: &kept };
            let (mut referrers, further) = (delete.referrers().await?, delete.further().await?);
            referrers.extend(further.referrers);
            preview.unfollowed.extend(further.unfollowed);
            preview.unfollowed.sort();
            preview.unfollowed.dedup();
            if !blocked.is_empty() {
                let blocked = condition.add(blocked).add_option(beyond.map(|beyond| beyond.not()));
                preview.blocked_records += connection.number(&self.count(blocked)).await?;
            }
            referrers.into_iter().for_each(|referrer| preview.add_referrer(referrer));
            return Ok(());
        }
        let differs = self.differs();
        let changing = connection.number(&self.count(condition.clone().add(differs.clone()))).await?;
        preview.unchanged_records += total.saturating_sub(lost + changing);
        let mut stands = self.operation.changes().map(|_| Condition::all());
        if let Some(judge) = judge {
            let mut left = condition.clone();
            if let Some(beyond) = self.beyond() {
                let records = connection.number(&self.count(left.clone().add(beyond.clone()))).await?;
                preview.add_failure(beyond_failure(records));
                left = left.add(beyond.not());
            }
            let foreseen = judge.foresee(&left).await?;
            foreseen.failures.into_iter().for_each(|failure| preview.add_failure(failure));
            preview.unknown.extend(foreseen.unknown);
            let mut held = None;
            if !judge.fails_always() {
                left = left.add_option(foreseen.sound);
                held = self.foresee_unlinking(&left, is_all, preview).await?.map(|held| held.not());
            }
            preview.unknown.sort();
            preview.unknown.dedup();
            let is_changed = |column: &String| self.changes().iter().any(|change| change.field == *column);
            let changed = Condition::all().add(left.clone()).add(differs.clone());
            let emptied = emptied_by_update(&self.engine, &self.resource.table, &changed, is_changed).await?;
            emptied.into_iter().for_each(|referrer| preview.add_referrer(referrer));
            let stand = || Condition::all().add(left).add_option(held).add_option(foreseen.standing);
            stands = (!judge.fails_always()).then(stand);
        }
        if let Some(stands) = stands.filter(|_| (preview.samples.len() as u64) < SAMPLES) {
            preview.samples.extend(self.samples(condition.add(differs).add(stands)).await?);
            preview.samples.truncate(SAMPLES as usize);
        }
        Ok(())
    }

    /// Which of the records that match `selected` can't be deleted. What can't be told of them joins what the preview does not know.
    async fn kept(&self, selected: &Condition, is_all: bool, preview: &mut Preview) -> Result<Condition> {
        let kept = kept(&self.engine, &self.resource.table, selected, is_all);
        let Some(entangled) = Entangled::of(&self.engine, &self.resource.table) else { return Ok(kept) };
        let foreseen = if is_all { entangled.foresee(selected).await? } else { None };
        if foreseen.as_ref().is_none_or(|foreseen| foreseen.doubtful > 0) {
            preview.unknown.push(entangled.unknown());
            preview.unknown.dedup();
        }
        let Some(foreseen) = foreseen else { return Ok(kept) };
        if foreseen.stay.is_empty() {
            return Ok(Condition::any());
        }
        let refuse = |error| Error::Invalid(vec![error]);
        let keys = foreseen.stay.iter().map(|key| query::split_key(&self.resource, key));
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
        let stay = query::keys_condition(&self.resource, &keys, self.engine.database().dialect());
        Ok(Condition::any().add(stay))
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

    /// Whether a record's update would do something to rows that are not the user's.
    fn beyond(&self) -> Option<Expr> {
        let of_fields =
            beyond_changes(&self.engine, &self.resource, self.changes()).into_iter().map(|(_, beyond)| beyond);
        let of_links = links_beyond(&self.engine, &self.resource, self.links()).into_iter().map(|(_, beyond)| beyond);
        of_fields.chain(of_links).reduce(Expr::or)
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
            let after = |change: &Assignment| {
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
