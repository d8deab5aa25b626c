//! The `powercrud_bulk_task` rows: read, claimed, checkpointed, ended.
//!
//! A worker holds a task by a `Lease`: task, worker id and attempt. Every write of a worker names all three, so a worker that was
//! frozen while another took its task over changes nothing afterwards. Timestamps are compared by the database's clock.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query, UpdateStatement},
};
use uuid::Uuid;

use super::{
    BulkTask, Event, RecordError, Status, TaskEvent, TaskEventKind,
    shown::{hide_field, keep_shown},
};
use crate::{
    action::Action,
    bulk_task::{OPERATIONS, read_task, select_task},
    config::Atomicity,
    engine::Engine,
    error::{Error, Result},
    own::tables,
    user::User,
};
use powercrud_db::{Dialect, QueryExt as _, close};

/// A worker's hold on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) task_id: Uuid,
    pub(crate) worker_id: Uuid,
    pub(crate) attempt: i64,
    /// Whether the task runs in the request that submitted it, so that whoever asked gets the answer there.
    pub(crate) answers: bool,
}

impl Lease {
    /// Whether a task, as its row says, is held by this lease.
    pub(crate) fn holds(&self, task: &BulkTask) -> bool {
        (task.id, task.worker_id, task.attempt) == (self.task_id, Some(self.worker_id), self.attempt)
            && task.status.is_held()
    }

    /// What a worker says that writes without holding its task any more, which is counted.
    pub(crate) fn lost(&self, engine: &Engine) -> Error {
        engine.metrics().lease_lost();
        Error::LeaseLost(self.task_id)
    }
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only those in one of these states; all where empty.
    pub statuses: Vec<Status>,
    /// Only those on this resource.
    pub resource: Option<String>,
    /// Only those of the user of this id; of the operator, where it is empty.
    pub user: Option<String>,
    /// Only those that another task gave rise to: its retries, and what reverts it.
    pub parent: Option<Uuid>,
    /// Only those submitted at this time or later, in milliseconds since 1970 UTC.
    pub from: Option<i64>,
    /// Only those submitted before this time.
    pub before: Option<i64>,
    /// How many to skip.
    pub offset: u64,
    /// How many at most; 0 means 50.
    pub limit: u64,
}

/// The task of that id, whoever owns it.
pub(crate) async fn load(engine: &Engine, id: Uuid) -> Result<BulkTask> {
    load_from(engine.database().connection(), id).await
}

/// As [`load`], as a transaction sees it.
pub(crate) async fn load_from<C: ConnectionTrait>(connection: &C, id: Uuid) -> Result<BulkTask> {
    let select = select_task().and_where(Expr::col("id").eq(id)).take();
    let row = connection.row(&select).await?;
    row.as_ref().map(read_task).transpose()?.ok_or_else(|| Error::TaskNotFound(id.to_string()))
}

/// As many ids as one statement takes.
const IDS_A_STATEMENT: usize = 5_000;

/// The tasks of these ids that there are, in no order.
pub async fn load_all(engine: &Engine, ids: &[Uuid]) -> Result<Vec<BulkTask>> {
    let mut tasks = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_A_STATEMENT) {
        let select = select_task().and_where(Expr::col("id").is_in(ids.iter().copied())).take();
        for row in engine.database().connection().rows(&select).await? {
            tasks.push(read_task(&row)?);
        }
    }
    Ok(tasks)
}

/// As [`load_all`], with the time by the database's clock: whatever was committed until then is in them.
pub async fn load_all_now(engine: &Engine, ids: &[Uuid]) -> Result<(i64, Vec<BulkTask>)> {
    // Asked for first, since a statement may see less than what is committed while it runs.
    let select = Query::select().expr(engine.database().dialect().now()).take();
    let now = engine.database().connection().number(&select).await?;
    Ok((now as i64, load_all(engine, ids).await?))
}

/// The task of that id, where `user` may see it.
///
/// # Errors
/// [`Error::TaskNotFound`], also for somebody else's task.
pub async fn get(engine: &Engine, user: &User, id: Uuid) -> Result<BulkTask> {
    let task = load(engine, id).await?;
    if user.may_see(task.user_id.as_deref()) { Ok(task) } else { Err(Error::TaskNotFound(id.to_string())) }
}

/// Rows of the user of that id; of the operator where it is empty.
pub(crate) fn by_user(id: &str) -> Expr {
    if id.is_empty() { Expr::col("user_id").is_null() } else { Expr::col("user_id").eq(id) }
}

fn visible(user: &User, filter: &TaskFilter) -> Cond {
    let mut condition = Cond::all();
    if !user.is_staff {
        condition = condition.add(Expr::col("user_id").eq(user.id.clone().unwrap_or_default()));
    }
    if !filter.statuses.is_empty() {
        condition = condition.add(Expr::col("status").is_in(filter.statuses.iter().map(|status| status.as_str())));
    }
    if let Some(resource) = &filter.resource {
        condition = condition.add(Expr::col("model_name").eq(resource));
    }
    let conditions = [
        filter.user.as_deref().map(by_user),
        filter.parent.map(|parent| Expr::col("parent_id").eq(parent)),
        filter.from.map(|from| Expr::col("created_at").gte(from)),
        filter.before.map(|before| Expr::col("created_at").lt(before)),
    ];
    for one in conditions.into_iter().flatten() {
        condition = condition.add(one);
    }
    condition
}

/// The tasks that `user` may see, newest first.
pub async fn list(engine: &Engine, user: &User, filter: &TaskFilter) -> Result<Vec<BulkTask>> {
    let limit = if filter.limit == 0 { 50 } else { filter.limit };
    let select = select_task()
        .cond_where(visible(user, filter))
        .order_by("created_at", Order::Desc)
        .order_by("id", Order::Desc)
        .offset(filter.offset)
        .limit(limit)
        .take();
    engine.database().connection().rows(&select).await?.iter().map(read_task).collect()
}

/// How many tasks [`list`] would find without a limit.
pub async fn count(engine: &Engine, user: &User, filter: &TaskFilter) -> Result<u64> {
    let mut select = Query::select();
    select.expr(Expr::cust("COUNT(*)")).from(tables::BULK_TASK).cond_where(visible(user, filter));
    Ok(engine.database().connection().number(&select).await?)
}

/// The record errors of a task, where `user` may see it, in the order of the selection: of an engine for a user only those of records that
/// there are for the user, or for nobody any more.
///
/// # Errors
/// [`Error::TaskNotFound`], also for somebody else's task.
pub async fn errors(engine: &Engine, user: &User, id: Uuid, offset: u64, limit: u64) -> Result<Vec<RecordError>> {
    get(engine, user, id).await?;
    load_errors(engine, id, offset, limit).await
}

/// As [`errors`], whoever owns the task.
pub(crate) async fn load_errors(engine: &Engine, task_id: Uuid, offset: u64, limit: u64) -> Result<Vec<RecordError>> {
    let select = Query::select()
        .columns(["record_key", "field", "code", "message"])
        .from(tables::TASK_ERROR)
        .and_where(Expr::col("task_id").eq(task_id))
        .order_by("seq", Order::Asc)
        .offset(offset)
        .limit(limit)
        .take();
    let rows = engine.database().connection().rows(&select).await?;
    let errors = rows.iter().map(|row| {
        let (record_key, field, code, message) = row.try_get_many_by_index()?;
        Ok(RecordError { record_key, field, code, message })
    });
    let mut errors = errors.collect::<Result<Vec<_>>>()?;
    if engine.viewer().is_some() {
        let task = load(engine, task_id).await?;
        keep_shown(engine, &task, &mut errors, |error| &error.record_key).await?;
        errors.iter_mut().for_each(|error| hide_field(engine, &task, error));
    }
    Ok(errors)
}

/// The tasks that wait for others, oldest first.
pub(crate) async fn waiting(engine: &Engine, unique_model_key: Option<&str>) -> Result<Vec<BulkTask>> {
    let mut select = select_task();
    select
        .and_where(Expr::col("status").eq(Status::Waiting.as_str()))
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    if let Some(key) = unique_model_key {
        select.and_where(Expr::col("unique_model_key").eq(key));
    }
    engine.database().connection().rows(&select).await?.iter().map(read_task).collect()
}

/// Which tasks a worker takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Only {
    /// All that it knows.
    Known,
    /// One.
    Task(Uuid),
    /// Those of one backend.
    Backend(&'static str),
}

/// Takes the oldest task that waits for a worker or whose worker is silent. A task whose resource or
/// operation this process does not know is left to those that do.
///
/// No row lock is needed: the conditional UPDATE decides, alike on every database, and who loses tries the next.
pub(crate) async fn claim(engine: &Engine, worker_id: Uuid, only: Only) -> Result<Option<(Lease, BulkTask)>> {
    let dialect = engine.database().dialect();
    let held = [Status::Started, Status::Pausing, Status::Cancelling].map(Status::as_str);
    let claimable = Cond::any()
        .add(Expr::col("status").eq(Status::Pending.as_str()))
        .add(Cond::all().add(Expr::col("status").is_in(held)).add(Expr::col("lease_expires_at").lt(dialect.now())));
    let known = Cond::all()
        .add(of_known_tables(engine))
        .add(of_known_operations(engine))
        .add(Expr::col("atomicity").is_in([Atomicity::Chunk, Atomicity::All].map(Atomicity::as_str)));
    let mut select = select_task();
    select.cond_where(claimable.clone()).cond_where(known).order_by("created_at", Order::Asc).limit(8);
    match only {
        Only::Known => {}
        Only::Task(id) => drop(select.and_where(Expr::col("id").eq(id))),
        Only::Backend(name) => drop(select.and_where(Expr::col("backend").eq(name))),
    }
    for row in engine.database().connection().rows(&select).await? {
        let task = read_task(&row)?;
        let lease = Lease { task_id: task.id, worker_id, attempt: task.attempt + 1, answers: false };
        let next = task.status.next(Event::Claim)?;
        let mut update = Query::update();
        update
            .table(tables::BULK_TASK)
            .value("status", next.as_str())
            .value("worker_id", worker_id)
            .value("attempt", lease.attempt)
            .value("stalled_attempts", task.stalled_attempts as i64 + 1)
            .value("lease_expires_at", expiry(dialect, engine.settings().lease))
            .value("started_at", dialect.custom("COALESCE(?, ?)", [Expr::col("started_at"), dialect.now()]))
            .and_where(Expr::col("id").eq(task.id))
            .and_where(Expr::col("attempt").eq(task.attempt))
            .and_where(Expr::col("status").eq(task.status.as_str()))
            .cond_where(claimable.clone());
        let transaction = engine.database().begin().await?;
        let result = async {
            let won = transaction.update(&update).await? == 1;
            if won {
                let claimed = TaskEvent::now(&task, TaskEventKind::Claimed, next);
                let claimed = TaskEvent { attempt: lease.attempt, worker_id: Some(worker_id), ..claimed };
                claimed.write(&transaction, dialect, task.id).await?;
            }
            Ok(won)
        };
        let result: Result<_> = result.await;
        if close(transaction, result).await? {
            let task = load(engine, task.id).await?;
            engine.metrics().claimed(&task);
            return Ok(Some((lease, task)));
        }
    }
    Ok(None)
}

/// Whether a task does what this process knows: what every process does, or an action of its resource.
fn of_known_operations(engine: &Engine) -> Cond {
    let (name, operation) = (|| Expr::col("model_name"), || Expr::col("operation"));
    let actions = engine.resources().iter().flat_map(|resource| {
        let pair = |action: &Arc<Action>| vec![Expr::val(resource.name.as_str()), Expr::val(action.operation())];
        resource.actions.iter().map(pair).collect::<Vec<_>>()
    });
    let actions: Vec<_> = actions.collect();
    let known = Cond::any().add(operation().is_in(OPERATIONS));
    match actions.is_empty() {
        true => known,
        false => known.add(engine.database().dialect().tuple_in(vec![name(), operation()], actions)),
    }
}

/// Whether a task is about a resource of this process, and the table that this process means by it: those who share PowerCRUD's tables
/// may find others by the same names.
fn of_known_tables(engine: &Engine) -> Cond {
    let (name, table) = (|| Expr::col("model_name"), || Expr::col("sql_table"));
    let names = engine.resources().iter().map(|resource| resource.name.as_str());
    let pairs = engine
        .resources()
        .iter()
        .map(|resource| vec![Expr::val(resource.name.as_str()), Expr::val(resource.table.sql_name())]);
    let pairs: Vec<_> = pairs.collect();
    let of_before = Cond::all().add(table().is_null()).add(name().is_in(names));
    let either = Cond::any().add(of_before);
    match pairs.is_empty() {
        true => either,
        false => either.add(engine.database().dialect().tuple_in(vec![name(), table()], pairs)),
    }
}

/// Brings a task from the state that it was read in to `next`; no row where it has moved on meanwhile.
pub(crate) fn transition(task: &BulkTask, next: Status) -> UpdateStatement {
    Query::update()
        .table(tables::BULK_TASK)
        .value("status", next.as_str())
        .and_where(Expr::col("id").eq(task.id))
        .and_where(Expr::col("status").eq(task.status.as_str()))
        .take()
}

/// When a lease taken now lapses.
pub(crate) fn expiry(dialect: Dialect, lease: Duration) -> Expr {
    dialect.now().add(lease.as_millis() as i64)
}

/// The rows that a worker may write: its own task, while it holds it.
pub(crate) fn held_by(lease: &Lease) -> Cond {
    Cond::all()
        .add(Expr::col("id").eq(lease.task_id))
        .add(Expr::col("worker_id").eq(lease.worker_id))
        .add(Expr::col("attempt").eq(lease.attempt))
        .add(Expr::col("status").is_in([Status::Started, Status::Pausing, Status::Cancelling].map(Status::as_str)))
}

/// Extends a lease. `false`: it is lost.
pub(crate) async fn renew(engine: &Engine, lease: &Lease) -> Result<bool> {
    let mut update = Query::update();
    update
        .table(tables::BULK_TASK)
        .value("lease_expires_at", expiry(engine.database().dialect(), engine.settings().lease))
        .cond_where(held_by(lease));
    Ok(engine.database().connection().update(&update).await? == 1)
}

/// Gives a lease back unfinished, so that another worker goes on at once.
pub(crate) async fn give_back(engine: &Engine, lease: &Lease) -> Result<()> {
    let mut update = Query::update();
    update
        .table(tables::BULK_TASK)
        .value("lease_expires_at", 0i64)
        // It was told to stop, which says nothing about the task.
        .value("stalled_attempts", Expr::cust("CASE WHEN stalled_attempts > 0 THEN stalled_attempts - 1 ELSE 0 END"))
        .cond_where(held_by(lease));
    let transaction = engine.database().begin().await?;
    let result = async {
        if transaction.update(&update).await? == 1 {
            let task = load_from(&transaction, lease.task_id).await?;
            let given_back = TaskEvent::now(&task, TaskEventKind::GivenBack, task.status);
            given_back.write(&transaction, engine.database().dialect(), task.id).await?;
        }
        Ok(())
    };
    let result = result.await;
    close(transaction, result).await
}

/// Notes what an attempt met that could not go on; the lease lapses by itself, so that the next one comes a while later.
pub(crate) async fn note_failure(engine: &Engine, lease: &Lease, message: &str) -> Result<()> {
    let mut update = Query::update();
    update.table(tables::BULK_TASK).value("attempt_error", message).cond_where(held_by(lease));
    engine.database().connection().update(&update).await?;
    Ok(())
}

/// Writes cursor and counts of `task`, which stood as `before`, as part of a chunk's transaction. `false`: the lease is lost or that
/// step is done already, and the chunk must be rolled back.
pub(crate) async fn checkpoint<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    lease: &Lease,
    before: &BulkTask,
    task: &BulkTask,
) -> Result<bool> {
    let from = held_by(lease)
        .add(Expr::col("cursor").eq(before.cursor))
        .add(Expr::col("failed_records").eq(before.failed_records as i64));
    let gets_on = (before.cursor, before.failed_records) != (task.cursor, task.failed_records);
    write_progress(engine, transaction, from, task, gets_on).await
}

pub(crate) async fn write_progress<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    from: Cond,
    task: &BulkTask,
    gets_on: bool,
) -> Result<bool> {
    let mut update = Query::update();
    update
        .table(tables::BULK_TASK)
        .value("cursor", task.cursor)
        .value("processed_records", task.processed_records as i64)
        .value("succeeded_records", task.succeeded_records as i64)
        .value("failed_records", task.failed_records as i64)
        .value("missing_records", task.missing_records as i64)
        .value("unchanged_records", task.unchanged_records as i64)
        .value("stalled_attempts", if gets_on { 0 } else { task.stalled_attempts as i64 })
        .value("lease_expires_at", expiry(engine.database().dialect(), engine.settings().lease))
        .cond_where(from);
    Ok(transaction.update(&update).await? == 1)
}
