//! What a bulk edit would do to many-to-many fields.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement};

use crate::{
    bulk::Plan,
    cascades::beyond_row,
    change::LinkOperation,
    engine::Engine,
    error::Result,
    form::LinkChange,
    query::{self, Choice},
    resource::{ManyToMany, Resource},
};
use powercrud_db::Dialect;

const LINKED: &str = "powercrud_linked";

/// Links of a sample record that are told by name; more are only counted.
const NAMED: usize = 20;

/// Whether any of the links of a record would change; `None` where `changes` are none.
pub(in crate::bulk) fn links_differ(resource: &Resource, changes: &[LinkChange], dialect: Dialect) -> Option<Expr> {
    let each = changes.iter().filter_map(|change| {
        resource.many_to_many(&change.field).map(|field| link_differs(resource, field, change, dialect))
    });
    each.reduce(Expr::or)
}

fn link_differs(resource: &Resource, field: &ManyToMany, change: &LinkChange, dialect: Dialect) -> Expr {
    let keys = || change.targets.iter().map(|to| query::key_value(&field.reference.column, &to.key, dialect));
    let target = || Expr::col((LINKED, field.target.name.clone()));
    let exists = |condition: Option<Expr>| {
        let mut links = links_of(resource, field);
        links.expr(Expr::cust("1"));
        links.and_where_option(condition);
        Expr::exists(links)
    };
    let some_missing = || {
        let mut links = links_of(resource, field);
        links.expr(Expr::cust("COUNT(*)")).and_where(target().is_in(keys()));
        Expr::SubQuery(None, Box::new(links.into())).lt(change.targets.len() as i64)
    };
    match change.operation {
        LinkOperation::Add => some_missing(),
        LinkOperation::Remove => exists(Some(target().is_in(keys()))),
        LinkOperation::Replace => some_missing().or(exists(Some(target().is_not_in(keys())))),
        LinkOperation::Clear => exists(None),
    }
}

/// The links of a row of the resource's table.
fn links_of(resource: &Resource, field: &ManyToMany) -> SelectStatement {
    let mut select = Query::select();
    select.from_as(field.through.table_ref(), LINKED);
    for column in &resource.table.primary_key {
        let own = Expr::col(resource.table.column_ref(column));
        select.and_where(Expr::col((LINKED, field.source.name.clone())).eq(own));
    }
    if let Some(seen) = seen_targets(field) {
        // Links with what there is not for the user are left alone.
        select.and_where(Expr::col((LINKED, field.target.name.clone())).in_subquery(seen));
    }
    select.take()
}

/// Whether a row of the join table, whose columns `column` reads, is a link that a change takes away from its record; `None` where it
/// takes none. Links with what there is not for the user are left alone.
pub(in crate::bulk) fn link_goes(
    field: &ManyToMany,
    change: &LinkChange,
    dialect: Dialect,
    column: &dyn Fn(&str) -> Expr,
) -> Option<Condition> {
    let keys = || change.targets.iter().map(|to| query::key_value(&field.reference.column, &to.key, dialect));
    let target = || column(&field.target.name);
    let goes = match change.operation {
        LinkOperation::Add => return None,
        LinkOperation::Remove => Condition::all().add(target().is_in(keys())),
        LinkOperation::Replace => Condition::all().add(target().is_not_in(keys())),
        LinkOperation::Clear => Condition::all(),
    };
    Some(goes.add_option(seen_targets(field).map(|seen| target().in_subquery(seen))))
}

/// The keys of the other table's records that there are for the user; `None` where all are.
fn seen_targets(field: &ManyToMany) -> Option<SelectStatement> {
    let (table, column) = (&field.reference.table, &field.reference.column);
    let seen = table.own_rows().filter(|_| table.scope.is_some())?;
    let mut others = Query::select();
    others.expr(Expr::col(table.column_ref(&column.name))).from(table.table_ref()).and_where(seen);
    Some(others.take())
}

/// Those of `changes` that take links away with which rows may go or change that are not the user's, each with whether it does so of a row
/// of the resource's table.
pub(in crate::bulk) fn links_beyond<'a>(
    engine: &Engine,
    resource: &Resource,
    changes: &'a [LinkChange],
) -> Vec<(&'a LinkChange, Expr)> {
    let of_change = |change: &'a LinkChange| {
        let field = resource.many_to_many(&change.field)?;
        let column = |name: &str| Expr::col((LINKED, name.to_owned()));
        let goes = link_goes(field, change, engine.database().dialect(), &column)?;
        let mut links = links_of(resource, field);
        links.expr(Expr::cust("1")).cond_where(goes).and_where(beyond_row(engine, &field.through, LINKED)?);
        Some((change, Expr::exists(links)))
    };
    changes.iter().filter_map(of_change).collect()
}

impl Plan {
    /// Field name, links before and links after, of one record.
    pub(super) async fn sample_links(&self, key: &str) -> Result<Vec<(String, Option<String>, Option<String>)>> {
        let mut samples = Vec::new();
        for field in &self.resource.many_to_many {
            let changes: Vec<_> = self.links().iter().filter(|change| change.field == field.name).collect();
            if changes.is_empty() {
                continue;
            }
            let before = query::linked(&self.engine, &self.resource, key, field, NAMED as u64 + 1).await?;
            let (before, after) = if before.len() > NAMED {
                let words = changes.iter().map(|change| in_words(change)).collect::<Vec<_>>().join(", ");
                (Some(format!("more than {NAMED}")), (words != "clear").then_some(words))
            } else {
                let after = changes.iter().fold(before.clone(), |links, change| changed(links, change));
                (names(&before), names(&after))
            };
            samples.push((field.name.clone(), before, after));
        }
        Ok(samples)
    }
}

/// A record's links after a change.
fn changed(mut links: Vec<Choice>, change: &LinkChange) -> Vec<Choice> {
    let is_target = |link: &Choice| change.targets.iter().any(|target| target.key.to_text() == link.value);
    match change.operation {
        LinkOperation::Add => {}
        LinkOperation::Remove => links.retain(|link| !is_target(link)),
        LinkOperation::Replace => links.retain(is_target),
        LinkOperation::Clear => links.clear(),
    }
    if matches!(change.operation, LinkOperation::Add | LinkOperation::Replace) {
        for target in &change.targets {
            let value = target.key.to_text();
            if links.iter().all(|link| link.value != value) {
                links.push(Choice { value, label: target.name.clone() });
            }
        }
    }
    links.sort_by(|a, b| a.label.cmp(&b.label));
    links
}

fn names(links: &[Choice]) -> Option<String> {
    let names = links.iter().map(|link| link.label.as_str()).collect::<Vec<_>>().join(", ");
    (!links.is_empty()).then_some(names)
}

fn in_words(change: &LinkChange) -> String {
    let names = change.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
    format!("{} {names}", change.operation).trim_end().to_owned()
}
