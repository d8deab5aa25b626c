//! Which other records a delete meets: those it changes or takes along, and those that stand in its way, directly or behind what goes along.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, Query, SelectStatement};

use super::{
    Referrer,
    kept::{self, DEPTH, Effect, REFERRERS, among},
};
use crate::{
    cascades::{emptied, is_readable, is_same},
    engine::Engine,
    error::Result,
};
use powercrud_db::{ForeignKey, QueryExt as _, ReferentialAction, Table};

/// A delete of the records of `table` that match `selected`, without those that match `kept`.
pub(super) struct Delete<'a> {
    pub(super) engine: &'a Engine,
    pub(super) table: &'a Table,
    pub(super) selected: &'a Condition,
    pub(super) kept: &'a Condition,
}

/// The columns by which the rows of a table that are reached can be referred to.
type Reached<'a> = &'a dyn Fn(&[String]) -> SelectStatement;

impl Delete<'_> {
    /// The records that refer, with what becomes of them, where there are any.
    pub(super) async fn referrers(&self) -> Result<Vec<Referrer>> {
        let selected = |columns: &[String]| self.columns(columns, self.selected.clone());
        let going = |columns: &[String]| self.columns(columns, self.going());
        let staying = |columns: &[String]| {
            self.columns(columns, Condition::all().add(self.selected.clone()).add(self.kept.clone()))
        };
        let emptied = emptied(self.engine, self.table);
        let mut found = Vec::new();
        for (from, key) in self.engine.catalog().referrers(self.table).filter(|(from, key)| is_readable(from, key)) {
            let restricts = key.on_delete == ReferentialAction::Restrict;
            let is_itself = is_same(from, self.table);
            let may_go = emptied.iter().any(|other| is_same(other, from));
            let reached: Reached<'_> = match restricts {
                false => &going,
                true if is_itself => &selected,
                // Of those that may go along only what stays has some in its way.
                true if may_go && !self.kept.is_empty() => &staying,
                true => continue,
            };
            let rows = self.others(from, rows(0, from, key, reached));
            found.push((referrer(from, key, action(key), None), rows));
        }
        self.add_barriers(self.table, &selected, 0, &mut found);
        let mut referrers = Vec::new();
        for (referrer, rows) in found {
            let records = self.engine.database().connection().number(&rows).await?;
            if records > 0 {
                referrers.push(Referrer { records, ..referrer });
            }
        }
        Ok(referrers)
    }

    /// The rows of `from` that refer by `key` to what goes, without those that go themselves.
    pub(super) fn rows_that_refer(&self, from: &Table, key: &ForeignKey) -> SelectStatement {
        self.others(from, rows(0, from, key, &|columns| self.columns(columns, self.going())))
    }

    fn others(&self, from: &Table, mut rows: SelectStatement) -> SelectStatement {
        if is_same(from, self.table) {
            let own = |name: &str| Expr::col((Alias::new(REFERRERS[0]), Alias::new(name)));
            rows.and_where(among(self.table, self.going(), &own).not());
        }
        rows
    }

    pub(super) fn going(&self) -> Condition {
        match self.kept.is_empty() {
            true => self.selected.clone(),
            false => Condition::all().add(self.selected.clone()).add(self.kept.clone().not()),
        }
    }

    fn columns(&self, columns: &[String], condition: Condition) -> SelectStatement {
        let mut select = Query::select();
        select.from(self.table.table_ref()).cond_where(condition);
        for column in columns {
            select.column(self.table.column_ref(column));
        }
        select.take()
    }

    /// Which of the rows that refer by `key` stand in the way.
    fn stops(&self, table: &Table, from: &Table, key: &ForeignKey, is_first: bool) -> Option<Condition> {
        let gone = |target: &Alias| {
            let of = |name: &str| Expr::col((target.clone(), Alias::new(name)));
            is_first.then(|| among(self.table, self.selected.clone(), &of))
        };
        match kept::effect(table, from, key, &emptied(self.engine, self.table), gone) {
            Effect::Stops(condition) => Some(condition),
            _ => None,
        }
    }

    /// Adds the rows that stand in the way of rows of `table` that are `reached`, and of what would go with them.
    fn add_barriers(
        &self,
        table: &Table,
        reached: Reached<'_>,
        depth: usize,
        found: &mut Vec<(Referrer, SelectStatement)>,
    ) {
        for (from, key) in self.engine.catalog().referrers(table).filter(|(from, key)| is_readable(from, key)) {
            if let Some(condition) = self.stops(table, from, key, depth == 0) {
                let mut rows = rows(depth, from, key, reached);
                rows.cond_where(condition);
                let through = (depth > 0).then(|| table.qualified_name());
                found.push((referrer(from, key, "restrict", through), rows));
            } else if key.on_delete == ReferentialAction::Cascade && depth < DEPTH && !is_same(from, table) {
                let inner = |columns: &[String]| {
                    let mut select = rows(depth, from, key, reached);
                    select.clear_selects();
                    for column in columns {
                        select.column((Alias::new(REFERRERS[depth]), Alias::new(column)));
                    }
                    select
                };
                self.add_barriers(from, &inner, depth + 1, found);
            }
        }
    }
}

/// The records that refer to those of `table` that match `changing`, by what changes in them, and lose that reference by it.
pub(super) async fn emptied_by_update(
    engine: &Engine,
    table: &Table,
    changing: &Condition,
    is_changed: impl Fn(&String) -> bool,
) -> Result<Vec<Referrer>> {
    let mut found = Vec::new();
    let keys = engine.catalog().referrers(table).filter(|(from, key)| is_readable(from, key));
    for (from, key) in keys.filter(|(_, key)| key.referenced_columns.iter().any(&is_changed)) {
        let action = match key.on_update {
            ReferentialAction::SetNull => "set_null",
            ReferentialAction::SetDefault => "set_default",
            ReferentialAction::Restrict | ReferentialAction::Cascade => continue,
        };
        let update = Delete { engine, table, selected: changing, kept: &Condition::any() };
        let rows = rows(0, from, key, &|columns| update.columns(columns, changing.clone()));
        let records = engine.database().connection().number(&rows).await?;
        if records > 0 {
            found.push(Referrer { records, ..referrer(from, key, action, None) });
        }
    }
    Ok(found)
}

/// What becomes of rows that refer by a key.
pub(super) fn action(key: &ForeignKey) -> &'static str {
    match key.on_delete {
        ReferentialAction::Restrict => "restrict",
        ReferentialAction::Cascade => "cascade",
        ReferentialAction::SetNull => "set_null",
        ReferentialAction::SetDefault => "set_default",
    }
}

pub(super) fn referrer(from: &Table, key: &ForeignKey, action: &'static str, through: Option<String>) -> Referrer {
    Referrer { table: from.qualified_name(), columns: key.columns.clone(), records: 0, action, through }
}

/// How many rows of `from` refer by `key` to rows that are `reached`.
fn rows(depth: usize, from: &Table, key: &ForeignKey, reached: Reached<'_>) -> SelectStatement {
    let alias = REFERRERS[depth];
    let mut own: Vec<Expr> =
        key.columns.iter().map(|column| Expr::col((Alias::new(alias), Alias::new(column)))).collect();
    let own = if own.len() == 1 { own.remove(0) } else { Expr::tuple(own) };
    let mut select = Query::select();
    select
        .expr(Expr::cust("COUNT(*)"))
        .from_as(from.table_ref(), Alias::new(alias))
        .and_where_option(from.own_rows_as(alias))
        .and_where(own.in_subquery(reached(&key.referenced_columns)));
    select.take()
}
