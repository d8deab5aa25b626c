//! A chunk's keys, and how they reach its statement.
//!
//! Whole-number keys in runs are a BETWEEN each, nearly as fast as the plain statement: between the smallest and the largest there
//! is no number that is not selected, so no other record can match, not even one that is inserted meanwhile. Other keys are found
//! by a subquery over the frozen selection, or fetched and bound where the database would run that row by row.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{ColumnRef, Cond, Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    own::tables,
    query,
    query::keys_subquery,
    resource::Resource,
};
use powercrud_db::{Column, Dialect, QueryExt as _, Value};

const ROW: [&str; 3] = ["seq", "record_key", "run_length"];

/// With more runs than these the database searches for each key.
const BETWEENS: u64 = 100;

/// The places of a range that are blocked.
fn excluded(from: i64, to: i64, blocked: &BTreeSet<i64>) -> Vec<i64> {
    blocked.range(from..=to).copied().collect()
}

/// One row of a frozen selection: `length` records from place `seq` on.
struct Row {
    seq: i64,
    record_key: String,
    length: i64,
}

fn read_rows(rows: &[QueryResult]) -> Result<Vec<Row>> {
    rows.iter()
        .map(|row| {
            let (seq, record_key, length) = row.try_get_many_by_index()?;
            Ok(Row { seq, record_key, length })
        })
        .collect()
}

impl Row {
    /// The first and the last key at the places `from..=to` that are in this row.
    fn numbers(&self, from: i64, to: i64) -> Result<(i64, i64)> {
        let first: i64 = self
            .record_key
            .parse()
            .map_err(|_| Error::Internal(format!("the frozen key {:?} is not a whole number", self.record_key)))?;
        let last = first + Ord::min(self.length - 1, to - self.seq);
        Ok((first + Ord::max(from - self.seq, 0), last))
    }
}

/// The keys at places `from..=to` of a task's frozen selection.
pub(super) struct ChunkKeys<'a> {
    resource: &'a Resource,
    dialect: Dialect,
    task_id: Uuid,
    from: i64,
    to: i64,
    /// All of them, once they had to be fetched.
    fetched: Option<Vec<(i64, Vec<Value>)>>,
}

impl<'a> ChunkKeys<'a> {
    pub(super) fn new(resource: &'a Resource, dialect: Dialect, task_id: Uuid, (from, to): (i64, i64)) -> Self {
        Self { resource, dialect, task_id, from, to, fetched: None }
    }

    /// Whether a row of the resource's table is one of the records at `from..=to` without `blocked`.
    pub(super) async fn condition<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Expr> {
        if let [column] = self.resource.key_columns()[..] {
            let key = self.resource.table.column_ref(&column.name);
            let among = self.condition_on(connection, from, to, blocked, column, key).await?;
            return Ok(match self.resource.table.own_rows() {
                Some(own) => own.and(among),
                None => among,
            });
        }
        if self.dialect.binds_chunk_keys() {
            let keys = self.bound(connection, from, to, blocked).await?;
            return Ok(query::keys_condition(self.resource, &keys, self.dialect));
        }
        let mut keys = self.rows(from, to);
        self.exclude(&mut keys, Expr::col((tables::SELECTED, "seq")), &excluded(from, to, blocked));
        Ok(keys_subquery(self.resource, keys, self.dialect))
    }

    /// The same for a column of whatever table that holds keys of the resource, whose own are in `column`.
    pub(super) async fn condition_on<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
        column: &Column,
        key: ColumnRef,
    ) -> Result<Expr> {
        let excluded = excluded(from, to, blocked);
        if excluded.is_empty()
            && let Some(between) = self.between(connection, from, to, column, &key).await?
        {
            return Ok(between);
        }
        if self.dialect.binds_chunk_keys() {
            let keys = self.bound(connection, from, to, blocked).await?;
            return Ok(query::single_keys_condition(column, Expr::col(key), &keys, self.dialect));
        }
        let mut keys = self.rows(from, to);
        let mut place = Expr::col((tables::SELECTED, "seq"));
        if self.has_runs() {
            let (number, offset) = self.dialect.unrolled(tables::SELECTED, &mut keys);
            place = place.add(offset);
            keys.and_where(place.clone().between(from, to)).expr(number);
        } else {
            keys.expr(self.dialect.key_part(Expr::col((tables::SELECTED, "record_key")), 0, 1, column));
        }
        self.exclude(&mut keys, place, &excluded);
        Ok(Expr::col(key).in_subquery(keys))
    }

    /// The keys at `from..=to` without `blocked`, to be sent as parameters.
    async fn bound<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Vec<Vec<Value>>> {
        let keys = self.fetch(connection).await?.iter();
        let wanted = keys.filter(|(seq, _)| (from..=to).contains(seq) && !blocked.contains(seq));
        Ok(wanted.map(|(_, parts)| parts.clone()).collect())
    }

    fn exclude(&self, keys: &mut SelectStatement, place: Expr, excluded: &[i64]) {
        if !excluded.is_empty() {
            // Written into the statement: places are numbers of our own making, and there may be more than can be bound.
            let list = excluded.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            keys.and_where(self.dialect.custom(&format!("? NOT IN ({list})"), [place]));
        }
    }

    /// A few BETWEENs, where the keys at these places are whole numbers in a few runs.
    async fn between<C: ConnectionTrait>(
        &self,
        connection: &C,
        from: i64,
        to: i64,
        column: &Column,
        key: &ColumnRef,
    ) -> Result<Option<Expr>> {
        if !self.dialect.holds_only_integers(column) {
            return Ok(None);
        }
        let key = || Expr::col(key.clone());
        if self.has_runs() {
            let mut select = self.rows(from, to);
            select.columns(ROW).limit(BETWEENS + 1);
            let rows = read_rows(&connection.rows(&select).await?)?;
            if rows.len() as u64 > BETWEENS {
                return Ok(None);
            }
            let runs = rows.iter().map(|row| row.numbers(from, to));
            let runs = runs.collect::<Result<Vec<_>>>()?;
            return Ok(runs.into_iter().map(|(first, last)| key().between(first, last)).reduce(Expr::or));
        }
        let number = || self.dialect.integer(Expr::col((tables::SELECTED, "record_key")));
        let mut select = self.rows(from, to);
        select.expr(number().min()).expr(number().max()).expr(Expr::cust("COUNT(*)"));
        let Some(row) = connection.row(&select).await? else { return Ok(None) };
        let bounds: (Option<i64>, Option<i64>, i64) = row.try_get_many_by_index()?;
        let (Some(smallest), Some(largest), keys) = bounds else { return Ok(None) };
        // A frozen selection has each key once, so as many keys as numbers means every number.
        let without_gap = i128::from(largest) - i128::from(smallest) + 1 == i128::from(keys);
        Ok(without_gap.then(|| key().between(smallest, largest)))
    }

    /// Whether a row of the frozen selection may stand for several records.
    fn has_runs(&self) -> bool {
        self.resource.freezes_runs(self.dialect)
    }

    /// The rows that the places `from..=to` are in.
    fn rows(&self, from: i64, to: i64) -> SelectStatement {
        let of_task = || Expr::col((tables::SELECTED, "task_id")).eq(self.task_id);
        let seq = || Expr::col((tables::SELECTED, "seq"));
        let mut select = Query::select();
        select.from(tables::SELECTED).and_where(of_task()).and_where(seq().lte(to));
        if self.has_runs() {
            // The row that the first place is in may begin before it.
            let first = Query::select()
                .expr(Expr::col(("first_row", "seq")).max())
                .from_as(tables::SELECTED, "first_row")
                .and_where(Expr::col(("first_row", "task_id")).eq(self.task_id))
                .and_where(Expr::col(("first_row", "seq")).lte(from))
                .take();
            select.and_where(seq().gte(Expr::SubQuery(None, Box::new(first.into()))));
        } else {
            select.and_where(seq().gte(from));
        }
        select.take()
    }

    async fn fetch<C: ConnectionTrait>(&mut self, connection: &C) -> Result<&[(i64, Vec<Value>)]> {
        let keys = match self.fetched.take() {
            Some(keys) => keys,
            None => {
                let mut keys = Vec::with_capacity((self.to - self.from + 1) as usize);
                for (seq, key) in self.read(connection, self.from, self.to).await? {
                    keys.push((seq, self.split(&key)?));
                }
                keys
            }
        };
        Ok(self.fetched.insert(keys))
    }

    async fn read<C: ConnectionTrait>(&self, connection: &C, from: i64, to: i64) -> Result<Vec<(i64, String)>> {
        let mut select = self.rows(from, to);
        select.columns(ROW).order_by("seq", Order::Asc);
        let mut keys = Vec::with_capacity((to - from + 1) as usize);
        for row in read_rows(&connection.rows(&select).await?)? {
            if row.length == 1 {
                keys.push((row.seq, row.record_key));
                continue;
            }
            let (first, last) = row.numbers(from, to)?;
            let place = Ord::max(from, row.seq);
            keys.extend((first..=last).zip(place..).map(|(number, seq)| (seq, number.to_string())));
        }
        Ok(keys)
    }

    /// The key at one place.
    pub(super) async fn key_of<C: ConnectionTrait>(&self, connection: &C, seq: i64) -> Result<String> {
        let found = self.read(connection, seq, seq).await?.pop();
        found.map(|(_, key)| key).ok_or_else(|| Error::Internal(format!("place {seq} of the frozen selection is gone")))
    }

    /// The places and keys among `from..=to` that `wanted` says yes to, told the key as [`ChunkKeys::parts`].
    pub(super) async fn among<C: ConnectionTrait>(
        &self,
        connection: &C,
        from: i64,
        to: i64,
        wanted: impl Fn(&Vec<String>) -> bool,
    ) -> Result<Vec<(i64, String)>> {
        let mut found = Vec::new();
        for (seq, key) in self.read(connection, from, to).await? {
            if wanted(&self.parts(&key)?) {
                found.push((seq, key));
            }
        }
        Ok(found)
    }

    /// The places and keys at `from..=to` of records that no key can find, each with the reason.
    pub(super) async fn lost<C: ConnectionTrait>(
        &self,
        connection: &C,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, String, &'static str)>> {
        if self.resource.key_columns().iter().all(|column| !column.may_lose_keys()) {
            return Ok(Vec::new());
        }
        let marked = query::LOST_MARKS.map(|mark| Expr::col((tables::SELECTED, "record_key")).like(mark));
        let mut select = self.rows(from, to);
        select.columns(["seq", "record_key"]).cond_where(marked.into_iter().fold(Cond::any(), Cond::add));
        let mut lost = Vec::new();
        for row in connection.rows(&select).await? {
            let (seq, record_key): (_, String) = row.try_get_many_by_index()?;
            if let Some(reason) = query::why_lost(self.resource, &record_key) {
                lost.push((seq, record_key, reason));
            }
        }
        Ok(lost)
    }

    /// A key in a form that compares.
    pub(super) fn parts(&self, key: &str) -> Result<Vec<String>> {
        Ok(query::comparable_key(self.resource, key))
    }

    /// Place, key and version at `from..=to`, as they were selected; nothing where versions were not looked at then.
    pub(super) async fn frozen_versions<C: ConnectionTrait>(
        &self,
        connection: &C,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, String, String)>> {
        let version = (tables::SELECTED, "record_version");
        let mut select = self.rows(from, to);
        select.columns(["seq", "record_key", "record_version"]);
        select.and_where(Expr::col((tables::SELECTED, "seq")).gte(from)).and_where(Expr::col(version).is_not_null());
        let rows = connection.rows(&select).await?;
        rows.iter().map(|row| Ok(row.try_get_many_by_index()?)).collect()
    }

    fn split(&self, key: &str) -> Result<Vec<Value>> {
        query::split_key(self.resource, key).map_err(|error| Error::Invalid(vec![error]))
    }
}
