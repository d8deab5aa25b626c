//! Which tables a delete reaches, and by which references.

mod beyond;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};

use crate::{engine::Engine, resource::Resource};
use powercrud_db::{ForeignKey, ReferentialAction, Table};

pub(crate) use beyond::{beyond, beyond_changes, beyond_columns, beyond_row};

const REFERRER: &str = "powercrud_referrer";

pub(crate) fn is_same(one: &Table, other: &Table) -> bool {
    one.qualified_name() == other.qualified_name()
}

/// The tables whose rows a delete from `table` may take along, and itself.
pub(crate) fn emptied<'a>(engine: &'a Engine, table: &'a Table) -> Vec<&'a Table> {
    let mut reached = vec![table];
    let mut next = 0;
    while let Some(&table) = reached.get(next) {
        next += 1;
        for (from, key) in engine.catalog().referrers(table) {
            if key.on_delete == ReferentialAction::Cascade && !reached.iter().any(|other| is_same(other, from)) {
                reached.push(from);
            }
        }
    }
    reached
}

/// Whether a delete from `table` leads back to it, by cascades to a reference of its own whose action is one that counts.
pub(crate) fn leads_back(engine: &Engine, table: &Table, counts: impl Fn(ReferentialAction) -> bool) -> bool {
    let leads = |reached: &&Table| {
        let mut referrers = engine.catalog().referrers(reached);
        referrers.any(|(from, key)| is_same(from, table) && counts(key.on_delete))
    };
    emptied(engine, table).iter().any(leads)
}

/// Whether a record's delete may take others of `table` along, or change them.
pub(crate) fn changes_itself(engine: &Engine, table: &Table) -> bool {
    leads_back(engine, table, |action| action != ReferentialAction::Restrict)
}

/// Whether `key` can be followed from the rows of `from`: a column that may not be read can't.
pub(crate) fn is_readable(from: &Table, key: &ForeignKey) -> bool {
    key.columns.iter().all(|name| from.column(name).is_some())
}

/// Whether a row of `table` refers to the record by `key`.
pub(crate) fn referred_to(resource: &Resource, table: &Table, key: &ForeignKey) -> Expr {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from_as(table.table_ref(), Alias::new(REFERRER));
    select.and_where_option(table.own_rows_as(REFERRER));
    for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
        select.and_where(Expr::col((REFERRER, column.clone())).eq(Expr::col(resource.table.column_ref(referenced))));
    }
    Expr::exists(select.take())
}
