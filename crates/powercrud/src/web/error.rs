//! From the core's errors to HTTP.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::error::Error;

/// What handlers return.
pub(super) type WebResult<T> = Result<T, WebError>;

/// Why a request was not answered as asked, in words for a page. Travels to the page's edge as an extension of the response, and is
/// rendered there, where it is known who asks and how.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) message: String,
    /// What to do next, where there is something.
    pub(super) hint: String,
    /// What went wrong inside; for the log, not for the page.
    pub(super) cause: Option<String>,
}

/// A [`Problem`] as a handler's error. Boxed, so that results stay small.
#[derive(Clone, Debug)]
pub(super) struct WebError(pub(super) Box<Problem>);

impl Problem {
    fn new(status: StatusCode, title: &str, message: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), message: message.into(), hint: String::new(), cause: None }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", message)
    }

    pub(super) fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Not signed in", "These pages are for people who have signed in.")
    }

    /// For a bare status, as layers and extractors answer.
    pub(super) fn of_status(status: StatusCode, detail: String) -> Self {
        let (title, message) = match status {
            StatusCode::FORBIDDEN => (
                "Refused",
                "This form was sent from another site, so it was not carried out. Open the page here and try again."
                    .to_owned(),
            ),
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("Too large", "What was sent is larger than this server accepts. Nothing was changed.".to_owned())
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                ("Not possible", "This address does not take that kind of request.".to_owned())
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                ("Took too long", "The server gave up waiting for the database. Try again in a moment.".to_owned())
            }
            status if status.is_server_error() => (
                "Something went wrong here",
                "The server failed to answer. The log says why, under the request's id.".to_owned(),
            ),
            _ => (
                "Not understood",
                if detail.is_empty() {
                    "The request makes no sense to this server.".to_owned()
                } else {
                    detail.clone()
                },
            ),
        };
        let cause = status.is_server_error().then_some(detail).filter(|detail| !detail.is_empty());
        Self { cause, ..Self::new(status, title, message) }
    }
}

impl From<Problem> for WebError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<Error> for WebError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let problem = match &error {
            Error::UnknownResource { .. }
            | Error::RecordNotFound { .. }
            | Error::TaskNotFound(_)
            | Error::UnknownUser(_) => Problem::not_found(sentence(&message)),
            Error::Invalid(_) | Error::NothingSelected(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "Not accepted", sentence(&message))
            }
            Error::ReadOnly { .. } | Error::NotAllowed(_) => {
                Problem::new(StatusCode::FORBIDDEN, "Not allowed", sentence(&message))
            }
            Error::Conflict { .. } | Error::RecordHeld { .. } => {
                Problem::new(StatusCode::CONFLICT, "Busy", sentence(&message))
            }
            Error::Transition { .. } => Problem::new(StatusCode::CONFLICT, "Too late for that", sentence(&message)),
            Error::Connection { .. } => {
                let text = "The database does not answer. Try again in a moment.";
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "No database", text);
                Problem { cause: Some(message), ..problem }
            }
            Error::Database(_) => {
                let problem =
                    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The database refused", sentence(&message));
                Problem { cause: Some(message), ..problem }
            }
            Error::Configuration(_) | Error::Internal(_) => {
                Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        };
        problem.into()
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(*self.0);
        response
    }
}

/// With a capital at the start and a full stop at the end.
pub(super) fn sentence(text: &str) -> String {
    let mut sentence = super::view::capitalized(text.trim());
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}
