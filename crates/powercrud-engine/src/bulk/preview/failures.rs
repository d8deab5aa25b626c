//! Which records an update would fail on, and why, asked of the database before anything is written.
//!
//! The selection's records become a derived table in which the changed columns carry their new values. On it the database evaluates the
//! text of its own CHECKs, and joins find what UNIQUE keys and references would refuse. One SELECT counts all of it, for all records and
//! not for a sample, and writes nothing. What can't be told so (triggers, row security, a condition that can't be evaluated) is said to
//! be unknown, never promised.

use sea_orm::sea_query::{Alias, CaseStatement, Cond, Condition, Expr, ExprTrait as _, Order, Query, SelectStatement};
use serde::Serialize;

use super::{SAMPLES, links_differ, rule};
use crate::{
    bulk::Plan,
    engine::Engine,
    error::Result,
    form::{self, Assignment, CheckedChanges},
    resource::Resource,
};
use powercrud_db::{
    Column, Dialect, Fault, QueryExt as _,
    rules::{Rules, WriteKind},
};

/// Why records would fail, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// As a failed record's: `CHECK`, `UNIQUE`, `FOREIGN_KEY`, or what the database says of a value.
    pub code: String,
    /// The fields that the rule is about.
    pub fields: Vec<String>,
    /// The rule as the database has it, such as `sale_price < price`; empty where it has no text or is about hidden columns.
    pub rule: String,
    /// In words, following "they will fail because".
    pub message: String,
    /// How many records. A record that breaks several rules counts at the first.
    pub records: u64,
}

/// What is known beforehand of an update's failures.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreseen {
    pub(super) failures: Vec<Failure>,
    /// What else may refuse records.
    pub(super) unknown: Vec<String>,
    /// Which records would not fail, where not all of them or none.
    pub(super) sound: Option<Expr>,
    /// Whether a record is among the first few of those.
    pub(super) standing: Option<Expr>,
}

/// A rule that can be asked about.
struct Reason {
    failure: Failure,
    /// Whether a row of the derived table breaks it.
    broken: Expr,
    /// The columns of a unique key that two of the selected records may come to share.
    shared: Option<Vec<String>>,
    /// What to call it where it can't be evaluated.
    name: String,
}

/// What an update's records would meet.
pub(super) struct Judge<'a> {
    engine: &'a Engine,
    resource: &'a Resource,
    changes: &'a CheckedChanges,
    dialect: Dialect,
    rules: Rules,
    /// A field whose column takes no such value, of whatever record.
    unfit: Option<&'a (String, Fault)>,
    reasons: Vec<Reason>,
    unknown: Vec<String>,
}

const REASON: &str = "powercrud_reason";
const OTHER: &str = "powercrud_other";
const FLAGGED: &str = "powercrud_flagged";
const TAKEN: &str = "powercrud_taken";
const FEW: &str = "powercrud_few";

fn key_name(index: usize) -> String {
    format!("powercrud_key_{index}")
}

impl<'a> Judge<'a> {
    /// Asks which rules there are.
    pub(super) async fn new(plan: &'a Plan, changes: &'a CheckedChanges) -> Self {
        let (engine, resource) = (&plan.engine, &*plan.resource);
        let mut unknown: Vec<String> = Vec::new();
        if !plan.untried.is_empty() {
            unknown.push(format!("the values of {}", rule::labels(resource, &plan.untried)));
        }
        let rules = Rules::read(engine.database(), &resource.table, WriteKind::Update).await.unwrap_or_else(|error| {
            tracing::warn!(%error, resource = resource.name, "the rules of a table can't be read");
            unknown.push("all rules of the table".to_owned());
            Rules::default()
        });
        let dialect = engine.database().dialect();
        let unfit = plan.unfit.first();
        let mut judge = Self { engine, resource, changes, dialect, rules, unfit, reasons: Vec::new(), unknown };
        if !judge.changes.fields.is_empty() {
            judge.add_checks();
            judge.add_unique_keys();
            judge.add_references();
            judge.add_scope();
            judge.note_unknown();
        }
        judge
    }

    /// Whether no record can be changed so.
    pub(super) fn fails_always(&self) -> bool {
        self.unfit.is_some()
    }

    /// What is known of the records that match `condition`.
    pub(super) async fn foresee(&self, condition: &Condition) -> Result<Foreseen> {
        let mut foreseen = Foreseen { unknown: self.unknown.clone(), ..Foreseen::default() };
        if self.changes.fields.is_empty() {
            return Ok(foreseen);
        }
        if let Some((field, fault)) = self.unfit {
            let words = format!("the database refuses this value ({})", fault.message);
            let mut failure = failure(fault.code, std::slice::from_ref(field), words);
            failure.records = self.engine.database().connection().number(&self.changing(condition)).await?;
            foreseen.failures.extend((failure.records > 0).then_some(failure));
            return Ok(foreseen);
        }
        let mut sound: Vec<&Reason> = self.reasons.iter().collect();
        match self.count(condition, &sound).await {
            Ok(failures) => foreseen.failures = failures,
            // One of them can't be evaluated: the others still tell.
            Err(_) => {
                for reason in std::mem::take(&mut sound) {
                    match self.count(condition, &[reason]).await {
                        Ok(_) => sound.push(reason),
                        Err(error) => {
                            tracing::debug!(%error, rule = reason.name, "a rule can't be evaluated beforehand");
                            foreseen.unknown.push(reason.name.clone());
                        }
                    }
                }
                foreseen.failures = self.count(condition, &sound).await.unwrap_or_default();
            }
        }
        foreseen.sound = self.sound(condition, &sound, None);
        foreseen.standing = self.sound(condition, &sound, Some(SAMPLES));
        Ok(foreseen)
    }

    fn change(&self, column: &str) -> Option<&'a Assignment> {
        self.changes.fields.iter().find(|change| change.field == column)
    }

    /// Whether any of the columns gets another value.
    fn changes_any(&self, columns: &[String]) -> bool {
        columns.iter().any(|column| self.change(column).is_some() || self.is_computed(column))
    }

    /// Whether a column is computed from one that gets another value: its own is not known before the database computes it.
    fn is_computed(&self, column: &str) -> bool {
        let changed: Vec<String> = self.changes.fields.iter().map(|change| change.field.clone()).collect();
        self.rules.follows(column, &changed)
    }

    /// A column of the derived table, which has the table's own name, since a CHECK may write it.
    fn own(&self, column: &str) -> Expr {
        Expr::col((Alias::new(&self.resource.table.name), Alias::new(column)))
    }

    /// What is called so, where all of its columns may be seen.
    fn unless_hidden(&self, name: String, columns: &[String]) -> String {
        let hides = columns.iter().any(|column| self.resource.field(column).is_none());
        if hides { "a rule over fields that are not shown".to_owned() } else { name }
    }

    /// As the record's own error will tell it: nothing of columns that are not shown.
    fn without_hidden(&self, mut failure: Failure) -> Failure {
        let all = failure.fields.len();
        failure.fields.retain(|column| self.resource.field(column).is_some());
        if failure.fields.len() < all {
            failure.code = "CHECK".to_owned();
            failure.rule = String::new();
            failure.message = "they break a rule of the database over fields that are not shown".to_owned();
        }
        failure
    }

    fn add_checks(&mut self) {
        for check in std::mem::take(&mut self.rules.checks) {
            if !self.changes_any(&check.columns) && !self.dialect.checks_whole_rows() {
                continue;
            }
            let name = match check.name.as_str() {
                "" => format!("CHECK ({})", rule::plain(&check.condition)),
                name => format!("CHECK {name}"),
            };
            let name = self.unless_hidden(name, &check.columns);
            if check.columns.iter().any(|column| self.is_computed(column)) {
                self.unknown.push(name);
                continue;
            }
            if check.may_divide_by_zero(self.dialect) {
                self.unknown.push(name.clone());
            }
            let (message, rule) = rule::in_words(self.resource, &check, self.dialect);
            // The text is the database's own; nothing that a request holds comes into it.
            let broken = Expr::cust(format!("NOT ({}\n)", check.condition));
            let failure = Failure { code: "CHECK".to_owned(), fields: check.columns, rule, message, records: 0 };
            let failure = self.without_hidden(failure);
            self.reasons.push(Reason { failure, broken, shared: None, name });
        }
    }

    fn add_unique_keys(&mut self) {
        let table = &self.resource.table;
        for key in table.unique_keys.iter().chain([&table.primary_key]) {
            let is_set = |column: &String| self.change(column).is_some_and(|change| !change.value.is_null());
            let is_null = |column: &String| self.change(column).is_some_and(|change| change.value.is_null());
            if !self.changes_any(key) || key.iter().any(is_null) {
                continue;
            }
            let name = self.unless_hidden(format!("the unique key {}", key.join(", ")), key);
            if key.iter().any(|column| self.is_computed(column)) {
                self.unknown.push(name);
                continue;
            }
            let mut others = Query::select();
            others.expr(Expr::cust("1")).from_as(table.table_ref(), Alias::new(OTHER));
            for column in key {
                others.and_where(Expr::col((Alias::new(OTHER), Alias::new(column))).eq(self.own(column)));
            }
            let is_itself = table.primary_key.iter().enumerate().fold(Cond::all(), |all, (index, column)| {
                all.add(Expr::col((Alias::new(OTHER), Alias::new(column))).eq(self.own(&key_name(index))))
            });
            others.cond_where(is_itself.not()).and_where_option(table.own_rows_as(OTHER));
            let labels = rule::labels(self.resource, key);
            let message = format!("another record already has this {labels}");
            let failure = self.without_hidden(failure("UNIQUE", key, message));
            self.reasons.push(Reason {
                failure,
                broken: Expr::exists(others.take()),
                shared: (!key.iter().all(is_set)).then(|| key.clone()),
                name,
            });
        }
    }

    fn add_references(&mut self) {
        let table = &self.resource.table;
        for key in &table.foreign_keys {
            if !self.changes_any(&key.columns) {
                continue;
            }
            let name = self.unless_hidden(format!("the reference {}", key.columns.join(", ")), &key.columns);
            let target = self.engine.catalog().table(key.referenced_schema.as_deref(), &key.referenced_table);
            let computed = key.columns.iter().any(|column| self.is_computed(column));
            let Some(target) = target.filter(|_| !computed) else {
                self.unknown.push(name);
                continue;
            };
            let mut targets = Query::select();
            targets.expr(Expr::cust("1")).from_as(target.table_ref(), Alias::new(OTHER));
            targets.and_where_option(target.own_rows_as(OTHER));
            let mut broken = Cond::all();
            for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                targets.and_where(Expr::col((Alias::new(OTHER), Alias::new(referenced))).eq(self.own(column)));
                broken = broken.add(self.own(column).is_not_null());
            }
            let mut broken = broken.add(Expr::exists(targets.take()).not());
            if key.matches_fully && key.columns.len() > 1 {
                let own = || key.columns.iter().map(|column| self.own(column));
                let some = own().map(|column| column.is_null()).fold(Cond::any(), Cond::add);
                let others = own().map(|column| column.is_not_null()).fold(Cond::any(), Cond::add);
                broken = Cond::any().add(broken).add(Cond::all().add(some).add(others));
            }
            let message = format!("there is no record with this {}", rule::labels(self.resource, &key.columns));
            let failure = self.without_hidden(failure("FOREIGN_KEY", &key.columns, message));
            self.reasons.push(Reason { failure, broken: broken.into(), shared: None, name });
        }
    }

    /// Records that would not be the user's any more: the last that is looked at.
    fn add_scope(&mut self) {
        let Some(outside) = self.resource.table.values_outside() else { return };
        let failure = failure("LEAVES_SCOPE", &[], "they would not be among the records that are yours".to_owned());
        let name = "what of the table is yours".to_owned();
        self.reasons.push(Reason { failure, broken: outside, shared: None, name });
    }

    fn note_unknown(&mut self) {
        for unknown in std::mem::take(&mut self.rules.unknown) {
            if unknown.columns.as_ref().is_none_or(|columns| self.changes_any(columns)) {
                self.unknown.push(unknown.what);
            }
        }
        for (from, key) in self.engine.catalog().referrers(&self.resource.table) {
            if self.changes_any(&key.referenced_columns) {
                let of = if self.engine.shows_whole(from) {
                    format!(" of {}", from.qualified_name())
                } else {
                    String::new()
                };
                self.unknown.push(format!("records{of} that refer to them"));
            }
        }
    }

    /// How many records of a condition would change.
    fn changing(&self, condition: &Condition) -> SelectStatement {
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(self.resource.table.table_ref()).cond_where(condition.clone());
        let fields = form::differs(self.resource, &self.changes.fields, self.dialect);
        let links = links_differ(self.resource, &self.changes.links, self.dialect);
        select.cond_where(fields.into_iter().chain(links).fold(Cond::any(), Cond::add));
        select.take()
    }

    /// The records that would change, as they would be then, with their keys as they are.
    fn changed_rows(&self, condition: &Condition) -> SelectStatement {
        let table = &self.resource.table;
        let mut rows = self.changing(condition);
        rows.clear_selects();
        for column in &table.columns {
            let own = Expr::col(table.column_ref(&column.name));
            let value = match self.change(&column.name) {
                Some(change) => self.stored(column, change, own),
                None => own,
            };
            rows.expr_as(value, Alias::new(&column.name));
        }
        for (index, name) in table.primary_key.iter().enumerate() {
            rows.expr_as(Expr::col(table.column_ref(name)), Alias::new(key_name(index)));
        }
        rows
    }

    fn stored(&self, column: &Column, change: &Assignment, own: Expr) -> Expr {
        let collation = self.rules.collations.iter().find(|(name, _)| *name == column.name);
        self.dialect.stored(column, &change.value, own, collation.map(|(_, collation)| collation.as_str()))
    }

    /// The records that would change, each by the number of the first of `reasons` that it would fail by, with its key.
    fn flagged(&self, condition: &Condition, reasons: &[&Reason]) -> SelectStatement {
        let number = |number: i64| self.dialect.integer(Expr::cust(number.to_string()));
        let mut case = CaseStatement::new();
        for (index, reason) in reasons.iter().enumerate() {
            case = case.case(reason.broken.clone(), number(index as i64));
        }
        let mut flagged = Query::select();
        flagged.expr_as(case.finally(number(-1)), REASON);
        let keys: Vec<String> = (0..self.resource.table.primary_key.len()).map(key_name).collect();
        let mut kept: Vec<String> = keys.clone();
        kept.extend(reasons.iter().filter_map(|reason| reason.shared.clone()).flatten());
        kept.sort();
        kept.dedup();
        for name in &kept {
            flagged.expr_as(self.own(name), Alias::new(name));
        }
        flagged.from_subquery(self.changed_rows(condition), Alias::new(&self.resource.table.name));
        // Of records that come to share a unique key one succeeds, unless it fails by something else.
        let of = |name: &str| Expr::col((Alias::new(FLAGGED), Alias::new(name)));
        for (index, reason) in reasons.iter().enumerate() {
            let Some(shared) = &reason.shared else { continue };
            let parts = shared.iter().map(|name| of(name)).collect();
            let order = keys.iter().map(|name| of(name)).collect();
            let mut numbered = Query::select();
            for name in kept.iter().map(String::as_str).chain([REASON]) {
                numbered.expr_as(of(name), Alias::new(name));
            }
            let succeeds = CaseStatement::new().case(of(REASON).lt(number(0)), number(1)).finally(number(0));
            numbered.expr_as(self.dialect.sum_before(succeeds.into(), parts, order), TAKEN);
            numbered.from_subquery(flagged, FLAGGED);
            // A database looks at unique keys before it looks at references.
            let later = Cond::any().add(of(REASON).lt(number(0))).add(of(REASON).gt(number(index as i64)));
            let mut late = Cond::all().add(later).add(of(TAKEN).gt(number(0)));
            for name in shared {
                late = late.add(of(name).is_not_null());
            }
            flagged = Query::select();
            flagged.expr_as(CaseStatement::new().case(late, number(index as i64)).finally(of(REASON)), REASON);
            for name in &kept {
                flagged.expr_as(of(name), Alias::new(name));
            }
            flagged.from_subquery(numbered, FLAGGED);
        }
        flagged
    }

    /// Counts the records by the first of `reasons` that they would fail by.
    async fn count(&self, condition: &Condition, reasons: &[&Reason]) -> Result<Vec<Failure>> {
        if reasons.is_empty() {
            return Ok(Vec::new());
        }
        let flagged = self.flagged(condition, reasons);
        let of = |name: &str| Expr::col((Alias::new(FLAGGED), Alias::new(name)));
        let mut counts = Query::select();
        counts.expr(of(REASON)).expr(Expr::cust("COUNT(*)")).from_subquery(flagged, FLAGGED);
        counts.add_group_by([of(REASON)]);
        let mut failures: Vec<Failure> = reasons.iter().map(|reason| reason.failure.clone()).collect();
        for row in self.engine.database().connection().rows(&counts).await? {
            let (reason, records): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            if let Some(failure) = usize::try_from(reason).ok().and_then(|reason| failures.get_mut(reason)) {
                failure.records = records.unsigned_abs();
            }
        }
        failures.retain(|failure| failure.records > 0);
        Ok(failures)
    }

    /// Whether a record is among those that would change and fail by none of `reasons`, or among the first few of them.
    fn sound(&self, condition: &Condition, reasons: &[&Reason], few_of_them: Option<u64>) -> Option<Expr> {
        if reasons.is_empty() {
            return None;
        }
        let table = &self.resource.table;
        let (mut few, mut keys, mut own) = (Query::select(), Query::select(), Vec::new());
        few.from_subquery(self.flagged(condition, reasons), FLAGGED).and_where(Expr::col((FLAGGED, REASON)).lt(0));
        for (index, name) in table.primary_key.iter().enumerate() {
            let key = Alias::new(key_name(index));
            few.column((FLAGGED, key.clone())).order_by((FLAGGED, key.clone()), Order::Asc);
            keys.column((FEW, key));
            own.push(Expr::col(table.column_ref(name)));
        }
        if let Some(few_of_them) = few_of_them {
            few.limit(few_of_them);
        }
        let keys = keys.from_subquery(few.take(), FEW).take();
        let own = if own.len() == 1 { own.remove(0) } else { Expr::tuple(own) };
        Some(own.in_subquery(keys))
    }
}

fn failure(code: &str, fields: &[String], message: String) -> Failure {
    Failure { code: code.to_owned(), fields: fields.to_vec(), rule: String::new(), message, records: 0 }
}
