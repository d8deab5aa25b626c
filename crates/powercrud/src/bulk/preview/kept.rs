//! Records that a delete can't take, because others refer to them or to what would go with them.

use sea_orm::sea_query::{Alias, Cond, Condition, Expr, ExprTrait as _, Query};

use crate::{app::PowerCrud, resource::Resource};
use powercrud_db::{ForeignKey, ReferentialAction, Table};

/// Cascades deeper than this are not followed.
const DEPTH: usize = 6;

/// Whether a record of the resource's table can't be deleted together with those that match `selected`: a row of another table stands in
/// the way, of it or of what the delete takes along; or a record of the same table that refers to it is not selected or can't go itself.
pub(super) fn kept(app: &PowerCrud, resource: &Resource, selected: &Condition) -> Condition {
    let table = &resource.table;
    let emptied = emptied(app, table);
    let of_others = refused(app, table, &|column| Expr::col(table.column_ref(column)), &emptied, 0);
    let mut any = of_others.clone();
    for (_, key) in app.catalog().referrers(table).filter(|(from, key)| is_same(from, table) && restricts(key)) {
        let alias = Alias::new("powercrud_child");
        let mut children = Query::select();
        children.expr(Expr::cust("1")).from_as(table.table_ref(), alias.clone());
        for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
            let child = Expr::col((alias.clone(), Alias::new(column)));
            children.and_where(child.eq(Expr::col(table.column_ref(referenced))));
        }
        let among = |condition: Condition| {
            let mut keys = Query::select();
            keys.from(table.table_ref()).cond_where(condition);
            let mut child = Vec::new();
            for name in &table.primary_key {
                keys.column(table.column_ref(name));
                child.push(Expr::col((alias.clone(), Alias::new(name))));
            }
            let child = if child.len() == 1 { child.remove(0) } else { Expr::tuple(child) };
            child.in_subquery(keys.take())
        };
        let mut stays = Cond::any().add(among(selected.clone()).not());
        if !of_others.is_empty() {
            stays = stays.add(among(of_others.clone()));
        }
        any = any.add(Expr::exists(children.cond_where(stays).take()));
    }
    any
}

fn is_same(one: &Table, other: &Table) -> bool {
    one.qualified_name() == other.qualified_name()
}

fn restricts(key: &ForeignKey) -> bool {
    key.on_delete == ReferentialAction::Restrict
}

/// The tables whose rows a delete from `table` may take along, and itself.
fn emptied<'a>(app: &'a PowerCrud, table: &'a Table) -> Vec<&'a Table> {
    let mut reached = vec![table];
    let mut next = 0;
    while let Some(&table) = reached.get(next) {
        next += 1;
        for (from, key) in app.catalog().referrers(table) {
            if key.on_delete == ReferentialAction::Cascade && !reached.iter().any(|other| is_same(other, from)) {
                reached.push(from);
            }
        }
    }
    reached
}

/// Whether a row of `table`, whose columns `own` reads, can't go because of rows of tables that are not `emptied`.
fn refused(app: &PowerCrud, table: &Table, own: &dyn Fn(&str) -> Expr, emptied: &[&Table], depth: usize) -> Condition {
    let mut any = Cond::any();
    for (from, key) in app.catalog().referrers(table) {
        let goes_along = emptied.iter().any(|other| is_same(other, from));
        let alias = Alias::new(format!("powercrud_referrer_{depth}"));
        let column = |name: &str| Expr::col((alias.clone(), Alias::new(name)));
        let mut referrers = Query::select();
        referrers.expr(Expr::cust("1")).from_as(from.table_ref(), alias.clone());
        for (referring, referenced) in key.columns.iter().zip(&key.referenced_columns) {
            referrers.and_where(column(referring).eq(own(referenced)));
        }
        let needed = |name: &String| from.column(name).is_some_and(|column| !column.nullable);
        match key.on_delete {
            ReferentialAction::Restrict if goes_along => continue,
            ReferentialAction::Restrict => {}
            ReferentialAction::SetNull if key.columns.iter().any(needed) => {}
            ReferentialAction::Cascade if depth < DEPTH && !is_same(from, table) => {
                let inner = refused(app, from, &column, emptied, depth + 1);
                if inner.is_empty() {
                    continue;
                }
                referrers.cond_where(inner);
            }
            _ => continue,
        }
        any = any.add(Expr::exists(referrers.take()));
    }
    any
}
