//! What a delete does further down: to records that refer to what goes along with the selected ones, and to those that refer to them.

use std::collections::HashSet;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, SelectStatement};

use super::{
    Referrer,
    kept::{REFERRERS, among},
    reading::{CHILD, PAGE, ROWS, record_key, referrers_of},
    referrers::{Delete, action, referrer},
};
use crate::{
    cascades::{is_readable, is_same},
    error::Result,
};
use powercrud_db::{ForeignKey, QueryExt as _, ReferentialAction, Table};

/// What was found.
#[derive(Default)]
pub(super) struct Further {
    /// By what they refer to: [`Referrer::through`].
    pub(super) referrers: Vec<Referrer>,
    /// Tables of which more may go along: there were too many rows to follow, or rows without a key.
    pub(super) unfollowed: Vec<String>,
}

/// Rows that go along, by table and key.
struct Along<'a> {
    seen: HashSet<(String, String)>,
    /// Those whose referrers are not read yet.
    next: Vec<(&'a Table, String)>,
    found: Further,
}

impl<'a> Delete<'a> {
    /// Follows what goes along, for as long as those are few.
    pub(super) async fn further(&self) -> Result<Further> {
        let mut along = Along { seen: HashSet::new(), next: Vec::new(), found: Further::default() };
        for (from, key) in self.changed(self.table).filter(|(_, key)| key.on_delete == ReferentialAction::Cascade) {
            if self.changed(from).next().is_some() {
                let rows = self.rows_that_refer(from, key);
                self.add(&mut along, rows, (from, REFERRERS[0])).await?;
            }
        }
        while let Some((table, page)) = along.page() {
            if along.seen.len() > ROWS {
                along.give_up(table);
                break;
            }
            for (from, key) in self.changed(table) {
                let mut rows = referrers_of(self.engine, (table, &page), (from, key));
                if is_same(from, self.table) {
                    let child = |name: &str| Expr::col((Alias::new(CHILD), Alias::new(name)));
                    rows.and_where(among(self.table, self.going(), &child).not());
                }
                let records = match key.on_delete {
                    ReferentialAction::Cascade => self.add(&mut along, rows, (from, CHILD)).await?,
                    _ => self.keys(&mut along, rows, (from, CHILD)).await?.len() as u64,
                };
                if records > 0 {
                    let through = Some(table.qualified_name());
                    along.found.count(Referrer { records, ..referrer(from, key, action(key), through) });
                }
            }
        }
        Ok(along.found)
    }

    /// The references by which a delete from `table` changes other rows, or takes them along.
    fn changed(&self, table: &'a Table) -> impl Iterator<Item = (&'a Table, &'a ForeignKey)> + use<'a> {
        let referrers = self.engine.catalog().referrers(table);
        referrers.filter(|(from, key)| key.on_delete != ReferentialAction::Restrict && is_readable(from, key))
    }

    /// The keys of rows of `from`, which go by `alias`.
    async fn keys(
        &self,
        along: &mut Along<'a>,
        mut rows: SelectStatement,
        (from, alias): (&Table, &str),
    ) -> Result<HashSet<String>> {
        if from.primary_key.is_empty() || from.primary_key.iter().any(|name| from.column(name).is_none()) {
            along.give_up(from);
            return Ok(HashSet::new());
        }
        rows.clear_selects().expr(record_key(self.engine, from, alias)).limit(ROWS as u64 + 1);
        let rows = self.engine.database().connection().rows(&rows).await?;
        if rows.len() > ROWS {
            along.give_up(from);
        }
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Adds rows that go along; how many of them were not known.
    async fn add(&self, along: &mut Along<'a>, rows: SelectStatement, (from, alias): (&'a Table, &str)) -> Result<u64> {
        let mut added = 0;
        for key in self.keys(along, rows, (from, alias)).await? {
            if along.seen.insert((from.qualified_name(), key.clone())) {
                along.next.push((from, key));
                added += 1;
            }
        }
        Ok(added)
    }
}

impl<'a> Along<'a> {
    /// Some rows of one table whose referrers are to be read.
    fn page(&mut self) -> Option<(&'a Table, Vec<String>)> {
        let (table, _) = *self.next.last().as_ref()?;
        let start = self.next.len().saturating_sub(PAGE);
        let first = self.next[start..].iter().rposition(|(other, _)| !is_same(other, table));
        let first = first.map_or(start, |at| start + at + 1);
        Some((table, self.next.drain(first..).map(|(_, key)| key).collect()))
    }

    fn give_up(&mut self, table: &Table) {
        let name = table.qualified_name();
        if !self.found.unfollowed.contains(&name) {
            self.found.unfollowed.push(name);
        }
    }
}

impl Further {
    fn count(&mut self, more: Referrer) {
        match self.referrers.iter_mut().find(|known| known.is_alike(&more)) {
            Some(known) => known.records += more.records,
            None => self.referrers.push(more),
        }
    }
}
