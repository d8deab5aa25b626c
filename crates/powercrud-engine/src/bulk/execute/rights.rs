//! A task is carried out with the rights that whoever asked for it has today, not with those of the day.

use std::sync::Arc;

use super::{Execution, StopReason};
use crate::{
    bulk::operation::{self, Operation},
    engine::{Engine, WhoIs},
    error::{Error, Result},
    query,
    resource::Resource,
    task::BulkTask,
    user::User,
};

/// The engine as whoever asked for the task sees it.
///
/// # Errors
/// [`Error::NotAllowed`] where that is nobody any more, and had rights that could be taken away.
pub(super) async fn of_task(engine: &Engine, task: &BulkTask) -> Result<Engine> {
    let Some(id) = &task.user_id else { return Ok(engine.for_everybody()) };
    // As they were when it was asked for; a row that can't be read gives none.
    let then = User::new(id, task.user_name.as_deref().unwrap_or(id));
    let then = match &task.user_access {
        Some(kept) => then.clone().with_kept(kept).unwrap_or_else(|| then.role("")),
        None => then,
    };
    match engine.who_is(id).await? {
        WhoIs::User(user) => Ok(engine.for_user(&user)),
        WhoIs::Unknown => Ok(engine.for_user(&then)),
        WhoIs::Nobody if !engine.policy().restricts(&then) => Ok(engine.for_user(&then)),
        WhoIs::Nobody => Err(Error::NotAllowed("stopped, because who started it is no user here any more".to_owned())),
    }
}

/// Whether an error says that what is asked for is not allowed, rather than that something went wrong.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::Forbidden(_)
            | Error::NotAllowed(_)
            | Error::Invalid(_)
            | Error::UnknownResource { .. }
            | Error::ReadOnly { .. }
    )
}

/// Why a task ends, for whoever reads it: that need not be the one whose rights went. `engine` is everybody's.
pub(super) fn denied(engine: &Engine, error: &Error) -> String {
    match error {
        Error::Forbidden(what) => format!("stopped, because who started it may not {what} any more"),
        Error::UnknownResource { name, .. } if engine.resource(name).is_ok() => {
            format!("stopped, because who started it may not see {name} any more")
        }
        error => error.to_string(),
    }
}

impl Execution<'_> {
    /// Asks again what whoever asked for the task may do, before a chunk.
    pub(super) async fn ask_again(&mut self) -> Result<Option<StopReason>> {
        // Who waits for the answer was asked about a moment ago.
        if self.task.user_id.is_none() || self.lease.answers {
            return Ok(None);
        }
        let now = match of_task(self.engine, &self.task).await {
            Ok(now) if now.viewer() != self.seen.viewer() => return Err(Error::RightsChanged),
            Ok(now) => now.asked_anew(),
            Err(error) if is_refusal(&error) => return Ok(Some(StopReason::Denied(denied(self.engine, &error)))),
            Err(error) => return Err(error),
        };
        if now.viewer().is_none() {
            return Ok(None);
        }
        let checked = async {
            let resource = Arc::clone(now.resource(&self.task.resource)?);
            let operation = operation::of_task(&resource, &self.task)?;
            require_references(&now, &resource, &*operation).await?;
            Ok((resource, operation))
        };
        match checked.await {
            Ok((resource, operation)) => (self.resource, self.operation) = (resource, operation),
            Err(error) if is_refusal(&error) => return Ok(Some(StopReason::Denied(denied(self.engine, &error)))),
            Err(error) => return Err(error),
        }
        self.seen = now;
        Ok(None)
    }
}

/// Refuses changes that refer to records that there are not for the user (any more).
pub(super) async fn require_references(engine: &Engine, resource: &Resource, operation: &dyn Operation) -> Result<()> {
    let Some(changes) = operation.changes() else { return Ok(()) };
    let is_part = |name: &str| {
        let reference = resource.field(name).and_then(|field| field.reference.as_ref());
        reference.is_some_and(|reference| reference.table.scope.is_some())
    };
    let changes: Vec<_> = changes.fields.iter().filter(|change| is_part(&change.field)).cloned().collect();
    let errors = query::lost_references(engine, resource, &changes).await?;
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}
