//! Records that a delete can't take, because others refer to them or to what would go with them.

use sea_orm::sea_query::{
    Alias, CommonTableExpression, Cond, Condition, Expr, ExprTrait as _, JoinType, Query, UnionType, WithClause,
};

use crate::{
    cascades::{emptied, is_readable, is_same},
    engine::Engine,
    error::Result,
};
use powercrud_db::{ForeignKey, QueryExt as _, ReferentialAction, Table};

/// Cascades deeper than this are not followed.
pub(in crate::bulk) const DEPTH: usize = 6;

const DEFAULT: &str = "powercrud_default";

/// Whether a record of `table` can't be deleted together with those that match `selected`: a row of another table stands in
/// the way, of it or of what the delete takes along; or a record of the same table that refers to it is not selected, or can't go itself.
/// `is_all`: whether those are all that are selected. Rows of tables that the delete may empty are taken to go first.
pub(in crate::bulk) fn kept(engine: &Engine, table: &Table, selected: &Condition, is_all: bool) -> Condition {
    let emptied = emptied(engine, table);
    let own = |column: &str| Expr::col(table.column_ref(column));
    let mut any = refused(engine, table, &own, Some(selected), &emptied, 0);
    let of_itself = |(from, key): &(&Table, &ForeignKey)| is_all && is_same(from, table) && restricts(key);
    let keys: Vec<&ForeignKey> = engine.catalog().referrers(table).filter(of_itself).map(|(_, key)| key).collect();
    for key in &keys {
        let mut children = Query::select();
        children.expr(Expr::cust("1")).from_as(table.table_ref(), Alias::new(CHILD));
        children.and_where(refers(key, &own)).and_where(among(table, selected.clone(), &|name| of(CHILD, name)).not());
        any = any.add(Expr::exists(children.take()));
    }
    match keys.is_empty() || any.is_empty() {
        true => any,
        false => any.clone().add(kept_in_turn(table, &keys, selected, any)),
    }
}

const CHILD: &str = "powercrud_child";
const PARENT: &str = "powercrud_parent";
const KEPT: &str = "powercrud_kept";

fn of(alias: &str, column: &str) -> Expr {
    Expr::col((Alias::new(alias), Alias::new(column)))
}

/// Whether a child refers by `key` to the record whose columns `parent` reads.
fn refers(key: &ForeignKey, parent: &dyn Fn(&str) -> Expr) -> Expr {
    let pairs = key.columns.iter().zip(&key.referenced_columns);
    let equal = pairs.map(|(column, referenced)| of(CHILD, column).eq(parent(referenced)));
    equal.reduce(Expr::and).unwrap_or_else(|| Expr::cust("1 = 0"))
}

/// Whether a record is one of the selected that `first` keeps, or that are kept by those, and so on.
fn kept_in_turn(table: &Table, keys: &[&ForeignKey], selected: &Condition, first: Condition) -> Expr {
    let parent = |name: &str| of(PARENT, name);
    let names: Vec<String> = (0..table.primary_key.len()).map(|index| format!("k{index}")).collect();
    let mut rows = Query::select();
    rows.from(table.table_ref()).cond_where(Condition::all().add(selected.clone()).add(first));
    let mut more = Query::select();
    let mut is_kept = Cond::all();
    for (name, own) in names.iter().zip(&table.primary_key) {
        rows.column(table.column_ref(own));
        more.expr(parent(own));
        is_kept = is_kept.add(of(CHILD, own).eq(of(KEPT, name)));
    }
    let refers = keys.iter().map(|key| refers(key, &parent)).fold(Cond::any(), Cond::add);
    more.from(Alias::new(KEPT))
        .join_as(JoinType::InnerJoin, table.table_ref(), Alias::new(CHILD), is_kept)
        .join_as(JoinType::InnerJoin, table.table_ref(), Alias::new(PARENT), refers)
        .and_where_option(table.own_rows_as(CHILD))
        .and_where_option(table.own_rows_as(PARENT))
        .and_where(among(table, selected.clone(), &parent));
    rows.union(UnionType::Distinct, more.take());
    let mut all = CommonTableExpression::new();
    all.table_name(Alias::new(KEPT)).columns(names.iter().map(Alias::new)).query(rows.take());
    let mut kept = Query::select();
    kept.from(Alias::new(KEPT)).columns(names.iter().map(Alias::new));
    kept.with_cte(WithClause::new().recursive(true).cte(all).to_owned());
    let own = table.primary_key.iter().map(|name| Expr::col(table.column_ref(name)));
    row(own.collect()).in_subquery(kept.take())
}

/// One expression, or several as a row.
fn row(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { Expr::tuple(parts) }
}

fn restricts(key: &ForeignKey) -> bool {
    key.on_delete == ReferentialAction::Restrict
}

/// What a delete does to the rows that refer by a key.
pub(super) enum Effect {
    /// Those that match stand in its way.
    Stops(Condition),
    /// They go along.
    TakesAlong,
    /// They stay, whatever their reference becomes.
    Leaves,
}

/// What a delete from `table` does to rows of `from` that refer by `key`. `gone` finds the rows of `table` that it takes away, under the
/// name that it is given.
pub(super) fn effect(
    table: &Table,
    from: &Table,
    key: &ForeignKey,
    emptied: &[&Table],
    gone: impl FnOnce(&Alias) -> Option<Expr>,
) -> Effect {
    let needed = |name: &String| from.column(name).is_some_and(|column| !column.nullable);
    match key.on_delete {
        ReferentialAction::Cascade => Effect::TakesAlong,
        // They may go first.
        _ if emptied.iter().any(|other| is_same(other, from)) => Effect::Leaves,
        ReferentialAction::Restrict => Effect::Stops(Condition::all()),
        ReferentialAction::SetNull if key.columns.iter().any(needed) => Effect::Stops(Condition::all()),
        ReferentialAction::SetNull => Effect::Leaves,
        ReferentialAction::SetDefault => {
            let defaults: Vec<_> = key.columns.iter().map(|name| from.column(name)?.default.clone()).collect();
            if defaults.iter().zip(&key.columns).any(|(default, name)| default.is_none() && needed(name)) {
                return Effect::Stops(Condition::all());
            }
            let Some(defaults) = defaults.into_iter().collect::<Option<Vec<_>>>() else { return Effect::Leaves };
            if defaults.iter().any(|default| is_called(default)) {
                return Effect::Leaves;
            }
            let alias = Alias::new(DEFAULT);
            let mut targets = Query::select();
            targets.expr(Expr::cust("1")).from_as(table.table_ref(), alias.clone());
            targets.and_where_option(table.own_rows_as(DEFAULT)).and_where_option(gone(&alias).map(|gone| gone.not()));
            for (referenced, default) in key.referenced_columns.iter().zip(defaults) {
                // The text is the catalog's own.
                let default = Expr::cust(format!("({default})"));
                targets.and_where(Expr::col((alias.clone(), Alias::new(referenced))).eq(default));
            }
            Effect::Stops(Condition::all().add(Expr::exists(targets.take()).not()))
        }
    }
}

/// Keys whose default is the result of a function, which only the delete itself calls.
pub(super) fn unknown_defaults(engine: &Engine, table: &Table) -> Vec<String> {
    let called = |from: &Table, key: &ForeignKey| {
        let is_called =
            |name: &String| from.column(name).and_then(|column| column.default.as_deref()).is_some_and(is_called);
        key.on_delete == ReferentialAction::SetDefault && key.columns.iter().any(is_called)
    };
    let keys = engine.catalog().referrers(table).filter(|(from, key)| called(from, key));
    keys.map(|(from, _)| format!("records of {} that go back to their default", from.qualified_name())).collect()
}

/// Keys whose rows go back to a default that is one of the records that match `selected`: whether they keep it depends on the order in which
/// those go.
pub(super) async fn defaults_that_go(engine: &Engine, table: &Table, selected: &Condition) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let is_set_default = |(_, key): &(&Table, &ForeignKey)| key.on_delete == ReferentialAction::SetDefault;
    for (from, key) in engine.catalog().referrers(table).filter(|key| is_set_default(key) && is_readable(key.0, key.1))
    {
        let defaults = key.columns.iter().map(|name| from.column(name)?.default.clone());
        let Some(defaults) = defaults.collect::<Option<Vec<_>>>() else { continue };
        if defaults.iter().any(|default| is_called(default)) {
            continue;
        }
        let mut select = Query::select();
        select.expr(Expr::cust("1")).from(table.table_ref()).cond_where(selected.clone()).limit(1);
        for (referenced, default) in key.referenced_columns.iter().zip(defaults) {
            // The text is the catalog's own.
            select.and_where(Expr::col(table.column_ref(referenced)).eq(Expr::cust(format!("({default})"))));
        }
        if engine.database().connection().row(&select).await?.is_none() {
            continue;
        }
        // Of one that is referred to it is known: either that one stays, or the default.
        let mut referring = Query::select();
        referring.expr(Expr::cust("1")).from_as(from.table_ref(), Alias::new(CHILD));
        referring.and_where(refers(key, &|name| Expr::col(table.column_ref(name))));
        let mut referred = Query::select();
        referred.expr(Expr::cust("COUNT(*)")).from(table.table_ref()).cond_where(selected.clone());
        referred.and_where(Expr::exists(referring.take()));
        if engine.database().connection().number(&referred).await? > 1 {
            found.push(format!("records of {} that go back to a default which is selected", from.qualified_name()));
        }
    }
    Ok(found)
}

/// Whether a default calls a function.
fn is_called(default: &str) -> bool {
    let before = |(place, _)| default[..place].chars().next_back();
    default.match_indices('(').filter_map(before).any(|c| c.is_alphanumeric() || c == '_' || c == '"')
}

/// The records of `table` that match `condition`, by primary key, where `of` reads the key.
pub(super) fn among(table: &Table, condition: Condition, of: &dyn Fn(&str) -> Expr) -> Expr {
    let mut keys = Query::select();
    keys.from(table.table_ref()).cond_where(condition);
    let mut own = Vec::new();
    for name in &table.primary_key {
        keys.column(table.column_ref(name));
        own.push(of(name));
    }
    row(own).in_subquery(keys.take())
}

/// Tables that refer to each other in turn go by these names.
pub(in crate::bulk) const REFERRERS: [&str; DEPTH + 1] = [
    "powercrud_referrer_0",
    "powercrud_referrer_1",
    "powercrud_referrer_2",
    "powercrud_referrer_3",
    "powercrud_referrer_4",
    "powercrud_referrer_5",
    "powercrud_referrer_6",
];

/// Whether a row of `table`, whose columns `own` reads, can't go because of rows of tables that are not `emptied`. `selected` are the
/// records that go, where they are of that table.
fn refused(
    engine: &Engine,
    table: &Table,
    own: &dyn Fn(&str) -> Expr,
    selected: Option<&Condition>,
    emptied: &[&Table],
    depth: usize,
) -> Condition {
    let mut any = Cond::any();
    for (from, key) in engine.catalog().referrers(table).filter(|(from, key)| is_readable(from, key)) {
        let alias = REFERRERS[depth];
        let column = |name: &str| Expr::col((Alias::new(alias), Alias::new(name)));
        let mut referrers = Query::select();
        referrers.expr(Expr::cust("1")).from_as(from.table_ref(), Alias::new(alias));
        referrers.and_where_option(from.own_rows_as(alias));
        for (referring, referenced) in key.columns.iter().zip(&key.referenced_columns) {
            referrers.and_where(column(referring).eq(own(referenced)));
        }
        let gone = |target: &Alias| {
            let of = |name: &str| Expr::col((target.clone(), Alias::new(name)));
            match selected {
                Some(selected) => Some(among(table, selected.clone(), &of)),
                None => key.referenced_columns.iter().map(|name| of(name).eq(own(name))).reduce(Expr::and),
            }
        };
        match effect(table, from, key, emptied, gone) {
            Effect::Stops(condition) => referrers.cond_where(condition),
            Effect::TakesAlong if depth < DEPTH && !is_same(from, table) => {
                let inner = refused(engine, from, &column, None, emptied, depth + 1);
                if inner.is_empty() {
                    continue;
                }
                referrers.cond_where(inner)
            }
            _ => continue,
        };
        any = any.add(Expr::exists(referrers.take()));
    }
    any
}
