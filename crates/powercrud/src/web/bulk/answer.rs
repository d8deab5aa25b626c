//! How a bulk request was taken: done at once, or queued for the background.

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use serde_json::json;

use super::Obstacle;
use crate::web::{
    context::RequestContext,
    error::WebResult,
    htmx::Events,
    tasks,
    view::{self, RecordErrorView, TaskView},
};
use powercrud_engine::{
    bulk::Answer,
    config::AfterQueueing,
    error::FieldError,
    heartbeat,
    resource::Resource,
    selection::StoredSelection,
    task::{BulkTask, RecordError, Status, store},
};

#[derive(Serialize)]
struct ResultView {
    title: String,
    tone: &'static str,
    message: String,
    detail: String,
    errors: Vec<RecordErrorView>,
    /// The task, where it is left to a worker.
    queued: Option<QueuedView>,
    task_href: String,
    back_href: String,
}

/// A task in the background, as the dialog follows it to its end.
#[derive(Serialize)]
struct QueuedView {
    title: &'static str,
    tone: &'static str,
    message: String,
    detail: String,
    task: TaskView,
}

async fn queued_view(context: &RequestContext, resource: &Resource, task: &BulkTask) -> WebResult<QueuedView> {
    let mut view = QueuedView {
        title: "In the background",
        tone: "info",
        message: format!("Processing {} in the background.", resource.count_in_words(task.total_records)),
        detail: "You can go on working; the list shows how far it is.".to_owned(),
        task: view::task_view(context.app(), &context.paths, task),
    };
    if task.status.is_final() {
        (view.tone, view.message) = outcome(resource, task);
        view.title = view.task.status.label();
        view.detail = task.error_message.clone();
    } else if task.status == Status::Waiting {
        view.detail = "It waits for another bulk task, and starts by itself in its turn.".to_owned();
    } else if task.status == Status::Pending && !heartbeat::any_alive_for(context.app(), resource.backend()).await? {
        view.tone = "warning";
        view.detail = "No worker is running at the moment: the task waits, safely stored, until one starts.".to_owned();
    }
    Ok(view)
}

/// The same again, for htmx.
pub(in crate::web) async fn queued_part(context: &RequestContext, task: &BulkTask) -> WebResult<Response> {
    #[derive(Serialize)]
    struct Part {
        queued: QueuedView,
    }
    let resource = context.app().resource(&task.resource)?.clone();
    context.part("dialog_task.html", &Part { queued: queued_view(context, &resource, task).await? })
}

/// Failed records shown in the dialog; the task's page has them all.
const ERRORS_SHOWN: u64 = 10;

pub(super) async fn respond(
    context: &RequestContext,
    resource: &Resource,
    stored: Option<StoredSelection>,
    answer: Answer,
) -> WebResult<Response> {
    let task = answer.task();
    let mut view = ResultView {
        title: String::new(),
        tone: "success",
        message: String::new(),
        detail: String::new(),
        errors: Vec::new(),
        queued: None,
        task_href: context.paths.task(&task.id.to_string()),
        back_href: context.paths.list(&resource.name),
    };
    let mut status = StatusCode::OK;
    let events = match &answer {
        Answer::Done(task) => {
            let (tone, message) = outcome(resource, task);
            view.title =
                if task.status == Status::Success { "Done".to_owned() } else { "Not all went well".to_owned() };
            view.tone = tone;
            view.message = message;
            let errors = store::errors(context.app(), &context.user, task.id, 0, ERRORS_SHOWN).await?;
            view.errors = tasks::record_errors(context, task, errors);
            // The records say it themselves.
            if view.errors.is_empty() {
                view.detail = task.error_message.clone();
            }
            if task.status == Status::Failure {
                status = StatusCode::UNPROCESSABLE_ENTITY;
            }
            let name = if task.status == Status::Success { "bulkEditSuccess" } else { "bulkEditFailed" };
            Events::default().with(name, json!({"taskId": task.id, "message": view.message}))
        }
        Answer::Queued { task, .. } | Answer::Duplicate(task) => {
            let queued = queued_view(context, resource, task).await?;
            view.title = queued.title.to_owned();
            view.tone = queued.tone;
            view.message.clone_from(&queued.message);
            view.detail = match &answer {
                Answer::Duplicate(_) => "The very same request was running already; this is its task.".to_owned(),
                _ => queued.detail.clone(),
            };
            view.queued = Some(queued);
            Events::default().with("bulkEditQueued", json!({"taskId": task.id, "message": view.message}))
        }
    };
    if status == StatusCode::OK {
        // What was asked for is done or frozen: the ticks have served.
        if let Some(mut stored) = stored {
            stored.clear(context.app()).await?;
        }
    }
    if view.queued.is_some() && resource.settings.bulk_async_after_queueing == Some(AfterQueueing::StatusPage) {
        return Ok(events.send(context.leave_for(&view.task_href)));
    }
    let template = if view.queued.is_some() { "async_queue_success.html" } else { "bulk_result.html" };
    let mut response = context.page(template, &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(events.with("refreshTable", json!({})).send(response))
}

fn outcome(resource: &Resource, task: &BulkTask) -> (&'static str, String) {
    let verb = task.outcome_verb();
    let done = format!("{}.", task.outcome_in_words(&resource.count_in_words(task.changed_records())));
    match task.status {
        Status::Success => ("success", done),
        Status::Failure => {
            let failed = resource.count_in_words(task.failed_records);
            ("error", format!("Nothing was {verb}: {failed} failed."))
        }
        _ => ("warning", done),
    }
}

/// What kept all records of a bulk edit from being changed at once, for the dialog that it was asked in: at its field what all of them
/// fail by, and beside the fields what is some records' alone.
pub(super) async fn failed(context: &RequestContext, resource: &Resource, task: &BulkTask) -> WebResult<Obstacle> {
    let errors = store::errors(context.app(), &context.user, task.id, 0, ERRORS_SHOWN).await?;
    let reason = |error: &RecordError| (error.field.clone(), error.message.clone());
    let shared = errors.first().filter(|first| errors.iter().all(|error| reason(error) == reason(first)));
    let mut obstacle = Obstacle::default();
    if let Some(RecordError { field: Some(field), code, message, .. }) = shared
        && task.failed_records == task.total_records
    {
        obstacle.errors.push(FieldError::new(field, code, message.clone()));
    }
    let (failed, all) =
        (powercrud_engine::resource::grouped(task.failed_records), resource.count_in_words(task.total_records));
    let message = format!("{failed} of {all} failed, and they are changed together or not at all");
    obstacle.errors.push(FieldError { field: None, code: "FAILED".to_owned(), message });
    obstacle.failed = tasks::record_errors(context, task, errors);
    obstacle.task = Some((task.id, outcome(resource, task).1));
    Ok(obstacle)
}
