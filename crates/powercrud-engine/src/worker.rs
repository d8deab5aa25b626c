//! Workers: they claim tasks and carry them out, several at once, in as many processes as there are.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    audit,
    backend::Listener,
    bulk,
    engine::Engine,
    error::Result,
    lock, notify,
    own::tables,
    task::{BulkTask, keeping, store},
};
use powercrud_db::{QueryExt as _, with_timeout};

/// How often a worker shows a sign of life, and after how many missed ones it counts as dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// A task is begun with a catalog that is no older.
const CATALOG_AGE: Duration = Duration::from_secs(2);
const MISSED_SIGNS: i64 = 3;

/// For how many milliseconds it is remembered that a worker died: a week.
const DEAD_ARE_KEPT: i64 = 7 * 24 * 60 * 60 * 1000;

/// Claims and carries out bulk tasks until it is told to stop.
pub struct Worker {
    engine: Engine,
    id: Uuid,
    concurrency: usize,
}

/// What is known of a worker. Moments are milliseconds since 1970 UTC.
#[derive(Clone, Debug, serde::Serialize)]
pub struct WorkerInfo {
    /// Random for each start of a process.
    pub id: Uuid,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: i64,
    /// When it started.
    pub started_at: i64,
    /// Its last sign of life.
    pub last_seen_at: i64,
    /// Whether that was lately, by the database's clock.
    pub is_alive: bool,
}

impl Engine {
    /// A worker of this process, as many tasks at a time as the settings say.
    pub fn worker(&self) -> Worker {
        Worker { engine: self.clone(), id: Uuid::new_v4(), concurrency: self.settings().concurrency.max(1) }
    }
}

impl Worker {
    /// Runs so many tasks at a time.
    #[must_use]
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks.max(1);
        self
    }

    /// Works until `stop` is cancelled. Then each running task finishes its chunk and is given back, and another worker goes on.
    ///
    /// # Errors
    /// Only where the worker can't register at its start; later faults of the database are logged and waited out.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        self.show_life().await?;
        let life = self.keep_showing_life(stop.clone());
        let housekeeping = self.keep_house();
        let notices = self.deliver_notices(stop.clone());
        let mut listener = Listener::start(&self.engine).await;
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
            match with_timeout(store::claim(&known, self.id, None)).await {
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
                () = self.engine.bell().notified() => {}
                () = listener.heard() => {}
                () = tokio::time::sleep(self.engine.settings().poll_interval) => {}
            }
        }
        while running.join_next().await.is_some() {}
        life.abort();
        housekeeping.abort();
        if let Err(error) = notices.await {
            tracing::warn!(%error, "the delivery of notices ended badly");
        }
        self.sign_off().await;
        Ok(())
    }

    /// Carries out one task, if nobody else has it, and returns how it stands.
    pub async fn run_task(&self, task_id: Uuid, stop: &CancellationToken) -> Result<BulkTask> {
        match store::claim(&self.engine, self.id, Some(task_id)).await? {
            Some((lease, task)) => bulk::execute(&self.engine, lease, task, stop).await,
            None => store::load(&self.engine, task_id).await,
        }
    }

    fn keep_showing_life(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let worker = Self { engine: self.engine.clone(), id: self.id, concurrency: self.concurrency };
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                tokio::time::sleep(SIGN_OF_LIFE).await;
                if let Err(error) = with_timeout(worker.show_life()).await {
                    tracing::debug!(%error, "the worker's sign of life could not be written");
                }
            }
        })
    }

    /// Delivers notices beside the tasks, which never wait for that.
    fn deliver_notices(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.keep_delivering_notices(stop).await })
    }

    /// Purges old results now and then.
    fn keep_house(&self) -> tokio::task::JoinHandle<()> {
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
                if let Err(error) = bulk::places::note_missing(&engine, None, u64::MAX).await {
                    tracing::warn!(%error, "where old tasks' records lie can't be noted; trying again later");
                }
                if let Err(error) = forget_dead(&engine).await {
                    tracing::warn!(%error, "dead workers can't be forgotten; trying again later");
                }
                if let Err(error) = audit::purge(&engine).await {
                    tracing::warn!(%error, "the old audit trail can't be purged; trying again later");
                }
                tokio::time::sleep(keeping::INTERVAL).await;
            }
        })
    }

    async fn show_life(&self) -> Result<()> {
        let now = self.engine.database().dialect().now();
        let mut insert = Query::insert();
        insert
            .into_table(tables::WORKER)
            .columns(["id", "host", "pid", "backend", "started_at", "last_seen_at"])
            .values_panic([
                self.id.into(),
                host().into(),
                i64::from(std::process::id()).into(),
                "database".into(),
                now.clone(),
                now,
            ])
            .on_conflict(OnConflict::column("id").update_column("last_seen_at").to_owned());
        self.engine.database().connection().insert(&insert).await?;
        Ok(())
    }

    async fn sign_off(&self) {
        let mut delete = Query::delete();
        delete.from_table(tables::WORKER).and_where(Expr::col("id").eq(self.id));
        if let Err(error) = self.engine.database().connection().delete(&delete).await {
            tracing::debug!(%error, "the worker could not sign off");
        }
    }
}

/// The workers that showed a sign of life lately, longest running first.
pub async fn alive(engine: &Engine) -> Result<Vec<WorkerInfo>> {
    Ok(all(engine).await?.into_iter().filter(|worker| worker.is_alive).collect())
}

/// Those, and the ones that fell silent without signing off, longest running first.
pub(crate) async fn all(engine: &Engine) -> Result<Vec<WorkerInfo>> {
    let mut select = Query::select();
    select
        .columns(["id", "host", "pid", "started_at", "last_seen_at"])
        .expr(engine.database().dialect().now())
        .from(tables::WORKER)
        .order_by("started_at", Order::Asc);
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter()
        .map(|row| {
            let (last_seen_at, now): (i64, i64) = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
            Ok(WorkerInfo {
                id: row.try_get_by_index(0)?,
                host: row.try_get_by_index(1)?,
                pid: row.try_get_by_index(2)?,
                started_at: row.try_get_by_index(3)?,
                last_seen_at,
                is_alive: last_seen_at > now - MISSED_SIGNS * SIGN_OF_LIFE.as_millis() as i64,
            })
        })
        .collect()
}

/// Forgets the workers that fell silent long ago.
async fn forget_dead(engine: &Engine) -> Result<()> {
    let oldest = engine.database().dialect().now().sub(DEAD_ARE_KEPT);
    let mut delete = Query::delete();
    delete.from_table(tables::WORKER).and_where(Expr::col("last_seen_at").lt(oldest));
    engine.database().connection().delete(&delete).await?;
    Ok(())
}

/// Whether any worker showed a sign of life lately.
pub async fn any_alive(engine: &Engine) -> Result<bool> {
    Ok(!alive(engine).await?.is_empty())
}

fn host() -> String {
    std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map_or_else(|| "unknown".into(), |name| name.trim().chars().take(190).collect())
}
