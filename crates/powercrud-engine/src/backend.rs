//! What brings a task's id to a worker. The `powercrud_bulk_task` row is the queue and the only truth: a backend may lose, repeat or
//! delay an id, and the row still waits for whoever looks next.

mod database;

use uuid::Uuid;

pub(crate) use database::Listener;

use crate::{engine::Engine, error::Result, worker};

/// Tells workers of a task that was committed; returns whether any worker showed a sign of life lately.
pub(crate) async fn dispatch(engine: &Engine, task_id: Uuid) -> Result<bool> {
    engine.bell().notify_one();
    database::notify(engine, task_id).await;
    let alive = worker::any_alive(engine).await?;
    if !alive {
        tracing::warn!(%task_id, "no worker is running: the task waits in the database");
    }
    Ok(alive)
}
