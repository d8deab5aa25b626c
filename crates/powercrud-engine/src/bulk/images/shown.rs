//! What a task kept of one record, to be looked at.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use super::{Images, Side, numbered_by_key};
use crate::{bulk::key_ranges::Touched, engine::Engine, error::Result, own::tables, query::read, resource::Resource};
use powercrud_db::{Column, QueryExt as _, Value};

/// A column's value before a task and after it; `after` is `None` where the task deleted the record.
#[derive(Clone, Debug)]
pub(crate) struct KeptValues {
    pub(crate) column: Column,
    pub(crate) before: Value,
    pub(crate) after: Option<Value>,
}

/// How far a record's number among the images may be from its place, where numbers are places: both are within one chunk.
const NEAR: i64 = 100_000;

/// What `touched.task` kept of the record of that key, or, where it is a revert, the task that it reverts; `None` where that keeps
/// nothing, or no more.
pub(crate) async fn kept_values(
    engine: &Engine,
    resource: &Resource,
    touched: &Touched,
    keys: &[String],
) -> Result<Option<Vec<KeptValues>>> {
    let task = &touched.task;
    let of_deleted = task.operation == "delete" || (task.reverts.is_some() && task.changes.is_empty());
    if task.images_purged_at.is_some() {
        return Ok(None);
    }
    // A column may be gone since.
    let Ok(Some(images)) = Images::of(task, task.reverts.unwrap_or(task.id), resource, of_deleted) else {
        return Ok(None);
    };
    let Some(number) = images.number(engine, resource, touched, keys).await? else { return Ok(None) };
    let mut kept = Vec::new();
    for (part, columns) in images.parts() {
        let Some(before) = images.read(engine, (part, columns), Side::Before, number).await? else { return Ok(None) };
        let after = match of_deleted {
            true => None,
            false => match images.read(engine, (part, columns), Side::After, number).await? {
                Some(after) => Some(after),
                None => images.read(engine, (part, columns), Side::AfterAll, 0).await?,
            },
        };
        for (index, (column, before)) in columns.iter().zip(before).enumerate() {
            let after = after.as_ref().and_then(|after| after.get(index).cloned());
            kept.push(KeptValues { column: column.clone(), before, after });
        }
    }
    Ok(Some(kept))
}

impl Images {
    /// The number of a record's image.
    async fn number(
        &self,
        engine: &Engine,
        resource: &Resource,
        touched: &Touched,
        keys: &[String],
    ) -> Result<Option<i64>> {
        if touched.image_seq.is_some() {
            return Ok(touched.image_seq);
        }
        if numbered_by_key(resource, engine.database().dialect()) {
            return Ok(keys.iter().find_map(|key| key.parse().ok()));
        }
        let place = touched.place;
        let select = Query::select()
            .column("seq")
            .from(tables::IMAGE)
            .cond_where(self.at("", Side::Before, 0))
            .and_where(Expr::col("seq").between(place.saturating_sub(NEAR), place.saturating_add(NEAR)))
            .and_where(Expr::col("record_key").is_in(keys))
            .limit(1)
            .take();
        let row = engine.database().connection().row(&select).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// One part of one image.
    async fn read(
        &self,
        engine: &Engine,
        (part, columns): (i16, &[Column]),
        side: Side,
        number: i64,
    ) -> Result<Option<Vec<Value>>> {
        let dialect = engine.database().dialect();
        let mut select = Query::select();
        for (column, cell) in columns.iter().zip(tables::IMAGE_CELLS) {
            select.expr(dialect.read_value_at_most(column, dialect.image_value(column, Expr::col(cell)), read::SHOWN));
        }
        let mut sizes = Vec::with_capacity(columns.len());
        for (column, cell) in columns.iter().zip(tables::IMAGE_CELLS) {
            let size = dialect.value_size(column, dialect.image_value(column, Expr::col(cell)), read::SHOWN);
            sizes.push(size.is_some());
            if let Some(size) = size {
                select.expr(size);
            }
        }
        select.from(tables::IMAGE).cond_where(self.at("", side, part)).and_where(Expr::col("seq").eq(number));
        let Some(row) = engine.database().connection().row(&select).await? else { return Ok(None) };
        let mut next = columns.len();
        let values = columns.iter().zip(sizes).enumerate().map(|(index, (column, has_size))| {
            let size = has_size.then_some(next);
            next += usize::from(has_size);
            Value::read_at_most(&row, index, size, column, read::SHOWN)
        });
        Ok(Some(values.collect::<powercrud_db::Result<_>>()?))
    }
}
