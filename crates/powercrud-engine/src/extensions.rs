//! The rules and hooks of an application, and how they are called: what they raise is told, a panic too.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use powercrud_db::{Error, Fault, FieldError};

use crate::{
    action::{AppError, Reason},
    chunk_hook::{ChunkHook, ChunkOfTask},
    validate::{ChangedRecord, PlannedOperation, Validate},
};

/// What an application adds to what is done to records: of one resource, or of all.
#[derive(Clone, Default)]
pub(crate) struct Extensions {
    pub(crate) rules: Vec<Arc<dyn Validate>>,
    pub(crate) chunk_hooks: Vec<Arc<dyn ChunkHook>>,
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rules, hooks) = (self.rules.len(), self.chunk_hooks.len());
        f.debug_struct("Extensions").field("rules", &rules).field("chunk_hooks", &hooks).finish()
    }
}

impl Extensions {
    /// These and those, in this order.
    pub(crate) fn and(&self, others: &Self) -> Self {
        let mut all = self.clone();
        all.rules.extend(others.rules.iter().cloned());
        all.chunk_hooks.extend(others.chunk_hooks.iter().cloned());
        all
    }

    /// What the rules have against a plan.
    pub(crate) async fn refuse_plan(&self, plan: &PlannedOperation<'_>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for rule in &self.rules {
            match caught(|| rule.plan(plan)).await {
                Ok(Ok(())) => {}
                Ok(Err(refused)) if !refused.is_empty() => errors.extend(refused),
                // Refused all the same.
                Ok(Err(_)) => errors.push(without_field("REFUSED", "a rule of the application refuses it")),
                Err(Panicked) => errors.push(without_field(RULE_PANICKED, "a rule of the application panicked")),
            }
        }
        errors
    }

    /// What the rules have against a record.
    ///
    /// # Errors
    /// The database's, by which the transaction may have ended.
    pub(crate) async fn refuse_record(&self, record: &ChangedRecord<'_>) -> Result<Vec<FieldError>, Error> {
        let mut errors = Vec::new();
        for rule in &self.rules {
            match caught(|| rule.record(record)).await {
                Ok(Ok(())) => {}
                Ok(Err(AppError { reason: Reason::Record(error) })) => errors.push(error),
                Ok(Err(AppError { reason: Reason::Database(error) })) => return Err(error),
                Err(Panicked) => errors.push(without_field(RULE_PANICKED, "a rule of the application panicked")),
            }
        }
        Ok(errors)
    }

    pub(crate) async fn before_chunk(&self, chunk: &ChunkOfTask<'_>) -> Result<(), Error> {
        for hook in &self.chunk_hooks {
            told(caught(|| hook.before(chunk)).await)?;
        }
        Ok(())
    }

    pub(crate) async fn after_chunk(&self, chunk: &ChunkOfTask<'_>) -> Result<(), Error> {
        for hook in &self.chunk_hooks {
            told(caught(|| hook.after(chunk)).await)?;
        }
        Ok(())
    }
}

const RULE_PANICKED: &str = "RULE_PANICKED";

/// Code of the application panicked, in making its future or in that.
struct Panicked;

async fn caught<'a, T>(call: impl FnOnce() -> BoxFuture<'a, T>) -> Result<T, Panicked> {
    let called = catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)?;
    AssertUnwindSafe(called).catch_unwind().await.map_err(|_| Panicked)
}

/// What a hook raised, as the fault of its chunk.
fn told(called: Result<Result<(), AppError>, Panicked>) -> Result<(), Error> {
    let (code, message) = match called {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(AppError { reason: Reason::Database(error) })) => return Err(error),
        Ok(Err(AppError { reason: Reason::Record(error) })) => ("HOOK_FAILED", error.message),
        Err(Panicked) => ("HOOK_PANICKED", "its code panicked".to_owned()),
    };
    let message = format!("a hook of the application: {message}");
    Err(Fault { field: None, ..Fault::of_all(code, "", message) }.into())
}

fn without_field(code: &str, message: &str) -> FieldError {
    FieldError { field: None, code: code.to_owned(), message: message.to_owned() }
}
