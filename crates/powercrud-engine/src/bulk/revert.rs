//! Reverts a task: a child task writes back what the first overwrote, or inserts what it deleted.
//!
//! A revert is a bulk task like any other. Its frozen selection is the records that the first task changed, each with the number of its
//! image; records that changed since are its record errors.

use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query};
use uuid::Uuid;

use super::{Answer, BulkRequest, Requested, Route, images::Images, run};
use crate::{
    engine::Engine,
    error::{Error, Result},
    own::tables,
    resource::{Resource, grouped},
    selection::{Selection, kept_records},
    task::{BulkTask, store},
    user::User,
};
use powercrud_db::{
    QueryExt as _,
    rules::{Rules, WriteKind},
};

/// The namespace of reverts' task keys (UUID version 5).
const TASK_KEY: Uuid = Uuid::from_u128(0x3c41_77d0_9f0e_4c5b_8d26_51a2_e07b_94c8);

/// What a revert would do.
#[derive(Clone, Debug)]
pub struct Revertible {
    /// How many records it would restore, where none of them changed since.
    pub records: u64,
    /// Whether they were deleted; else fields were overwritten.
    pub of_deleted: bool,
    /// Whether triggers of the database may give rows that are inserted again other values.
    pub has_triggers: bool,
}

/// Submits the revert of an ended task. While one is active, it is that one's task.
///
/// # Errors
/// [`Error::TaskNotFound`] where the user may not see the task; [`Error::NotAllowed`] says why it can't be reverted: it still runs,
/// it is a revert itself, nothing was kept or no longer is, or it was reverted before.
pub async fn revert(engine: &Engine, user: &User, task_id: Uuid) -> Result<Answer> {
    let engine = &engine.for_user(user);
    let task = store::get(engine, user, task_id).await?;
    match reverted_by(engine, task_id).await? {
        Some(active) if !active.status.is_final() => return duplicate(engine, user, active),
        Some(before) => return Err(reverted_before(&task, &before)),
        None => {}
    }
    let request = BulkRequest {
        resource: task.resource.clone(),
        operation: Requested::Revert(task_id),
        selection: Selection::Kept(task_id),
        user: user.clone(),
        route: Route::Auto,
        parent_id: Some(task_id),
        on_conflict: None,
    };
    match run(engine, request).await {
        Ok(Answer::Duplicate(active)) => duplicate(engine, user, active),
        // They went between the look and the freezing.
        Err(Error::NothingSelected(_)) => Err(nothing_kept(&task)),
        answer => answer,
    }
}

/// What a revert of the task would restore.
///
/// # Errors
/// As [`revert`].
pub async fn revertible(engine: &Engine, user: &User, task_id: Uuid) -> Result<Revertible> {
    let engine = &engine.for_user(user);
    let task = store::get(engine, user, task_id).await?;
    let resource = engine.resource(&task.resource)?;
    resource.require_writable()?;
    check(resource, &task)?;
    if let Some(before) = reverted_by(engine, task_id).await? {
        return Err(reverted_before(&task, &before));
    }
    let records =
        kept_records(task_id, engine.database().dialect()).clear_selects().expr(Expr::cust("COUNT(*)")).take();
    let records = engine.database().connection().number(&records).await?;
    if records == 0 {
        return Err(nothing_kept(&task));
    }
    let of_deleted = !is_update(&task);
    let rules = async || Rules::read(engine.database(), &resource.table, WriteKind::Insert).await;
    let has_triggers = of_deleted && rules().await.map_or(true, |rules| rules.has_triggers());
    Ok(Revertible { records, of_deleted, has_triggers })
}

/// Whether a revert of the task is worth offering.
pub fn may_revert(engine: &Engine, task: &BulkTask) -> bool {
    let resource = engine.resource(&task.resource);
    resource.is_ok_and(|resource| resource.require_writable().is_ok() && check(resource, task).is_ok())
}

/// The revert of a task that is active, or has restored something; the latest.
pub async fn reverted_by(engine: &Engine, task_id: Uuid) -> Result<Option<BulkTask>> {
    let mut select = Query::select();
    select
        .column("id")
        .from(tables::BULK_TASK)
        .and_where(Expr::col("reverts").eq(task_id))
        .order_by("created_at", Order::Desc)
        .order_by("id", Order::Desc);
    for row in engine.database().connection().rows(&select).await? {
        let task = store::load(engine, row.try_get_by_index(0)?).await?;
        if !task.status.is_final() || task.succeeded_records > 0 {
            return Ok(Some(task));
        }
    }
    Ok(None)
}

fn duplicate(engine: &Engine, user: &User, active: BulkTask) -> Result<Answer> {
    if user.may_see(active.user_id.as_deref()) {
        return Ok(Answer::Duplicate(active));
    }
    let progress = active.progress_for_others(engine.resource(&active.resource)?);
    let holder = format!("somebody else's revert of this task ({progress})");
    Err(Error::Conflict { resource: active.resource, holder, task_id: None })
}

fn reverted_before(task: &BulkTask, revert: &BulkTask) -> Error {
    if !revert.status.is_final() {
        return Error::NotAllowed(format!("task {} is being reverted, by task {}", task.id, revert.id));
    }
    let rest = match revert.failed_records + revert.unattempted_records() {
        0 => String::new(),
        left => format!("; {} of its records were not restored, retry that task for them", grouped(left)),
    };
    Error::NotAllowed(format!("task {} was reverted before, by task {}{rest}", task.id, revert.id))
}

/// What is said where the images are gone.
fn nothing_kept(task: &BulkTask) -> Error {
    if task.succeeded_records > 0 && task.succeeded_records == task.unchanged_records {
        return Error::NotAllowed(format!("task {} changed no record, so there is nothing to restore", task.id));
    }
    let when = task.images_purged_at.and_then(chrono::DateTime::from_timestamp_millis);
    let when = when.map_or_else(String::new, |at| format!(" since {}", at.format("%Y-%m-%d %H:%M UTC")));
    Error::NotAllowed(format!("the former values of the records of task {} are not kept any more{when}", task.id))
}

/// Only one revert of a task is active at a time, whoever asks.
pub(super) fn task_key(task_id: Uuid) -> String {
    Uuid::new_v5(&TASK_KEY, task_id.as_bytes()).to_string()
}

/// Whether a task can be reverted at all, and the images to do it with.
pub(super) fn check(resource: &Resource, task: &BulkTask) -> Result<Images> {
    let refuse = |why: String| Err(Error::NotAllowed(why));
    let id = task.id;
    if task.resource != resource.name {
        return refuse(format!("task {id} is about {}, not {}", task.resource, resource.name));
    }
    task.require_table(resource)?;
    task.require_keys(resource)?;
    if task.reverts.is_some() {
        return refuse(format!(
            "task {id} is a revert itself; what it restored can be changed again, but not reverted"
        ));
    }
    if let Some(action) = task.action().filter(|_| !task.sets_fields()) {
        let why = "nobody but its own code knows what it has done; only actions that are named sets of changes can be reverted";
        return refuse(format!("task {id} ran the action {action:?}, and {why}"));
    }
    if !resource.can_revert() {
        return refuse(format!("reverting is switched off for {}; the setting bulk_revert allows it", resource.name));
    }
    if !task.status.is_final() {
        let status = task.status.as_str();
        return refuse(format!("task {id} is {status}; it can be reverted once it has ended"));
    }
    if task.succeeded_records == 0 {
        return refuse(format!("task {id} changed no record, so there is nothing to restore"));
    }
    if task.images_purged_at.is_some() {
        return Err(nothing_kept(task));
    }
    if task.image_columns.is_none() {
        let why = "bulk_revert was off when it was submitted, or it changed the records' keys or links";
        return refuse(format!("task {id} kept no former values: {why}"));
    }
    images(resource, task, id, !is_update(task))
}

/// Checked again by the worker: what may be changed may have changed since.
pub(super) fn check_running(resource: &Resource, task: &BulkTask) -> Result<Images> {
    let reverted = task.reverts.ok_or_else(|| Error::Internal(format!("revert {} names no task", task.id)))?;
    images(resource, task, reverted, !is_update(task))
}

fn is_update(task: &BulkTask) -> bool {
    !task.changes.is_empty()
}

fn images(resource: &Resource, task: &BulkTask, reverted: Uuid, of_deleted: bool) -> Result<Images> {
    resource.require_revert()?;
    let images = Images::of(task, reverted, resource, of_deleted)?
        .ok_or_else(|| Error::NotAllowed(format!("task {reverted} kept no former values")))?;
    if of_deleted {
        resource.require_bulk_delete()?;
        return Ok(images);
    }
    for column in &images.columns {
        if !resource.field(&column.name).is_some_and(|field| resource.may_set_in_bulk(field)) {
            let allowed: Vec<_> = resource.bulk_fields().map(|field| field.name.as_str()).collect();
            let message =
                format!("{} can't be changed in bulk any more; allowed are: {}", column.name, allowed.join(", "));
            return Err(Error::NotAllowed(message));
        }
    }
    Ok(images)
}
