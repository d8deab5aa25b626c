//! A bulk task in words and as JSON.

use anyhow::Result;
use powercrud::{
    PowerCrud, User,
    task::{
        self, BulkTask, NoticeState, RecordError, Status, TaskJson,
        results::{Outcome, ResultRecord, Results},
        store,
    },
};
use serde::Serialize;

use crate::{
    args::Format,
    exit::Exit,
    output::{grouped, print, print_json, table, timestamp},
};

/// How many failed records are told at most; the counts say how many there are.
const MOST: u64 = 1_000;

/// How many are enough for a person who has just seen a task end.
const FEW: u64 = 20;

/// A task as JSON.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    task: TaskJson,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taken_along: Vec<TakenAlong>,
}

/// A record of a delete that another one took along.
#[derive(Serialize)]
struct TakenAlong {
    record_key: String,
    /// That other one.
    deleted_with: String,
}

/// Prints a task with the records that failed, and who is told of its end.
pub(crate) async fn show(powercrud: &PowerCrud, task: &BulkTask, format: Format) -> Result<()> {
    let errors = store::errors(powercrud, &User::operator(), task.id, 0, MOST).await?;
    let notices = task::notices(powercrud, task).await?;
    let taken = taken_along(powercrud, task).await?;
    let task = &task.as_shown(powercrud);
    match format {
        Format::Json => {
            let json = TaskJson { errors: Some(errors), notices: Some(notices), ..task.into() };
            print_json(&serde_json::to_value(Shown { task: json, taken_along: taken })?);
        }
        Format::Text => print(&text(task, &errors, &taken, &notices)),
    }
    Ok(())
}

/// Of the first records of a delete those that another of them took along, each with that other.
async fn taken_along(powercrud: &PowerCrud, task: &BulkTask) -> Result<Vec<TakenAlong>> {
    if task.operation != "delete" || task.results_purged_at.is_some() || task.succeeded_records < 2 {
        return Ok(Vec::new());
    }
    let records = Results::new(powercrud, task.clone(), Outcome::Succeeded)?.next_page().await?.unwrap_or_default();
    let taken =
        |record: ResultRecord| Some(TakenAlong { record_key: record.record_key, deleted_with: record.deleted_with? });
    Ok(records.into_iter().filter_map(taken).collect())
}

/// Prints how a task has ended: like [`show`], for a person with few of the failed records and without the notices.
pub(crate) async fn show_outcome(powercrud: &PowerCrud, task: &BulkTask, format: Format) -> Result<()> {
    match format {
        Format::Json => show(powercrud, task, format).await,
        Format::Text => {
            let task = &task.as_shown(powercrud);
            print(&text(task, &store::errors(powercrud, &User::operator(), task.id, 0, FEW).await?, &[], &[]));
            if task.failed_records > FEW {
                print(&format!("`powercrud task show {}` names more of them", task.id));
            }
            Ok(())
        }
    }
}

/// The exit status that a task deserves: a program that only looks at it must not take a failure for a success.
pub(crate) fn exit(task: &BulkTask) -> Exit {
    match task.status {
        Status::Partial | Status::Failure if task.failed_records > 0 => Exit::RecordsFailed,
        Status::Failure | Status::Partial | Status::Cancelled => Exit::Failure,
        _ => Exit::Success,
    }
}

/// What a task does: "Track: UnitPrice → 1.29", "Genre: delete" or "Genre: revert of delete".
pub(crate) fn describe(task: &BulkTask) -> String {
    let changes = task.changes_in_words(str::to_owned, usize::MAX);
    let describe = match (changes.is_empty(), task.reverts) {
        (false, _) if task.action().is_some() => format!("{} ({})", task.operation, changes.join(", ")),
        (true, None) if !task.values.is_empty() => {
            let values = task.values.iter().map(|(name, value)| format!("{name}={value}"));
            format!("{} ({})", task.operation, values.collect::<Vec<_>>().join(", "))
        }
        (false, _) => changes.join(", "),
        (true, Some(_)) => "delete".to_owned(),
        (true, None) => task.operation.clone(),
    };
    let revert = if task.reverts.is_some() { "revert of " } else { "" };
    format!("{}: {revert}{describe}", task.resource)
}

/// "12 of 25 done, 13 failed, 0 not attempted".
pub(crate) fn counts(task: &BulkTask) -> String {
    let mut parts = vec![format!("{} of {} done", grouped(task.succeeded_records), grouped(task.total_records))];
    if task.failed_records > 0 {
        parts.push(format!("{} failed", grouped(task.failed_records)));
    }
    if task.unchanged_records > 0 {
        parts.push(format!("{} of them unchanged", grouped(task.unchanged_records)));
    }
    if task.missing_records > 0 {
        parts.push(format!("{} of them gone already", grouped(task.missing_records)));
    }
    if task.unattempted_records() > 0 && task.status.is_final() {
        parts.push(format!("{} not attempted", grouped(task.unattempted_records())));
    }
    parts.join(", ")
}

fn text(task: &BulkTask, errors: &[RecordError], taken: &[TakenAlong], notices: &[NoticeState]) -> String {
    let mut lines = vec![format!("{}  {}: {}", task.status.as_str(), describe(task), counts(task))];
    if let (Some(started), Some(completed)) = (task.started_at, task.completed_at) {
        lines[0].push_str(&format!(" in {:.1} s", (completed - started).max(0) as f64 / 1000.0));
    }
    if !task.error_message.is_empty() {
        lines.push(task.error_message.clone());
    }
    lines.extend(task.pending_reason.clone());
    if !errors.is_empty() {
        let row = |error: &RecordError| {
            vec![
                error.record_key.clone(),
                error.field.clone().unwrap_or_default(),
                error.code.clone(),
                error.message.clone(),
            ]
        };
        let rows: Vec<_> = errors.iter().map(row).collect();
        lines.push(String::new());
        lines.push(table(&["record", "field", "code", "reason"], &rows));
    }
    let unseen = task.failed_records.saturating_sub(errors.len() as u64);
    if unseen > 0 {
        lines.push(format!("… and {} more failed records", grouped(unseen)));
    }
    if !taken.is_empty() {
        let rows: Vec<_> = taken.iter().map(taken_row).collect();
        lines.push(String::new());
        lines.push(table(&["record", "deleted with"], &rows));
    }
    if !notices.is_empty() {
        lines.push(String::new());
        let rows: Vec<_> = notices.iter().map(notice).collect();
        lines.push(table(&["notice", "to", "status", "tries", "when", "reason"], &rows));
        lines.push(String::new());
    }
    lines.push(format!("task {}", task.id));
    lines.extend(task.request_id.as_ref().map(|id| format!("request {id}")));
    lines.join("\n")
}

fn taken_row(taken: &TakenAlong) -> Vec<String> {
    vec![taken.record_key.clone(), format!("record {}", taken.deleted_with)]
}

/// A row of the table of notices; `when` is when it arrived, or when it is tried next.
fn notice(notice: &NoticeState) -> Vec<String> {
    let when = match (notice.sent_at, notice.next_attempt_at) {
        (Some(at), _) => timestamp(at),
        (None, Some(at)) => format!("next {}", timestamp(at)),
        (None, None) => String::new(),
    };
    vec![
        notice.channel.clone(),
        notice.recipient.clone(),
        notice.status.as_str().to_owned(),
        notice.attempts.to_string(),
        when,
        notice.last_error.clone(),
    ]
}
