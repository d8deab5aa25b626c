//! From commit to the worker's start, by the database's clock. It counts from the task row's own moment, which is a little before
//! the commit, so what is printed is an upper bound.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use powercrud::{
    Changes, PowerCrud,
    bulk::{self, Requested},
    worker,
};
use tokio_util::sync::CancellationToken;

use crate::{
    database::Bench,
    memory::CHILD,
    ratio::{ended, request},
    report::{Report, median},
};

const TASKS: usize = 20;
const BOUND: f64 = 50.0;

pub(crate) async fn same_process(bench: &Bench, report: &mut Report) -> Result<()> {
    let powercrud = bench.powercrud().await?;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let measured = measure(&powercrud).await;
    stop.cancel();
    worker.await??;
    add(bench, report, "same process", &measured?);
    Ok(())
}

pub(crate) async fn other_process(bench: &Bench, report: &mut Report) -> Result<()> {
    let powercrud = bench.powercrud().await?;
    let child =
        Command::new(std::env::current_exe()?).env(CHILD, format!("worker {}", bench.url)).stdin(Stdio::null()).spawn();
    let _child = Stopped(child.context("can't start another process")?);
    while worker::alive(&powercrud).await?.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    add(bench, report, "other process", &measure(&powercrud).await?);
    Ok(())
}

fn add(bench: &Bench, report: &mut Report, place: &str, latencies: &[f64]) {
    let slowest = latencies.iter().copied().fold(0.0, f64::max);
    let how = format!("{} tasks, the slowest {slowest:.0} ms", latencies.len());
    report.add(
        bench.kind.name(),
        &format!("commit to worker start, {place}"),
        median(latencies),
        Some(BOUND),
        " ms",
        how,
    );
}

async fn measure(powercrud: &PowerCrud) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for round in 0..TASKS {
        let operation = Requested::Update(Changes::new().set("price", format!("{round}.5")));
        let answer = bulk::run(powercrud, request(powercrud, operation, &[("id__lte", "25")])?).await?;
        let task = ended(powercrud, answer.task()).await?;
        latencies.push((task.started_at.unwrap_or_default() - task.created_at) as f64);
    }
    Ok(latencies)
}

/// A process that ends with its scope.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
