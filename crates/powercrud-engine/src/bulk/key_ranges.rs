//! Which ended tasks changed a record, and at which place of their frozen selections it is.
//!
//! An index over all keys that were ever frozen would make freezing three times as slow. Instead a task that has ended notes for each
//! thousand rows of its selection the smallest and the largest key among them, when nobody waits for it any more. Selections are mostly
//! in the order of their keys, so a record is in one such range of each task that had it, and only that range's rows are looked at. A run
//! (see [`super::runs`]) is in the range that holds it. What is not in order makes ranges less telling, never wrong.

use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait as _, Order, Query};
use uuid::Uuid;

use crate::{
    engine::Engine,
    error::{Error, Result},
    own::tables,
    resource::Resource,
    task::{BulkTask, Status, store},
};
use powercrud_db::QueryExt as _;

/// Rows of a frozen selection in one range.
const ROWS: i64 = 1_000;

/// Tasks in one query.
const TASKS: u64 = 100;

/// Ranges that are looked into for one record.
const RANGES: u64 = 400;

/// A task that changed a record.
#[derive(Clone, Debug)]
pub(crate) struct Touched {
    pub(crate) task: BulkTask,
    /// The record's place in the task's frozen selection.
    pub(crate) place: i64,
    /// Of a revert: the number of the image that it restored.
    pub(crate) image_seq: Option<i64>,
}

/// Notes where an ended task's records lie, once.
pub(crate) async fn note(engine: &Engine, task: &BulkTask) -> Result<()> {
    let engine = &engine.for_everybody();
    // What changed nothing is not looked for, and of a resource that is gone there is no page.
    let Ok(resource) = engine.resource(&task.resource) else { return Ok(()) };
    if !task.status.is_final() || task.succeeded_records == 0 || task.results_purged_at.is_some() {
        return Ok(());
    }
    let dialect = engine.database().dialect();
    let numbers = holds_numbers(engine, resource);
    let key = || match numbers {
        true => dialect.integer(Expr::col("record_key")),
        false => Expr::col("record_key"),
    };
    let last = || Expr::col("seq").add(Expr::col("run_length")).sub(1i64);
    let mut rows = Query::select();
    rows.column("seq")
        .expr_as(last(), "last")
        .expr_as(key(), "low")
        .expr_as(if numbers { key().add(Expr::col("run_length").sub(1i64)) } else { key() }, "high")
        .expr_as(dialect.row_number(&[sea_orm::sea_query::IntoColumnRef::into_column_ref("seq")]), "number")
        .from(tables::SELECTED)
        .and_where(Expr::col("task_id").eq(task.id))
        .and_where(Expr::col("seq").between(task.first_seq, task.first_seq + task.total_records as i64 - 1));
    let number = || Expr::col(("frozen", "number")).sub(1i64);
    let number_of_range = dialect.custom(&format!("? - ? % {ROWS}"), [number(), number()]);
    let ranges = Query::select()
        .expr(Expr::val(task.id))
        .expr(Expr::col(("frozen", "seq")).min())
        .expr(Expr::col(("frozen", "last")).max())
        .expr(Expr::col(("frozen", "low")).min())
        .expr(Expr::col(("frozen", "high")).max())
        .from_subquery(rows, Alias::new("frozen"))
        .add_group_by([number_of_range])
        .take();
    let [low, high] = bounds(numbers);
    let mut insert = Query::insert();
    insert.into_table(tables::KEY_RANGE).columns(["task_id", "first_seq", "last_seq", low, high]);
    insert.select_from(ranges).map_err(|error| Error::Internal(error.to_string()))?;
    match engine.database().connection().insert(&insert).await {
        // Somebody else was faster.
        Err(powercrud_db::Error::Database(fault)) if fault.code == "UNIQUE" => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}

fn holds_numbers(engine: &Engine, resource: &Resource) -> bool {
    matches!(resource.key_columns()[..], [column] if engine.database().dialect().holds_only_integers(column))
}

fn bounds(numbers: bool) -> [&'static str; 2] {
    if numbers { ["low_number", "high_number"] } else { ["low_text", "high_text"] }
}

/// Does so for ended tasks whose workers could not, the latest first; `only` for those on these resources, and for `most` of them.
pub(crate) async fn note_missing(engine: &Engine, only: Option<&[String]>, most: u64) -> Result<()> {
    let engine = &engine.for_everybody();
    let known: Vec<String> = engine.resources().iter().map(|resource| resource.name.clone()).collect();
    let mut left = most;
    let mut last: Vec<Uuid> = Vec::new();
    loop {
        let limit = Ord::min(left, TASKS);
        let noted = Query::select()
            .expr(Expr::cust("1"))
            .from(tables::KEY_RANGE)
            .and_where(Expr::col((tables::KEY_RANGE, "task_id")).equals((tables::BULK_TASK, "id")))
            .take();
        let select = Query::select()
            .column("id")
            .from(tables::BULK_TASK)
            .cond_where(telling(only.unwrap_or(&known)))
            .and_where(Expr::exists(noted).not())
            .order_by("completed_at", Order::Desc)
            .limit(limit)
            .take();
        let rows = engine.database().connection().rows(&select).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect::<Result<Vec<Uuid>>>()?;
        // Of what comes again there is nothing to note.
        if ids.iter().any(|id| last.contains(id)) {
            return Ok(());
        }
        for task in store::load_all(engine, &ids).await? {
            note(engine, &task).await?;
        }
        left -= ids.len() as u64;
        if (ids.len() as u64) < TASKS || left == 0 {
            return Ok(());
        }
        last = ids;
    }
}

/// Ended tasks on these resources that changed something, and of which it is still known what.
fn telling(resources: &[String]) -> Cond {
    let column = |name: &'static str| Expr::col((tables::BULK_TASK, name));
    let ended = Status::ALL.iter().filter(|status| status.is_final()).map(|status| status.as_str());
    Cond::all()
        .add(column("model_name").is_in(resources))
        .add(column("status").is_in(ended))
        .add(column("succeeded_records").gt(0i64))
        .add(column("results_purged_at").is_null())
}

/// The ended tasks that changed the record, the latest first. `keys` are the spellings of its key.
pub(crate) async fn touching(engine: &Engine, resource: &Resource, keys: &[String]) -> Result<Vec<Touched>> {
    // Other resources may be over the same table.
    let same_table = engine.resources().iter().filter(|other| other.model_name == resource.model_name);
    let names: Vec<String> = same_table.map(|other| other.name.clone()).collect();
    note_missing(engine, Some(&names), TASKS).await?;
    let numbers = holds_numbers(engine, resource);
    let [low, high] = bounds(numbers);
    let column = |name: &'static str| Expr::col((tables::KEY_RANGE, name));
    let around = |key: &String| match key.parse::<i64>() {
        Ok(key) if numbers => Cond::all().add(column(low).lte(key)).add(column(high).gte(key)),
        _ => Cond::all().add(column(low).lte(key)).add(column(high).gte(key)),
    };
    if numbers && !keys.iter().any(|key| key.parse::<i64>().is_ok()) {
        return Ok(Vec::new());
    }
    let select = Query::select()
        .columns([(tables::KEY_RANGE, "task_id"), (tables::KEY_RANGE, "first_seq"), (tables::KEY_RANGE, "last_seq")])
        .from(tables::BULK_TASK)
        .inner_join(tables::KEY_RANGE, column("task_id").equals((tables::BULK_TASK, "id")))
        .cond_where(telling(&names))
        .cond_where(keys.iter().map(around).fold(Cond::any(), Cond::add))
        .order_by((tables::BULK_TASK, "completed_at"), Order::Desc)
        .limit(RANGES)
        .take();
    let mut ranges: Vec<(Uuid, i64, i64)> = Vec::new();
    for row in engine.database().connection().rows(&select).await? {
        ranges.push(row.try_get_many_by_index()?);
    }
    let found = in_ranges(engine, &ranges, keys, numbers).await?;
    let mut touched = done(engine, found).await?;
    touched.sort_by_key(|one| std::cmp::Reverse((one.task.completed_at, one.task.id)));
    Ok(touched)
}

/// Task, place and image of the record in each of these ranges that have it.
async fn in_ranges(
    engine: &Engine,
    ranges: &[(Uuid, i64, i64)],
    keys: &[String],
    numbers: bool,
) -> Result<Vec<(Uuid, i64, Option<i64>)>> {
    let dialect = engine.database().dialect();
    let column = |name: &'static str| Expr::col((tables::SELECTED, name));
    let first = || dialect.integer(column("record_key"));
    let mut same =
        Cond::any().add(Cond::all().add(column("run_length").eq(1i64)).add(column("record_key").is_in(keys)));
    let number = keys.iter().find_map(|key| key.parse::<i64>().ok()).filter(|_| numbers);
    if let Some(number) = number {
        let run = Cond::all()
            .add(column("run_length").gt(1i64))
            .add(first().lte(number))
            .add(first().add(column("run_length")).gt(number));
        same = same.add(run);
    }
    let mut found = Vec::new();
    // A statement holds only so many conditions.
    for ranges in ranges.chunks(50) {
        let within = |(task_id, from, to): &(Uuid, i64, i64)| {
            Cond::all().add(column("task_id").eq(*task_id)).add(column("seq").between(*from, *to))
        };
        let select = Query::select()
            .columns(["task_id", "seq", "record_key", "run_length", "image_seq"].map(|name| (tables::SELECTED, name)))
            .from(tables::SELECTED)
            .cond_where(ranges.iter().map(within).fold(Cond::any(), Cond::add))
            .cond_where(same.clone())
            .take();
        for row in engine.database().connection().rows(&select).await? {
            let (task_id, seq, first, run_length, image_seq): (_, i64, String, i64, _) = row.try_get_many_by_index()?;
            let offset = match (number, first.parse::<i64>()) {
                (Some(number), Ok(first)) if run_length > 1 => number - first,
                _ => 0,
            };
            found.push((task_id, seq + offset, image_seq));
        }
    }
    Ok(found)
}

/// Those of them that came to the record and did not fail on it.
async fn done(engine: &Engine, found: Vec<(Uuid, i64, Option<i64>)>) -> Result<Vec<Touched>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = found.iter().map(|(task_id, ..)| *task_id).collect();
    let tasks = store::load_all(engine, &ids).await?;
    let at = |(task_id, place, _): &(Uuid, i64, Option<i64>)| {
        Cond::all().add(Expr::col("task_id").eq(*task_id)).add(Expr::col("seq").eq(*place))
    };
    let select = Query::select()
        .columns(["task_id", "seq"])
        .from(tables::TASK_ERROR)
        .cond_where(found.iter().map(at).fold(Cond::any(), Cond::add))
        .take();
    let mut failed: Vec<(Uuid, i64)> = Vec::new();
    for row in engine.database().connection().rows(&select).await? {
        failed.push(row.try_get_many_by_index()?);
    }
    let touched = found.into_iter().filter_map(|(task_id, place, image_seq)| {
        let task = tasks.iter().find(|task| task.id == task_id)?.clone();
        let was_reached = place < task.first_seq + task.cursor;
        (was_reached && !failed.contains(&(task_id, place))).then_some(Touched { task, place, image_seq })
    });
    Ok(touched.collect())
}
