//! Heartbeats: which workers are alive, as their rows say.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query};
use uuid::Uuid;

use crate::{
    config::{DATABASE_BACKEND, IN_PROCESS_BACKEND},
    engine::Engine,
    error::Result,
    own::{
        entity::{self, worker},
        tables,
    },
};
use powercrud_db::QueryExt as _;

/// How often a worker sends a heartbeat, and after how many missed ones it counts as dead.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
const MISSED: i64 = 3;

/// For how many milliseconds it is remembered that a worker died: a week.
const DEAD_ARE_KEPT: i64 = 7 * 24 * 60 * 60 * 1000;

/// What the database's clock says, beside each row.
const NOW: &str = "now";

/// What is known of a worker. Timestamps are milliseconds since 1970 UTC.
#[derive(Clone, Debug, serde::Serialize)]
pub struct WorkerInfo {
    /// Random for each start of a process.
    pub id: Uuid,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: i64,
    /// The backend whose tasks alone it takes: `in_process` of one that runs beside the pages; `database` of one that takes all.
    pub backend: String,
    /// When it started.
    pub started_at: i64,
    /// Its last heartbeat.
    pub last_seen_at: i64,
    /// Whether that was lately, by the database's clock.
    pub is_alive: bool,
}

/// Sends one heartbeat of a worker of this process, which takes tasks of one backend alone, or all.
pub(crate) async fn send(engine: &Engine, worker_id: Uuid, backend: Option<&'static str>) -> Result<()> {
    let now = engine.database().dialect().now();
    let mut insert = entity::insert::<worker::Entity, _>([
        (worker::Column::Id, worker_id.into()),
        (worker::Column::Host, host().into()),
        (worker::Column::Pid, i64::from(std::process::id()).into()),
        (worker::Column::Backend, backend.unwrap_or(DATABASE_BACKEND).into()),
        (worker::Column::StartedAt, now.clone()),
        (worker::Column::LastSeenAt, now),
    ]);
    insert.on_conflict(OnConflict::column("id").update_column("last_seen_at").to_owned());
    engine.database().connection().insert(&insert).await?;
    Ok(())
}

/// Forgets a worker that ends.
pub(crate) async fn sign_off(engine: &Engine, worker_id: Uuid) {
    let mut delete = Query::delete();
    delete.from_table(tables::WORKER).and_where(Expr::col("id").eq(worker_id));
    if let Err(error) = engine.database().connection().delete(&delete).await {
        tracing::debug!(%error, "the worker could not sign off");
    }
}

/// The workers that sent a heartbeat lately, longest running first.
pub async fn alive(engine: &Engine) -> Result<Vec<WorkerInfo>> {
    Ok(all(engine).await?.into_iter().filter(|worker| worker.is_alive).collect())
}

/// Those, and the ones that fell silent without signing off, longest running first.
pub(crate) async fn all(engine: &Engine) -> Result<Vec<WorkerInfo>> {
    let select = entity::select::<worker::Entity>()
        .expr_as(engine.database().dialect().now(), NOW)
        .order_by("started_at", Order::Asc)
        .take();
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter()
        .map(|row| {
            let now: i64 = row.try_get("", NOW)?;
            let row: worker::Model = entity::read(row)?;
            Ok(WorkerInfo {
                id: row.id,
                host: row.host,
                pid: row.pid,
                backend: row.backend,
                started_at: row.started_at,
                last_seen_at: row.last_seen_at,
                is_alive: row.last_seen_at > now - MISSED * INTERVAL.as_millis() as i64,
            })
        })
        .collect()
}

/// Forgets the workers that fell silent long ago.
pub(crate) async fn forget_dead(engine: &Engine) -> Result<()> {
    let oldest = engine.database().dialect().now().sub(DEAD_ARE_KEPT);
    let mut delete = Query::delete();
    delete.from_table(tables::WORKER).and_where(Expr::col("last_seen_at").lt(oldest));
    engine.database().connection().delete(&delete).await?;
    Ok(())
}

/// Whether any worker sent a heartbeat lately.
pub async fn any_alive(engine: &Engine) -> Result<bool> {
    Ok(!alive(engine).await?.is_empty())
}

/// The same of workers that take tasks of that backend.
pub async fn any_alive_for(engine: &Engine, backend: &str) -> Result<bool> {
    let takes = |worker: &WorkerInfo| worker.backend != IN_PROCESS_BACKEND || backend == IN_PROCESS_BACKEND;
    Ok(alive(engine).await?.iter().any(takes))
}

fn host() -> String {
    std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map_or_else(|| "unknown".into(), |name| name.trim().chars().take(190).collect())
}
