//! What can go wrong between us and the database.

use std::fmt;

use crate::fault::Fault;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure of this crate's functions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database can't be reached or refuses us. `url` has its password masked.
    #[error("can't connect to {url}: {reason}")]
    Connection {
        /// The address, password masked.
        url: String,
        /// What the driver said, in short.
        reason: String,
    },
    /// The database refused or failed a statement.
    #[error("{}", .0.message)]
    Database(Box<Fault>),
    /// The database answered what it never should.
    #[error("{0}")]
    Unexpected(String),
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Fault::classify(&error).into()
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Database(Box::new(fault))
    }
}

/// One thing wrong with one field of a request or a record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field, where the fault can be pinned to one.
    pub field: Option<String>,
    /// A stable UPPER_SNAKE word for programs, such as `NOT_NULL` or `INVALID_CHOICE`.
    pub code: String,
    /// What was wrong and what is allowed, for people.
    pub message: String,
}

impl FieldError {
    /// An error at `field`.
    pub fn new(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), code: code.to_owned(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
