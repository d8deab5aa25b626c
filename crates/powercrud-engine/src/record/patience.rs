//! Refusals that should pass: a write is tried again, and what does not pass by that is its record's own error. A trigger may raise the
//! code of a deadlock as any other, each time.

use std::time::{Duration, Instant};

use crate::{
    engine::Engine,
    error::{Error, Result},
    resource::Resource,
};

/// So long a write is tried again, so often. Who has waited that long for a lock alone is told that the database is busy.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);
const FEWEST: u32 = 3;

/// The tries of one write.
pub(super) struct Patience {
    since: Instant,
    tries: u32,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), tries: 0 }
    }

    /// What is told of a try that ended so; `None`: another is worth it.
    pub(super) async fn end<T>(
        &mut self,
        engine: &Engine,
        resource: &Resource,
        result: Result<T>,
    ) -> Option<Result<T>> {
        let fault = match result {
            Err(Error::Database(fault)) if fault.is_refusal() && engine.database().dialect().is_remote() => fault,
            result => return Some(result),
        };
        self.tries += 1;
        if self.since.elapsed() < PATIENCE {
            tokio::time::sleep(PAUSE).await;
            return None;
        }
        if self.tries < FEWEST {
            return Some(Err(Error::Database(fault)));
        }
        let fault = fault.of_transaction_that_goes_on();
        Some(Err(Error::Invalid(vec![crate::bulk::record_fault(resource, &fault, &[])])))
    }
}
