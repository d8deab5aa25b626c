//! Workers: they claim tasks and carry them out, several at once, in as many processes as there are.

use std::time::Duration;

use tokio::{
    sync::{Notify, Semaphore},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    audit, backend, bulk,
    engine::Engine,
    error::Result,
    heartbeat, lock, notify,
    task::{
        BulkTask, keeping,
        store::{self, Only},
    },
};
use powercrud_db::with_timeout;

/// A task is begun with a catalog that is no older.
const CATALOG_AGE: Duration = Duration::from_secs(2);

/// Claims and carries out bulk tasks until it is told to stop.
pub struct Worker {
    engine: Engine,
    id: Uuid,
    concurrency: usize,
    /// The backend whose tasks alone it takes.
    backend: Option<&'static str>,
}

impl Engine {
    /// A worker of this process, as many tasks at a time as the settings say.
    pub fn worker(&self) -> Worker {
        let concurrency = self.settings().concurrency.max(1);
        Worker { engine: self.for_everybody(), id: Uuid::new_v4(), concurrency, backend: None }
    }
}

impl Worker {
    /// Runs so many tasks at a time.
    #[must_use]
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks.max(1);
        self
    }

    /// Takes tasks of that backend alone, and is woken by nothing but [`crate::backend::InProcess`].
    pub(crate) fn of_backend(mut self, backend: &'static str) -> Self {
        self.backend = Some(backend);
        self
    }

    /// What wakes it.
    fn wake_up(&self) -> &Notify {
        if self.backend.is_some() { &self.engine.embedded().wake_up } else { self.engine.wake_up() }
    }

    /// Works until `stop` is cancelled. Then each running task finishes its chunk and is given back, and another worker goes on.
    ///
    /// # Errors
    /// Only where the worker can't register at its start; later faults of the database are logged and waited out.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        heartbeat::send(&self.engine, self.id, self.backend).await?;
        let life = self.spawn_heartbeat(stop.clone());
        let maintenance = self.spawn_maintenance();
        let notices = self.deliver_notices(stop.clone());
        let listeners = if self.backend.is_none() { backend::listen(&self.engine, &stop) } else { Vec::new() };
        let only = self.backend.map_or(Only::Known, Only::Backend);
        let free = std::sync::Arc::new(Semaphore::new(self.concurrency));
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            let permit = tokio::select! {
                // First, or what was just given back is taken once more.
                biased;
                () = stop.cancelled() => break,
                permit = std::sync::Arc::clone(&free).acquire_owned() => permit,
            };
            // A clone knows the tables as they were read last, so that tasks on new ones are taken too.
            let known = self.engine.clone();
            match with_timeout(store::claim(&known, self.id, only)).await {
                Ok(Some((lease, task))) => {
                    let (engine, stop) = (self.engine.clone(), stop.clone());
                    running.spawn(async move {
                        if let Err(error) = engine.reload_where_older(CATALOG_AGE).await {
                            tracing::debug!(%error, "the catalog can't be read again");
                        }
                        let (engine, id) = (engine.clone(), task.id);
                        if let Err(error) = bulk::execute(&engine, lease, task, &stop).await {
                            tracing::warn!(task_id = %id, %error, "a bulk task was interrupted; it resumes when its lease lapses, unless too many attempts got no further");
                        }
                        drop(permit);
                    });
                    continue;
                }
                // A wait that began while its obstacle ended is seen here at the latest.
                Ok(None) => match with_timeout(lock::unblock(&self.engine, None)).await {
                    Ok(0) => {}
                    Ok(_) => continue,
                    Err(error) => tracing::debug!(%error, "waiting tasks could not be looked at"),
                },
                Err(error) => tracing::warn!(%error, "the worker can't look for tasks; trying again"),
            }
            drop(permit);
            while running.try_join_next().is_some() {}
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake_up().notified() => {}
                () = tokio::time::sleep(self.engine.settings().poll_interval) => {}
            }
        }
        while running.join_next().await.is_some() {}
        listeners.iter().for_each(JoinHandle::abort);
        life.abort();
        maintenance.abort();
        if let Err(error) = notices.await {
            tracing::warn!(%error, "the delivery of notices ended badly");
        }
        heartbeat::sign_off(&self.engine, self.id).await;
        Ok(())
    }

    /// Carries out one task, if nobody else has it, and returns how it stands.
    pub async fn run_task(&self, task_id: Uuid, stop: &CancellationToken) -> Result<BulkTask> {
        match store::claim(&self.engine, self.id, Only::Task(task_id)).await? {
            Some((lease, task)) => bulk::execute(&self.engine, lease, task, stop).await,
            None => store::load(&self.engine, task_id).await,
        }
    }

    /// Carries out the next task that is ready, or that waits for nothing any more, and returns how it stands; `None` where there is none.
    #[cfg(feature = "testing")]
    pub async fn run_next(&self, stop: &CancellationToken) -> Result<Option<BulkTask>> {
        let mut claimed = store::claim(&self.engine, self.id, Only::Known).await?;
        if claimed.is_none() && lock::unblock(&self.engine, None).await? > 0 {
            claimed = store::claim(&self.engine, self.id, Only::Known).await?;
        }
        let Some((lease, task)) = claimed else { return Ok(None) };
        bulk::execute(&self.engine, lease, task, stop).await.map(Some)
    }

    fn spawn_heartbeat(&self, stop: CancellationToken) -> JoinHandle<()> {
        let (engine, id, backend) = (self.engine.clone(), self.id, self.backend);
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                tokio::time::sleep(heartbeat::INTERVAL).await;
                if let Err(error) = with_timeout(heartbeat::send(&engine, id, backend)).await {
                    tracing::debug!(%error, "the worker's heartbeat could not be written");
                }
            }
        })
    }

    /// Delivers notices beside the tasks, which never wait for that.
    fn deliver_notices(&self, stop: CancellationToken) -> JoinHandle<()> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.keep_delivering_notices(stop).await })
    }

    /// Purges old results now and then.
    fn spawn_maintenance(&self) -> JoinHandle<()> {
        let engine = self.engine.clone();
        tokio::spawn(async move {
            loop {
                match keeping::purge_results(&engine).await {
                    Ok(0) => {}
                    Ok(tasks) => tracing::info!(tasks, "results of old bulk tasks were purged"),
                    Err(error) => tracing::warn!(%error, "old results can't be purged; trying again later"),
                }
                if let Err(error) = bulk::purge(&engine).await {
                    tracing::warn!(%error, "former values that were kept too long can't be purged; trying again later");
                }
                match notify::give_up_forgotten(&engine).await {
                    Ok(0) => {}
                    Ok(notices) => {
                        tracing::warn!(notices, "notices were given up: nobody had the means to deliver them")
                    }
                    Err(error) => tracing::warn!(%error, "old notices can't be given up; trying again later"),
                }
                if let Err(error) = bulk::key_ranges::note_missing(&engine, None, u64::MAX).await {
                    tracing::warn!(%error, "where old tasks' records lie can't be noted; trying again later");
                }
                if let Err(error) = heartbeat::forget_dead(&engine).await {
                    tracing::warn!(%error, "dead workers can't be forgotten; trying again later");
                }
                if let Err(error) = audit::purge(&engine).await {
                    tracing::warn!(%error, "the old audit trail can't be purged; trying again later");
                }
                tokio::time::sleep(keeping::INTERVAL).await;
            }
        })
    }
}
