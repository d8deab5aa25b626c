//! From the core's errors to HTTP.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::app::PowerCrud;
use powercrud_engine::error::{Error, FieldError};

/// What handlers return.
pub(super) type WebResult<T> = Result<T, WebError>;

/// Why a request was not answered as asked, in words for a page. Travels to the page's edge as an extension of the response, and is
/// rendered there, where the user and the kind of answer are known.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// A stable UPPER_SNAKE word for programs.
    pub(super) code: String,
    pub(super) title: String,
    pub(super) message: String,
    /// What is wrong with which field, where it is about fields.
    pub(super) errors: Vec<FieldError>,
    /// The bulk task in the way, where there is one that the user may see.
    pub(super) task: Option<uuid::Uuid>,
    /// What the answer says in `WWW-Authenticate`.
    pub(super) challenge: Option<String>,
    /// What to do next, where there is something.
    pub(super) hint: String,
    /// What went wrong inside; for the log, not for the page.
    pub(super) cause: Option<String>,
    /// Whether the tables may have changed since the catalog was read.
    pub(super) may_be_outdated: bool,
    /// Whether a statement met a table that is not as it is known.
    pub(super) is_outdated: bool,
}

/// For the developer, who is the first to see it.
pub(super) const CLOSED_HINT: &str = "In its code, PowerCrud::builder(…) needs one of: .user(…) or .user_async(…), which say by your own login whose \
     a request is; .login(), with which PowerCRUD asks for a name and password; or .open_to_everybody(), where whoever reaches these pages \
     may do everything.";

/// A [`Problem`] as a handler's error. Boxed, so that results stay small.
#[derive(Clone, Debug)]
pub(super) struct WebError(pub(super) Box<Problem>);

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, title: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            title: title.to_owned(),
            message: message.into(),
            errors: Vec::new(),
            task: None,
            challenge: None,
            hint: String::new(),
            cause: None,
            may_be_outdated: false,
            is_outdated: false,
        }
    }

    /// The tables are not what the request takes them to be.
    pub(super) fn tables_changed() -> Self {
        let message = "The database's tables have changed since this page was made, and were read again. Nothing was changed by \
            this request. Open the page again and try once more.";
        Self::new(StatusCode::CONFLICT, "TABLES_CHANGED", "The tables have changed", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found", message)
    }

    pub(super) fn nul_in_address() -> Self {
        let message = "The address holds the character NUL (%00), which no record and no filter can hold.";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ADDRESS", "Not an address", message)
    }

    /// The application says neither who its users are nor that it has none.
    pub(super) fn closed() -> Self {
        let message = "Nobody is let in here: the application does not say who its users are.";
        let mut problem = Self::new(StatusCode::FORBIDDEN, "NOT_OPEN", "Closed", message);
        problem.hint = CLOSED_HINT.to_owned();
        problem
    }

    /// Nobody is known to ask.
    pub(super) fn nobody(app: &PowerCrud) -> Self {
        if app.is_closed() {
            return Self::closed();
        }
        let message = "These pages are for people who have signed in.";
        Self::new(StatusCode::UNAUTHORIZED, "NOT_SIGNED_IN", "Not signed in", message)
    }

    /// For a bare status, as layers and extractors answer.
    pub(super) fn of_status(status: StatusCode, detail: String) -> Self {
        let (code, title, message) = match status {
            StatusCode::FORBIDDEN => (
                "CROSS_ORIGIN",
                "Refused",
                "This form was sent from another site, so it was not carried out. Open the page here and try again."
                    .to_owned(),
            ),
            StatusCode::NOT_FOUND => ("NOT_FOUND", "Not found", "There is no such page.".to_owned()),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "TOO_LARGE",
                "Too large",
                "What was sent is larger than this server accepts. Nothing was changed.".to_owned(),
            ),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("METHOD_NOT_ALLOWED", "Not possible", "This address does not take that kind of request.".to_owned())
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                let text = "The server gave up waiting for the database. Try again in a moment.";
                ("TIMEOUT", "Took too long", text.to_owned())
            }
            status if status.is_server_error() => (
                "INTERNAL",
                "Something went wrong here",
                "The server failed to answer. The log says why, under the request's id.".to_owned(),
            ),
            _ => (
                "BAD_REQUEST",
                "Not understood",
                if detail.is_empty() {
                    "The request makes no sense to this server.".to_owned()
                } else {
                    detail.clone()
                },
            ),
        };
        let cause = status.is_server_error().then_some(detail).filter(|detail| !detail.is_empty());
        Self { cause, ..Self::new(status, code, title, message) }
    }
}

impl From<Problem> for WebError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

/// The one table of what each error of the core means in HTTP.
impl From<Error> for WebError {
    fn from(error: Error) -> Self {
        let code = error.code().to_owned();
        let message = error.to_string();
        let of = |status: StatusCode, title: &str, text: &str| Problem::new(status, &code, title, text);
        let said = sentence(&message);
        let mut problem = match &error {
            Error::UnknownResource { .. }
            | Error::UnknownAction { .. }
            | Error::RecordNotFound { .. }
            | Error::RecordLost { .. }
            | Error::TaskNotFound(_)
            | Error::TokenNotFound(_)
            | Error::UnknownUser(_) => of(StatusCode::NOT_FOUND, "Not found", &said),
            Error::Invalid(_) | Error::NothingSelected(_) | Error::RequestIdReused(_) => {
                of(StatusCode::UNPROCESSABLE_ENTITY, "Not accepted", &said)
            }
            Error::ReadOnly { .. } | Error::NotAllowed(_) | Error::Forbidden(_) | Error::Unreadable { .. } => {
                of(StatusCode::FORBIDDEN, "Not allowed", &said)
            }
            Error::Conflict { .. } | Error::RecordHeld { .. } => of(StatusCode::CONFLICT, "Busy", &said),
            Error::SelectionChanged { .. } => of(StatusCode::CONFLICT, "Changed meanwhile", &said),
            Error::StaleRecord { .. } => of(StatusCode::PRECONDITION_FAILED, "Changed meanwhile", &said),
            Error::VersionConflict { .. } | Error::FieldsChanged { .. } => {
                of(StatusCode::CONFLICT, "Changed meanwhile", &said)
            }
            Error::Transition { .. } => of(StatusCode::CONFLICT, "Too late for that", &said),
            Error::Connection { .. } => {
                let text = "The database does not answer. Try again in a moment.";
                of(StatusCode::SERVICE_UNAVAILABLE, "No database", text)
            }
            Error::TablesChanged(_) => Problem::tables_changed(),
            Error::NoRoom { .. } => of(StatusCode::SERVICE_UNAVAILABLE, "The server is busy", &said),
            Error::Database(fault) if fault.code == "CONNECTION_LOST" => {
                of(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer", &said)
            }
            Error::Database(fault) if fault.is_transient() => {
                of(StatusCode::SERVICE_UNAVAILABLE, "The database is busy", &said)
            }
            Error::Database(fault) if fault.is_interrupted() => {
                let text = format!("The database ended it because it took longer than it allows: {message}.");
                of(StatusCode::SERVICE_UNAVAILABLE, "Took too long", &text)
            }
            Error::Database(fault) if fault.is_not_permitted() => of(StatusCode::FORBIDDEN, "Not allowed", &said),
            Error::Database(_) => of(StatusCode::INTERNAL_SERVER_ERROR, "The database refused", &said),
            // What is this program's own fault.
            _ => Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR, message.clone()),
        };
        if problem.status.is_server_error() {
            problem.cause = Some(message);
        }
        problem.may_be_outdated = match &error {
            Error::UnknownResource { .. } | Error::Unreadable { .. } => true,
            // A right may have been revoked since; policies and functions may say so each time.
            Error::Database(fault) => fault.is_not_permitted(),
            _ => false,
        };
        problem.is_outdated = match &error {
            Error::TablesChanged(_) => true,
            Error::Database(fault) => fault.is_about_structure(),
            _ => false,
        };
        match error {
            Error::Invalid(errors) => problem.errors = errors,
            Error::Conflict { task_id, .. } => problem.task = task_id,
            _ => {}
        }
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
