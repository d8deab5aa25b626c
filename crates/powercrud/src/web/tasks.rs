//! Bulk tasks: all of them, one with live progress, cancel and retry.

use axum::{
    extract::{Path, RawQuery},
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    ask::Ask,
    error::{WebError, WebResult, sentence},
    htmx::Events,
    live::{self, Place},
    paths::{parse_query, with_query},
    view::{self, Link, RecordErrorView, TaskView},
};
use crate::{
    bulk,
    error::Error,
    notify::messages,
    resource::grouped,
    task::{
        BulkTask, RecordError, Status,
        store::{self, TaskFilter},
    },
};

/// The states in which a task is still going to do something.
pub(super) const ACTIVE: [Status; 6] =
    [Status::Waiting, Status::Pending, Status::Started, Status::Pausing, Status::Paused, Status::Cancelling];

/// The list's filters: a word for the address, one for people, and the states it means.
const FILTERS: [(&str, &str, &[Status]); 5] = [
    ("", "All", &[]),
    ("running", "Running", &ACTIVE),
    ("done", "Done", &[Status::Success]),
    ("failed", "With failures", &[Status::Partial, Status::Failure]),
    ("cancelled", "Cancelled", &[Status::Cancelled]),
];

const PAGE_SIZE: u64 = 50;

/// Failed records on a task's page.
const ERRORS_SHOWN: u64 = 100;

#[derive(Serialize)]
struct TasksView {
    filters: Vec<FilterView>,
    tasks: Vec<TaskView>,
    /// Where the progress of those that still change comes from.
    events_href: Option<String>,
    href: String,
    text: String,
    previous_href: Option<String>,
    next_href: Option<String>,
    empty: String,
}

#[derive(Serialize)]
struct FilterView {
    label: &'static str,
    href: String,
    current: bool,
}

#[derive(Serialize)]
struct TaskPage {
    crumbs: Vec<Link>,
    task: TaskView,
    /// Where its progress comes from, until it has ended.
    events_href: Option<String>,
    errors: Vec<RecordErrorView>,
    errors_title: String,
    errors_more: String,
}

pub(super) async fn count_running(ask: &Ask) -> WebResult<u64> {
    let filter = TaskFilter { statuses: ACTIVE.to_vec(), ..TaskFilter::default() };
    Ok(store::count(ask.app(), &ask.user, &filter).await?)
}

pub(super) async fn list(ask: Ask, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let pairs = parse_query(&raw.unwrap_or_default());
    let get = |name: &str| pairs.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str());
    let state = get("state");
    let statuses = FILTERS.iter().find(|(word, ..)| *word == state).map_or(&[][..], |(_, _, statuses)| statuses);
    let number: u64 = get("page").parse().unwrap_or(1).clamp(1, 1_000_000);
    let offset = (number - 1) * PAGE_SIZE;
    let mut filter = TaskFilter { statuses: statuses.to_vec(), resource: None, offset, limit: PAGE_SIZE };
    let total = store::count(ask.app(), &ask.user, &filter).await?;
    let mut tasks = store::list(ask.app(), &ask.user, &filter).await?;
    if number == 1 {
        // What runs stands on top, however old.
        filter.statuses = statuses.iter().copied().filter(|status| ACTIVE.contains(status)).collect();
        if statuses.is_empty() {
            filter.statuses = ACTIVE.to_vec();
        }
        let running =
            if filter.statuses.is_empty() { Vec::new() } else { store::list(ask.app(), &ask.user, &filter).await? };
        tasks.retain(|task| running.iter().all(|other| other.id != task.id));
        tasks.splice(0..0, running);
    }
    let href = |state: &str, page: u64| {
        let mut pairs = Vec::new();
        if !state.is_empty() {
            pairs.push(("state".to_owned(), state.to_owned()));
        }
        if page > 1 {
            pairs.push(("page".to_owned(), page.to_string()));
        }
        with_query(&ask.paths.tasks(), &pairs)
    };
    let last = (offset + PAGE_SIZE).min(total);
    let tasks: Vec<_> = tasks.iter().map(|task| view::task_view(ask.app(), &ask.paths, task)).collect();
    let view = TasksView {
        filters: FILTERS
            .iter()
            .map(|(word, label, _)| FilterView { label, href: href(word, 1), current: *word == state })
            .collect(),
        events_href: live::href(&ask.paths, Place::Row, &tasks),
        tasks,
        href: href(state, number),
        text: format!("{}–{} of {}", grouped(offset + 1), grouped(last), grouped(total)),
        previous_href: (number > 1).then(|| href(state, number - 1)),
        next_href: (offset + PAGE_SIZE < total).then(|| href(state, number + 1)),
        empty: match state {
            "" => "No bulk task yet. Select records on a list, then edit or delete them together.".to_owned(),
            _ => "No bulk task is in this state.".to_owned(),
        },
    };
    if ask.htmx.partial {
        return ask.part("tasks_table.html", &view);
    }
    ask.page("tasks.html", "Bulk tasks", &view).await
}

pub(super) async fn page(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    if task.status.is_final() {
        messages::mark_task_seen(ask.app(), &ask.user, task.id).await?;
    }
    let view = task_page(&ask, &task).await?;
    ask.page("task.html", &view.task.title, &view).await
}

/// The part of a task's page that changes.
pub(super) async fn progress(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    live(&ask, &task).await
}

async fn live(ask: &Ask, task: &BulkTask) -> WebResult<Response> {
    let response = ask.part("task_live.html", &task_page(ask, task).await?)?;
    Ok(ended(task).send(response))
}

/// One line about a task, for the list of its resource.
pub(super) async fn strip(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    #[derive(Serialize)]
    struct Strip {
        strip: TaskView,
    }
    let task = find(&ask, &id).await?;
    let strip = view::task_view(ask.app(), &ask.paths, &task);
    Ok(ended(&task).send(ask.part("strip_answer.html", &Strip { strip })?))
}

/// Once a task has ended, lists refresh themselves; its element asks no more, so this is sent once.
fn ended(task: &BulkTask) -> Events {
    if task.status.is_final() { Events::default().with("refreshTable", json!({})) } else { Events::default() }
}

pub(super) async fn pause(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    show(&ask, task.id, store::pause(ask.app(), &ask.user, task.id).await).await
}

pub(super) async fn resume(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    show(&ask, task.id, store::resume(ask.app(), &ask.user, task.id).await).await
}

pub(super) async fn cancel(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    show(&ask, task.id, store::cancel(ask.app(), &ask.user, task.id).await).await
}

/// The task after somebody asked something of it.
async fn show(ask: &Ask, id: Uuid, result: Result<BulkTask, Error>) -> WebResult<Response> {
    let task = match result {
        // It has moved on in between: the page shows where it is.
        Err(Error::Transition { .. }) => store::get(ask.app(), &ask.user, id).await?,
        result => result?,
    };
    if ask.htmx.partial { live(ask, &task).await } else { Ok(see(ask, id)) }
}

pub(super) async fn retry(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    let answer = bulk::retry(ask.app(), &ask.user, task.id).await?;
    Ok(see(&ask, answer.task().id))
}

fn see(ask: &Ask, id: Uuid) -> Response {
    Redirect::to(&ask.paths.task(&id.to_string())).into_response()
}

async fn find(ask: &Ask, id: &str) -> WebResult<BulkTask> {
    let id = Uuid::parse_str(id).map_err(|_| WebError::from(Error::TaskNotFound(id.to_owned())))?;
    Ok(store::get(ask.app(), &ask.user, id).await?)
}

async fn task_page(ask: &Ask, task: &BulkTask) -> WebResult<TaskPage> {
    let errors = match task.failed_records {
        0 => Vec::new(),
        _ => store::errors(ask.app(), task.id, 0, ERRORS_SHOWN).await?,
    };
    let more = task.failed_records.saturating_sub(errors.len() as u64);
    let view = view::task_view(ask.app(), &ask.paths, task);
    Ok(TaskPage {
        crumbs: vec![Link { label: "Bulk tasks".to_owned(), href: ask.paths.tasks() }],
        events_href: live::href(&ask.paths, Place::Page, std::slice::from_ref(&view)),
        task: view,
        errors: record_errors(ask, task, errors),
        errors_title: match task.failed_records {
            1 => "1 record failed".to_owned(),
            failed => format!("{} records failed", grouped(failed)),
        },
        errors_more: if more > 0 { format!("And {} more.", grouped(more)) } else { String::new() },
    })
}

/// A task's failed records, each with a link to it.
pub(super) fn record_errors(ask: &Ask, task: &BulkTask, errors: Vec<RecordError>) -> Vec<RecordErrorView> {
    let resource = ask.app().resource(&task.resource).ok();
    let view = |error: RecordError| RecordErrorView {
        href: resource
            .filter(|_| error.code != "NOT_FOUND")
            .map(|resource| ask.paths.record(&resource.name, &error.record_key)),
        field: error.field.map(|name| {
            let field = resource.and_then(|resource| resource.field(&name));
            field.map_or(name.clone(), |field| field.label.clone())
        }),
        message: sentence(&error.message),
        key: error.record_key,
    };
    errors.into_iter().map(view).collect()
}
