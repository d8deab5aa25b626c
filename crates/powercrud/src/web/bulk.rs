//! The bulk dialogs: edit and delete what is selected, and do actions to it. The same templates make a page of their own where there is no script.

mod action;
mod answer;
mod delete;
mod edit;
pub(super) mod foreseen;
mod links;

pub(super) use action::{ask, ask_one, do_it, do_one};
pub(super) use answer::queued_part;
pub(super) use delete::{DeleteView, delete, delete_dialog, effects};
pub(super) use edit::{background_note, edit, edit_dialog, preview};

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use serde_json::json;

use super::{
    context::{FormData, RequestContext},
    error::{WebResult, sentence},
    htmx::Events,
    selection, view,
};
use powercrud_engine::{
    config::{ConflictScope, OnConflict},
    error::{Error, FieldError},
    resource::Resource,
    selection::StoredSelection,
    task::store,
};

/// The task in the way of another.
#[derive(Serialize)]
pub(super) struct ConflictView {
    title: String,
    /// How far it was, where that task is not to be seen.
    detail: String,
    /// What is in the way, and how far it is by now.
    task: Option<view::TaskView>,
}

/// The stored selection with its size; an error where nothing is selected.
async fn selected(context: &RequestContext, resource: &Resource) -> WebResult<(StoredSelection, u64)> {
    let nothing = || Error::NothingSelected(resource.label.clone());
    let stored = selection::find(context, resource).await?.ok_or_else(nothing)?;
    let total = stored.count(context.app(), resource).await?;
    if total == 0 { Err(nothing().into()) } else { Ok((stored, total)) }
}

/// As [`selected`], for a form that was opened when something was. With another session, or a browser that has forgotten its cookies, the
/// selection is another one: that it is gone says nothing of the records.
async fn selected_for(
    context: &RequestContext,
    resource: &Resource,
    form: &FormData,
) -> WebResult<(StoredSelection, u64)> {
    let is_there =
        selection::find(context, resource).await?.is_some_and(|stored| stored.filter.is_some() || stored.added > 0);
    let opened_with = form.get("selection").and_then(|text| text.rsplit_once('=')?.1.parse().ok());
    match opened_with {
        Some(shown) if !is_there => {
            let records = resource.count_in_words(shown);
            let message = format!(
                "the selection of {records} that this was opened with is gone, and nothing was done. Close this, and select them again"
            );
            Err(Error::Invalid(vec![FieldError { field: None, code: "SELECTION_GONE".to_owned(), message }]).into())
        }
        _ => selected(context, resource).await,
    }
}

/// What was selected when the dialog was opened, and how many records it showed. It comes back with the form: what another tab has
/// selected since, and what matches since, was not seen by who confirms this one.
fn fingerprint(stored: &StoredSelection, total: u64) -> String {
    let filter = stored.filter.as_ref().map(|filter| super::paths::query(&filter.filter_pairs()));
    format!("{}+{}-{}={total}", filter.unwrap_or_else(|| "none".to_owned()), stored.added, stored.excluded)
}

/// How many records the form was made for. Refuses one whose selection is another one.
fn same_selection(
    resource: &Resource,
    stored: &StoredSelection,
    total: u64,
    form: &FormData,
) -> Result<u64, FieldError> {
    let shown = form.get("selection").and_then(|text| text.rsplit_once('=')?.1.parse().ok());
    if let Some(shown) = shown.filter(|shown| form.get("selection") == Some(&fingerprint(stored, *shown))) {
        return Ok(shown);
    }
    let now = resource.count_in_words(total);
    let message =
        format!("the selection has changed since this was opened: it holds {now} now. Look again, then confirm");
    Err(FieldError { field: None, code: "SELECTION_CHANGED".to_owned(), message })
}

/// Whether the form asks to wait behind what is in the way.
fn on_conflict(form: &FormData) -> Result<Option<OnConflict>, FieldError> {
    match form.get("on_conflict") {
        None | Some("") => Ok(None),
        Some("queue") => Ok(Some(OnConflict::Queue)),
        Some("reject") => Ok(Some(OnConflict::Reject)),
        Some(other) => {
            let message = format!("{other:?} is not allowed; allowed are reject and queue");
            Err(FieldError {
                field: None,
                code: "INVALID_VALUE".to_owned(),
                message: format!("on_conflict: {message}"),
            })
        }
    }
}

async fn conflict_view(
    context: &RequestContext,
    resource: &Resource,
    holder: &str,
    task_id: Option<uuid::Uuid>,
) -> WebResult<ConflictView> {
    let task = match task_id {
        Some(id) => Some(store::get(context.app(), &context.user, id).await?),
        None => None,
    };
    let on = match resource.conflict_scope() {
        ConflictScope::Model => resource.label_plural.clone(),
        ConflictScope::Record => format!("some of these {}", resource.label_plural),
    };
    let title = format!("Another bulk operation is running on {on}. Nothing was changed by yours.");
    Ok(match task {
        Some(task) => {
            let task = view::task_view(context.app(), &context.paths, &task);
            ConflictView { title, detail: String::new(), task: Some(task) }
        }
        // Not whose it is, but how far it was.
        None => ConflictView { title, detail: sentence(holder), task: None },
    })
}

/// What stops a bulk operation, sorted by where the dialog shows it.
#[derive(Default)]
pub(super) struct Obstacle {
    pub(super) conflict: Option<ConflictView>,
    pub(super) errors: Vec<FieldError>,
    /// Records that failed, with which none was changed.
    pub(super) failed: Vec<view::RecordErrorView>,
    /// The task that they are of, and how it went.
    task: Option<(uuid::Uuid, String)>,
}

impl Obstacle {
    /// An error that the dialog can show; any other goes on to the page's edge.
    pub(super) async fn of(context: &RequestContext, resource: &Resource, error: Error) -> WebResult<Self> {
        Ok(match error {
            Error::Conflict { holder, task_id, .. } => {
                let conflict = conflict_view(context, resource, &holder, task_id).await?;
                Self { conflict: Some(conflict), ..Self::default() }
            }
            Error::Invalid(errors) => Self { errors, ..Self::default() },
            Error::SelectionChanged { .. } => {
                let message = format!("{error}. Look again, then confirm");
                Self::from(FieldError { field: None, code: "SELECTION_CHANGED".to_owned(), message })
            }
            Error::NothingSelected(_) => {
                let message = error.to_string();
                Self::from(FieldError { field: None, code: "NOTHING_SELECTED".to_owned(), message })
            }
            error => return Err(error.into()),
        })
    }

    /// What the page is told.
    fn events(&self) -> Events {
        if let Some((task_id, message)) = &self.task {
            return Events::default().with("bulkEditFailed", json!({"taskId": task_id, "message": message}));
        }
        let errors = self.errors.iter().map(|error| sentence(&error.to_string()));
        let message = match &self.conflict {
            Some(conflict) => conflict.title.clone(),
            None => errors.collect::<Vec<_>>().join(" "),
        };
        Events::default().with("bulkEditFailed", json!({"message": message}))
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.conflict.is_some() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

impl From<FieldError> for Obstacle {
    fn from(error: FieldError) -> Self {
        Self { errors: vec![error], ..Self::default() }
    }
}

/// The messages at `field`.
pub(super) fn at_field(errors: &[FieldError], field: &str) -> String {
    let messages = errors.iter().filter(|error| error.field.as_deref() == Some(field));
    messages.map(|error| sentence(&error.message)).collect::<Vec<_>>().join(" ")
}

/// The messages that stand at none of `fields`.
pub(super) fn elsewhere(errors: &[FieldError], fields: &[&str]) -> Vec<String> {
    let placed = |error: &FieldError| error.field.as_deref().is_some_and(|field| fields.contains(&field));
    errors.iter().filter(|error| !placed(error)).map(|error| sentence(&error.to_string())).collect()
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}
