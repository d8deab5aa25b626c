//! What staff do to a task of anybody: asked why, and done.

use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::Staff;
use crate::web::{
    ask::{Ask, FormData},
    bulk::{at_field, elsewhere},
    error::{WebError, WebResult, sentence},
    view::{self, Link},
};
use powercrud_engine::{
    error::Error,
    staff,
    task::{BulkTask, Event, Status, store},
};

/// A way to one of the deeds.
#[derive(Serialize)]
pub(in crate::web) struct DeedLink {
    label: &'static str,
    href: String,
    tone: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Cancel,
    Requeue,
    Release,
}

impl Deed {
    const ALL: [Self; 3] = [Self::Requeue, Self::Release, Self::Cancel];

    fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Requeue => "requeue",
            Self::Release => "release",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Cancel => "Cancel…",
            Self::Requeue => "Queue again…",
            Self::Release => "End it…",
        }
    }

    /// Whether it may be done to a task now.
    fn fits(self, task: &BulkTask, is_dead: bool) -> bool {
        match self {
            Self::Cancel => !is_dead && task.status.next(Event::Cancel).is_ok(),
            Self::Requeue => is_dead && task.status.next(Event::Requeue).is_ok(),
            Self::Release => is_dead && task.status.is_held(),
        }
    }
}

/// Where staff are asked why they cancel a task.
pub(in crate::web) fn cancel_href(ask: &Ask, task: &BulkTask) -> String {
    ask.paths.staff_deed(&task.id.to_string(), Deed::Cancel.word())
}

/// What may be done to a task.
pub(in crate::web) fn links(ask: &Ask, task: &BulkTask, is_dead: bool) -> Vec<DeedLink> {
    let fitting = Deed::ALL.into_iter().filter(|deed| deed.fits(task, is_dead));
    let link = |deed: Deed| DeedLink {
        label: deed.label(),
        href: ask.paths.staff_deed(&task.id.to_string(), deed.word()),
        tone: if deed == Deed::Requeue { "btn-plain" } else { "btn-outline btn-error" },
    };
    fitting.map(link).collect()
}

#[derive(Serialize)]
struct DeedView {
    crumbs: Vec<Link>,
    title: String,
    action: String,
    back_href: String,
    sentences: Vec<String>,
    reason: String,
    reason_error: String,
    submit_label: &'static str,
    tone: &'static str,
    errors: Vec<String>,
}

pub(in crate::web) async fn ask_why(
    Staff(ask): Staff,
    Path((id, deed)): Path<(String, String)>,
) -> WebResult<Response> {
    let (task, deed) = find(&ask, &id, &deed).await?;
    let view = deed_view(&ask, &task, deed, "", Vec::new());
    ask.page("staff_deed.html", &view.title, &view).await
}

pub(in crate::web) async fn do_it(
    Staff(ask): Staff,
    Path((id, deed)): Path<(String, String)>,
    form: FormData,
) -> WebResult<Response> {
    let (task, deed) = find(&ask, &id, &deed).await?;
    let reason = form.get("reason").unwrap_or_default();
    let done = match deed {
        Deed::Cancel => staff::cancel(ask.app(), &ask.user, task.id, reason).await,
        Deed::Requeue => staff::requeue(ask.app(), &ask.user, task.id, reason).await,
        Deed::Release => staff::release(ask.app(), &ask.user, task.id, reason).await,
    };
    let (status, errors) = match done {
        Ok(task) => return Ok(Redirect::to(&ask.paths.task(&task.id.to_string())).into_response()),
        Err(Error::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
        Err(error @ (Error::NotAllowed(_) | Error::Transition { .. })) => {
            let (code, message) = (error.code().to_owned(), error.to_string());
            (StatusCode::CONFLICT, vec![crate::FieldError { field: None, code, message }])
        }
        Err(error) => return Err(error.into()),
    };
    let mut view = deed_view(&ask, &task, deed, reason, elsewhere(&errors, &["reason"]));
    view.reason_error = at_field(&errors, "reason");
    let mut response = ask.page("staff_deed.html", &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(response)
}

async fn find(ask: &Ask, id: &str, word: &str) -> WebResult<(BulkTask, Deed)> {
    let deed = Deed::ALL.into_iter().find(|deed| deed.word() == word);
    let deed = deed.ok_or_else(|| crate::web::error::Problem::not_found(sentence("there is no such page")))?;
    let id = Uuid::parse_str(id).map_err(|_| WebError::from(Error::TaskNotFound(id.to_owned())))?;
    Ok((store::get(ask.app(), &ask.user, id).await?, deed))
}

fn deed_view(ask: &Ask, task: &BulkTask, deed: Deed, reason: &str, errors: Vec<String>) -> DeedView {
    let id = task.id.to_string();
    let view = view::task_view(ask.app(), &ask.paths, task);
    let kept = "What is committed stays, and the records are free for others.".to_owned();
    let (title, sentences, submit_label, tone) = match deed {
        Deed::Cancel => (
            format!("Cancel “{}”?", view.title),
            vec![format!(
                "It was submitted by {}. It stops at its next safe point; what is done stays done.",
                view.user
            )],
            "Cancel the task",
            "btn-error",
        ),
        Deed::Requeue => (
            format!("Queue “{}” again?", view.title),
            vec![
                format!("Its worker is dead. Another one goes on where it stopped, at {}.", view.progress_text),
                "Should the old worker wake up, it changes nothing any more.".to_owned(),
            ],
            "Queue it again",
            "btn-primary",
        ),
        Deed::Release => {
            let ends = match task.status {
                Status::Cancelling => "cancelled",
                _ if task.succeeded_records > 0 => "partly done",
                _ => "failed",
            };
            (
                format!("End “{}”?", view.title),
                vec![format!(
                    "No living worker has it. It ends as {ends} at {}, and its locks go. {kept}",
                    view.progress_text
                )],
                "End the task",
                "btn-error",
            )
        }
    };
    DeedView {
        crumbs: vec![Link { label: "Staff".to_owned(), href: ask.paths.staff() }],
        title,
        action: ask.paths.staff_deed(&id, deed.word()),
        back_href: ask.paths.task(&id),
        sentences,
        reason: reason.to_owned(),
        reason_error: String::new(),
        submit_label,
        tone,
        errors,
    }
}
