//! A walk begins with tables as they are, and begins anew with those that there are then where they change on the way.

use tokio_util::sync::CancellationToken;

use super::{Execution, attempts, ending::end, rights};
use crate::{
    bulk::{chunk::Known, is_all_or_nothing},
    engine::Engine,
    error::{Error, Result},
    task::{
        BulkTask,
        store::{self, Lease},
    },
};

/// Who finds other tables so often in one walk leaves the task to a later attempt.
const MOST_CHANGES: u32 = 5;

pub(super) async fn walk(
    engine: &Engine,
    lease: Lease,
    mut task: BulkTask,
    stop: &CancellationToken,
    lost: &CancellationToken,
) -> Result<BulkTask> {
    if let Some(message) = attempts::exhausted(engine, &task) {
        return end(engine, lease, task, Some(message)).await;
    }
    let mut known = engine.clone();
    let mut changes = 0;
    loop {
        let seen = match rights::of_task(&known, &task).await {
            Err(error @ Error::NotAllowed(_)) => return end(engine, lease, task, Some(error.to_string())).await,
            seen => seen?,
        };
        match walk_known(&known, &seen, lease, task.clone(), stop, lost).await {
            Err(Error::RightsChanged) if changes < MOST_CHANGES => {
                changes += 1;
                task = store::load(&known, task.id).await?;
            }
            Err(Error::TablesChanged(table)) if changes < MOST_CHANGES => {
                tracing::debug!(table, "a table changed under a bulk task; it goes on with what is there now");
                changes += 1;
                known.reload_after_error().await?;
                known = known.clone();
                task = store::load(&known, task.id).await?;
            }
            result => return result,
        }
    }
}

/// The walk over tables as `engine` knows them; fails by [`Error::TablesChanged`] where they are not so.
async fn walk_known(
    engine: &Engine,
    seen: &Engine,
    lease: Lease,
    task: BulkTask,
    stop: &CancellationToken,
    lost: &CancellationToken,
) -> Result<BulkTask> {
    let newer;
    let run = match Execution::new(engine, seen.clone(), lease, task.clone(), stop, lost) {
        // The tables, or what the role may do with them, may have changed since they were read here.
        Err(_) if engine.reload_catalog().await.unwrap_or(false) => {
            newer = engine.clone();
            Execution::new(&newer, seen.clone(), lease, task.clone(), stop, lost)
        }
        run => run,
    };
    let mut run = match run {
        Ok(run) => run,
        // The resource or a field is gone since the task was submitted.
        Err(error) => return end(engine, lease, task, Some(rights::denied(engine, &error))).await,
    };
    if let Err(error) = rights::require_references(&run.seen, &run.resource, &*run.operation).await {
        return match error {
            Error::Invalid(_) => end(engine, lease, task, Some(error.to_string())).await,
            error => Err(error),
        };
    }
    // What was submitted a moment ago by the same process was looked at then.
    if !lease.answers {
        run.engine.require_unchanged(run.engine.database().connection(), &run.tables()).await?;
    }
    run.known = Known::ask(engine, &run.resource, &*run.operation).await;
    let walk =
        async { if is_all_or_nothing(&run.task) { run.all_or_nothing().await } else { run.chunk_by_chunk().await } };
    tokio::select! {
        biased;
        result = walk => result,
        () = lost.cancelled() => Err(lease.lost(engine)),
    }
}
