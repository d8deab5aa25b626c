//! What a bulk operation would do, before anybody says go: counts, samples, and what a delete takes along or stumbles over.

mod links;

use sea_orm::sea_query::{Alias, Cond, Condition, Expr, ExprTrait as _, Order, Query, SelectStatement};
use serde::Serialize;

use super::Plan;
use crate::{
    db::{Dialect, ForeignKey, ReferentialAction, Run as _, Table},
    error::Result,
    form::Change,
    query, record,
    resource::{Field, Resource},
    task::Operation,
};

/// What would happen.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// How many records are selected.
    pub total_records: u64,
    /// Of an update: how many have the new values already.
    pub unchanged_records: u64,
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
}

const SAMPLES: u64 = 3;

impl Plan {
    /// Counts and samples; reads only.
    pub async fn preview(&self) -> Result<Preview> {
        let mut preview = Preview {
            total_records: 0,
            unchanged_records: 0,
            samples: Vec::new(),
            referrers: Vec::new(),
            blocked_records: 0,
        };
        for slice in self.selection.slices(&self.resource) {
            let condition = slice.condition(&self.app, &self.resource).await?;
            self.look_at(condition, &mut preview).await?;
        }
        Ok(preview)
    }

    /// Adds the records of one condition to a preview.
    async fn look_at(&self, condition: Condition, preview: &mut Preview) -> Result<()> {
        let connection = self.app.database().connection();
        let total = connection.number(&self.count(condition.clone())).await?;
        preview.total_records += total;
        if matches!(self.operation, Operation::Delete) {
            let referrers = self.referrers(&condition).await?;
            if referrers.iter().any(|referrer| referrer.action == "restrict") {
                let blocked = condition.add(blocked(&self.app, &self.resource));
                preview.blocked_records += connection.number(&self.count(blocked)).await?;
            }
            for referrer in referrers {
                let same = |other: &&mut Referrer| other.table == referrer.table && other.columns == referrer.columns;
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
        if (preview.samples.len() as u64) < SAMPLES {
            preview.samples.extend(self.samples(condition.add(differs)).await?);
            preview.samples.truncate(SAMPLES as usize);
        }
        Ok(())
    }

    fn count(&self, condition: Condition) -> SelectStatement {
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(self.resource.table.table_ref()).cond_where(condition);
        select.take()
    }

    /// Whether any of the new values differs from the record's.
    fn differs(&self) -> Condition {
        let dialect = self.app.database().dialect();
        let fields = self.changes().iter();
        let any = fields.fold(Cond::any(), |any, change| any.add(differs(&self.resource, change, dialect)));
        self.links_differ(any)
    }

    async fn samples(&self, condition: Condition) -> Result<Vec<Sample>> {
        let dialect = self.app.database().dialect();
        let fields: Vec<&Field> = self.resource.fields.iter().collect();
        let mut select = query::row_select(&self.resource, &fields, dialect);
        select.cond_where(condition).limit(SAMPLES);
        for name in &self.resource.table.primary_key {
            select.order_by(self.resource.table.column_ref(name), Order::Asc);
        }
        let mut rows = Vec::new();
        for row in self.app.database().connection().rows(&select).await? {
            rows.push(query::read_row(&row, &fields)?);
        }
        query::name_references(&self.app, &fields, &mut rows).await?;
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

    async fn referrers(&self, condition: &Condition) -> Result<Vec<Referrer>> {
        let mut referrers = Vec::new();
        for (table, key) in self.app.catalog().referrers(&self.resource.table) {
            let mut selected = Query::select();
            selected.from(self.resource.table.table_ref()).cond_where(condition.clone());
            for column in &key.referenced_columns {
                selected.column(self.resource.table.column_ref(column));
            }
            let mut left: Vec<Expr> = key.columns.iter().map(|column| Expr::col((REFERRER, column.clone()))).collect();
            let left = if left.len() == 1 { left.remove(0) } else { Expr::tuple(left) };
            let mut select = Query::select();
            select
                .expr(Expr::cust("COUNT(*)"))
                .from_as(table.table_ref(), Alias::new(REFERRER))
                .and_where_option(table.own_rows_as(REFERRER))
                .and_where(left.in_subquery(selected.take()));
            referrers.push(Referrer {
                table: table.qualified_name(),
                columns: key.columns.clone(),
                records: self.app.database().connection().number(&select).await?,
                action: match key.on_delete {
                    ReferentialAction::Restrict => "restrict",
                    ReferentialAction::Cascade => "cascade",
                    ReferentialAction::SetNull => "set_null",
                    ReferentialAction::SetDefault => "set_default",
                },
            });
        }
        referrers.retain(|referrer| referrer.records > 0);
        Ok(referrers)
    }
}

const REFERRER: &str = "powercrud_referrer";

/// Whether a record's value differs from the new one, NULL being a value like any other.
fn differs(resource: &Resource, change: &Change, dialect: Dialect) -> Expr {
    let column = || Expr::col(resource.table.column_ref(&change.field));
    let Some(field) = resource.field(&change.field) else { return Expr::cust("1 = 1") };
    if change.value.is_null() {
        return column().is_not_null();
    }
    let (left, right) = dialect.comparable(&field.column, column(), &change.value);
    left.ne(right).or(column().is_null())
}

/// Whether a record of the resource's table is referred to in a way that refuses its delete.
pub(super) fn blocked(app: &crate::PowerCrud, resource: &Resource) -> Condition {
    let restricting =
        app.catalog().referrers(&resource.table).filter(|(_, key)| key.on_delete == ReferentialAction::Restrict);
    restricting.fold(Cond::any(), |any, (table, key)| any.add(referred_to(resource, table, key)))
}

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
