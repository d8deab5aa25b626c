//! Why an application's code can't do something to a record, or let it be.

use std::fmt;

use powercrud_db::FieldError;

use crate::names::FieldName;

/// Why an action could not be done: to one record, where [`super::Action::for_each`] returns it. So do rules
/// ([`crate::validate`]) of records that they refuse, and hooks ([`crate::chunk_hook`]) of chunks.
///
/// Any error becomes one by `?`. What the database refused is told as for any other bulk operation, and passing faults such as deadlocks
/// let the chunk be tried again.
pub struct ActionError {
    pub(crate) reason: Reason,
}

pub(crate) enum Reason {
    Record(FieldError),
    Database(powercrud_db::Error),
}

/// The code of an error that brought none.
const FAILED: &str = "ACTION_FAILED";

impl ActionError {
    /// An error with an UPPER_SNAKE word for programs and a message for people, to follow the record's or field's name.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: Reason::Record(FieldError { field: None, code: code.into(), message: message.into() }) }
    }

    /// An error with a message for people.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(FAILED, message.to_string())
    }

    /// The field that it is about.
    #[must_use]
    pub fn field<M>(mut self, field: impl FieldName<M>) -> Self {
        if let Reason::Record(error) = &mut self.reason {
            error.field = Some(field.field_name());
        }
        self
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for ActionError {
    fn from(error: E) -> Self {
        let error: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
        let reason = match error.downcast::<sea_orm::DbErr>() {
            Ok(error) => Reason::Database((*error).into()),
            Err(error) => match error.downcast::<powercrud_db::Error>() {
                Ok(error) => Reason::Database(*error),
                Err(error) => return Self::failed(error),
            },
        };
        Self { reason }
    }
}

impl fmt::Debug for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Record(error) => error.fmt(f),
            Reason::Database(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Record(error) => error.fmt(f),
            Reason::Database(error) => error.fmt(f),
        }
    }
}
