//! Old tasks deleted with all that was kept of them. What was done to their records stays, and so does the audit trail.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query},
};
use uuid::Uuid;

use crate::{
    audit::{self, Action, AuditEvent},
    bulk,
    engine::Engine,
    error::{Error, Result},
    own::tables,
    task::{BulkTask, Status, store},
    user::User,
};
use powercrud_db::{QueryExt as _, close};

/// Tasks in one look.
const TASKS: u64 = 100;

/// In milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A century.
const MOST_DAYS: u64 = 36_525;

/// How many tasks ended more than so many days ago.
///
/// # Errors
/// [`Error::NotAllowed`] for who is not staff, [`Error::Invalid`] where `days` is not 1 to 36,525.
pub async fn count_old(engine: &Engine, by: &User, days: u64) -> Result<u64> {
    by.require_staff()?;
    let select =
        Query::select().expr(Expr::cust("COUNT(*)")).from(tables::BULK_TASK).cond_where(old(engine, days)?).take();
    Ok(engine.database().connection().number(&select).await?)
}

/// Deletes the tasks that ended more than so many days ago, with frozen selections, former values, errors, events, notices and messages.
/// Returns how many. A task that is being reverted is left for another time. What was deleted before a failure stays deleted.
///
/// # Errors
/// Those of [`count_old`], and [`Error::Invalid`] without a reason.
pub async fn delete_old(engine: &Engine, by: &User, days: u64, reason: &str) -> Result<u64> {
    by.require_staff()?;
    let reason = audit::checked_reason(reason)?;
    let mut deleted = 0;
    // Each is looked at once: what can't be deleted now is not looked for again.
    let mut last = Uuid::nil();
    loop {
        let select = Query::select()
            .column("id")
            .from(tables::BULK_TASK)
            .cond_where(old(engine, days)?)
            .and_where(Expr::col("id").gt(last))
            .order_by("id", Order::Asc)
            .limit(TASKS)
            .take();
        let rows = engine.database().connection().rows(&select).await?;
        for row in &rows {
            last = row.try_get_by_index(0)?;
            let task = match store::load(engine, last).await {
                Err(Error::TaskNotFound(_)) => continue,
                task => task?,
            };
            // The many rows of former values go by and by, before the transaction.
            if task.image_columns.is_some() && task.reverts.is_none() && !bulk::throw_away(engine, task.id).await? {
                continue;
            }
            let transaction = engine.database().begin().await?;
            let result = delete(engine, &transaction, by, &task, days, reason).await;
            deleted += u64::from(close(transaction, result).await?);
        }
        if (rows.len() as u64) < TASKS {
            return Ok(deleted);
        }
    }
}

fn old(engine: &Engine, days: u64) -> Result<Cond> {
    if !(1..=MOST_DAYS).contains(&days) {
        let message = format!("{days} is not allowed; allowed is a whole number of days from 1 to {MOST_DAYS}");
        return Err(Error::invalid("days", "OUT_OF_RANGE", message));
    }
    let ended = Status::ALL.iter().filter(|status| status.is_final()).map(|status| status.as_str());
    let before = engine.database().dialect().now().sub(days as i64 * DAY);
    Ok(Cond::all().add(Expr::col("status").is_in(ended)).add(Expr::col("completed_at").lt(before)))
}

/// `false`: somebody else has deleted it.
async fn delete<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    by: &User,
    task: &BulkTask,
    days: u64,
    reason: &str,
) -> Result<bool> {
    let mut delete = Query::delete();
    delete.from_table(tables::BULK_TASK).and_where(Expr::col("id").eq(task.id)).cond_where(old(engine, days)?);
    if transaction.delete(&delete).await? == 0 {
        return Ok(false);
    }
    let of_task = || Expr::col("task_id").eq(task.id);
    let positions = Expr::col("seq").between(task.first_seq, task.first_seq + task.total_records as i64 - 1);
    let mut selected = Query::delete();
    // By its places as well, which is how SQLite finds them.
    selected.from_table(tables::SELECTED).and_where(positions).and_where(of_task());
    transaction.delete(&selected).await?;
    for table in [
        tables::KEY_RANGE,
        tables::TASK_ERROR,
        tables::CASCADE,
        tables::TASK_EVENT,
        tables::IMAGE,
        tables::NOTICE,
        tables::MESSAGE,
        tables::API_REQUEST,
        tables::LOCK,
    ] {
        let mut delete = Query::delete();
        delete.from_table(table).and_where(of_task());
        transaction.delete(&delete).await?;
    }
    let event = AuditEvent::of_task(engine, Action::TaskDeleted, task).because(reason);
    event.write(transaction, engine.database().dialect(), by).await?;
    Ok(true)
}
