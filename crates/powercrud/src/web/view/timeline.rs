//! A task's life, line by line.

use serde::Serialize;

use super::{
    Link, isolated,
    task::{self, StatusView},
    time::{self, Timestamp},
};
use crate::web::paths::Paths;
use powercrud_engine::{
    resource::grouped,
    task::{BulkTask, Status, TaskEvent, TaskEventKind},
};

#[derive(Serialize)]
pub(in crate::web) struct Line {
    timestamp: Option<Timestamp>,
    text: String,
    status: Option<StatusView>,
    link: Option<Link>,
}

/// What happened to `task`, with the tasks that came of it. Lines that were kept only later are made up from the task's own row.
pub(in crate::web) fn timeline(
    paths: &Paths,
    task: &BulkTask,
    events: &[TaskEvent],
    children: &[BulkTask],
) -> Vec<Line> {
    let now = time::now();
    let mut lines: Vec<(i64, Line)> = Vec::new();
    let mut push = |at: i64, text: String, status: Option<Status>, link: Option<Link>| {
        let status = status.map(task::status_view);
        lines.push((at, Line { timestamp: time::timestamp(at, now), text, status, link }));
    };
    if events.first().is_none_or(|event| event.kind != TaskEventKind::Submitted) {
        push(task.created_at, format!("Submitted by {}", task::user(task)), None, None);
    }
    for (index, event) in events.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| events[index].kind);
        push(event.at, text(task, event, before), Some(event.status), None);
    }
    for child in children {
        let operation = match child.operation.as_str() {
            "revert" => "Reverted",
            _ => "What was left was tried again",
        };
        let link = Link { label: "that task".to_owned(), href: paths.task(&child.id.to_string()) };
        push(child.created_at, format!("{operation} by {}:", task::user(child)), None, Some(link));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

fn text(task: &BulkTask, event: &TaskEvent, before: Option<TaskEventKind>) -> String {
    let who = isolated(event.user_name.as_deref().or(event.user_id.as_deref()).unwrap_or("operator"));
    let place = format!("{} of {} records", grouped(event.processed_records), grouped(task.total_records));
    match event.kind {
        TaskEventKind::Submitted => match event.status {
            Status::Waiting => format!("Submitted by {who}; it had to wait for another bulk task"),
            Status::Pending => format!("Submitted by {who}, for a worker to take"),
            _ => format!("Submitted by {who}, and begun at once"),
        },
        TaskEventKind::Unblocked => "The way was free".to_owned(),
        TaskEventKind::Claimed => match before {
            Some(TaskEventKind::Resumed | TaskEventKind::GivenBack | TaskEventKind::Requeued) => {
                format!("A worker went on, at {place}")
            }
            _ if event.attempt > 1 => {
                format!("Taken over at {place}, because the last worker fell silent (attempt {})", event.attempt)
            }
            _ => "A worker began".to_owned(),
        },
        TaskEventKind::PauseAsked => format!("{who} asked for a pause"),
        TaskEventKind::Paused => format!("Paused, at {place}"),
        TaskEventKind::Resumed => format!("Resumed by {who}"),
        TaskEventKind::CancelAsked => format!("{who} asked to cancel it"),
        TaskEventKind::GivenBack => format!("Its worker was told to stop, and left the rest to another, at {place}"),
        TaskEventKind::Requeued => format!("{who} took it from a worker that was dead and queued it again, at {place}"),
        TaskEventKind::Released => format!("{who} ended it, because no living worker had it"),
        TaskEventKind::Ended if task.unchanged_records > 0 => format!("Ended, at {place}: {}", task::outcome(task)),
        TaskEventKind::Ended => format!("Ended, at {place}"),
        TaskEventKind::Unknown => "Something that a newer version of PowerCRUD knows".to_owned(),
    }
}
