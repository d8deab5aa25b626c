//! What a delete does to rows that are not the user's: the database follows its foreign keys whoever asks.
//!
//! A record whose delete would take along, or empty a reference of, rows that the user may not delete or change is kept, as Django's admin
//! does it. The rows of a join table are the links of the records that they join, and go with them.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, Query};

use super::is_readable;
use crate::{engine::Engine, policy::Seen, resource::Resource};
use powercrud_db::{ForeignKey, ReferentialAction, Table};

/// As many steps are looked along; what is reached by more counts as not the user's, unless all rows of its table are.
const ALIASES: [&str; 4] = ["powercrud_beyond1", "powercrud_beyond2", "powercrud_beyond3", "powercrud_beyond4"];

/// Whether a row of the resource's table is such a record; `None` where none can be.
pub(crate) fn beyond(engine: &Engine, resource: &Resource) -> Option<Expr> {
    engine.viewer()?;
    let table = &resource.table;
    at(engine, table, &|name| Expr::col(table.column_ref(name)), 0)
}

fn at(engine: &Engine, table: &Table, column: &dyn Fn(&str) -> Expr, depth: usize) -> Option<Expr> {
    let mut any = Condition::any();
    for (from, key) in engine.catalog().referrers(table).filter(|(from, key)| is_readable(from, key)) {
        let seen = match key.on_delete {
            ReferentialAction::Restrict => continue,
            _ if joins(engine, from) => continue,
            ReferentialAction::Cascade => seen(engine, from, |resource| resource.rights.delete),
            _ => seen(engine, from, |resource| resource.rights.change && may_empty(resource, key)),
        };
        let Some(alias) = ALIASES.get(depth).copied() else {
            // Too far to be followed.
            if seen != Seen::All {
                return Some(Expr::cust("1 = 1"));
            }
            continue;
        };
        let own = |name: &str| Expr::col((Alias::new(alias), Alias::new(name)));
        let mut harm = Condition::any();
        match seen {
            Seen::All => {}
            Seen::Nothing => harm = harm.add(Expr::cust("1 = 1")),
            Seen::Some(scope) => {
                let scoped = Table { scope: Some(scope), ..from.clone() };
                harm = harm.add_option(scoped.rows_outside_as(alias));
            }
        }
        if key.on_delete == ReferentialAction::Cascade {
            harm = harm.add_option(at(engine, from, &own, depth + 1));
        }
        if harm.is_empty() {
            continue;
        }
        let mut rows = Query::select();
        rows.expr(Expr::cust("1")).from_as(from.table_ref(), Alias::new(alias)).cond_where(harm);
        rows.and_where_option(from.own_rows_as(alias));
        for (name, referenced) in key.columns.iter().zip(&key.referenced_columns) {
            rows.and_where(own(name).eq(column(referenced)));
        }
        any = any.add(Expr::exists(rows.take()));
    }
    (!any.is_empty()).then(|| any.into())
}

/// Whether the user may write that reference.
fn may_empty(resource: &Resource, key: &ForeignKey) -> bool {
    key.columns.iter().all(|name| !resource.hidden.contains(name) && !resource.fixed.contains(name))
}

/// The rows of a table to which the user may do that. Of a table without a resource nobody is asked.
fn seen(engine: &Engine, table: &Table, may: impl Fn(&Resource) -> bool) -> Seen {
    let over = |resource: &Resource| super::is_same(&resource.table, table);
    if !engine.all_resources().iter().any(|resource| over(resource)) {
        return Seen::All;
    }
    let own = engine.resources().iter().filter(|resource| over(resource) && may(resource));
    own.fold(Seen::Nothing, |seen, resource| seen.or(resource.table.scope.clone().map_or(Seen::All, Seen::Some)))
}

/// Whether the table holds nothing but links.
fn joins(engine: &Engine, table: &Table) -> bool {
    let mut links = engine.all_resources().iter().flat_map(|resource| &resource.many_to_many);
    links.any(|links| super::is_same(&links.through, table))
}
