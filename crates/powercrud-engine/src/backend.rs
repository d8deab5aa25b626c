//! What brings a task's id to a worker. The `powercrud_bulk_task` row is the queue and the only truth: a backend may lose, repeat or
//! delay an id, and the row still waits for whoever looks next.

mod database;
mod in_process;
#[cfg(feature = "redis")]
mod redis;
mod status;

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use crate::engine::{Backend, Listener};
use crate::{config::Settings, engine::Engine, error::Result, heartbeat, task::BulkTask};
pub use database::Database;
pub use in_process::InProcess;
#[cfg(feature = "redis")]
pub use redis::Redis;
pub use status::{BackendStatus, status};

/// The backends that settings alone name; what is wrong with them joins `mistakes`. Redis is connected to when it is first needed.
#[must_use]
pub fn configured(settings: &Settings, mistakes: &mut Vec<String>) -> Vec<Arc<dyn Backend>> {
    #[cfg(not(feature = "celery"))]
    if let Some(url) = &settings.celery_broker_url {
        mistakes.push(format!(
            "celery_broker_url: {url:?} can't be used; this program was built without its feature `celery`"
        ));
    }
    let Some(url) = &settings.redis_url else { return Vec::new() };
    #[cfg(feature = "redis")]
    match Redis::new(url.reveal(), &settings.redis_channel) {
        Ok(redis) => return vec![Arc::new(redis)],
        Err(mistake) => mistakes.push(format!("redis_url, redis_channel: {mistake}")),
    }
    #[cfg(not(feature = "redis"))]
    mistakes.push(format!("redis_url: {url:?} can't be used; this program was built without its feature `redis`"));
    Vec::new()
}

/// A backend that takes longer to be told of a task is told of it beside the request.
const PASSES_WITHIN: Duration = Duration::from_millis(250);

/// Tells workers of a task that was committed; returns whether any worker that takes it sent a heartbeat lately.
pub(crate) async fn dispatch(engine: &Engine, task: &BulkTask) -> Result<bool> {
    engine.wake_up().notify_one();
    let name = engine.resource(&task.resource).map_or(Database::NAME, |resource| resource.backend());
    let own = engine.backends().iter().find(|backend| backend.name() == name).cloned();
    let backend: Arc<dyn Backend> = match own {
        Some(backend) => backend,
        None if name == InProcess::NAME => Arc::new(InProcess),
        None => Arc::new(Database),
    };
    let (told, task_id) = (engine.clone(), task.id);
    let passing = tokio::spawn(async move {
        let name = backend.name();
        if let Err(error) = backend.dispatch(&told, task_id).await {
            tracing::warn!(%task_id, backend = name, error, "workers could not be told of a task; they find it when they look");
        }
    });
    // A broker that hangs keeps nobody waiting who has asked for a task.
    let _ = tokio::time::timeout(PASSES_WITHIN, passing).await;
    let alive = heartbeat::any_alive_for(engine, name).await?;
    if !alive {
        tracing::warn!(task_id = %task.id, "no worker is running: the task waits in the database");
    }
    Ok(alive)
}

/// Wakes the workers of this process whenever one of its backends says that there may be something to do, until `stop` is cancelled.
pub(crate) fn listen(engine: &Engine, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
    let all = engine.backends().iter().cloned().chain([Arc::new(Database) as Arc<dyn Backend>]);
    let each = |backend| tokio::spawn(listen_to(engine.clone(), backend, stop.clone()));
    all.map(each).collect()
}

async fn listen_to(engine: Engine, backend: Arc<dyn Backend>, stop: CancellationToken) {
    let listening = async {
        // A broker that stays away is told of once.
        let mut is_told = false;
        loop {
            let ended = match backend.listen(&engine).await {
                Ok(mut listener) => {
                    if std::mem::take(&mut is_told) {
                        tracing::info!(backend = backend.name(), "new tasks are heard of again");
                    }
                    // What was dispatched before anybody listened.
                    engine.wake_up().notify_one();
                    loop {
                        match listener.heard().await {
                            Ok(()) => engine.wake_up().notify_one(),
                            Err(error) => break error,
                        }
                    }
                }
                Err(error) => error,
            };
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(
                    backend = backend.name(),
                    error = ended,
                    "new tasks are not heard of; they are found by looking"
                );
            }
            tokio::time::sleep(engine.settings().poll_interval).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = listening => {}
    }
}
