//! Bulk tasks: looked at and controlled.

use axum::{
    Json,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{body::Body, caller::Caller, query::Query};
use crate::{token::Scope, web::error::WebResult};
use powercrud_engine::{
    bulk::{self, Answer},
    control,
    error::{Error, FieldError},
    notify,
    task::{
        BulkTask, RecordError,
        store::{self, TaskFilter},
    },
    task_json::TaskJson,
};

/// One page of tasks, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskPage {
    tasks: Vec<TaskJson>,
    /// From 1.
    page: u64,
    /// Tasks a page.
    page_size: u64,
    /// Whether there is a page after this one.
    has_next: bool,
    /// How many tasks match.
    count: u64,
}

/// One page of the records that failed, in the order of the selection.
#[derive(Serialize, ToSchema)]
pub(super) struct RecordErrorPage {
    errors: Vec<RecordError>,
    /// From 1.
    page: u64,
    /// Errors a page.
    page_size: u64,
    /// Whether there is a page after this one.
    has_next: bool,
    /// How many there are.
    count: u64,
}

/// Parameters that tell when tasks were submitted.
const CREATED_AT: [&str; 4] = ["created_at__gte", "created_at__gt", "created_at__lte", "created_at__lt"];

/// Failed records that come with a task.
const ERRORS_TOLD: u64 = 100;

/// Bulk tasks
///
/// Your own; staff see everybody's. Newest first.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "tasks",
    params(
        ("status" = Option<String>, Query, description = "Only tasks in these states, separated by commas", example = "PENDING,STARTED"),
        ("resource" = Option<String>, Query, description = "Only tasks on this resource"),
        ("user" = Option<String>, Query, description = "Only tasks of the user of this id; staff see those of others; empty for the operator's"),
        ("created_at__gte" = Option<String>, Query, description = "Only tasks submitted at this time or later: RFC 3339, or a day in UTC, which is its beginning", example = "2026-01-31T12:00:00Z"),
        ("created_at__gt" = Option<String>, Query, description = "Only tasks submitted later"),
        ("created_at__lte" = Option<String>, Query, description = "Only tasks submitted at this time or earlier"),
        ("created_at__lt" = Option<String>, Query, description = "Only tasks submitted earlier", example = "2026-02-01"),
        ("page" = Option<u64>, Query, minimum = 1, maximum = 1_000_000_000, description = "From 1"),
        ("page_size" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "Tasks a page; 50 where it is left out"),
    ),
    responses((status = 200, body = TaskPage))
)]
pub(super) async fn list(caller: Caller) -> WebResult<Json<TaskPage>> {
    let mut query = Query::of(&caller);
    let resource = query.take("resource").and_then(|name| match caller.app().resource(&name) {
        Ok(resource) => Some(resource.name.clone()),
        Err(error) => {
            query.errors.push(FieldError::new("resource", error.code(), error.to_string()));
            None
        }
    });
    let statuses = match query.take("status") {
        Some(words) => query.statuses(&words),
        None => Vec::new(),
    };
    let user = query.take("user");
    let [gte, gt, lte, lt] = CREATED_AT.map(|name| query.timestamp(name));
    let (page, page_size) = (query.page(), query.page_size());
    query.end(&[&["status", "resource", "user"], &CREATED_AT[..], &["page", "page_size"]].concat())?;
    // Timestamps of tasks are whole milliseconds.
    let after = |timestamp: Option<i64>| timestamp.map(|timestamp| timestamp + 1);
    let filter = TaskFilter {
        statuses,
        resource,
        user,
        from: Ord::max(gte, after(gt)),
        before: [after(lte), lt].into_iter().flatten().min(),
        offset: (page - 1) * page_size,
        limit: page_size,
        ..TaskFilter::default()
    };
    let count = store::count(caller.app(), caller.user(), &filter).await?;
    let tasks = store::list(caller.app(), caller.user(), &filter).await?;
    let has_next = filter.offset + (tasks.len() as u64) < count;
    let tasks = tasks.iter().map(|task| TaskJson::from(&task.as_shown(caller.app()))).collect();
    Ok(Json(TaskPage { tasks, page, page_size, has_next, count }))
}

/// One bulk task
#[utoipa::path(
    get, path = "/api/v1/tasks/{id}", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    responses((status = 200, body = TaskJson))
)]
pub(super) async fn get(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&caller, &id).await?;
    show(&caller, &task).await
}

/// The records of a bulk task that failed
#[utoipa::path(
    get, path = "/api/v1/tasks/{id}/errors", tag = "tasks",
    params(
        ("id" = String, Path, description = "The task's id"),
        ("page" = Option<u64>, Query, minimum = 1, maximum = 1_000_000_000, description = "From 1"),
        ("page_size" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "Errors a page; 50 where it is left out"),
    ),
    responses((status = 200, body = RecordErrorPage))
)]
pub(super) async fn errors(caller: Caller, Path(id): Path<String>) -> WebResult<Json<RecordErrorPage>> {
    let mut query = Query::of(&caller);
    let (page, page_size) = (query.page(), query.page_size());
    query.end(&["page", "page_size"])?;
    let task = find(&caller, &id).await?;
    let offset = (page - 1) * page_size;
    let errors = store::errors(caller.app(), caller.user(), task.id, offset, page_size).await?;
    let count = task.failed_records;
    let has_next = offset + (errors.len() as u64) < count && !errors.is_empty();
    Ok(Json(RecordErrorPage { errors, page, page_size, has_next, count }))
}

/// Why a bulk task is to be cancelled.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described; read key by key")]
pub(super) struct CancelJson {
    /// Kept in the audit trail.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
}

/// Cancel a bulk task
///
/// It stops at its next checkpoint; what is done stays done. The body may be left out; staff who cancel somebody else's task have to say
/// why.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/cancel", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    request_body = Option<CancelJson>,
    responses(
        (status = 200, body = TaskJson),
        (status = 409, description = "It has ended", body = super::problem::ProblemJson, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(caller: Caller, Path(id): Path<String>, body: Option<Body>) -> WebResult<Response> {
    caller.require(Scope::Tasks)?;
    let mut errors = Vec::new();
    let reason: Option<String> = match &body {
        Some(body) => {
            errors.extend(body.strange_keys(&["reason"]));
            body.read("reason", "a text", &mut errors)
        }
        None => None,
    };
    if !errors.is_empty() {
        return Err(Error::Invalid(errors).into());
    }
    let task = find(&caller, &id).await?;
    let cancelled = match &reason {
        Some(reason) => control::cancel_because(caller.app(), caller.user(), task.id, reason).await?,
        None => control::cancel(caller.app(), caller.user(), task.id).await?,
    };
    show(&caller, &cancelled).await
}

/// Pause a bulk task that runs
///
/// It stops at its next checkpoint and keeps what it holds.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/pause", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    responses(
        (status = 200, body = TaskJson),
        (status = 409, description = "It does not run", body = super::problem::ProblemJson, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    caller.require(Scope::Tasks)?;
    let task = find(&caller, &id).await?;
    show(&caller, &control::pause(caller.app(), caller.user(), task.id).await?).await
}

/// Let a paused bulk task go on
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/resume", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    responses(
        (status = 200, body = TaskJson),
        (status = 409, description = "It is not paused", body = super::problem::ProblemJson, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    caller.require(Scope::Tasks)?;
    let task = find(&caller, &id).await?;
    show(&caller, &control::resume(caller.app(), caller.user(), task.id).await?).await
}

/// Try failed and unattempted records again
///
/// As a new task, which is answered as a bulk update is: also with 200 where it has ended and failed.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/retry", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    responses(
        (status = 200, description = "The new task has ended", body = TaskJson),
        (status = 202, description = "The new task runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The new task's address"),
            ("Retry-After" = u64, description = "Seconds after which to look at the task"),
        )),
        (status = 409, description = "Another bulk task is in the way", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    caller.require(Scope::Bulk)?;
    let task = find(&caller, &id).await?;
    answer(&caller, &bulk::retry(caller.app(), caller.user(), task.id).await?).await
}

/// Restore what an ended task overwrote or deleted
///
/// As a new task, which is answered as a bulk update is. Records that changed since are left alone and named. The resource must keep
/// former values (`bulk_revert`). Of a delete the rows of the table itself come back; rows of other tables that went along, links, and
/// references of other tables that were emptied stay as they are.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/revert", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    responses(
        (status = 200, description = "The new task has ended", body = TaskJson),
        (status = 202, description = "The new task runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The new task's address"),
            ("Retry-After" = u64, description = "Seconds after which to look at the task"),
        )),
        (status = 409, description = "Another bulk task is in the way", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn revert(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    caller.require(Scope::Bulk)?;
    let task = find(&caller, &id).await?;
    answer(&caller, &bulk::revert(caller.app(), caller.user(), task.id).await?).await
}

pub(super) async fn find(caller: &Caller, id: &str) -> WebResult<BulkTask> {
    let id = Uuid::parse_str(id).map_err(|_| Error::TaskNotFound(id.to_owned()))?;
    Ok(store::get(caller.app(), caller.user(), id).await?)
}

/// A task with its first errors, and who is told of its end.
async fn show(caller: &Caller, task: &BulkTask) -> WebResult<Response> {
    let errors = match task.failed_records {
        0 => Vec::new(),
        _ => store::errors(caller.app(), caller.user(), task.id, 0, ERRORS_TOLD).await?,
    };
    let notices = notify::of_task(caller.app(), task).await?;
    let json = TaskJson::from(&task.as_shown(caller.app()));
    Ok(Json(TaskJson { errors: Some(errors), notices: Some(notices), ..json }).into_response())
}

/// How a bulk request was taken: with its end, or with where to look for it.
pub(super) async fn answer(caller: &Caller, answer: &Answer) -> WebResult<Response> {
    let task = answer.task();
    let mut response = show(caller, task).await?;
    if !task.status.is_final() {
        let location = caller.paths().api_task(&task.id.to_string());
        *response.status_mut() = StatusCode::ACCEPTED;
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        if let Ok(location) = header::HeaderValue::from_str(&location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
    }
    Ok(response)
}
