//! Locks: rows whose primary key decides, so that of two requests at the same instant one wins.
//!
//! A task's locks are written in the transaction that submits it (or that ends its wait) and go in the transaction that ends it; no
//! timer releases them. What a task locks is its resource's whole model with its suffix, or each of its records.
//!
//! A task that has to wait ([`Status::Waiting`]) holds nothing yet. Waiting tasks of one model start in the order of their
//! submission: none overtakes another, and no new one overtakes them.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    app::PowerCrud,
    config::ConflictScope,
    db::{Dialect, Run as _, migrations::tables},
    error::{Error, Result},
    resource::Resource,
    task::{BulkTask, Event, Status, store},
};

/// The lock on a whole model with its suffix.
pub(crate) fn model_key(unique_model_key: &str) -> String {
    format!("model:{unique_model_key}")
}

/// The lock on one record.
pub(crate) fn record_key(unique_model_key: &str, record_key: &str) -> String {
    format!("{}{record_key}", record_prefix(unique_model_key))
}

fn record_prefix(unique_model_key: &str) -> String {
    format!("record:{unique_model_key}:")
}

/// The lock that refuses the same request twice while the first is active.
pub(crate) fn request_key(task_key: &str) -> String {
    format!("request:{task_key}")
}

/// Takes a lock.
///
/// # Errors
/// The database's unique violation, where another task holds it.
pub(crate) async fn take<C: ConnectionTrait>(transaction: &C, lock_key: &str, task_id: Uuid) -> Result<()> {
    let mut insert = Query::insert();
    insert.into_table(tables::LOCK).columns(["lock_key", "task_id"]).values_panic([lock_key.into(), task_id.into()]);
    transaction.insert(&insert).await?;
    Ok(())
}

/// Takes what a frozen task needs: the model, or each of its records.
///
/// # Errors
/// The database's unique violation, where another task holds one of them.
pub(crate) async fn take_for<C: ConnectionTrait>(
    transaction: &C,
    dialect: Dialect,
    resource: &Resource,
    frozen: Frozen,
) -> Result<()> {
    if resource.conflict_scope() == ConflictScope::Model {
        return take(transaction, &model_key(&resource.unique_model_key()), frozen.task_id).await;
    }
    let runs = frozen.selected().expr(Expr::cust("1")).and_where(Expr::col("run_length").gt(1i64)).limit(1).take();
    if transaction.row(&runs).await?.is_some() {
        let message = "that task was submitted while the whole model was locked; select the records again to lock each";
        return Err(Error::NotAllowed(message.into()));
    }
    let mut locks = frozen.selected();
    locks.expr(frozen.lock_key(resource, dialect)).expr(Expr::val(frozen.task_id));
    let mut insert = Query::insert();
    insert
        .into_table(tables::LOCK)
        .columns(["lock_key", "task_id"])
        .select_from(locks)
        .map_err(|error| Error::Internal(error.to_string()))?;
    transaction.insert(&insert).await?;
    Ok(())
}

/// A task's frozen selection: its places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frozen {
    pub(crate) task_id: Uuid,
    pub(crate) first_seq: i64,
    pub(crate) total: u64,
}

impl Frozen {
    pub(crate) fn of(task: &BulkTask) -> Self {
        Self { task_id: task.id, first_seq: task.first_seq, total: task.total_records }
    }

    fn selected(self) -> SelectStatement {
        Query::select()
            .from(tables::SELECTED)
            .and_where(Expr::col((tables::SELECTED, "task_id")).eq(self.task_id))
            .and_where(
                Expr::col((tables::SELECTED, "seq")).between(self.first_seq, self.first_seq + self.total as i64 - 1),
            )
            .take()
    }

    fn lock_key(self, resource: &Resource, dialect: Dialect) -> Expr {
        let prefix = record_prefix(&resource.unique_model_key());
        dialect.concat(Expr::val(prefix), Expr::col((tables::SELECTED, "record_key")))
    }
}

/// A task that keeps a frozen one from starting: one that holds what it needs, or one that has waited for longer.
pub(crate) async fn obstacle<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    frozen: Frozen,
) -> Result<Option<Uuid>> {
    let mut holder = match resource.conflict_scope() {
        ConflictScope::Model => Query::select()
            .from(tables::LOCK)
            .and_where(Expr::col((tables::LOCK, "lock_key")).eq(model_key(&resource.unique_model_key())))
            .take(),
        ConflictScope::Record => {
            let mut select = frozen.selected();
            let same = Expr::col((tables::LOCK, "lock_key")).eq(frozen.lock_key(resource, dialect));
            select.inner_join(tables::LOCK, same);
            select
        }
    };
    holder.column((tables::LOCK, "task_id")).limit(1);
    if let Some(row) = connection.row(&holder).await? {
        return Ok(Some(row.try_get_by_index(0)?));
    }
    let waiting = Query::select()
        .column("id")
        .from(tables::BULK_TASK)
        .and_where(Expr::col("unique_model_key").eq(resource.unique_model_key()))
        .and_where(Expr::col("status").eq(Status::Waiting.as_str()))
        .and_where(Expr::col("id").ne(frozen.task_id))
        .order_by("created_at", Order::Asc)
        .limit(1)
        .take();
    let row = connection.row(&waiting).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// Releases all locks of a task.
pub(crate) async fn release<C: ConnectionTrait>(transaction: &C, task_id: Uuid) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(tables::LOCK).and_where(Expr::col("task_id").eq(task_id));
    transaction.delete(&delete).await?;
    Ok(())
}

/// The task that holds one of these locks.
pub(crate) async fn holder<C: ConnectionTrait>(connection: &C, lock_keys: &[String]) -> Result<Option<Uuid>> {
    let mut select = Query::select();
    select
        .column("task_id")
        .from(tables::LOCK)
        .and_where(Expr::col("lock_key").is_in(lock_keys.iter().map(String::as_str)))
        .limit(1);
    let row = connection.row(&select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// Lets waiting tasks start whose way is free, oldest first; `only` looks at one model. Returns how many.
///
/// Called when a task has ended, and by every idle worker, so that a wait that began while the last holder ended is seen too.
pub(crate) async fn unblock(app: &PowerCrud, only: Option<&str>) -> Result<usize> {
    let mut stuck: Vec<String> = Vec::new();
    let mut started = 0;
    for task in store::waiting(app, only).await? {
        if stuck.contains(&task.unique_model_key) {
            continue;
        }
        match start(app, &task).await {
            Ok(true) => started += 1,
            Ok(false) => {}
            Err(Error::Database(fault)) if fault.code == "UNIQUE" || fault.is_transient() => {
                stuck.push(task.unique_model_key);
            }
            Err(error) => return Err(error),
        }
    }
    if started > 0 {
        app.bell().notify_one();
    }
    Ok(started)
}

/// Takes a waiting task's locks and makes it ready for a worker. `false`: it waits no longer.
async fn start(app: &PowerCrud, task: &BulkTask) -> Result<bool> {
    let next = task.status.next(Event::Unblock)?;
    let transaction = app.database().begin().await?;
    let result = async {
        let mut update = Query::update();
        update
            .table(tables::BULK_TASK)
            .value("status", next.as_str())
            .and_where(Expr::col("id").eq(task.id))
            .and_where(Expr::col("status").eq(task.status.as_str()));
        if transaction.update(&update).await? == 0 {
            return Ok(false);
        }
        // Where the resource is gone there is nothing to lock; the worker that takes the task says so.
        if let Ok(resource) = app.resource(&task.resource) {
            take_for(&transaction, app.database().dialect(), resource, Frozen::of(task)).await?;
        }
        Ok(true)
    }
    .await;
    match result {
        Ok(true) => transaction.commit().await?,
        _ => transaction.rollback().await?,
    }
    result
}
