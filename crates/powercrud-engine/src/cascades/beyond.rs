//! What a write does to rows that are not the user's: the database follows its foreign keys whoever asks.
//!
//! A record whose delete would take along, or empty a reference of, rows that the user may not delete or change is kept, as Django's admin
//! does it; and so is one whose update would change such rows, by `ON UPDATE`. The rows of a join table are the links of the records that
//! they join, and go with them; what refers to those in turn does not.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, Query};

use super::is_readable;
use crate::{
    engine::Engine,
    form::{self, Assignment},
    policy::Seen,
    resource::Resource,
};
use powercrud_db::{ForeignKey, ReferentialAction, Table};

/// As many steps are looked along; what is reached by more counts as not the user's, unless all rows of its table are.
const ALIASES: [&str; 5] =
    ["powercrud_beyond1", "powercrud_beyond2", "powercrud_beyond3", "powercrud_beyond4", "powercrud_beyond5"];

/// What is done to rows that others may refer to.
#[derive(Clone)]
enum Write {
    Deleted,
    /// These columns get other values.
    Changed(Vec<String>),
}

/// Whether the delete of a row of the resource's table would do something to rows that are not the user's; `None` where none can be such.
pub(crate) fn beyond(engine: &Engine, resource: &Resource) -> Option<Expr> {
    let table = &resource.table;
    of_row(engine, table, &Write::Deleted, &|name| Expr::col(table.column_ref(name)))
}

/// The same of a row of any table, which goes by `alias`.
pub(crate) fn beyond_row(engine: &Engine, table: &Table, alias: &str) -> Option<Expr> {
    of_row(engine, table, &Write::Deleted, &|name| Expr::col((Alias::new(alias), Alias::new(name))))
}

/// The same of a row of the resource's table in which these columns get other values.
pub(crate) fn beyond_columns(engine: &Engine, resource: &Resource, columns: &[String]) -> Option<Expr> {
    let table = &resource.table;
    of_row(engine, table, &Write::Changed(columns.to_vec()), &|name| Expr::col(table.column_ref(name)))
}

/// Those of `changes` by which rows may change that are not the user's, each with whether it does so of a row of the resource's table.
pub(crate) fn beyond_changes<'a>(
    engine: &Engine,
    resource: &Resource,
    changes: &'a [Assignment],
) -> Vec<(&'a Assignment, Expr)> {
    let of_change = |change: &'a Assignment| {
        let beyond = beyond_columns(engine, resource, std::slice::from_ref(&change.field))?;
        let differs = form::differs(resource, std::slice::from_ref(change), engine.database().dialect())?;
        Some((change, differs.and(beyond)))
    };
    changes.iter().filter_map(of_change).collect()
}

fn of_row(engine: &Engine, table: &Table, write: &Write, column: &dyn Fn(&str) -> Expr) -> Option<Expr> {
    engine.viewer()?;
    at(engine, table, write, column, 0)
}

fn at(engine: &Engine, table: &Table, write: &Write, column: &dyn Fn(&str) -> Expr, depth: usize) -> Option<Expr> {
    let mut any = Condition::any();
    for (from, key) in engine.catalog().referrers(table).filter(|(from, key)| is_readable(from, key)) {
        let Some(next) = follow(key, write) else { continue };
        let seen = match &next {
            _ if joins(engine, from) => Seen::All,
            Write::Deleted => seen(engine, from, |resource| resource.rights.delete),
            Write::Changed(columns) => seen(engine, from, |it| it.rights.change && may_write(it, columns)),
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
        harm = harm.add_option(at(engine, from, &next, &own, depth + 1));
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

/// What is done to the rows that refer by `key` to what is written; `None` where nothing is, or it is refused.
fn follow(key: &ForeignKey, write: &Write) -> Option<Write> {
    match write {
        Write::Deleted => match key.on_delete {
            ReferentialAction::Restrict => None,
            ReferentialAction::Cascade => Some(Write::Deleted),
            ReferentialAction::SetNull | ReferentialAction::SetDefault => Some(Write::Changed(key.columns.clone())),
        },
        Write::Changed(columns) => {
            let pairs = key.columns.iter().zip(&key.referenced_columns);
            let followed = pairs.filter(|(_, referenced)| columns.contains(referenced)).map(|(own, _)| own.clone());
            let followed: Vec<_> = followed.collect();
            match key.on_update {
                _ if followed.is_empty() => None,
                ReferentialAction::Restrict => None,
                ReferentialAction::Cascade => Some(Write::Changed(followed)),
                ReferentialAction::SetNull | ReferentialAction::SetDefault => Some(Write::Changed(key.columns.clone())),
            }
        }
    }
}

/// Whether the user may write those columns.
fn may_write(resource: &Resource, columns: &[String]) -> bool {
    columns.iter().all(|name| !resource.hidden.contains(name) && !resource.fixed.contains(name))
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
