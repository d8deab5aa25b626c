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
    Engine,
    bulk::{self, Answer},
    error::{Error, FieldError},
    task::{
        self, BulkTask, RecordError,
        store::{self, TaskFilter},
    },
};

/// A bulk task.
#[derive(Serialize, ToSchema)]
#[schema(as = Task)]
pub(super) struct TaskJson {
    /// Names it; later tasks have greater ids.
    id: Uuid,
    /// The task that this one retries or reverts.
    parent_id: Option<Uuid>,
    /// Where it stands. SUCCESS, PARTIAL (some records failed), FAILURE and CANCELLED are ends.
    status: TaskStatus,
    /// What it does: `update`, `delete` or `revert`.
    operation: String,
    /// The resource.
    resource: String,
    /// The id of who submitted it; null for the operator.
    user_id: Option<String>,
    /// That user's name at the time.
    user_name: Option<String>,
    /// The `x-request-id` of the request that submitted it, not the `request_id` of its body; null where it was not submitted by HTTP.
    request_id: Option<String>,
    /// Of an update: the new values as text, by field name; null is NULL. Of a many-to-many field: operations, each with keys and names.
    /// `(hidden)` stands for what was done to a field that the resource does not show now.
    changes: std::collections::BTreeMap<String, serde_json::Value>,
    /// How many records were selected.
    total_records: u64,
    /// How many were attempted.
    processed_records: u64,
    /// How many were done.
    succeeded_records: u64,
    /// How many failed.
    failed_records: u64,
    /// Of a delete's done records: how many were gone already.
    missing_records: u64,
    /// Of an update's done records: how many held the new values already and were not written.
    unchanged_records: u64,
    /// From 0 to 100.
    #[schema(maximum = 100)]
    progress_percent: u64,
    created_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When a worker first took it.
    started_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it ended.
    completed_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When its records and their errors were thrown away, where they are not kept any more.
    results_purged_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Of a revert, also of a retried one: the task whose former values it restores.
    reverts: Option<Uuid>,
    /// Why it ended early; empty where it did not.
    error_message: String,
    /// The first hundred records that failed, in the order of the selection; not in lists.
    #[schema(nullable = false)]
    errors: Option<Vec<RecordErrorJson>>,
    /// Who is told of its end, oldest first; none before it. Not in lists.
    #[schema(nullable = false)]
    notices: Option<Vec<NoticeJson>>,
}

/// One who is told of a task's end.
#[derive(Serialize, ToSchema)]
#[schema(as = Notice)]
pub(super) struct NoticeJson {
    /// How: `messages` (under the bell), `email` or `callback`.
    channel: String,
    /// Who: of mail the address, of a callback `webhook` or `function`, else the id of the user, or `operator`.
    recipient: String,
    /// Where it stands.
    status: NoticeStatus,
    /// How often it was tried.
    attempts: u64,
    /// Why the last try failed, or why there is none; empty where neither is so.
    last_error: String,
    /// When the task ended.
    created_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it is tried next, where it waits for that.
    next_attempt_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it arrived.
    sent_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Where a notice stands: it waits for a try, is being sent, has arrived, is given up, or can't reach its recipient.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "the words of the API")]
enum NoticeStatus {
    Waiting,
    Sending,
    Sent,
    Failed,
    Skipped,
}

/// Where a bulk task stands.
#[derive(Serialize, ToSchema)]
#[expect(clippy::upper_case_acronyms, dead_code, reason = "the words of the API")]
enum TaskStatus {
    WAITING,
    PENDING,
    STARTED,
    PAUSING,
    PAUSED,
    CANCELLING,
    SUCCESS,
    PARTIAL,
    FAILURE,
    CANCELLED,
}

/// What went wrong with one record.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordError)]
pub(super) struct RecordErrorJson {
    /// The record's key.
    record_key: String,
    /// The field, where the fault can be pinned to one.
    field: Option<String>,
    /// The kind of fault, such as `UNIQUE` or `FOREIGN_KEY`.
    code: String,
    /// For people.
    message: String,
}

/// One page of tasks, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskPage {
    #[schema(value_type = Vec<TaskJson>)]
    tasks: Vec<serde_json::Value>,
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
    errors: Vec<RecordErrorJson>,
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
        ("created_at__gte" = Option<String>, Query, description = "Only tasks submitted at this moment or later: RFC 3339, or a day in UTC, which is its beginning", example = "2026-01-31T12:00:00Z"),
        ("created_at__gt" = Option<String>, Query, description = "Only tasks submitted later"),
        ("created_at__lte" = Option<String>, Query, description = "Only tasks submitted at this moment or earlier"),
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
    let [gte, gt, lte, lt] = CREATED_AT.map(|name| query.moment(name));
    let (page, page_size) = (query.page(), query.page_size());
    query.end(&[&["status", "resource", "user"], &CREATED_AT[..], &["page", "page_size"]].concat())?;
    // Moments of tasks are whole milliseconds.
    let after = |moment: Option<i64>| moment.map(|moment| moment + 1);
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
    let tasks = tasks.iter().map(|task| without_errors(caller.app(), task)).collect();
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
    let errors = store::errors(caller.app(), task.id, offset, page_size).await?;
    let count = task.failed_records;
    let has_next = offset + (errors.len() as u64) < count && !errors.is_empty();
    let errors = errors.into_iter().map(RecordErrorJson::from).collect();
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
        Some(reason) => store::cancel_because(caller.app(), caller.user(), task.id, reason).await?,
        None => store::cancel(caller.app(), caller.user(), task.id).await?,
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
    show(&caller, &store::pause(caller.app(), caller.user(), task.id).await?).await
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
    show(&caller, &store::resume(caller.app(), caller.user(), task.id).await?).await
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
            ("Retry-After" = u64, description = "In so many seconds it is worth to look"),
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
/// former values (`bulk_revert`).
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/revert", tag = "tasks",
    params(("id" = String, Path, description = "The task's id")),
    responses(
        (status = 200, description = "The new task has ended", body = TaskJson),
        (status = 202, description = "The new task runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The new task's address"),
            ("Retry-After" = u64, description = "In so many seconds it is worth to look"),
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
        _ => store::errors(caller.app(), task.id, 0, ERRORS_TOLD).await?,
    };
    let notices = task::notices(caller.app(), task).await?;
    Ok(Json(task.as_shown(caller.app()).to_json_with_notices(&errors, &notices)).into_response())
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

pub(super) fn without_errors(engine: &Engine, task: &BulkTask) -> serde_json::Value {
    let mut json = task.as_shown(engine).to_json(&[]);
    if let Some(object) = json.as_object_mut() {
        object.remove("errors");
    }
    json
}

impl From<RecordError> for RecordErrorJson {
    fn from(error: RecordError) -> Self {
        Self { record_key: error.record_key, field: error.field, code: error.code, message: error.message }
    }
}
