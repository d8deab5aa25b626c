//! Bulk tasks: all of them, one with live progress, cancel and retry.

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    context::RequestContext,
    error::{WebError, WebResult, sentence},
    live::{self, Place},
    parameters::{self, Parts},
    paths::{parse_query, with_query},
    staff, task_page,
    view::{self, ActiveTasks, ChoiceView, RecordErrorView, TaskView},
};
use powercrud_engine::{
    bulk, control,
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
    /// Where the progress of those that still change comes from, and what begins and ends.
    events_href: String,
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

/// How many tasks run or are about to, and how many wait for others. Nothing goes on in one that is paused.
pub(super) async fn count_active(context: &RequestContext) -> WebResult<ActiveTasks> {
    let count = async |statuses: &[Status]| {
        let filter = TaskFilter { statuses: statuses.to_vec(), ..TaskFilter::default() };
        store::count(context.app(), &context.user, &filter).await
    };
    // In this order: a task that begins in between is counted twice rather than not at all, and the page asks again.
    let waiting = count(&[Status::Waiting]).await?;
    let running = count(&[Status::Pending, Status::Started, Status::Pausing, Status::Cancelling]).await?;
    Ok(ActiveTasks::new(running, waiting))
}

/// What the address of the task list asks for.
#[derive(Clone, Default)]
struct Parameters {
    state: String,
    resource: String,
    /// Whose, for staff.
    user: String,
    /// Days, as `2026-01-31`, in UTC; both count.
    from: String,
    to: String,
    page: u64,
}

impl Parameters {
    fn read(query: &str) -> Self {
        let mut parameters = Self { page: 1, ..Self::default() };
        for (name, value) in parse_query(query) {
            match name.as_str() {
                "state" => parameters.state = value,
                "resource" => parameters.resource = value,
                "user" => parameters.user = value,
                "from" => parameters.from = value,
                "to" => parameters.to = value,
                "page" => parameters.page = parameters::page_number(&value),
                _ => {}
            }
        }
        parameters
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let named = [
            ("state", &self.state),
            ("resource", &self.resource),
            ("user", &self.user),
            ("from", &self.from),
            ("to", &self.to),
        ];
        parameters::pairs(named, self.page)
    }

    /// The filter, and what is wrong with it.
    fn filter(&self, context: &RequestContext) -> (TaskFilter, Vec<String>) {
        let mut parts = Parts::default();
        let states = FILTERS.iter().find(|(word, ..)| *word == self.state);
        if states.is_none() {
            let allowed: Vec<_> = FILTERS.iter().map(|(word, ..)| *word).filter(|word| !word.is_empty()).collect();
            parts.problems.push(format!("State: {:?} is not known; allowed are {}.", self.state, allowed.join(", ")));
        }
        let resource = parts.resource(context, &self.resource);
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

pub(super) async fn list(context: RequestContext, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let parameters = Parameters::read(&raw.unwrap_or_default());
    let (filter, problems) = parameters.filter(&context);
    let (total, tasks) = if problems.is_empty() { found(&context, &filter).await? } else { (0, Vec::new()) };
    let href = |parameters: &Parameters| with_query(&context.paths.tasks(), &parameters.pairs());
    let to = |page: u64| href(&Parameters { page, ..parameters.clone() });
    let last = (filter.offset + PAGE_SIZE).min(total);
    let tasks: Vec<_> = tasks.iter().map(|task| view::task_view(context.app(), &context.paths, task)).collect();
    let unfiltered = parameters.pairs().iter().all(|(name, _)| name == "page");
    let state = |word: &str| href(&Parameters { state: word.to_owned(), page: 1, ..parameters.clone() });
    let view = TasksView {
        filters: FILTERS
            .iter()
            .map(|(word, label, _)| FilterView { label, href: state(word), current: *word == parameters.state })
            .collect(),
        form: FormView {
            action: context.paths.tasks(),
            state: parameters.state.clone(),
            resource: filter.resource.clone().unwrap_or_default(),
            resources: context
                .app()
                .resources()
                .iter()
                .map(|resource| ChoiceView {
                    value: resource.name.clone(),
                    label: view::capitalized(&resource.label_plural),
                })
                .collect(),
            user: if context.user.is_staff { parameters.user.clone() } else { String::new() },
            people: if context.user.is_staff { staff::owners(&context).await? } else { Vec::new() },
            from: parameters.from.clone(),
            to: parameters.to.clone(),
        },
        clear_href: (!unfiltered).then(|| context.paths.tasks()),
        events_href: live::news_href(&context.paths, Place::Row, &tasks, None),
        tasks,
        href: to(parameters.page),
        text: format!("{}–{} of {}", grouped(filter.offset + 1), grouped(last), grouped(total)),
        previous_href: (parameters.page > 1).then(|| to(parameters.page - 1)),
        next_href: (filter.offset + PAGE_SIZE < total).then(|| to(parameters.page + 1)),
        empty: match (problems.is_empty(), unfiltered) {
            (false, _) => "Nothing is shown, because this address asks for something that is not there.".to_owned(),
            (true, true) => "No bulk task yet. Select records on a list, then edit or delete them together.".to_owned(),
            (true, false) => "No bulk task fits.".to_owned(),
        },
        problems,
    };
    let mut response = if context.htmx.partial {
        context.part("tasks_table.html", &view)?
    } else {
        context.page("tasks.html", "Bulk tasks", &view).await?
    };
    if !view.problems.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// A page of tasks, and how many there are. On the first what runs stands on top, however old.
async fn found(context: &RequestContext, filter: &TaskFilter) -> WebResult<(u64, Vec<BulkTask>)> {
    let total = store::count(context.app(), &context.user, filter).await?;
    let mut tasks = store::list(context.app(), &context.user, filter).await?;
    let all = filter.statuses.is_empty();
    let active: Vec<_> = ACTIVE.into_iter().filter(|status| all || filter.statuses.contains(status)).collect();
    if filter.offset == 0 && !active.is_empty() {
        let running =
            store::list(context.app(), &context.user, &TaskFilter { statuses: active, ..filter.clone() }).await?;
        tasks.retain(|task| running.iter().all(|other| other.id != task.id));
        tasks.splice(0..0, running);
    }
    Ok((total, tasks))
}

pub(super) async fn pause(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    show(&context, task.id, control::pause(context.app(), &context.user, task.id).await).await
}

pub(super) async fn resume(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    show(&context, task.id, control::resume(context.app(), &context.user, task.id).await).await
}

pub(super) async fn cancel(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    match control::cancel(context.app(), &context.user, task.id).await {
        // Staff are asked why.
        Err(Error::Invalid(_)) => Ok(context.leave_for(&staff::cancel_href(&context, &task))),
        result => show(&context, task.id, result).await,
    }
}

/// The task after somebody asked something of it.
async fn show(context: &RequestContext, id: Uuid, result: Result<BulkTask, Error>) -> WebResult<Response> {
    let task = match result {
        // It has moved on in between: the page shows where it is.
        Err(Error::Transition { .. }) => store::get(context.app(), &context.user, id).await?,
        result => result?,
    };
    if context.htmx.partial { task_page::changed(context, &task).await } else { Ok(see(context, id)) }
}

pub(super) async fn retry(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    let answer = bulk::retry(context.app(), &context.user, task.id).await?;
    Ok(see(&context, answer.task().id))
}

fn see(context: &RequestContext, id: Uuid) -> Response {
    Redirect::to(&context.paths.task(&id.to_string())).into_response()
}

pub(super) async fn find(context: &RequestContext, id: &str) -> WebResult<BulkTask> {
    let id = Uuid::parse_str(id).map_err(|_| WebError::from(Error::TaskNotFound(id.to_owned())))?;
    Ok(store::get(context.app(), &context.user, id).await?)
}

/// A task's failed records, each with a link to it.
pub(super) fn record_errors(
    context: &RequestContext,
    task: &BulkTask,
    errors: Vec<RecordError>,
) -> Vec<RecordErrorView> {
    let resource = context.app().resource(&task.resource).ok();
    let restores_deleted = task.reverts.is_some() && task.changes.is_empty();
    let is_there = |code: &str| if restores_deleted { code == "KEY_TAKEN" } else { code != "NOT_FOUND" };
    let view = |error: RecordError| RecordErrorView {
        href: resource
            .filter(|_| is_there(&error.code))
            .map(|resource| context.paths.record(&resource.name, &error.record_key)),
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
