//! What staff do to a task of anybody: asked why, and done.

use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use strum::VariantArray as _;
use uuid::Uuid;

use super::Staff;
use crate::web::{
    bulk::{at_field, elsewhere},
    context::{FormData, RequestContext},
    error::{WebError, WebResult, sentence},
    view::{self, Link},
};
use powercrud_engine::{
    error::Error,
    error::FieldError,
    staff,
    task::{BulkTask, Event, Status, store},
};

/// A link to one of the actions.
#[derive(Serialize)]
pub(in crate::web) struct ActionLink {
    label: &'static str,
    href: String,
    tone: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
enum StaffAction {
    Requeue,
    Release,
    Cancel,
}

impl StaffAction {
    fn word(self) -> &'static str {
        self.into()
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
pub(in crate::web) fn cancel_href(context: &RequestContext, task: &BulkTask) -> String {
    context.paths.staff_action(&task.id.to_string(), StaffAction::Cancel.word())
}

/// What may be done to a task.
pub(in crate::web) fn links(context: &RequestContext, task: &BulkTask, is_dead: bool) -> Vec<ActionLink> {
    let fitting = StaffAction::VARIANTS.iter().copied().filter(|action| action.fits(task, is_dead));
    let link = |action: StaffAction| ActionLink {
        label: action.label(),
        href: context.paths.staff_action(&task.id.to_string(), action.word()),
        tone: if action == StaffAction::Requeue { "btn-plain" } else { "btn-outline btn-error" },
    };
    fitting.map(link).collect()
}

#[derive(Serialize)]
struct ActionView {
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
    Staff(context): Staff,
    Path((id, action)): Path<(String, String)>,
) -> WebResult<Response> {
    let (task, action) = find(&context, &id, &action).await?;
    let view = action_view(&context, &task, action, "", Vec::new());
    context.page("staff_action.html", &view.title, &view).await
}

pub(in crate::web) async fn do_it(
    Staff(context): Staff,
    Path((id, action)): Path<(String, String)>,
    form: FormData,
) -> WebResult<Response> {
    let (task, action) = find(&context, &id, &action).await?;
    let reason = form.get("reason").unwrap_or_default();
    let done = match action {
        StaffAction::Cancel => staff::cancel(context.app(), &context.user, task.id, reason).await,
        StaffAction::Requeue => staff::requeue(context.app(), &context.user, task.id, reason).await,
        StaffAction::Release => staff::release(context.app(), &context.user, task.id, reason).await,
    };
    let (status, errors) = match done {
        Ok(task) => return Ok(Redirect::to(&context.paths.task(&task.id.to_string())).into_response()),
        Err(Error::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
        Err(error @ (Error::NotAllowed(_) | Error::Transition { .. })) => {
            let (code, message) = (error.code().to_owned(), error.to_string());
            (StatusCode::CONFLICT, vec![FieldError { field: None, code, message }])
        }
        Err(error) => return Err(error.into()),
    };
    let mut view = action_view(&context, &task, action, reason, elsewhere(&errors, &["reason"]));
    view.reason_error = at_field(&errors, "reason");
    let mut response = context.page("staff_action.html", &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(response)
}

async fn find(context: &RequestContext, id: &str, word: &str) -> WebResult<(BulkTask, StaffAction)> {
    let action = word.parse().map_err(|_| crate::web::error::Problem::not_found(sentence("there is no such page")))?;
    let id = Uuid::parse_str(id).map_err(|_| WebError::from(Error::TaskNotFound(id.to_owned())))?;
    Ok((store::get(context.app(), &context.user, id).await?, action))
}

fn action_view(
    context: &RequestContext,
    task: &BulkTask,
    action: StaffAction,
    reason: &str,
    errors: Vec<String>,
) -> ActionView {
    let id = task.id.to_string();
    let view = view::task_view(context.app(), &context.paths, task);
    let kept = "Committed changes stay, and the locks on the records are released.".to_owned();
    let (title, sentences, submit_label, tone) = match action {
        StaffAction::Cancel => (
            format!("Cancel “{}”?", view.title),
            vec![format!(
                "It was submitted by {}. It stops at its next safe point; what is done stays done.",
                view.user
            )],
            "Cancel the task",
            "btn-error",
        ),
        StaffAction::Requeue => (
            format!("Queue “{}” again?", view.title),
            vec![
                format!("Its worker is dead. Another one goes on where it stopped, at {}.", view.progress_text),
                "If the old worker wakes up, it can no longer change anything.".to_owned(),
            ],
            "Queue it again",
            "btn-primary",
        ),
        StaffAction::Release => {
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
    ActionView {
        crumbs: vec![Link { label: "Staff".to_owned(), href: context.paths.staff() }],
        title,
        action: context.paths.staff_action(&id, action.word()),
        back_href: context.paths.task(&id),
        sentences,
        reason: reason.to_owned(),
        reason_error: String::new(),
        submit_label,
        tone,
        errors,
    }
}
