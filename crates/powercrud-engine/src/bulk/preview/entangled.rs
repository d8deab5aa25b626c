//! Deletes of records that may both go along and stand in the way, by references of their tables to each other or to themselves. Which of
//! them go can't be asked by one SELECT; where they are few, they are read with all that would go along, and reckoned with.

use std::collections::HashMap;

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, Query};

use super::{
    fates::{Checks, Rows},
    kept::{Effect, effect},
    reading::{CHILD, PAGE, PARENT, ROWS, record_key, referrers_of},
};
use crate::{
    cascades::{emptied, is_readable, is_same},
    engine::Engine,
    error::Result,
};
use powercrud_db::{ForeignKey, QueryExt as _, ReferentialAction, Table};

/// Tables whose rows may go with records of one, and how they stand in the way of each other.
pub(super) struct Entangled<'a> {
    engine: &'a Engine,
    /// The first is the records' own.
    tables: Vec<&'a Table>,
    /// Those whose rows may go along and stand in the way as well.
    names: Vec<String>,
}

/// What is known of a delete's records.
pub(super) struct Foreseen {
    /// The keys of those that stay.
    pub(super) stay: Vec<String>,
    /// How many may go or stay.
    pub(super) doubtful: usize,
}

impl<'a> Entangled<'a> {
    /// The tables that a delete from `table` empties, where any of their rows may stand in its way as well.
    pub(super) fn of(engine: &'a Engine, table: &'a Table) -> Option<Self> {
        let tables = emptied(engine, table);
        let referrers = || {
            let of = |table: &&'a Table| {
                let table = *table;
                engine.catalog().referrers(table).map(move |(from, key)| (table, from, key))
            };
            tables.iter().flat_map(of)
        };
        if !referrers().any(|(_, from, key)| may_stop(from, key)) {
            return None;
        }
        let mut names: Vec<String> = Vec::new();
        for (table, from, key) in referrers() {
            let is_emptied = tables.iter().any(|other| is_same(other, from));
            // What goes along within a table may be what something stands in the way of.
            let cascades = key.on_delete == ReferentialAction::Cascade && is_same(from, table);
            if cascades || (is_emptied && may_stop(from, key)) {
                names.push(from.qualified_name());
            }
        }
        names.sort();
        names.dedup();
        (!names.is_empty()).then_some(Self { engine, tables, names })
    }

    /// What can't be told, for [`super::Preview::unknown`].
    pub(super) fn unknown(&self) -> String {
        let is_told = |name: &&String| {
            let mut tables = self.engine.catalog().tables.iter();
            tables.any(|table| table.qualified_name() == **name && self.engine.shows_whole(table))
        };
        match self.names.iter().filter(is_told).map(String::as_str).collect::<Vec<_>>()[..] {
            [] => "the order in which records are deleted".to_owned(),
            ref names => format!("the order in which records of {} are deleted", names.join(", ")),
        }
    }

    /// What becomes of the records that match `selected`; `None` where they are too many to be read.
    pub(super) async fn foresee(&self, selected: &Condition) -> Result<Option<Foreseen>> {
        if self.tables.iter().any(|table| table.primary_key.is_empty()) {
            return Ok(None);
        }
        let rows = Rows::new(self.checks());
        let mut reading = Reading { of: self, rows, numbers: HashMap::new(), next: Vec::new() };
        let table = self.tables[0];
        let mut select = Query::select();
        select.expr(record_key(self.engine, table, &table.name)).from(table.table_ref()).cond_where(selected.clone());
        select.limit(ROWS as u64 + 1);
        let connection = self.engine.database().connection();
        let mut keys: Vec<String> = Vec::new();
        for row in connection.rows(&select).await? {
            keys.push(row.try_get_by_index(0)?);
        }
        let records: Vec<usize> = keys.iter().map(|key| reading.going(0, key)).collect();
        while let Some((table, page)) = reading.page() {
            if reading.rows.len() > ROWS {
                return Ok(None);
            }
            reading.read(table, &page).await?;
        }
        if reading.rows.len() > ROWS {
            return Ok(None);
        }
        let fates = reading.rows.fates(&records);
        let stay = fates.stay.iter().filter_map(|row| records.iter().position(|record| record == row));
        Ok(Some(Foreseen { stay: stay.map(|place| keys[place].clone()).collect(), doubtful: fates.doubtful }))
    }

    /// When the database looks for rows that stand in the way.
    fn checks(&self) -> Checks {
        let referrers = |table| self.engine.catalog().referrers(table).filter(|(from, key)| may_stop(from, key));
        let each_row: Vec<bool> =
            self.tables.iter().flat_map(|table| referrers(table)).map(|(_, key)| key.checks_each_row).collect();
        match (each_row.contains(&true), each_row.contains(&false)) {
            (true, false) => Checks::EachRow,
            (false, true) => Checks::Statement,
            _ => Checks::Either,
        }
    }

    fn place(&self, table: &Table) -> Option<usize> {
        self.tables.iter().position(|other| is_same(other, table))
    }
}

/// Whether rows that go with records of a table may stand in their way as well.
pub(in crate::bulk) fn is_entangled(engine: &Engine, table: &Table) -> bool {
    Entangled::of(engine, table).is_some()
}

/// Whether rows that refer by a key may stand in the way.
fn may_stop(from: &Table, key: &ForeignKey) -> bool {
    let needed = |name: &String| from.column(name).is_some_and(|column| !column.nullable);
    match key.on_delete {
        ReferentialAction::Restrict | ReferentialAction::SetDefault => true,
        ReferentialAction::SetNull => key.columns.iter().any(needed),
        ReferentialAction::Cascade => false,
    }
}

/// The rows that were read so far.
struct Reading<'a> {
    of: &'a Entangled<'a>,
    rows: Rows,
    numbers: HashMap<(usize, String), (usize, bool)>,
    /// Those that may go, and whose referrers are not read yet.
    next: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn number(&mut self, table: usize, key: &str) -> usize {
        if let Some((number, _)) = self.numbers.get(&(table, key.to_owned())) {
            return *number;
        }
        let number = self.rows.add();
        self.numbers.insert((table, key.to_owned()), (number, false));
        number
    }

    /// The number of a row that may go.
    fn going(&mut self, table: usize, key: &str) -> usize {
        let number = self.number(table, key);
        if let Some((_, is_going)) = self.numbers.get_mut(&(table, key.to_owned()))
            && !std::mem::replace(is_going, true)
        {
            self.next.push((table, key.to_owned()));
        }
        number
    }

    /// Some rows of one table whose referrers are to be read.
    fn page(&mut self) -> Option<(usize, Vec<String>)> {
        let table = self.next.last()?.0;
        let start = self.next.len().saturating_sub(PAGE);
        let first =
            self.next[start..].iter().rposition(|(other, _)| *other != table).map_or(start, |at| start + at + 1);
        Some((table, self.next.drain(first..).map(|(_, key)| key).collect()))
    }

    async fn read(&mut self, place: usize, page: &[String]) -> Result<()> {
        let entangled = self.of;
        let table = entangled.tables[place];
        let referrers = entangled.engine.catalog().referrers(table).filter(|(from, key)| is_readable(from, key));
        for (from, key) in referrers {
            let of_parent = |name: &str| Expr::col((Alias::new(PARENT), Alias::new(name)));
            let gone = |target: &Alias| {
                let same = key
                    .referenced_columns
                    .iter()
                    .map(|name| Expr::col((target.clone(), Alias::new(name))).eq(of_parent(name)));
                same.reduce(Expr::and)
            };
            let child = entangled.place(from);
            let effect = effect(table, from, key, &[], gone);
            match (child, effect) {
                (Some(child), Effect::TakesAlong) => {
                    for (parent_key, child_key) in self.pairs(table, page, from, key).await? {
                        let (parent, child) = (self.number(place, &parent_key), self.going(child, &child_key));
                        self.rows.takes(parent, child);
                    }
                }
                (_, Effect::TakesAlong) | (None, Effect::Leaves) => {}
                (None, Effect::Stops(condition)) => {
                    let mut select = referrers_of(self.of.engine, (table, page), (from, key));
                    select.cond_where(condition).expr(record_key(entangled.engine, table, PARENT)).distinct();
                    for row in entangled.engine.database().connection().rows(&select).await? {
                        let parent = self.number(place, &row.try_get_by_index::<String>(0)?);
                        self.rows.stays(parent);
                    }
                }
                (Some(_), Effect::Leaves) if !may_stop(from, key) => {}
                (Some(child), Effect::Stops(_) | Effect::Leaves) => {
                    self.read_holders((place, page), (child, from), key).await?;
                }
            }
        }
        Ok(())
    }

    /// Rows of a table that may be emptied, and that stand in the way of those of a page until they are gone.
    async fn read_holders(
        &mut self,
        (place, page): (usize, &[String]),
        (child, from): (usize, &Table),
        key: &ForeignKey,
    ) -> Result<()> {
        let keeps_itself = self.of.engine.database().dialect().row_keeps_itself();
        for (parent_key, child_key) in self.pairs(self.of.tables[place], page, from, key).await? {
            let (parent, child) = (self.number(place, &parent_key), self.number(child, &child_key));
            match key.on_delete {
                ReferentialAction::SetDefault => self.rows.is_doubtful(parent),
                _ if parent == child && keeps_itself => self.rows.stays(parent),
                _ if parent == child => {}
                _ => self.rows.holds(child, parent),
            }
        }
        Ok(())
    }

    /// The rows of a page with those that refer to them by a key, as keys.
    async fn pairs(
        &self,
        table: &Table,
        page: &[String],
        from: &Table,
        key: &ForeignKey,
    ) -> Result<Vec<(String, String)>> {
        let mut select = referrers_of(self.of.engine, (table, page), (from, key));
        select
            .expr(record_key(self.of.engine, table, PARENT))
            .expr(record_key(self.of.engine, from, CHILD))
            .limit(ROWS as u64 + 1);
        let rows = self.of.engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }
}
