//! Locks: rows whose primary key decides, so that of two requests at the same instant one wins.
//!
//! A task's locks are written in the transaction that submits it (or that ends its wait) and go in the transaction that ends it; no
//! timer releases them. What a task locks is its resource's whole model with its suffix, one row that is the same for every task, or
//! its records, one row that is the task's own: which records these are, its frozen selection says. So locking 100,000 records costs
//! no more than locking one; `records` tells how two tasks on different records come past each other, and two on the same don't.
//!
//! A task that has to wait ([`Status::Waiting`]) holds nothing yet. Waiting tasks of one model start in the order of their
//! submission: none overtakes another, and no new one overtakes them.

mod records;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Order, Query},
};
use uuid::Uuid;

use crate::{
    config::ConflictScope,
    engine::Engine,
    error::{Error, Result},
    own::tables,
    resource::Resource,
    task::{BulkTask, Event, Status, TaskEvent, TaskEventKind, store},
};
use powercrud_db::{Dialect, QueryExt as _};

/// The lock on a whole model with its suffix.
fn model_key(unique_model_key: &str) -> String {
    format!("model:{unique_model_key}")
}

/// The lock of one task on its records.
fn records_key(unique_model_key: &str, task_id: Uuid) -> String {
    format!("{}{task_id}", records_prefix(unique_model_key))
}

fn records_prefix(unique_model_key: &str) -> String {
    format!("records:{unique_model_key}:")
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

/// Waits until no other transaction is about to lock records of this resource, and keeps others waiting until this one ends. Where
/// whole models are locked their key decides, and nobody waits.
///
/// It comes before the transaction's first plain SELECT: on MySQL that fixes what all later ones see.
pub(crate) async fn acquire_model_mutex<C: ConnectionTrait>(transaction: &C, resource: &Resource) -> Result<()> {
    match resource.conflict_scope() {
        ConflictScope::Model => Ok(()),
        ConflictScope::Record => records::acquire(transaction, &resource.unique_model_key()).await,
    }
}

/// Takes what a frozen task needs: the model, or its records, after [`acquire_model_mutex`] and where [`obstacle`] found nothing.
///
/// # Errors
/// The database's unique violation, where another task holds the model.
pub(crate) async fn take_for<C: ConnectionTrait>(transaction: &C, resource: &Resource, task_id: Uuid) -> Result<()> {
    let model = resource.unique_model_key();
    let lock_key = match resource.conflict_scope() {
        ConflictScope::Model => model_key(&model),
        ConflictScope::Record => records_key(&model, task_id),
    };
    take(transaction, &lock_key, task_id).await
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
}

/// A task that holds a model, or records of it.
struct Holder {
    frozen: Frozen,
    whole_model: bool,
}

async fn holders<C: ConnectionTrait>(connection: &C, dialect: Dialect, resource: &Resource) -> Result<Vec<Holder>> {
    let (model, prefix) = (model_key(&resource.unique_model_key()), records_prefix(&resource.unique_model_key()));
    let lock_key = || Expr::col((tables::LOCK, "lock_key"));
    // Not by LIKE or by range: names hold wildcards, and collations sort as they like. The table has two rows a task.
    let cut = format!("SUBSTR(?, 1, {}) = ?", prefix.chars().count());
    let on_records = dialect.custom(&cut, [lock_key(), Expr::val(prefix)]);
    let select = Query::select()
        .column((tables::LOCK, "lock_key"))
        .column((tables::BULK_TASK, "id"))
        .column((tables::BULK_TASK, "first_seq"))
        .column((tables::BULK_TASK, "total_records"))
        .from(tables::LOCK)
        .inner_join(tables::BULK_TASK, Expr::col((tables::BULK_TASK, "id")).equals((tables::LOCK, "task_id")))
        .and_where(lock_key().eq(model.as_str()).or(on_records))
        .order_by((tables::BULK_TASK, "created_at"), Order::Asc)
        .take();
    let rows = connection.rows(&select).await?;
    rows.iter()
        .map(|row| {
            let (lock_key, task_id, first_seq, total): (String, Uuid, i64, i64) = row.try_get_many_by_index()?;
            let frozen = Frozen { task_id, first_seq, total: total as u64 };
            Ok(Holder { frozen, whole_model: lock_key == model })
        })
        .collect()
}

/// The task that holds what a frozen one needs.
async fn in_the_way<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    frozen: Frozen,
) -> Result<Option<Uuid>> {
    let holders = holders(connection, dialect, resource).await?;
    let whole = resource.conflict_scope() == ConflictScope::Model;
    if let Some(holder) = holders.iter().find(|holder| holder.whole_model || whole) {
        return Ok(Some(holder.frozen.task_id));
    }
    let holders: Vec<_> = holders.iter().map(|holder| holder.frozen).collect();
    records::overlapping(connection, dialect, resource, frozen, &holders).await
}

/// A task that keeps a frozen one from starting: one that holds what it needs, or one that has waited for longer.
pub(crate) async fn obstacle<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    frozen: Frozen,
) -> Result<Option<Uuid>> {
    if let Some(holder) = in_the_way(connection, dialect, resource, frozen).await? {
        return Ok(Some(holder));
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

/// The task that holds a lock.
pub(crate) async fn holder<C: ConnectionTrait>(connection: &C, lock_key: &str) -> Result<Option<Uuid>> {
    let select =
        Query::select().column("task_id").from(tables::LOCK).and_where(Expr::col("lock_key").eq(lock_key)).take();
    let row = connection.row(&select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// The task that holds each of these records (in their canonical spelling), where one does.
pub async fn record_holders<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    keys: &[String],
) -> Result<Vec<Option<Uuid>>> {
    let holders = holders(connection, dialect, resource).await?;
    if let Some(holder) = holders.iter().find(|holder| holder.whole_model) {
        return Ok(vec![Some(holder.frozen.task_id); keys.len()]);
    }
    let mut found = vec![None; keys.len()];
    if holders.is_empty() {
        return Ok(found);
    }
    let holders: Vec<_> = holders.iter().map(|holder| holder.frozen).collect();
    for (found, key) in found.iter_mut().zip(keys) {
        *found = records::holder_of(connection, dialect, resource, &holders, key).await?;
    }
    Ok(found)
}

/// The tasks that hold a resource's model, or records of it.
pub async fn holding<C: ConnectionTrait>(connection: &C, dialect: Dialect, resource: &Resource) -> Result<Vec<Uuid>> {
    let holders = holders(connection, dialect, resource).await?;
    Ok(holders.into_iter().map(|holder| holder.frozen.task_id).collect())
}

/// Lets waiting tasks start whose way is free, oldest first; `only` looks at one model. Returns how many.
///
/// Called when a task has ended, and by every idle worker, so that a wait that began while the last holder ended is seen too.
pub(crate) async fn unblock(engine: &Engine, only: Option<&str>) -> Result<usize> {
    // Tasks wait whoever looks.
    let engine = &engine.for_everybody();
    let mut stuck: Vec<String> = Vec::new();
    let mut started = 0;
    for task in store::waiting(engine, only).await? {
        // What is to be locked is known to those who know the resource; it may be another application's.
        let is_known = engine.resource(&task.resource).is_ok_and(|resource| task.require_table(resource).is_ok());
        if stuck.contains(&task.unique_model_key) || !is_known {
            continue;
        }
        match start(engine, &task).await {
            Ok(Start::Ready) => started += 1,
            Ok(Start::WaitsNoLonger) => {}
            Ok(Start::Blocked) => stuck.push(task.unique_model_key),
            Err(Error::Database(fault)) if fault.code == "UNIQUE" || fault.is_transient() => {
                stuck.push(task.unique_model_key);
            }
            Err(error) => return Err(error),
        }
    }
    if started > 0 {
        engine.wake_up().notify_one();
    }
    Ok(started)
}

/// The outcome of a waiting task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// It has its locks, and is for a worker.
    Ready,
    /// Something is in its way.
    Blocked,
    /// Somebody else has started or cancelled it.
    WaitsNoLonger,
}

/// Takes a waiting task's locks and makes it ready for a worker.
async fn start(engine: &Engine, task: &BulkTask) -> Result<Start> {
    let next = task.status.next(Event::Unblock)?;
    let transaction = engine.database().begin().await?;
    let result = async {
        let resource = engine.resource(&task.resource).ok();
        if let Some(resource) = resource {
            acquire_model_mutex(&transaction, resource).await?;
        }
        if transaction.update(&store::transition(task, next)).await? == 0 {
            return Ok(Start::WaitsNoLonger);
        }
        if let Some(resource) = resource {
            if in_the_way(&transaction, engine.database().dialect(), resource, Frozen::of(task)).await?.is_some() {
                return Ok(Start::Blocked);
            }
            take_for(&transaction, resource, task.id).await?;
        }
        let unblocked = TaskEvent::now(task, TaskEventKind::Unblocked, next);
        unblocked.write(&transaction, engine.database().dialect(), task.id).await?;
        Ok(Start::Ready)
    }
    .await;
    match result {
        Ok(Start::Ready) => transaction.commit().await?,
        _ => transaction.rollback().await?,
    }
    result
}
