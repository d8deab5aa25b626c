//! Errors of an application's own code: of actions, rules and hooks.

use std::fmt;

use powercrud_db::FieldError;

use crate::names::FieldName;

/// An error of an application's own code. An action for each record ([`super::Action::for_each`]) returns it for a record that it failed on, a rule
/// ([`crate::validate`]) for a record that it refuses, a hook ([`crate::chunk_hook`]) for a chunk.
///
/// Any other error converts into it by `?`. Errors of the database are reported as for any other bulk operation, and transient ones such as deadlocks
/// let the chunk be tried again.
pub struct AppError {
    pub(crate) reason: Reason,
}

pub(crate) enum Reason {
    Record(FieldError),
    Database(powercrud_db::Error),
}

/// The code of an error that brought none.
const FAILED: &str = "ACTION_FAILED";

impl AppError {
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

impl<E: std::error::Error + Send + Sync + 'static> From<E> for AppError {
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

impl fmt::Debug for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Record(error) => error.fmt(f),
            Reason::Database(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Record(error) => error.fmt(f),
            Reason::Database(error) => error.fmt(f),
        }
    }
}
