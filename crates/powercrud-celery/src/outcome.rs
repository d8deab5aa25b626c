//! How a task ends.

use serde_json::{Value, json};

/// How a handler's work on a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Well, with what the caller is told.
    Success(Value),
    /// Badly.
    Failure(Failure),
    /// It was revoked, and stopped.
    Revoked,
}

/// Why a task failed, as the exception that Python's caller gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The exception's class, such as `ValueError`.
    pub kind: String,
    /// The module of that class. Where Python does not know it, Celery makes a class of that name.
    pub module: String,
    /// In words.
    pub message: String,
    /// More arguments of the exception.
    pub details: Vec<Value>,
}

impl Failure {
    /// Of a class that Python has, such as `ValueError`.
    pub fn builtin(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), module: "builtins".to_owned(), message: message.into(), details: Vec::new() }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut arguments = vec![json!(self.message)];
        arguments.extend(self.details.iter().cloned());
        json!({"exc_type": self.kind, "exc_message": arguments, "exc_module": self.module})
    }

    /// As Python shows it.
    pub(crate) fn repr(&self) -> String {
        format!("{}({})", self.kind, crate::repr::repr(&json!(self.message)))
    }
}
