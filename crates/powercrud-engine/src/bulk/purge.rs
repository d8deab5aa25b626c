//! Throws images away once they are older than their resource's `bulk_revert_days`.
//!
//! First the task says so, in a transaction that holds the lock of its revert, so that neither goes on while the other does; then the
//! images go, some thousands at a time. Whoever is interrupted leaves the rest to the next.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query},
};
use uuid::Uuid;

use super::revert;
use crate::{
    config::REVERT_DAYS,
    engine::Engine,
    error::{Error, Result},
    lock,
    own::tables,
    task::Status,
};
use powercrud_db::{QueryExt as _, close};

/// Images thrown away in one transaction.
const AT_ONCE: u64 = 10_000;

/// In milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Throws away what was kept for longer than resources' settings say, and returns of how many tasks. Workers do so by themselves.
///
/// # Errors
/// The database's; what is left is thrown away the next time.
pub async fn purge(engine: &Engine) -> Result<usize> {
    let mut purged = 0;
    for task_id in outdated(engine).await? {
        if !throw_away(engine, task_id).await? {
            continue;
        }
        let mut update = Query::update();
        update.table(tables::BULK_TASK).value("image_columns", None::<String>).and_where(Expr::col("id").eq(task_id));
        engine.database().connection().update(&update).await?;
        tracing::info!(%task_id, "what the task had kept for a revert was thrown away");
        purged += 1;
    }
    Ok(purged)
}

/// Throws away all images of an ended task. `false`: it is being reverted, and they stay.
pub(crate) async fn throw_away(engine: &Engine, task_id: Uuid) -> Result<bool> {
    match give_up(engine, task_id).await {
        Ok(()) => {}
        Err(Error::Database(fault)) if fault.code == "UNIQUE" => return Ok(false),
        Err(error) => return Err(error),
    }
    while throw_away_some(engine, task_id).await? {}
    Ok(true)
}

/// The tasks whose images are too old, or were being thrown away when somebody was interrupted.
async fn outdated(engine: &Engine) -> Result<Vec<Uuid>> {
    let now = || engine.database().dialect().now();
    let ended_before = |days: u64| Expr::col("completed_at").lt(now().sub(days as i64 * DAY));
    let known: Vec<&str> = engine.resources().iter().map(|resource| resource.name.as_str()).collect();
    let mut old = Cond::any().add(Expr::col("images_purged_at").is_not_null());
    // Of a resource that is no more, by the default.
    let mut gone = Cond::all().add(ended_before(REVERT_DAYS));
    if !known.is_empty() {
        gone = gone.add(Expr::col("model_name").is_not_in(known));
    }
    old = old.add(gone);
    for resource in engine.resources() {
        let of_resource = Expr::col("model_name").eq(resource.name.as_str());
        old = old.add(Cond::all().add(of_resource).add(ended_before(resource.revert_days())));
    }
    let ended = Status::ALL.iter().filter(|status| status.is_final()).map(|status| status.as_str());
    let select = Query::select()
        .column("id")
        .from(tables::BULK_TASK)
        .and_where(Expr::col("image_columns").is_not_null())
        .and_where(Expr::col("reverts").is_null())
        .and_where(Expr::col("status").is_in(ended))
        .cond_where(old)
        .order_by("completed_at", Order::Asc)
        .take();
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Says that a task can't be reverted any more.
///
/// # Errors
/// The database's unique violation, where it is being reverted.
async fn give_up(engine: &Engine, task_id: Uuid) -> Result<()> {
    let transaction = engine.database().begin().await?;
    let key = lock::request_key(&revert::task_key(task_id));
    let result = async {
        lock::take(&transaction, &key, task_id).await?;
        let mut update = Query::update();
        update
            .table(tables::BULK_TASK)
            .value("images_purged_at", engine.database().dialect().now())
            .and_where(Expr::col("id").eq(task_id))
            .and_where(Expr::col("images_purged_at").is_null());
        transaction.update(&update).await?;
        let mut delete = Query::delete();
        delete.from_table(tables::LOCK).and_where(Expr::col("lock_key").eq(&key));
        transaction.delete(&delete).await?;
        Ok(())
    };
    let result = result.await;
    close(transaction, result).await
}

/// Throws away some images of a task; `false` where there are none left.
async fn throw_away_some(engine: &Engine, task_id: Uuid) -> Result<bool> {
    let connection = engine.database().connection();
    let of_task = || Expr::col("task_id").eq(task_id);
    let mut last = Query::select();
    last.columns(["side", "seq"]).from(tables::IMAGE).and_where(of_task());
    last.order_by("side", Order::Asc).order_by("seq", Order::Asc).limit(1);
    let Some(first) = connection.row(&last).await? else { return Ok(false) };
    let side: i16 = first.try_get_by_index(0)?;
    let of_side = || of_task().and(Expr::col("side").eq(side));
    let mut delete = Query::delete();
    delete.from_table(tables::IMAGE).and_where(of_side());
    if let Some(seq) = nth(connection, of_side()).await? {
        delete.and_where(Expr::col("seq").lte(seq));
    }
    connection.delete(&delete).await?;
    Ok(true)
}

async fn nth<C: ConnectionTrait>(connection: &C, condition: Expr) -> Result<Option<i64>> {
    let mut select = Query::select();
    select.column("seq").from(tables::IMAGE).and_where(condition).order_by("seq", Order::Asc).offset(AT_ONCE).limit(1);
    let row = connection.row(&select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}
