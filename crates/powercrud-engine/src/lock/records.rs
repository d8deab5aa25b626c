//! Locks on records: a task's frozen selection is the list of what it holds.
//!
//! Whether two selections share a record is a question that no unique key answers where a row stands for a run of records. So those
//! who want records of a model acquire its mutex: each updates the model's one row, which the database lets only one transaction do at a
//! time, and looks at the holders' selections then. Who comes next sees what that transaction has committed.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, OnConflict, Query, SelectStatement, UnionType},
};
use uuid::Uuid;

use super::Frozen;
use crate::{error::Result, own::tables, resource::Resource};
use powercrud_db::{Dialect, QueryExt as _};

/// Acquires the model's mutex, which is released when the transaction ends.
pub(super) async fn acquire<C: ConnectionTrait>(transaction: &C, unique_model_key: &str) -> Result<()> {
    let mut update = Query::update();
    update
        .table(tables::MODEL_MUTEX)
        .value("acquisitions", Expr::col("acquisitions").add(1i64))
        .and_where(Expr::col("unique_model_key").eq(unique_model_key));
    if transaction.update(&update).await? == 1 {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert
        .into_table(tables::MODEL_MUTEX)
        .columns(["unique_model_key", "acquisitions"])
        .values_panic([unique_model_key.into(), 0i64.into()])
        .on_conflict(OnConflict::column("unique_model_key").do_nothing_on(["unique_model_key"]).to_owned());
    transaction.insert(&insert).await?;
    transaction.update(&update).await?;
    Ok(())
}

/// The rows of these frozen selections.
fn selected(frozen: &[Frozen]) -> SelectStatement {
    let seq = || Expr::col((tables::SELECTED, "seq"));
    let of = |frozen: &Frozen| {
        Cond::all()
            .add(Expr::col((tables::SELECTED, "task_id")).eq(frozen.task_id))
            .add(seq().between(frozen.first_seq, frozen.first_seq + frozen.total as i64 - 1))
    };
    let of_any = frozen.iter().map(of).fold(Cond::any(), Cond::add);
    Query::select().from(tables::SELECTED).cond_where(of_any).take()
}

/// The first and the last number of a row that stands for a run.
fn ends(dialect: Dialect) -> (Expr, Expr) {
    let first = || dialect.integer(Expr::col((tables::SELECTED, "record_key")));
    // In this order the sum is never larger than the last number.
    (first(), first().add(Expr::col((tables::SELECTED, "run_length")).sub(1i64)))
}

/// Which of `holders`, who share no record among each other, shares one with `frozen`.
pub(super) async fn overlapping<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    frozen: Frozen,
    holders: &[Frozen],
) -> Result<Option<Uuid>> {
    if holders.is_empty() {
        return Ok(None);
    }
    let shared = match resource.freezes_runs(dialect) {
        true => shared_number(frozen, holders, dialect),
        false => shared_key(frozen, holders),
    };
    match connection.row(&shared).await? {
        Some(row) => {
            let key: String = row.try_get_by_index(0)?;
            holder_of(connection, dialect, resource, holders, &key).await
        }
        None => Ok(None),
    }
}

/// A key that is in two of the selections.
fn shared_key(frozen: Frozen, holders: &[Frozen]) -> SelectStatement {
    let key = (tables::SELECTED, "record_key");
    let mut keys = selected(&[frozen]);
    keys.column(key);
    let mut held = selected(holders);
    held.column(key);
    keys.union(UnionType::All, held);
    Query::select()
        .column(("every", "record_key"))
        .from_subquery(keys, "every")
        .add_group_by([Expr::col(("every", "record_key"))])
        .and_having(Expr::cust("COUNT(*) > 1"))
        .limit(1)
        .take()
}

/// A number that is in two of the selections: along all runs in the order of their first numbers, one begins before an earlier ends.
fn shared_number(frozen: Frozen, holders: &[Frozen], dialect: Dialect) -> SelectStatement {
    let all: Vec<_> = holders.iter().copied().chain([frozen]).collect();
    let (first, last) = ends(dialect);
    let mut runs = selected(&all);
    runs.expr_as(first, "first").expr_as(last, "last");
    let reach = dialect.custom(
        "MAX(?) OVER (ORDER BY ? ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
        [Expr::col(("runs", "last")), Expr::col(("runs", "first"))],
    );
    let reached = Query::select()
        .expr_as(Expr::col(("runs", "first")), "first")
        .expr_as(reach, "reach")
        .from_subquery(runs, "runs")
        .take();
    Query::select()
        .expr(dialect.text(Expr::col(("reached", "first"))))
        .from_subquery(reached, "reached")
        .and_where(Expr::col(("reached", "reach")).gte(Expr::col(("reached", "first"))))
        .limit(1)
        .take()
}

/// Which of the selections has this record.
pub(super) async fn holder_of<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    holders: &[Frozen],
    key: &str,
) -> Result<Option<Uuid>> {
    let mut select = selected(holders);
    select.column((tables::SELECTED, "task_id")).limit(1);
    match key.parse::<i64>() {
        Ok(number) if resource.freezes_runs(dialect) => {
            let (first, last) = ends(dialect);
            select.and_where(first.lte(number)).and_where(last.gte(number));
        }
        _ => {
            select.and_where(Expr::col((tables::SELECTED, "record_key")).eq(key));
        }
    }
    let row = connection.row(&select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}
