//! A bulk task's records by outcome, as a file.

use axum::{extract::Path, response::Response};

use super::{caller::Caller, query::Query, tasks};
use crate::web::{error::WebResult, results};
use powercrud_engine::{
    error::FieldError,
    task::results::{Format, Outcome},
    words::listed,
};

/// The records of a bulk task by outcome
///
/// As JSON Lines or CSV, with why each failed, which record of a delete took it along (`deleted_with`) and what it holds now; in the order of the selection. Of a task that still runs, what is
/// committed so far. A download that breaks off ends without its last chunk: it never looks whole.
#[utoipa::path(
    get, path = "/api/v1/tasks/{id}/results", tag = "tasks",
    params(
        ("id" = String, Path, description = "The task's id"),
        ("outcome" = inline(Outcome), Query, description = "Which records: those done, those that failed, those not attempted (yet)"),
        ("format" = inline(Option<Format>), Query, description = "`jsonl` where it is left out"),
    ),
    responses((status = 200, description = "One record a line", content(
        (String = "application/x-ndjson",
            example = r#"{"record_key":"7","error_field":"isbn","error_code":"UNIQUE","error_message":"…","values":{"id":"7"}}"#),
        (String = "text/csv"),
    ), headers(("Content-Disposition" = String, description = "A name for the file"))))
)]
pub(super) async fn results(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    let mut query = Query::of(&caller);
    let outcome = query.word("outcome", Outcome::ALL);
    let format = query.word("format", Format::ALL);
    if outcome.is_none() && query.errors.iter().all(|error| error.field.as_deref() != Some("outcome")) {
        let message = format!("must be there: one of {}", listed(Outcome::ALL));
        query.errors.push(FieldError::new("outcome", "NOT_NULL", message));
    }
    query.end(&["outcome", "format"])?;
    let task = tasks::find(&caller, &id).await?;
    results::file(caller.app(), task, outcome.unwrap_or(Outcome::Failed), format.unwrap_or(Format::JsonLines))
}
