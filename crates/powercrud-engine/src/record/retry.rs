//! Refusals that should pass: a write is tried again, and what does not pass by that is its record's own error. A trigger may raise the
//! code of a deadlock as any other, each time. A write that the database ended because it took too long would do so again.

use std::time::{Duration, Instant};

use crate::{
    engine::Engine,
    error::{Error, Result},
    faults::record_fault,
    resource::Resource,
    retry::{nobody, retry},
};
use powercrud_db::Fault;

/// So long a write is tried again, and at least so often. Whom one try kept waiting as long, for a lock, is told that the database is busy.
const RETRY_FOR: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);
const FEWEST: u32 = 3;

/// Tries a write until it is done, is refused for good, or has been refused for long.
///
/// # Errors
/// The last try's; as the record's own where it is one that does not pass.
pub(super) async fn retry_refused<T, W: Future<Output = Result<T>>>(
    engine: &Engine,
    resource: &Resource,
    write: impl FnMut() -> W,
) -> Result<T> {
    let is_refused =
        |fault: &Fault| !fault.is_interrupted() && fault.is_refusal() && engine.database().dialect().is_remote();
    let since = Instant::now();
    // When the try that is under way began.
    let (mut began, mut tries) = (since, 0);
    let pause = |error: &Error, tried_again| {
        tries = tried_again + 1;
        let waited = began.elapsed() >= RETRY_FOR;
        began = Instant::now() + PAUSE;
        let may_pass = matches!(error, Error::Database(fault) if is_refused(fault));
        (may_pass && (since.elapsed() < RETRY_FOR || (tries < FEWEST && !waited))).then_some(PAUSE)
    };
    let result = retry(pause, nobody, write).await;
    let of_record = |fault| Error::Invalid(vec![record_fault(resource, &fault, &[])]);
    match result {
        Err(Error::Database(fault)) if fault.is_interrupted() => Err(of_record(*fault)),
        Err(Error::Database(fault)) if is_refused(&fault) && tries >= FEWEST => {
            Err(of_record(fault.of_transaction_that_goes_on()))
        }
        result => result,
    }
}
