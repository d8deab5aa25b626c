//! A revert's statements: former values are written back by an UPDATE where records are still as their task left them, deleted rows by
//! an INSERT with their keys.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Cond, Condition, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement, TableRef},
};

use super::{Attempted, Chunk, Done, Failed, Undone, undone};
use crate::{
    bulk::{
        images::{Images, KEPT, numbered_by_key},
        operation::Range,
    },
    error::{FieldError, Result},
    form,
    own::tables::SELECTED,
};
use powercrud_db::{Fault, QueryExt as _, Transaction};

const CHANGED: &str = "CHANGED_SINCE";
const NOW: &str = "powercrud_now";

impl Chunk<'_> {
    /// One statement over a range, in a savepoint. `Ok(Err(fault))`: some record's fault, and nothing stands.
    pub(in crate::bulk) async fn attempt_restore(
        &mut self,
        transaction: &Transaction,
        images: &Images,
        range: Range<'_>,
    ) -> Result<Attempted> {
        Ok(self.restore(transaction, images, range).await?.map_err(Undone::Fault))
    }

    async fn restore(
        &mut self,
        transaction: &Transaction,
        images: &Images,
        range: Range<'_>,
    ) -> Result<Result<Done, Fault>> {
        let Range { from, to, size, blocked } = range;
        let without: Vec<i64> = blocked.range(from..=to).copied().collect();
        let kept = images.kept(self.engine.database().dialect(), self.task_id, (from, to), &without);
        let same_record = self.same_record(transaction, from, to, blocked).await?;
        let savepoint = transaction.begin().await?;
        let restored = match images.of_deleted {
            true => self.insert_kept(&savepoint, images, kept).await,
            false => self.update_kept(&savepoint, images, kept, same_record).await,
        };
        let fault = match restored {
            Ok(matched) if matched == size => match self.require_within(&savepoint, (from, to), blocked).await {
                Ok(()) => {
                    savepoint.commit().await?;
                    return Ok(Ok(Done::default()));
                }
                Err(error) => return self.failed(transaction, savepoint, error).await,
            },
            Ok(matched) if matched > size => Fault::key_not_unique(matched),
            Ok(_) => Fault::of_record(CHANGED, "it was changed since, or its former values are gone"),
            Err(error) => return self.failed(transaction, savepoint, error).await,
        };
        undone(savepoint, fault).await
    }

    /// Whether a row of the table is the record of a kept image.
    async fn same_record<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Condition> {
        let dialect = self.engine.database().dialect();
        if numbered_by_key(self.resource, dialect) {
            let near = self.near(connection, from, to).await?;
            let same = Cond::all().add(near).add(self.number().eq(Expr::col((KEPT, "number"))));
            return Ok(self.resource.table.of_own_rows(same));
        }
        let key = self.resource.key_expr(dialect).eq(Expr::col((KEPT, "record_key")));
        if dialect.binds_chunk_keys() {
            return Ok(Cond::all().add(self.keys.condition(connection, from, to, blocked).await?).add(key));
        }
        let table = &self.resource.table;
        Ok(table.of_own_rows(self.same_key(|name| Expr::col(table.column_ref(name))).add(key)))
    }

    /// Whether the key's columns are those of a kept image, in a form that the index on them serves; keys that differ only in their
    /// spelling may be the same here.
    fn same_key(&self, column: impl Fn(&str) -> Expr) -> Condition {
        let (dialect, key) = (self.engine.database().dialect(), self.resource.key_columns());
        let part = |index| dialect.key_part(Expr::col((KEPT, "record_key")), index, key.len(), key[index]);
        key.iter().enumerate().map(|(index, of)| column(&of.name).eq(part(index))).fold(Cond::all(), Cond::add)
    }

    /// The key of a resource whose images are numbered by it.
    fn number(&self) -> Expr {
        Expr::col(self.resource.table.column_ref(&self.resource.table.primary_key[0]))
    }

    /// Whether a row's key is between the smallest and the largest at the places `from..=to`: images are frozen in the order of their
    /// numbers, so a database that chooses to read the table reads little more than the chunk.
    async fn near<C: ConnectionTrait>(&self, connection: &C, from: i64, to: i64) -> Result<Expr> {
        let number = || Expr::col("image_seq");
        let select = Query::select()
            .expr(number().min())
            .expr(number().max())
            .from(SELECTED)
            .and_where(Expr::col("task_id").eq(self.task_id))
            .and_where(Expr::col("seq").between(from, to))
            .take();
        let bounds = match connection.row(&select).await? {
            Some(row) => row.try_get_many_by_index()?,
            None => (None, None),
        };
        let (Some(smallest), Some(largest)): (Option<i64>, Option<i64>) = bounds else {
            return Ok(Expr::cust("1 = 0"));
        };
        Ok(self.number().between(smallest, largest))
    }

    async fn update_kept<C: ConnectionTrait>(
        &self,
        connection: &C,
        images: &Images,
        kept: SelectStatement,
        same_record: Condition,
    ) -> Result<u64> {
        let dialect = self.engine.database().dialect();
        let mut condition = same_record;
        let mut update = Query::update();
        update.table(self.resource.table.table_ref()).from(TableRef::SubQuery(kept.into(), Alias::new(KEPT).into()));
        for (index, column) in images.columns.iter().enumerate() {
            update.value(column.name.clone(), images.before(dialect, index));
            let now = dialect.image_cell(column, Expr::col(self.resource.table.column_ref(&column.name)));
            condition = condition.add(images.unchanged(dialect, index, now));
        }
        form::set_version(&mut update, self.resource, dialect);
        update.cond_where(condition);
        Ok(connection.write(&self.resource.table, &update).await?.rows_affected())
    }

    async fn insert_kept<C: ConnectionTrait>(
        &self,
        connection: &C,
        images: &Images,
        kept: SelectStatement,
    ) -> Result<u64> {
        let dialect = self.engine.database().dialect();
        let mut select = Query::select();
        for index in 0..images.columns.len() {
            select.expr(images.before(dialect, index));
        }
        select.from_subquery(kept, Alias::new(KEPT)).order_by((KEPT, "place"), Order::Asc);
        let mut insert = Query::insert();
        insert
            .into_table(self.resource.table.table_ref())
            .columns(images.columns.iter().map(|column| column.name.clone()));
        Ok(dialect.insert_with_keys(connection, &self.resource.table, insert, select).await?)
    }

    /// The chunk's records that a revert has to leave alone: changed since, gone, or there again.
    pub(super) async fn find_unrestorable(
        &mut self,
        transaction: &Transaction,
        images: &Images,
    ) -> Result<Vec<Failed>> {
        let select = self.look(transaction, images).await?;
        let rows = transaction.rows(&select).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let (seq, record_key): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let there: i32 = row.try_get_by_index(2)?;
            if images.of_deleted {
                let message = format!("there is a {} with this key again", self.resource.label);
                let error = FieldError { field: None, code: "KEY_TAKEN".into(), message };
                found.push(Failed::new(seq, record_key, error));
            } else if there == 0 {
                found.push(Failed::gone(seq, record_key));
            } else {
                let mut changed = None;
                for (index, column) in images.columns.iter().enumerate() {
                    if changed.is_none() && row.try_get_by_index::<i32>(3 + index)? == 0 {
                        changed = Some(column.name.clone());
                    }
                }
                let message = "was changed since, so the record stays as it is".to_owned();
                let error = FieldError { field: changed, code: CHANGED.into(), message };
                found.push(Failed::new(seq, record_key, error));
            }
        }
        Ok(found)
    }

    /// The kept images beside the rows as they are now: place, key, whether there is such a row, and of each column whether it is as
    /// the task left it; only those that can't be restored.
    async fn look<C: ConnectionTrait>(&mut self, connection: &C, images: &Images) -> Result<SelectStatement> {
        let (dialect, table) = (self.engine.database().dialect(), &self.resource.table);
        let by_key = numbered_by_key(self.resource, dialect);
        let kept = images.kept(dialect, self.task_id, (self.from, self.to), &[]);
        let (keys, id) = match by_key {
            true => (self.near(connection, self.from, self.to).await?, self.number()),
            false => {
                let keys = self.keys.condition(connection, self.from, self.to, &BTreeSet::new()).await?;
                (keys, self.resource.key_expr(dialect))
            }
        };
        let mut rows = Query::select();
        rows.from(table.table_ref()).and_where(keys).and_where_option(table.own_rows()).expr_as(id, "id");
        let kept_id = Expr::col((KEPT, if by_key { "number" } else { "record_key" }));
        let mut same = Cond::all().add(Expr::col((NOW, "id")).eq(kept_id));
        if !by_key && !dialect.binds_chunk_keys() {
            let part = |name: &str| Alias::new(format!("key {name}"));
            for column in self.resource.key_columns() {
                rows.expr_as(Expr::col(table.column_ref(&column.name)), part(&column.name));
            }
            same = same.add(self.same_key(|name| Expr::col((NOW, part(name)))));
        }
        let flag = |condition: Expr| Expr::case(condition, Expr::cust("1")).finally(Expr::cust("0"));
        let mut select = Query::select();
        select
            .column((KEPT, "place"))
            .column((KEPT, "record_key"))
            .expr(flag(Expr::col((NOW, "id")).is_not_null()))
            .from_subquery(kept, Alias::new(KEPT));
        if images.of_deleted {
            select.join_subquery(JoinType::InnerJoin, rows, Alias::new(NOW), same);
            return Ok(select);
        }
        let mut differs = Cond::any().add(Expr::col((NOW, "id")).is_null());
        for (index, column) in images.columns.iter().enumerate() {
            let name = format!("now{index}");
            rows.expr_as(dialect.image_cell(column, Expr::col(table.column_ref(&column.name))), name.clone());
            let unchanged = images.unchanged(dialect, index, Expr::col((NOW, Alias::new(name))));
            select.expr(flag(unchanged.clone()));
            differs = differs.add(unchanged.not());
        }
        select.join_subquery(JoinType::LeftJoin, rows, Alias::new(NOW), same).cond_where(differs);
        Ok(select)
    }
}
