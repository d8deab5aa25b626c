//! Keys that are whole numbers one after the other are frozen as one row: 100,000 records of an ordinary table become a handful of
//! rows instead of 100,000, and freezing them costs little more than finding them.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait as _, Order, Query, SelectStatement, UnionType},
};
use uuid::Uuid;

use crate::{error::Result, own::tables, resource::Resource, task::BulkTask};
use powercrud_db::{Dialect, QueryExt as _};

/// One run of all the keys that `matching` (a FROM and a WHERE over the resource's table) finds, where they are one after the other;
/// no row otherwise. Far cheaper than [`of_table`], which looks at each key's place.
pub(super) fn of_gapless(
    resource: &Resource,
    mut matching: SelectStatement,
    task_id: Uuid,
    dialect: Dialect,
) -> Option<SelectStatement> {
    let [column] = resource.key_columns()[..] else { return None };
    let key = || dialect.integer(Expr::col(resource.table.column_ref(&column.name)));
    let count = || dialect.integer(Expr::cust("COUNT(*)"));
    matching
        .expr(Expr::val(task_id))
        .expr(dialect.text(key().min()))
        .expr(Expr::val(1i64))
        .expr(count())
        // Each key is there once, so this sum is never larger than the largest key, and can't overflow.
        .and_having(key().max().eq(key().min().add(count().sub(1i64))));
    Some(matching)
}

/// The runs among the keys of the records that `matching` (a FROM and a WHERE over the resource's table) finds: task, first key,
/// place, length. Along a run, key and place grow alike, so their difference names the run.
pub(super) fn of_table(
    resource: &Resource,
    mut matching: SelectStatement,
    task_id: Uuid,
    dialect: Dialect,
) -> SelectStatement {
    let table = &resource.table;
    let order: Vec<_> = table.primary_key.iter().map(|name| table.column_ref(name)).collect();
    let key = || Expr::col(("numbered", "number"));
    let place = || Expr::col(("numbered", "place"));
    for column in &order {
        matching.expr_as(dialect.integer(Expr::col(column.clone())), Alias::new("number"));
    }
    matching.expr_as(dialect.integer(dialect.row_number(&order)), Alias::new("place"));
    Query::select()
        .expr(Expr::val(task_id))
        .expr(dialect.text(key().min()))
        .expr(place().min())
        .expr(Expr::cust("COUNT(*)"))
        .from_subquery(matching, Alias::new("numbered"))
        .add_group_by([
            key().lt(LOW),
            Expr::case(key().lt(LOW), key().add(Expr::val(-LOW).sub(place()))).finally(key().sub(place())).into(),
        ])
        .take()
}

/// From here down a place taken from a key might be less than any number; there it is taken from the key and this much more.
const LOW: i64 = i64::MIN / 2;

/// What a task left undone: its runs from the cursor on, and the records that failed before; numbered anew.
pub(super) fn of_unfinished(task: &BulkTask, task_id: Uuid, dialect: Dialect) -> SelectStatement {
    let seq = || Expr::col((tables::SELECTED, "seq"));
    let length = || Expr::col((tables::SELECTED, "run_length"));
    let key = || Expr::col((tables::SELECTED, "record_key"));
    let next = task.first_seq + task.cursor;
    // The run that the cursor stands in is cut there.
    let cut = || Expr::case(seq().lt(next), Expr::val(next).sub(seq())).finally(Expr::val(0i64));
    let moved = dialect.text(dialect.integer(key()).add(Expr::val(next).sub(seq())));
    let mut left = Query::select();
    left.expr_as(seq().add(cut()), Alias::new("seq"))
        .expr_as(Expr::case(seq().lt(next), moved).finally(key()), Alias::new("record_key"))
        .expr_as(length().sub(cut()), Alias::new("run_length"))
        .from(tables::SELECTED)
        .and_where(Expr::col((tables::SELECTED, "task_id")).eq(task.id))
        .and_where(seq().add(length()).gt(next));
    let failed = Query::select()
        .expr(Expr::col((tables::TASK_ERROR, "seq")))
        .expr(Expr::col((tables::TASK_ERROR, "record_key")))
        .expr(Expr::val(1i64))
        .from(tables::TASK_ERROR)
        .and_where(Expr::col((tables::TASK_ERROR, "task_id")).eq(task.id))
        .and_where(Expr::col((tables::TASK_ERROR, "seq")).lt(next))
        .take();
    left.union(UnionType::All, failed);
    let before = dialect.custom(
        "COALESCE(SUM(?) OVER (ORDER BY ? ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) + 1",
        [Expr::col(("undone", "run_length")), Expr::col(("undone", "seq"))],
    );
    Query::select()
        .expr(Expr::val(task_id))
        .expr(Expr::col(("undone", "record_key")))
        .expr(dialect.integer(before))
        .expr(Expr::col(("undone", "run_length")))
        .from_subquery(left, Alias::new("undone"))
        .take()
}

/// The last place of a frozen selection, which is how many records it holds.
pub(super) async fn last_place<C: ConnectionTrait>(connection: &C, task_id: Uuid) -> Result<u64> {
    let select = Query::select()
        .expr(Expr::col((tables::SELECTED, "seq")).add(Expr::col((tables::SELECTED, "run_length"))).sub(1i64))
        .from(tables::SELECTED)
        .and_where(Expr::col((tables::SELECTED, "task_id")).eq(task_id))
        .order_by((tables::SELECTED, "seq"), Order::Desc)
        .limit(1)
        .take();
    Ok(connection.number(&select).await?)
}
