//! A bulk task in words.

use serde::Serialize;

use super::{
    Link, capitalized, isolated,
    time::{self, Timestamp},
    words,
};
use crate::{
    app::PowerCrud,
    web::{error::sentence, live, paths::Paths},
};
use powercrud_engine::{
    bulk,
    config::{Atomicity, ConflictScope},
    resource::{Resource, grouped},
    task::{BulkTask, Event, Status, results::Outcome},
};

#[derive(Serialize)]
pub(in crate::web) struct TaskView {
    pub(in crate::web) id: String,
    /// What it does, in words.
    pub(in crate::web) title: String,
    pub(in crate::web) status: StatusView,
    /// Whether it still changes.
    pub(in crate::web) live: bool,
    /// Where it stands, for streams of progress.
    pub(in crate::web) stage: String,
    pub(in crate::web) percent: u64,
    pub(in crate::web) progress_text: String,
    /// How fast, and how long it will take.
    pub(in crate::web) pace: String,
    /// How it ended, in counts.
    pub(in crate::web) outcome: String,
    /// How long it takes still, where that can be told.
    pub(in crate::web) time_left: String,
    /// How long it took, once it has ended.
    pub(in crate::web) lasted: String,
    pub(in crate::web) note: String,
    /// What it keeps others from, where that is the whole list.
    pub(in crate::web) holds: String,
    pub(in crate::web) error_message: String,
    /// For screen readers, in steps of ten per cent.
    pub(in crate::web) announcement: String,
    pub(in crate::web) created: Option<Timestamp>,
    pub(in crate::web) started: Option<Timestamp>,
    pub(in crate::web) user: String,
    pub(in crate::web) tiles: Vec<Tile>,
    pub(in crate::web) facts: Vec<Fact>,
    pub(in crate::web) href: String,
    pub(in crate::web) progress_href: String,
    pub(in crate::web) strip_href: String,
    pub(in crate::web) pause_href: Option<String>,
    pub(in crate::web) resume_href: Option<String>,
    pub(in crate::web) cancel_href: Option<String>,
    pub(in crate::web) retry_href: Option<String>,
    pub(in crate::web) retry_label: String,
    pub(in crate::web) list: Option<Link>,
}

#[derive(Serialize)]
pub(in crate::web) struct StatusView {
    label: &'static str,
    tone: &'static str,
    icon: &'static str,
    spinning: bool,
}

impl StatusView {
    /// The state in words.
    pub(in crate::web) fn label(&self) -> &'static str {
        self.label
    }
}

#[derive(Serialize)]
pub(in crate::web) struct Tile {
    label: &'static str,
    /// The records behind the number.
    href: Option<String>,
    number: String,
    tone: &'static str,
}

#[derive(Default, Serialize)]
pub(in crate::web) struct Fact {
    label: &'static str,
    text: String,
    href: Option<String>,
}

pub(in crate::web) fn task_view(app: &PowerCrud, paths: &Paths, task: &BulkTask) -> TaskView {
    task_view_at(app, paths, task, time::now())
}

/// The task as it was at `now`, by the clock that its timestamps are of.
pub(in crate::web) fn task_view_at(app: &PowerCrud, paths: &Paths, task: &BulkTask, now: i64) -> TaskView {
    let task = &task.as_shown(app);
    let id = task.id.to_string();
    let resource = app.resource(&task.resource).ok();
    let resource = resource.map(AsRef::as_ref);
    let is_live = !task.status.is_final();
    let title = title(resource, task);
    let status = status_view(task.status);
    let outcome = outcome(task);
    let percent = task.progress_percent();
    let offered = |event: Event, word: &str| task.status.next(event).is_ok().then(|| paths.task_under(&id, word));
    let unfinished = task.failed_records + task.unattempted_records();
    TaskView {
        progress_text: format!("{} of {} records", grouped(task.processed_records), grouped(task.total_records)),
        pace: pace(task, now),
        time_left: left(task, now).unwrap_or_default(),
        lasted: if is_live { String::new() } else { elapsed(task, now).map(time::duration).unwrap_or_default() },
        note: note(task),
        holds: holds(resource, task),
        error_message: task.error_message.clone(),
        announcement: if is_live {
            format!("{title}: {}, {} percent", status.label, percent / 10 * 10)
        } else {
            format!("{title}: {}, {outcome}", status.label)
        },
        created: time::timestamp(task.created_at, now),
        started: task.started_at.and_then(|at| time::timestamp(at, now)),
        user: user(task),
        tiles: tiles(task, paths),
        facts: facts(resource, paths, task),
        href: paths.task(&id),
        progress_href: paths.task_under(&id, "progress"),
        strip_href: paths.task_under(&id, "strip"),
        pause_href: offered(Event::Pause, "pause"),
        resume_href: offered(Event::Resume, "resume"),
        cancel_href: offered(Event::Cancel, "cancel"),
        retry_href: bulk::may_retry(app, task).then(|| paths.task_under(&id, "retry")),
        retry_label: match task.failed_records {
            0 => format!("Go on with {} left", grouped(unfinished)),
            failed if failed == unfinished => format!("Retry {} failed", grouped(failed)),
            _ => format!("Retry {} not done", grouped(unfinished)),
        },
        list: resource
            .map(|resource| Link { label: capitalized(&resource.label_plural), href: paths.list(&resource.name) }),
        stage: live::stage(task),
        id,
        title,
        status,
        live: is_live,
        percent,
        outcome,
    }
}

/// "Status → archived on 12,304 books where Price is at least 10", "Delete 12,304 books", "Revert of “Status → archived” on 12,267 books",
/// "Restore 12,267 deleted books".
fn title(resource: Option<&Resource>, task: &BulkTask) -> String {
    let records = task.records_in_words(resource, task.total_records);
    let changes = changes(resource, task);
    // A revert is of the records that the other task has changed, which may be fewer than that one was about.
    if task.reverts.is_some() {
        return match (changes.is_empty(), resource) {
            (false, _) => format!("Revert of “{changes}” on {records}"),
            (true, Some(resource)) => {
                let label = if task.total_records == 1 { &resource.label } else { &resource.label_plural };
                format!("Restore {} deleted {label}", grouped(task.total_records))
            }
            (true, None) => format!("Restore {records}"),
        };
    }
    let operation = match (task.action(), changes.is_empty()) {
        (Some(name), _) => format!("{} on {records}", action_label(resource, name)),
        (None, true) => format!("Delete {records}"),
        (None, false) => format!("{changes} on {records}"),
    };
    let which = words::condition(resource, task).map(|condition| format!(" where {condition}")).unwrap_or_default();
    format!("{operation}{which}")
}

/// What people read on the action's button; its name, where it is no more.
fn action_label(resource: Option<&Resource>, name: &str) -> String {
    let action = resource.and_then(|resource| resource.action(name).ok());
    action.map_or_else(|| name.to_owned(), |action| action.label.clone())
}

/// What was filled in for an action.
fn values(resource: Option<&Resource>, task: &BulkTask) -> String {
    let action = task.action().and_then(|name| resource?.action(name).ok());
    let label = |name: &str| {
        let field = action.and_then(|action| action.fields.iter().find(|field| field.name == name));
        field.map_or_else(|| name.to_owned(), |field| field.label.clone())
    };
    task.values
        .iter()
        .map(|(name, value)| format!("{}: {}", label(name), isolated(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn changes(resource: Option<&Resource>, task: &BulkTask) -> String {
    let label = |name: &str| resource.map_or_else(|| name.to_owned(), |resource| resource.label_of(name));
    task.changes_showing(label, 40, isolated).join(", ")
}

pub(super) fn status_view(status: Status) -> StatusView {
    let (label, tone, icon) = match status {
        Status::Waiting => ("Waiting", "neutral", "clock"),
        Status::Pending => ("Queued", "neutral", "clock"),
        Status::Started => ("Running", "info", "play"),
        Status::Pausing => ("Pausing", "info", "pause"),
        Status::Paused => ("Paused", "warning", "pause"),
        Status::Cancelling => ("Cancelling", "warning", "stop"),
        Status::Success => ("Done", "success", "check"),
        Status::Partial => ("Partly done", "warning", "warning"),
        Status::Failure => ("Failed", "error", "warning"),
        Status::Cancelled => ("Cancelled", "neutral", "stop"),
        Status::Unknown => ("Of a newer version", "warning", "warning"),
    };
    StatusView { label, tone, icon, spinning: status.is_held() }
}

/// "12,267 deleted, 37 failed", "1 changed, 2 already had this value".
pub(super) fn outcome(task: &BulkTask) -> String {
    task.outcome_in_words(&grouped(task.changed_records()))
}

fn tiles(task: &BulkTask, paths: &Paths) -> Vec<Tile> {
    let tile = |label, number: u64, tone, outcome: Option<Outcome>| Tile {
        label,
        number: grouped(number),
        tone: if number > 0 { tone } else { "" },
        href: outcome.filter(|_| number > 0).map(|outcome| paths.task_records(&task.id.to_string(), outcome.as_str())),
    };
    let done = match task.operation.as_str() {
        "delete" => "Deleted",
        "revert" => "Restored",
        _ if task.sets_fields() => "Changed",
        _ => "Done",
    };
    let left = if task.status.is_final() { "Not attempted" } else { "Left" };
    let mut tiles = vec![
        tile("Selected", task.total_records, "", None),
        tile(done, task.changed_records(), "success", Some(Outcome::Succeeded)),
    ];
    if task.unchanged_records > 0 {
        // Those are among the records that the task was done with.
        tiles.push(tile("Already so", task.unchanged_records, "", Some(Outcome::Succeeded)));
    }
    tiles.push(tile("Failed", task.failed_records, "error", Some(Outcome::Failed)));
    tiles.push(tile(left, task.unattempted_records(), "", Some(Outcome::Unprocessed)));
    tiles
}

/// How many milliseconds the work took so far, or took.
fn elapsed(task: &BulkTask, now: i64) -> Option<i64> {
    Some((task.completed_at.unwrap_or(now) - task.started_at?).max(0))
}

/// How long a running task will still take, where that can be told.
fn left(task: &BulkTask, now: i64) -> Option<String> {
    if !task.status.is_held() || task.processed_records == 0 {
        return None;
    }
    let elapsed = elapsed(task, now)? as u128;
    let left = elapsed * u128::from(task.unattempted_records()) / u128::from(task.processed_records);
    let left = i64::try_from(left).ok()?;
    Some(if left < 1000 {
        "less than a second left".to_owned()
    } else {
        format!("about {} left", time::duration(left))
    })
}

fn pace(task: &BulkTask, now: i64) -> String {
    let Some(elapsed) = elapsed(task, now) else { return String::new() };
    let mut parts = Vec::new();
    // What rests has none.
    let works = task.status.is_held() || task.status.is_final();
    if works && elapsed > 0 && task.processed_records > 0 {
        let rate = u128::from(task.processed_records) * 1000 / elapsed as u128;
        parts.push(format!("{} per second", grouped(u64::try_from(rate).unwrap_or(u64::MAX))));
    }
    match left(task, now) {
        Some(left) => parts.push(left),
        None if task.status.is_final() => parts.push(format!("took {}", time::duration(elapsed))),
        None => {}
    }
    parts.join(" · ")
}

fn holds(resource: Option<&Resource>, task: &BulkTask) -> String {
    let whole = |resource: &&Resource| resource.checks_conflicts() && resource.conflict_scope() == ConflictScope::Model;
    match resource.filter(whole) {
        Some(resource) if !task.status.is_final() && task.status != Status::Waiting => {
            let others = match resource.queues_conflicts() {
                true => "other bulk operations on them wait until it has ended, and single ones can't be saved",
                false => "other changes of them are refused until it has ended",
            };
            format!("It holds all {}: {others}", resource.label_plural)
        }
        _ => String::new(),
    }
}

fn note(task: &BulkTask) -> String {
    match task.status {
        Status::Unknown => format!(
            "A newer version of PowerCRUD has written {} of it, which this one does not know. It is left to that version.",
            task.unreadable.as_deref().unwrap_or("a state")
        ),
        status if !status.is_final() && task.unreadable.is_some() => format!(
            "This version of PowerCRUD can't read {} of it, and leaves it to the version that wrote it. It can be cancelled.",
            task.unreadable.as_deref().unwrap_or_default()
        ),
        Status::Waiting => "It waits for another bulk task and then starts by itself.".to_owned(),
        Status::Pending if task.pending_reason.is_some() => {
            sentence(task.pending_reason.as_deref().unwrap_or_default())
        }
        Status::Pending => "It starts as soon as a worker is free.".to_owned(),
        Status::Pausing => "It stops at the next safe point.".to_owned(),
        Status::Paused => "Completed changes stay; the rest waits until the task is resumed.".to_owned(),
        Status::Cancelling => "It stops at the next safe point; completed changes stay.".to_owned(),
        Status::Started if task.stalled_attempts > 1 => format!(
            "{} got no further{}.",
            match task.stalled_attempts - 1 {
                1 => "The last attempt".to_owned(),
                several => format!("{several} attempts in a row"),
            },
            task.attempt_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
        ),
        Status::Started if task.atomicity == Atomicity::All => {
            "Not committed yet: all records change together at the end, or none does.".to_owned()
        }
        Status::Failure if task.atomicity == Atomicity::All => {
            "Everything or nothing was asked for, so no record was changed.".to_owned()
        }
        _ if task.results_purged_at.is_some() => {
            let on = task
                .results_purged_at
                .and_then(|at| time::timestamp(at, time::now()))
                .map(|at| at.day())
                .unwrap_or_default();
            format!("Which records these were was purged on {on}; the counts are kept.")
        }
        _ if task.missing_records == 1 => "1 record was gone already.".to_owned(),
        _ if task.missing_records > 1 => format!("{} records were gone already.", grouped(task.missing_records)),
        _ => String::new(),
    }
}

pub(super) fn user(task: &BulkTask) -> String {
    task.user_name.as_ref().or(task.user_id.as_ref()).map_or_else(|| "operator".to_owned(), |name| isolated(name))
}

fn facts(resource: Option<&Resource>, paths: &Paths, task: &BulkTask) -> Vec<Fact> {
    let fact = |label, text: String| Fact { label, text, ..Fact::default() };
    let mut facts = vec![Fact {
        label: "Resource",
        text: resource.map_or_else(|| task.resource.clone(), |resource| capitalized(&resource.label_plural)),
        href: resource.map(|resource| paths.list(&resource.name)),
    }];
    if let Some(name) = task.action() {
        facts.push(fact("Action", action_label(resource, name)));
    }
    if !task.values.is_empty() {
        facts.push(fact("Filled in", values(resource, task)));
    }
    if task.sets_fields() {
        facts.push(fact("Changes", changes(resource, task)));
    }
    facts.push(fact("Records", words::selection(resource, task)));
    facts.push(fact("Who", user(task)));
    if let (Some(_), None, Some(resource), Some(at)) = (&task.image_columns, task.reverts, resource, task.completed_at)
        && let Some(until) = time::date(at.saturating_add_unsigned(resource.revert_days() * 24 * 60 * 60 * 1000))
    {
        facts.push(fact("Former values", format!("kept until {until}, so that it can be reverted")));
    }
    facts.push(fact(
        "When a record fails",
        match task.atomicity {
            Atomicity::All => "nothing is changed at all".to_owned(),
            Atomicity::Chunk => "it is reported, and the others go on".to_owned(),
        },
    ));
    facts.push(fact("Task", task.id.to_string()));
    facts.extend(task.request_id.clone().map(|id| fact("Request", id)));
    facts
}
