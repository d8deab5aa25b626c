//! Exit statuses, and which failure has which.

use std::process::ExitCode;

use powercrud::{Error, FieldError};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for is done.
    Success = 0,
    /// Anything that the others don't name.
    Failure = 1,
    /// Some or all records failed.
    RecordsFailed = 2,
    /// Another bulk task is in the way.
    Conflict = 3,
    /// The command line asks for what there is not.
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The status for an error.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<Error>() {
            Some(Error::Conflict { .. }) => Self::Conflict,
            Some(
                Error::UnknownResource { .. } | Error::UnknownAction { .. } | Error::UnknownUser(_) | Error::Invalid(_),
            ) => Self::Usage,
            _ if error.is::<Usage>() => Self::Usage,
            _ => Self::Failure,
        }
    }
}

/// A request that the grammar lets pass and that still can't be meant.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The error as programs read it.
pub(crate) fn to_json(error: &anyhow::Error) -> serde_json::Value {
    let known = error.downcast_ref::<Error>();
    let fields: &[FieldError] = match known {
        Some(Error::Invalid(errors)) => errors,
        _ => &[],
    };
    let code = match known {
        Some(error) => error.code(),
        None if error.is::<Usage>() => "USAGE",
        None => "FAILURE",
    };
    serde_json::json!({ "error": { "code": code, "message": format!("{error:#}"), "errors": fields } })
}
