//! How long results are kept: the frozen selections and record errors of tasks that ended long ago are purged, the tasks' rows stay.

use std::time::Duration;

use sea_orm::sea_query::{Cond, Expr, ExprTrait as _, Order, Query};
use uuid::Uuid;

use super::Status;
use crate::{engine::Engine, error::Result, own::tables};
use powercrud_db::{QueryExt as _, close};

/// How often workers look for results to purge.
pub(crate) const INTERVAL: Duration = Duration::from_secs(3600);

/// Where nothing is set.
const DAYS: u64 = 90;

const MILLISECONDS_A_DAY: u64 = 24 * 60 * 60 * 1000;

/// Tasks in one look.
const TASKS: u64 = 100;

/// Purges the results of tasks that ended before the days that `bulk_results_days` allows their resource, and returns how many tasks
/// those were. Safe to run from several processes at once.
///
/// # Errors
/// The database's; what was purged before stays so.
pub async fn purge_results(engine: &Engine) -> Result<u64> {
    let mut purged = 0;
    loop {
        let found = expired(engine).await?;
        for id in &found {
            purged += u64::from(purge(engine, *id).await?);
        }
        if (found.len() as u64) < TASKS {
            return Ok(purged);
        }
    }
}

/// Ended tasks whose results have been kept for long enough, oldest first.
async fn expired(engine: &Engine) -> Result<Vec<Uuid>> {
    let now = || engine.database().dialect().now();
    let ended = [Status::Success, Status::Partial, Status::Failure, Status::Cancelled].map(Status::as_str);
    let older_than = |days: u64| {
        let milliseconds = i64::try_from(days.saturating_mul(MILLISECONDS_A_DAY)).unwrap_or(i64::MAX / 2);
        Expr::col("completed_at").lt(now().sub(milliseconds))
    };
    let mut any = Cond::any();
    let mut others = Cond::all().add(older_than(DAYS));
    for resource in engine.resources() {
        let Some(days) = resource.settings.bulk_results_days else { continue };
        others = others.add(Expr::col("model_name").ne(resource.name.as_str()));
        if days > 0 {
            let own = Cond::all().add(Expr::col("model_name").eq(resource.name.as_str())).add(older_than(days));
            any = any.add(own);
        }
    }
    let select = Query::select()
        .column("id")
        .from(tables::BULK_TASK)
        .and_where(Expr::col("status").is_in(ended))
        .and_where(Expr::col("results_purged_at").is_null())
        .cond_where(any.add(others))
        .order_by("completed_at", Order::Asc)
        .limit(TASKS)
        .take();
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// `false`: somebody else does it.
async fn purge(engine: &Engine, id: Uuid) -> Result<bool> {
    let transaction = engine.database().begin().await?;
    let result = async {
        let mut update = Query::update();
        update
            .table(tables::BULK_TASK)
            .value("results_purged_at", engine.database().dialect().now())
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("results_purged_at").is_null());
        if transaction.update(&update).await? == 0 {
            return Ok(false);
        }
        for table in [tables::SELECTED, tables::KEY_RANGE, tables::TASK_ERROR, tables::CASCADE] {
            let mut delete = Query::delete();
            delete.from_table(table).and_where(Expr::col("task_id").eq(id));
            transaction.delete(&delete).await?;
        }
        Ok(true)
    };
    let result = result.await;
    close(transaction, result).await
}
