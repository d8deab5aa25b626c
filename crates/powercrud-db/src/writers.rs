//! Who writes, where only one can.
//!
//! SQLite has one writer at a time. Who waits for it within SQLite sleeps for longer and longer, holds a connection, and may be overtaken
//! by any number of others; so writers of this process wait here, in order, before they take a connection. Those of other processes
//! wait as SQLite has it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    dialect::Dialect,
    error::{Error, Result},
    fault::Fault,
};

/// How long a writer waits, here or within SQLite.
pub(crate) const BUSY: Duration = Duration::from_secs(30);

/// Whose turn it is to write, where only one can.
#[derive(Clone, Debug)]
pub(crate) struct Writers(Option<Arc<Semaphore>>);

impl Writers {
    pub(crate) fn of(dialect: Dialect) -> Self {
        Self((dialect == Dialect::Sqlite).then(|| Arc::new(Semaphore::new(1))))
    }

    /// Waits for the turn; `None` where nobody needs one.
    pub(crate) async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(one) = &self.0 else { return Ok(None) };
        match tokio::time::timeout(BUSY, Arc::clone(one).acquire_owned()).await {
            Ok(turn) => Ok(Some(turn.map_err(|error| Error::Unexpected(error.to_string()))?)),
            Err(_) => Err(Fault::busy().into()),
        }
    }
}
