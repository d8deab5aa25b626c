//! A revert's statements: former values are written back by an UPDATE where records are still as their task left them, deleted rows by
//! an INSERT with their keys.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Alias, Cond, Condition, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement, TableRef},
};

use super::{Attempted, Chunk, Done, Failed, Undone, undone};
use crate::{
    bulk::{
        images::{Images, KEPT, Side, numbered_by_key},
        operation::Range,
    },
    error::{FieldError, Result},
    form,
    own::tables::SELECTED,
};
use powercrud_db::{Column, Fault, QueryExt as _, Transaction};

const CHANGED: &str = "CHANGED_SINCE";
const NOW: &str = "powercrud_now";
const KEPT_NOW: &str = "the database kept the record as it is, perhaps by a trigger";
const NOT_TAKEN: &str = "the database did not take the record, perhaps by a trigger";
const TAKEN_AWAY: &str = "a trigger took the record away again, or gave it another key";

/// The first column that is not as it was, in a row of [`Chunk::look`].
fn differing(images: &Images, row: &QueryResult) -> Result<Option<String>> {
    for (index, column) in images.columns.iter().enumerate() {
        if row.try_get_by_index::<i32>(3 + index)? == 0 {
            return Ok(Some(column.name.clone()));
        }
    }
    Ok(None)
}

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
        let kept = self.kept_images(images, range);
        let same_record = self.same_record(transaction, from, to, blocked).await?;
        let savepoint = transaction.begin().await?;
        let restored = match images.of_deleted {
            true => self.insert_kept(&savepoint, images, kept, same_record).await,
            false => self.update_kept(&savepoint, images, kept, same_record).await,
        };
        let fault = match restored {
            Ok(matched) if matched == size => match self.restored(&savepoint, images, range).await {
                Ok(None) => {
                    savepoint.commit().await?;
                    return Ok(Ok(Done::default()));
                }
                Ok(Some(fault)) => fault,
                Err(error) => return self.failed(transaction, savepoint, error).await,
            },
            Ok(matched) if matched > size => Fault::key_not_unique(matched),
            Ok(_) => return self.passed_over(savepoint, images, range).await,
            Err(error) => return self.failed(transaction, savepoint, error).await,
        };
        undone(savepoint, fault).await
    }

    pub(super) fn kept_images(&self, images: &Images, Range { from, to, blocked, .. }: Range<'_>) -> SelectStatement {
        let without: Vec<i64> = blocked.range(from..=to).copied().collect();
        images.kept(self.engine.database().dialect(), self.task_id, (from, to), &without)
    }

    /// Looks at what was restored where triggers may have made something else of it: what is not as it was, if anything. Values that
    /// triggers give to rows that come again are theirs.
    async fn restored(&mut self, savepoint: &Transaction, images: &Images, range: Range<'_>) -> Result<Option<Fault>> {
        self.require_within(savepoint, (range.from, range.to), range.blocked).await?;
        if !self.has_triggers {
            return Ok(None);
        }
        let select = self.look(savepoint, images, range, Side::Before).await?;
        let rows = savepoint.rows(&select).await?;
        if images.of_deleted {
            let is_there = rows.len() as u64 == range.size;
            return Ok((!is_there).then(|| Fault::of_record("NOT_CHANGED", TAKEN_AWAY)));
        }
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Fault { field: differing(images, row)?, ..Fault::of_record("NOT_CHANGED", KEPT_NOW) }))
    }

    /// Why the database passed over records that could be restored; of a single one that can be told.
    async fn passed_over(
        &mut self,
        savepoint: Transaction,
        images: &Images,
        range: Range<'_>,
    ) -> Result<Result<Done, Fault>> {
        let mut fault = Fault::of_record(CHANGED, "it was changed since, or its former values are gone");
        if range.size == 1 && !savepoint.rows(&self.kept_images(images, range)).await?.is_empty() {
            let select = self.look(&savepoint, images, range, Side::After).await?;
            let is_as_left = savepoint.rows(&select).await?.is_empty();
            if is_as_left {
                fault = Fault::of_record("NOT_CHANGED", if images.of_deleted { NOT_TAKEN } else { KEPT_NOW });
            }
        }
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
            condition = condition.add(images.is_as(Side::After, dialect, index, now));
        }
        form::set_version(&mut update, self.resource, dialect);
        update.cond_where(condition);
        Ok(connection.write(&self.resource.table, &update).await?.rows_affected())
    }

    /// Inserts rows again. Where the database looks at each row's references at once, and some go round in a circle, those references are
    /// left out at first.
    async fn insert_kept<C: ConnectionTrait>(
        &self,
        connection: &C,
        images: &Images,
        kept: SelectStatement,
        same_record: Condition,
    ) -> Result<u64> {
        let dialect = self.engine.database().dialect();
        let later = |column: &Column| self.links_later && self.refers_to_itself_by(column);
        let mut select = Query::select();
        for (index, column) in images.columns.iter().enumerate() {
            select.expr(if later(column) { Expr::cust("NULL") } else { images.before(dialect, index) });
        }
        select.from_subquery(kept.clone(), Alias::new(KEPT)).order_by((KEPT, "place"), Order::Asc);
        let mut insert = Query::insert();
        insert
            .into_table(self.resource.table.table_ref())
            .columns(images.columns.iter().map(|column| column.name.clone()));
        let inserted = dialect.insert_with_keys(connection, &self.resource.table, insert, select).await?;
        let mut update = Query::update();
        update.table(self.resource.table.table_ref()).from(TableRef::SubQuery(kept.into(), Alias::new(KEPT).into()));
        let mut links = 0;
        for (index, column) in images.columns.iter().enumerate() {
            if later(column) {
                update.value(column.name.clone(), images.before(dialect, index));
                links += 1;
            }
        }
        if links > 0 {
            connection.write(&self.resource.table, update.cond_where(same_record)).await?;
        }
        Ok(inserted)
    }

    /// Whether a column is of a reference to the table itself, and may be empty.
    fn refers_to_itself_by(&self, column: &Column) -> bool {
        column.nullable && self.own_references().any(|key| key.columns.contains(&column.name))
    }

    /// The chunk's records that a revert has to leave alone: changed since, gone, or there again.
    pub(super) async fn find_unrestorable(
        &mut self,
        transaction: &Transaction,
        images: &Images,
    ) -> Result<Vec<Failed>> {
        let nothing = BTreeSet::new();
        let range = Range { from: self.from, to: self.to, size: 0, blocked: &nothing };
        let select = self.look(transaction, images, range, Side::After).await?;
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
                let changed = differing(images, &row)?;
                let message = "was changed since, so the record stays as it is".to_owned();
                let error = FieldError { field: changed, code: CHANGED.into(), message };
                found.push(Failed::new(seq, record_key, error));
            }
        }
        Ok(found)
    }

    /// The kept images beside the rows as they are now: place, key, whether there is such a row, and of each column whether it is as it
    /// was on that side of the change. Of deleted records those that are there, of others those that are not so.
    async fn look<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        images: &Images,
        range: Range<'_>,
        side: Side,
    ) -> Result<SelectStatement> {
        let Range { from, to, blocked, .. } = range;
        let (dialect, table) = (self.engine.database().dialect(), &self.resource.table);
        let by_key = numbered_by_key(self.resource, dialect);
        let kept = self.kept_images(images, range);
        let (keys, id) = match by_key {
            true => (self.near(connection, from, to).await?, self.number()),
            false => {
                let keys = self.keys.condition(connection, from, to, blocked).await?;
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
            let unchanged = images.is_as(side, dialect, index, Expr::col((NOW, Alias::new(name))));
            select.expr(flag(unchanged.clone()));
            differs = differs.add(unchanged.not());
        }
        select.join_subquery(JoinType::LeftJoin, rows, Alias::new(NOW), same).cond_where(differs);
        Ok(select)
    }
}
