//! Bulk tasks: all of them, one with live progress, cancel and retry.

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    ask::Ask,
    asked::{self, Parts},
    error::{WebError, WebResult, sentence},
    live::{self, Place},
    paths::{parse_query, with_query},
    staff, task_page,
    view::{self, ChoiceView, RecordErrorView, TaskView},
};
use powercrud_engine::{
    bulk,
    error::Error,
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

#[derive(Serialize)]
struct TasksView {
    filters: Vec<FilterView>,
    /// The rest of the filter, as a form.
    form: FormView,
    /// What is wrong with the address; then no tasks are shown.
    problems: Vec<String>,
    clear_href: Option<String>,
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
struct FormView {
    action: String,
    state: String,
    resource: String,
    resources: Vec<ChoiceView>,
    user: String,
    /// Whose tasks there are, for staff.
    people: Vec<ChoiceView>,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct FilterView {
    label: &'static str,
    href: String,
    current: bool,
}

pub(super) async fn count_running(ask: &Ask) -> WebResult<u64> {
    // Nothing goes on in one that is paused.
    let statuses = ACTIVE.into_iter().filter(|status| *status != Status::Paused).collect();
    let filter = TaskFilter { statuses, ..TaskFilter::default() };
    Ok(store::count(ask.app(), &ask.user, &filter).await?)
}

/// What the address of the task list asks for.
#[derive(Clone, Default)]
struct Asked {
    state: String,
    resource: String,
    /// Whose, for staff.
    user: String,
    /// Days, as `2026-01-31`, in UTC; both count.
    from: String,
    to: String,
    page: u64,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self { page: 1, ..Self::default() };
        for (name, value) in parse_query(query) {
            match name.as_str() {
                "state" => asked.state = value,
                "resource" => asked.resource = value,
                "user" => asked.user = value,
                "from" => asked.from = value,
                "to" => asked.to = value,
                "page" => asked.page = asked::page_number(&value),
                _ => {}
            }
        }
        asked
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let named = [
            ("state", &self.state),
            ("resource", &self.resource),
            ("user", &self.user),
            ("from", &self.from),
            ("to", &self.to),
        ];
        asked::pairs(named, self.page)
    }

    /// The filter, and what is wrong with it.
    fn filter(&self, ask: &Ask) -> (TaskFilter, Vec<String>) {
        let mut parts = Parts::default();
        let states = FILTERS.iter().find(|(word, ..)| *word == self.state);
        if states.is_none() {
            let allowed: Vec<_> = FILTERS.iter().map(|(word, ..)| *word).filter(|word| !word.is_empty()).collect();
            parts.problems.push(format!("State: {:?} is not known; allowed are {}.", self.state, allowed.join(", ")));
        }
        let resource = parts.resource(ask, &self.resource);
        let user = parts.user(&self.user);
        let filter = TaskFilter {
            statuses: states.map_or_else(Vec::new, |(_, _, statuses)| statuses.to_vec()),
            resource: resource.map(|resource| resource.name.clone()),
            user,
            from: parts.from(&self.from),
            before: parts.to(&self.to),
            offset: (self.page - 1) * PAGE_SIZE,
            limit: PAGE_SIZE,
            ..TaskFilter::default()
        };
        (filter, parts.problems)
    }
}

pub(super) async fn list(ask: Ask, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let asked = Asked::read(&raw.unwrap_or_default());
    let (filter, problems) = asked.filter(&ask);
    let (total, tasks) = if problems.is_empty() { found(&ask, &filter).await? } else { (0, Vec::new()) };
    let href = |asked: &Asked| with_query(&ask.paths.tasks(), &asked.pairs());
    let to = |page: u64| href(&Asked { page, ..asked.clone() });
    let last = (filter.offset + PAGE_SIZE).min(total);
    let tasks: Vec<_> = tasks.iter().map(|task| view::task_view(ask.app(), &ask.paths, task)).collect();
    let unfiltered = asked.pairs().iter().all(|(name, _)| name == "page");
    let state = |word: &str| href(&Asked { state: word.to_owned(), page: 1, ..asked.clone() });
    let view = TasksView {
        filters: FILTERS
            .iter()
            .map(|(word, label, _)| FilterView { label, href: state(word), current: *word == asked.state })
            .collect(),
        form: FormView {
            action: ask.paths.tasks(),
            state: asked.state.clone(),
            resource: filter.resource.clone().unwrap_or_default(),
            resources: ask
                .app()
                .resources()
                .iter()
                .map(|resource| ChoiceView {
                    value: resource.name.clone(),
                    label: view::capitalized(&resource.label_plural),
                })
                .collect(),
            user: if ask.user.is_staff { asked.user.clone() } else { String::new() },
            people: if ask.user.is_staff { staff::owners(&ask).await? } else { Vec::new() },
            from: asked.from.clone(),
            to: asked.to.clone(),
        },
        clear_href: (!unfiltered).then(|| ask.paths.tasks()),
        events_href: live::href(&ask.paths, Place::Row, &tasks),
        tasks,
        href: to(asked.page),
        text: format!("{}–{} of {}", grouped(filter.offset + 1), grouped(last), grouped(total)),
        previous_href: (asked.page > 1).then(|| to(asked.page - 1)),
        next_href: (filter.offset + PAGE_SIZE < total).then(|| to(asked.page + 1)),
        empty: match (problems.is_empty(), unfiltered) {
            (false, _) => "Nothing is shown, because this address asks for something that is not there.".to_owned(),
            (true, true) => "No bulk task yet. Select records on a list, then edit or delete them together.".to_owned(),
            (true, false) => "No bulk task fits.".to_owned(),
        },
        problems,
    };
    let mut response = if ask.htmx.partial {
        ask.part("tasks_table.html", &view)?
    } else {
        ask.page("tasks.html", "Bulk tasks", &view).await?
    };
    if !view.problems.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// A page of tasks, and how many there are. On the first what runs stands on top, however old.
async fn found(ask: &Ask, filter: &TaskFilter) -> WebResult<(u64, Vec<BulkTask>)> {
    let total = store::count(ask.app(), &ask.user, filter).await?;
    let mut tasks = store::list(ask.app(), &ask.user, filter).await?;
    let all = filter.statuses.is_empty();
    let active: Vec<_> = ACTIVE.into_iter().filter(|status| all || filter.statuses.contains(status)).collect();
    if filter.offset == 0 && !active.is_empty() {
        let running = store::list(ask.app(), &ask.user, &TaskFilter { statuses: active, ..filter.clone() }).await?;
        tasks.retain(|task| running.iter().all(|other| other.id != task.id));
        tasks.splice(0..0, running);
    }
    Ok((total, tasks))
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
    match store::cancel(ask.app(), &ask.user, task.id).await {
        // Staff are asked why.
        Err(Error::Invalid(_)) => Ok(ask.leave_for(&staff::cancel_href(&ask, &task))),
        result => show(&ask, task.id, result).await,
    }
}

/// The task after somebody asked something of it.
async fn show(ask: &Ask, id: Uuid, result: Result<BulkTask, Error>) -> WebResult<Response> {
    let task = match result {
        // It has moved on in between: the page shows where it is.
        Err(Error::Transition { .. }) => store::get(ask.app(), &ask.user, id).await?,
        result => result?,
    };
    if ask.htmx.partial { task_page::changed(ask, &task).await } else { Ok(see(ask, id)) }
}

pub(super) async fn retry(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    let answer = bulk::retry(ask.app(), &ask.user, task.id).await?;
    Ok(see(&ask, answer.task().id))
}

fn see(ask: &Ask, id: Uuid) -> Response {
    Redirect::to(&ask.paths.task(&id.to_string())).into_response()
}

pub(super) async fn find(ask: &Ask, id: &str) -> WebResult<BulkTask> {
    let id = Uuid::parse_str(id).map_err(|_| WebError::from(Error::TaskNotFound(id.to_owned())))?;
    Ok(store::get(ask.app(), &ask.user, id).await?)
}

/// A task's failed records, each with a link to it.
pub(super) fn record_errors(ask: &Ask, task: &BulkTask, errors: Vec<RecordError>) -> Vec<RecordErrorView> {
    let resource = ask.app().resource(&task.resource).ok();
    let restores_deleted = task.reverts.is_some() && task.changes.as_object().is_none_or(serde_json::Map::is_empty);
    let is_there = |code: &str| if restores_deleted { code == "KEY_TAKEN" } else { code != "NOT_FOUND" };
    let view = |error: RecordError| RecordErrorView {
        href: resource
            .filter(|_| is_there(&error.code))
            .map(|resource| ask.paths.record(&resource.name, &error.record_key)),
        field: error.field.map(|name| {
            let field = resource.and_then(|resource| resource.field(&name));
            field.map_or(name.clone(), |field| field.label.clone())
        }),
        message: sentence(&error.message),
        name: String::new(),
        key: error.record_key,
    };
    errors.into_iter().map(view).collect()
}
