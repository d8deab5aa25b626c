//! A worker's hold on its task while it works: the lease renewed at a third of its length.

use std::time::Instant;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::ending::end_was_applied;
use crate::{
    engine::Engine,
    task::store::{self, Lease},
};

/// Renews the lease while the guard lives, and says so when it is lost.
pub(super) fn start(engine: &Engine, lease: Lease, lost: CancellationToken) -> DropGuard {
    let engine = engine.clone();
    let done = CancellationToken::new();
    let ended = done.clone();
    tokio::spawn(async move {
        let lasts = engine.settings().lease;
        let mut interval = tokio::time::interval(lasts / 3);
        interval.tick().await;
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                _ = interval.tick() => {}
            }
            match tokio::time::timeout(lasts / 3, store::renew(&engine, &lease)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                // The task has ended, or stopped, a moment ago: it is this worker that has written so.
                Ok(Ok(false)) if end_was_applied(&engine, lease).await => return,
                Ok(Ok(false)) => return lost.cancel(),
                // A database that is away for a moment, or, where there is one writer, this task's own transaction: the checkpoint
                // decides.
                Ok(Err(error)) => tracing::debug!(%error, "the lease could not be renewed"),
                Err(_) => tracing::debug!("the lease could not be renewed in time"),
            }
            if renewed.elapsed() > lasts && engine.database().dialect().is_remote() {
                return lost.cancel();
            }
        }
    });
    done.drop_guard()
}
