//! Failures for programs: problem details as RFC 9457 has them.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use uuid::Uuid;

use crate::web::error::Problem;
use powercrud_engine::error::FieldError;

/// Why a request was not answered as asked.
#[derive(Serialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "api", schema(as = Problem))]
pub(in crate::web) struct ProblemJson {
    /// Names the kind of problem: `urn:powercrud:problem:` and the code.
    r#type: String,
    /// The kind of problem in a few words.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// What went wrong and what is allowed, for people.
    detail: String,
    /// The kind of problem for programs; never changes its meaning.
    #[cfg_attr(feature = "api", schema(example = "UNKNOWN_RESOURCE", pattern = "^[A-Z][A-Z0-9_]*$"))]
    code: String,
    /// What is wrong with which field or parameter; a hundred at most.
    errors: Vec<FieldProblem>,
    /// By this the server's log names the request.
    request_id: String,
    /// The bulk task in the way, where there is one that you may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "api", schema(nullable = false))]
    task: Option<Uuid>,
}

/// One thing wrong with a request.
#[derive(Serialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
pub(in crate::web) struct FieldProblem {
    /// The field, key of the body or parameter, where it can be told.
    field: Option<String>,
    /// The kind of mistake for programs, such as `NOT_NULL` or `INVALID_TYPE`.
    #[cfg_attr(feature = "api", schema(pattern = "^[A-Z][A-Z0-9_]*$"))]
    code: String,
    /// What was wrong and what is allowed, for people.
    message: String,
}

/// Mistakes told at a time.
const ERRORS_TOLD: usize = 100;

/// The answer that tells a program about `problem`.
pub(in crate::web) fn problem(problem: &Problem, request_id: &str) -> Response {
    let told = match problem.status {
        // What is inside stays inside: the log has it.
        StatusCode::INTERNAL_SERVER_ERROR => &Problem::of_status(problem.status, String::new()),
        _ => problem,
    };
    let mut detail = told.message.clone();
    if problem.errors.len() > ERRORS_TOLD {
        detail = format!("{} mistakes; the first {ERRORS_TOLD} are listed.", problem.errors.len());
    }
    let json = ProblemJson {
        r#type: format!("urn:powercrud:problem:{}", problem.code),
        title: told.title.clone(),
        status: problem.status.as_u16(),
        detail,
        code: problem.code.clone(),
        errors: problem.errors.iter().take(ERRORS_TOLD).map(FieldProblem::from).collect(),
        request_id: request_id.to_owned(),
        task: problem.task,
    };
    let mut response = (problem.status, axum::Json(json)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(challenge) = problem.challenge.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

impl From<&FieldError> for FieldProblem {
    fn from(error: &FieldError) -> Self {
        Self { field: error.field.clone(), code: error.code.clone(), message: error.message.clone() }
    }
}
