//! A chunk's keys, and how they reach its statement.
//!
//! Whole-number keys without a gap are one BETWEEN, nearly as fast as the plain statement: between the smallest and the largest there
//! is no number that is not selected, so no other record can match, not even one that is inserted meanwhile. Other keys are found
//! by a subquery over the frozen selection, or fetched and bound where the database would run that row by row.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    db::{ColumnType, Dialect, Run as _, Value, migrations::tables},
    error::{Error, Result},
    query,
    resource::Resource,
    selection::keys_subquery,
};

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
        let excluded: Vec<i64> = blocked.range(from..=to).copied().collect();
        if excluded.is_empty()
            && let Some(between) = self.between(connection, from, to).await?
        {
            return Ok(between);
        }
        if self.dialect.binds_chunk_keys() {
            let keys: Vec<_> = self
                .fetch(connection)
                .await?
                .iter()
                .filter(|(seq, _)| (from..=to).contains(seq) && !blocked.contains(seq))
                .map(|(_, parts)| parts.clone())
                .collect();
            return Ok(query::keys_condition(self.resource, &keys, self.dialect));
        }
        let mut keys = self.selected(from, to);
        keys.column((tables::SELECTED, "record_key"));
        if !excluded.is_empty() {
            // Written into the statement: places are numbers of our own making, and there may be more than can be bound.
            let list = excluded.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            keys.and_where(self.dialect.custom(&format!("? NOT IN ({list})"), [Expr::col((tables::SELECTED, "seq"))]));
        }
        Ok(keys_subquery(self.resource, keys, self.dialect))
    }

    /// `key BETWEEN smallest AND largest`, where the keys at these places are whole numbers without a gap.
    async fn between<C: ConnectionTrait>(&self, connection: &C, from: i64, to: i64) -> Result<Option<Expr>> {
        let [column] = self.resource.key_columns()[..] else { return Ok(None) };
        if !self.dialect.holds_only_integers(column) {
            return Ok(None);
        }
        let number = || self.dialect.integer(Expr::col((tables::SELECTED, "record_key")));
        let mut select = self.selected(from, to);
        select.expr(number().min()).expr(number().max()).expr(Expr::cust("COUNT(*)"));
        let Some(row) = connection.row(&select).await? else { return Ok(None) };
        let bounds: (Option<i64>, Option<i64>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let (Some(smallest), Some(largest)) = bounds else { return Ok(None) };
        // A frozen selection has each key once, so as many keys as numbers means every number.
        let without_gap = i128::from(largest) - i128::from(smallest) + 1 == i128::from(row.try_get_by_index::<i64>(2)?);
        let key = Expr::col(self.resource.table.column_ref(&column.name));
        Ok(without_gap.then(|| key.between(smallest, largest)))
    }

    fn selected(&self, from: i64, to: i64) -> SelectStatement {
        Query::select()
            .from(tables::SELECTED)
            .and_where(Expr::col((tables::SELECTED, "task_id")).eq(self.task_id))
            .and_where(Expr::col((tables::SELECTED, "seq")).between(from, to))
            .take()
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
        let mut select = self.selected(from, to);
        select.columns(["seq", "record_key"]).order_by("seq", Order::Asc);
        let rows = connection.rows(&select).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
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

    /// A key in a form that compares: databases write bytes in capitals or not, and UUIDs with hyphens or not.
    pub(super) fn parts(&self, key: &str) -> Result<Vec<String>> {
        let parts = self.split(key)?;
        let columns = self.resource.key_columns();
        let texts = columns.iter().zip(&parts).map(|(column, part)| match column.column_type {
            ColumnType::Bytes => part.to_text().to_lowercase(),
            ColumnType::Uuid => part.to_text().to_lowercase().replace('-', ""),
            _ => part.to_text(),
        });
        Ok(texts.collect())
    }

    fn split(&self, key: &str) -> Result<Vec<Value>> {
        query::split_key(self.resource, key).map_err(|error| Error::Invalid(vec![error]))
    }
}
