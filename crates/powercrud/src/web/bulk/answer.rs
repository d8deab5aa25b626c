//! How a bulk request was taken: done at once, or queued for the background.

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use serde_json::json;

use crate::{
    bulk::Answer,
    config::AfterQueueing,
    resource::Resource,
    selection::StoredSelection,
    task::{BulkTask, Status, store},
    web::{ask::Ask, error::WebResult, htmx::Events, tasks, view::RecordErrorView},
};

#[derive(Serialize)]
struct ResultView {
    title: String,
    tone: &'static str,
    message: String,
    detail: String,
    errors: Vec<RecordErrorView>,
    queued: bool,
    task_href: String,
    back_href: String,
}

/// What was done, in the words of the operation.
pub(super) struct Words {
    done: &'static str,
}

impl Words {
    pub(super) const EDIT: Self = Self { done: "changed" };
    pub(super) const DELETE: Self = Self { done: "deleted" };
}

/// Failed records shown in the dialog; the task's page has them all.
const ERRORS_SHOWN: u64 = 10;

pub(super) async fn respond(
    ask: &Ask,
    resource: &Resource,
    mut stored: StoredSelection,
    answer: Answer,
    words: &Words,
) -> WebResult<Response> {
    let task = answer.task();
    let mut view = ResultView {
        title: String::new(),
        tone: "success",
        message: String::new(),
        detail: String::new(),
        errors: Vec::new(),
        queued: false,
        task_href: ask.paths.task(&task.id.to_string()),
        back_href: ask.paths.list(&resource.name),
    };
    let mut status = StatusCode::OK;
    let events = match &answer {
        Answer::Done(task) => {
            let (tone, message) = outcome(resource, task, words);
            view.title =
                if task.status == Status::Success { "Done".to_owned() } else { "Not all went well".to_owned() };
            view.tone = tone;
            view.message = message;
            view.detail = task.error_message.clone();
            let errors = store::errors(ask.app(), task.id, 0, ERRORS_SHOWN).await?;
            view.errors = tasks::record_errors(ask, task, errors);
            if task.status == Status::Failure {
                status = StatusCode::UNPROCESSABLE_ENTITY;
            }
            let name = if task.status == Status::Success { "bulkEditSuccess" } else { "bulkEditFailed" };
            Events::default().with(name, json!({"taskId": task.id, "message": view.message}))
        }
        Answer::Queued { task, .. } | Answer::Duplicate(task) => {
            let records = crate::resource::grouped(task.total_records);
            view.title = "In the background".to_owned();
            view.queued = true;
            view.tone = "info";
            view.message = format!("Processing {records} records in background.");
            view.detail = match &answer {
                Answer::Queued { task, .. } if task.status == Status::Waiting => {
                    "It waits for another bulk task, and starts by itself in its turn.".to_owned()
                }
                Answer::Queued { worker_alive: false, .. } => {
                    view.tone = "warning";
                    "No worker is running at the moment: the task waits, safely stored, until one starts.".to_owned()
                }
                Answer::Duplicate(_) => "The very same request was running already; this is its task.".to_owned(),
                _ => "You can go on working; the list shows how far it is.".to_owned(),
            };
            Events::default().with("bulkEditQueued", json!({"taskId": task.id, "message": view.message}))
        }
    };
    if status == StatusCode::OK {
        // What was asked for is done or frozen: the ticks have served.
        stored.clear(ask.app()).await?;
    }
    if view.queued && resource.settings.bulk_async_after_queueing == Some(AfterQueueing::StatusPage) {
        return Ok(events.send(ask.leave_for(&view.task_href)));
    }
    let template = if view.queued { "async_queue_success.html" } else { "bulk_result.html" };
    let mut response = ask.page(template, &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(events.with("refreshTable", json!({})).send(response))
}

fn outcome(resource: &Resource, task: &BulkTask, words: &Words) -> (&'static str, String) {
    let done = format!("{} {}", resource.count_in_words(task.succeeded_records), words.done);
    match task.status {
        Status::Success => ("success", format!("{done}.")),
        Status::Failure => {
            let failed = resource.count_in_words(task.failed_records);
            ("error", format!("Nothing was {}: {failed} failed.", words.done))
        }
        _ => ("warning", format!("{done}, {} failed.", crate::resource::grouped(task.failed_records))),
    }
}
