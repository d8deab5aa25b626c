//! A bulk operation that an application's own code has submitted, and what waits for its end.

use std::{fmt, ops::Deref, time::Duration};

use super::Answer;
use crate::{
    engine::Engine,
    error::Result,
    status::Status,
    task::{BulkTask, store},
};

/// How often the task's row is looked at, at first and later.
const LOOKS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];

/// A bulk operation that was submitted: how it was answered, which it derefs to.
#[must_use = "`wait` waits for the end"]
pub struct Submission {
    pub(super) engine: Engine,
    pub(super) answer: Answer,
}

impl Submission {
    /// The task once it has ended, or once it was paused. It waits for as long as no worker takes the task.
    ///
    /// # Errors
    /// The database's; the task goes on then. [`Error::TaskNotFound`](crate::error::Error::TaskNotFound) where the task was deleted meanwhile.
    pub async fn wait(&self) -> Result<BulkTask> {
        self.answer.wait(&self.engine).await
    }

    /// How it was answered.
    pub fn into_answer(self) -> Answer {
        self.answer
    }
}

impl Deref for Submission {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        &self.answer
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.answer.fmt(f)
    }
}

impl Answer {
    /// As [`Submission::wait`], for what [`run`](super::run), [`retry`](super::retry) and [`revert`](super::revert()) answered.
    ///
    /// # Errors
    /// Those of [`Submission::wait`].
    pub async fn wait(&self, engine: &Engine) -> Result<BulkTask> {
        let [mut pause, longest] = LOOKS;
        loop {
            let task = store::load(engine, self.task().id).await?;
            if task.status.is_final() || task.status == Status::Paused {
                return Ok(task);
            }
            tokio::time::sleep(pause).await;
            pause = Ord::min(pause * 2, longest);
        }
    }
}
