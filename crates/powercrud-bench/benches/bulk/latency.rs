//! How soon workers start, and how many small tasks they end in a second, by each backend.
//!
//! From commit to the worker's start it is measured by the database's clock, from the task row's own moment, which is a little before the
//! commit, so what is printed is an upper bound. Brokers are found at `POWERCRUD_BENCH_REDIS_URL` and `POWERCRUD_BENCH_AMQP_URL`.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use powercrud::{
    Changes, PowerCrud, Resource, Settings, User, backend,
    bulk::{self, Requested},
    db::Database,
    task::{
        Status,
        store::{self, TaskFilter},
    },
    worker,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    database::Bench,
    memory::CHILD,
    ratio::{ended, request},
    report::{Report, median, percentile},
};

/// Tasks one after another.
const TASKS: usize = 100;
/// Tasks at once, and by how many clients.
const MANY: usize = 400;
const CLIENTS: usize = 8;

/// In milliseconds, within one process, and to another.
const SAME_PROCESS: f64 = 20.0;
const OTHER_PROCESS: f64 = 50.0;

/// What workers are told by.
const BACKENDS: [&str; 5] = ["database", "in_process", "redis", "celery-redis", "celery-amqp"];

pub(crate) async fn backends(bench: &Bench, report: &mut Report) -> Result<()> {
    for backend in BACKENDS {
        let powercrud = powercrud(bench.database.clone(), backend, &bench.name).await?;
        let status = backend::status(&powercrud).await;
        if let Some(why) = status.into_iter().find_map(|status| status.unreachable) {
            report.left_out(bench.kind.name(), &format!("{backend}: {why}"));
            continue;
        }
        let measured = match backend {
            "in_process" => {
                powercrud.start_in_process();
                let measured = measure(bench, &powercrud, backend, SAME_PROCESS, report).await;
                powercrud.end_in_process().await;
                measured
            }
            _ => {
                let words = format!("worker {backend} {} {}", bench.name, bench.url);
                let child = Command::new(std::env::current_exe()?).env(CHILD, words).stdin(Stdio::null()).spawn();
                let _child = Stopped(child.context("can't start another process")?);
                while worker::alive(&powercrud).await?.is_empty() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                measure(bench, &powercrud, backend, OTHER_PROCESS, report).await
            }
        };
        measured?;
        // Workers that were killed count as alive for a while.
        bench.execute("DELETE FROM powercrud_worker").await?;
    }
    Ok(())
}

/// A PowerCRUD whose tasks don't keep each other out.
async fn powercrud(database: Database, backend: &str, name: &str) -> Result<PowerCrud> {
    let address = |variable: &str, default: &str| std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let redis = || address("POWERCRUD_BENCH_REDIS_URL", "redis://127.0.0.1:6379/0");
    let mut settings =
        Settings { redis_channel: name.to_owned(), celery_queue: name.to_owned(), ..Settings::default() };
    match backend {
        "redis" => settings.redis_url = Some(redis().into()),
        "celery-redis" => settings.celery_broker_url = Some(redis().into()),
        "celery-amqp" => {
            let amqp = address("POWERCRUD_BENCH_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f");
            settings.celery_broker_url = Some(amqp.into());
        }
        _ => {}
    }
    settings.bulk_async_backend = backend.split('-').next().unwrap_or(backend).to_owned();
    let item = Resource::table("item").bulk_async_conflict_checking(false);
    Ok(PowerCrud::builder(database).all_settings(settings).resource(item).build().await?)
}

/// A worker in a process of its own.
pub(crate) async fn worker(backend: &str, name: &str, url: &str) -> Result<()> {
    powercrud(Database::connect(url).await?, backend, name).await?.worker().run(CancellationToken::new()).await?;
    Ok(())
}

async fn measure(bench: &Bench, powercrud: &PowerCrud, backend: &str, bound: f64, report: &mut Report) -> Result<()> {
    let mut latencies = Vec::new();
    for round in 0..TASKS {
        let operation = Requested::Update(Changes::new().set("price", format!("{round}.5")));
        let answer = bulk::run(powercrud, request(powercrud, operation, &[("id__lte", "25")])?).await?;
        let task = ended(powercrud, answer.task()).await?;
        latencies.push((task.started_at.unwrap_or_default() - task.created_at) as f64);
    }
    // The first ones find nothing ready.
    let latencies = &latencies[latencies.len() / 10..];
    let how = format!("{} tasks, p99 {:.0} ms", latencies.len(), percentile(latencies, 99));
    report.add(bench.kind.name(), &format!("commit to start, {backend}"), median(latencies), Some(bound), " ms", how);
    let took = many(powercrud).await?;
    let how = format!("{MANY} tasks of one record from {CLIENTS} clients");
    let rate = MANY as f64 / took.as_secs_f64();
    report.add(bench.kind.name(), &format!("small tasks, {backend}"), rate, None, " a second", how);
    Ok(())
}

/// From the first request until the last task has ended.
async fn many(powercrud: &PowerCrud) -> Result<Duration> {
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let powercrud = powercrud.clone();
        clients.spawn(async move {
            for number in 0..MANY / CLIENTS {
                let key = (client * MANY / CLIENTS + number + 1).to_string();
                let operation = Requested::Update(Changes::new().set("price", "8.75"));
                let request = request(&powercrud, operation, &[("id", &key)])?;
                bulk::run(&powercrud, request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let active = TaskFilter { statuses: vec![Status::Pending, Status::Started], ..TaskFilter::default() };
    while store::count(powercrud, &User::operator(), &active).await? > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(started.elapsed())
}

/// A process that ends with its scope.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
