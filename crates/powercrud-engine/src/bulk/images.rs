//! What a task keeps of the records it changes, so that it can be reverted: an image of each.
//!
//! Of an update the changed columns before and after, of a delete all columns. An update sets the same values on all records, so what
//! they held afterwards is kept once for the task, and again only for records that a trigger made differ. "After" is what the database
//! stored, not what was typed.

mod shown;

use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait as _, InsertStatement, JoinType, Query, SelectStatement};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    own::tables::{IMAGE, IMAGE_CELLS, IMAGE_KEPT_FIRST, SELECTED},
    resource::Resource,
    task::BulkTask,
};
use powercrud_db::{Column, Dialect};

pub(crate) use shown::{KeptValues, kept_values};

/// The images that one task keeps: which columns of its records.
#[derive(Clone, Debug)]
pub struct Images {
    pub(crate) task_id: Uuid,
    pub(crate) columns: Vec<Column>,
    /// Whether the records were deleted.
    pub(crate) of_deleted: bool,
}

/// Which point in time an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A record before its change.
    Before = 0,
    /// A record after its change, where that is not as [`Side::AfterAll`] says.
    After = 1,
    /// Every other record after its change; its number is 0.
    AfterAll = 2,
}

/// The name of [`Images::kept`] in a statement.
pub(super) const KEPT: &str = "powercrud_kept";

/// Whether a record's number among its task's images is its key; else it is a place.
pub(super) fn numbered_by_key(resource: &Resource, dialect: Dialect) -> bool {
    matches!(resource.key_columns()[..], [column] if dialect.holds_only_integers(column))
}

impl Images {
    /// Those of a task, over the columns as they are now; `None` where it keeps none.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] where a column is gone since.
    pub(super) fn of(task: &BulkTask, task_id: Uuid, resource: &Resource, of_deleted: bool) -> Result<Option<Self>> {
        let Some(names) = &task.image_columns else { return Ok(None) };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let column = resource.table.column(name).ok_or_else(|| {
                Error::NotAllowed(format!(
                    "{} has no column {name:?} any more, so task {task_id} can't be carried on or reverted",
                    resource.name
                ))
            })?;
            columns.push(column.clone());
        }
        Ok(Some(Self { task_id, columns, of_deleted }))
    }

    /// The columns by the image rows that they are spread over.
    pub(super) fn parts(&self) -> impl Iterator<Item = (i16, &[Column])> {
        (0..).zip(self.columns.chunks(IMAGE_CELLS.len()))
    }

    /// Keeps one part of the image of each row of the resource's table that `keys` finds. Numbers that are places begin at `first`.
    /// Before a change the rows are locked by it, where the dialect says so.
    pub(super) fn insert(
        &self,
        resource: &Resource,
        dialect: Dialect,
        (part, columns): (i16, &[Column]),
        side: Side,
        keys: Expr,
        first: i64,
    ) -> Result<InsertStatement> {
        let table = &resource.table;
        let key: Vec<_> = table.primary_key.iter().map(|name| table.column_ref(name)).collect();
        let mut select = Query::select();
        select.expr(Expr::val(self.task_id)).expr(Expr::val(side as i16)).expr(Expr::val(part));
        match (side, numbered_by_key(resource, dialect)) {
            (Side::AfterAll, _) => select.expr(Expr::val(0i64)).expr(Expr::cust("NULL")),
            (_, true) => select.expr(Expr::col(key[0].clone())).expr(Expr::cust("NULL")),
            (_, false) => {
                let place = dialect.integer(dialect.row_number(&key)).add(first - 1);
                let record_key = if part == 0 { resource.key_expr(dialect) } else { Expr::cust("NULL") };
                select.expr(place).expr(record_key)
            }
        };
        for column in columns {
            select.expr(dialect.image_cell(column, Expr::col(table.column_ref(&column.name))));
        }
        select.from(table.table_ref()).and_where(keys);
        if let (Side::Before, Some(lock)) = (side, dialect.copy_lock(table)) {
            select.lock(lock);
        }
        if side == Side::AfterAll {
            select.and_where(Expr::exists(self.after_all(part)).not()).limit(1);
        }
        let mut insert = Query::insert();
        insert.into_table(IMAGE);
        insert.columns(
            ["task_id", "side", "part", "seq", "record_key"]
                .into_iter()
                .chain(IMAGE_CELLS.into_iter().take(columns.len())),
        );
        insert.select_from(select).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(insert)
    }

    /// Notes that the images of all records were kept before the first of them was deleted.
    pub(super) fn mark_kept_first(&self) -> InsertStatement {
        let mut insert = Query::insert();
        insert.into_table(IMAGE).columns(["task_id", "side", "part", "seq"]);
        insert.values_panic([self.task_id.into(), IMAGE_KEPT_FIRST.into(), 0i16.into(), 0i64.into()]);
        insert
    }

    fn after_all(&self, part: i16) -> SelectStatement {
        Query::select().expr(Expr::cust("1")).from(IMAGE).cond_where(self.at("", Side::AfterAll, part)).take()
    }

    /// One row that `keys` finds and that is not as [`Side::AfterAll`] says.
    pub(super) fn other_after(&self, resource: &Resource, dialect: Dialect, keys: Expr) -> SelectStatement {
        let table = &resource.table;
        let mut select = Query::select();
        select.expr(Expr::cust("1")).from(table.table_ref()).and_where(keys).limit(1);
        let mut differs = Cond::any();
        for (part, columns) in self.parts() {
            let all = format!("all{part}");
            select.join_as(JoinType::InnerJoin, IMAGE, Alias::new(&all), self.at(&all, Side::AfterAll, part));
            for (column, cell) in columns.iter().zip(IMAGE_CELLS) {
                let now = dialect.image_cell(column, Expr::col(table.column_ref(&column.name)));
                differs = differs.add(dialect.same_image(now, Expr::col((all.clone(), cell))).not());
            }
        }
        select.cond_where(differs).take()
    }

    /// Whether a row of the table of images, under the name `of`, is one of this task's, of that side and part.
    fn at(&self, of: &str, side: Side, part: i16) -> Cond {
        let column = |name: &'static str| match of {
            "" => Expr::col(name),
            of => Expr::col((of.to_owned(), name)),
        };
        Cond::all()
            .add(column("task_id").eq(self.task_id))
            .add(column("side").eq(side as i16))
            .add(column("part").eq(part))
    }

    /// The images of the records at the places `from..=to` of a revert's frozen selection: `place`, `number`, `record_key`, and for each
    /// column its value `before…`, and `after…` where there was one.
    pub(super) fn kept(
        &self,
        dialect: Dialect,
        revert: Uuid,
        (from, to): (i64, i64),
        without: &[i64],
    ) -> SelectStatement {
        let place = || Expr::col((SELECTED, "seq"));
        let mut select = Query::select();
        select
            .expr_as(place(), "place")
            .expr_as(Expr::col((SELECTED, "image_seq")), "number")
            .expr_as(Expr::col((SELECTED, "record_key")), "record_key")
            .from(SELECTED)
            .and_where(Expr::col((SELECTED, "task_id")).eq(revert))
            .and_where(place().between(from, to));
        if !without.is_empty() {
            let list = without.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            select.and_where(dialect.custom(&format!("? NOT IN ({list})"), [place()]));
        }
        let number = |of: &str| Expr::col((of.to_owned(), "seq"));
        let mut index = 0;
        for (part, columns) in self.parts() {
            let [before, after, all] = ["before", "after", "all"].map(|side| format!("{side}{part}"));
            let on = self.at(&before, Side::Before, part).add(number(&before).eq(Expr::col((SELECTED, "image_seq"))));
            dialect.look_up(&mut select, JoinType::InnerJoin, IMAGE, &before, on);
            if !self.of_deleted {
                let on = self.at(&after, Side::After, part).add(number(&after).eq(number(&before)));
                dialect.look_up(&mut select, JoinType::LeftJoin, IMAGE, &after, on);
                let on = self.at(&all, Side::AfterAll, part).add(number(&all).eq(0i64));
                dialect.look_up(&mut select, JoinType::InnerJoin, IMAGE, &all, on);
            }
            for cell in IMAGE_CELLS.into_iter().take(columns.len()) {
                let of = |side: &str| Expr::col((side.to_owned(), cell));
                select.expr_as(of(&before), before_name(index));
                if !self.of_deleted {
                    let own = Expr::case(number(&after).is_null(), of(&all)).finally(of(&after));
                    select.expr_as(own, after_name(index));
                }
                index += 1;
            }
        }
        dialect.read_first(&mut select);
        select.take()
    }

    /// A column's former value, out of [`Images::kept`].
    pub(super) fn before(&self, dialect: Dialect, index: usize) -> Expr {
        dialect.image_value(&self.columns[index], Expr::col((KEPT, Alias::new(before_name(index)))))
    }

    /// The image of a column's former value, out of [`Images::kept`] under the name `of`.
    pub(super) fn before_cell(&self, of: &'static str, index: usize) -> Expr {
        Expr::col((of, Alias::new(before_name(index))))
    }

    /// Whether `now`, the image of a column, is what it was on one side of the change: still what the task left, or what it was before.
    pub(super) fn is_as(&self, side: Side, dialect: Dialect, index: usize, now: Expr) -> Expr {
        let kept = if side == Side::Before { before_name(index) } else { after_name(index) };
        dialect.same_image(now, Expr::col((KEPT, Alias::new(kept))))
    }
}

fn before_name(index: usize) -> String {
    format!("before{index}")
}

fn after_name(index: usize) -> String {
    format!("after{index}")
}
