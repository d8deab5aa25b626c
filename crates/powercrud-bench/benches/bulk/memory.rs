//! Peak memory of a worker process, which must not grow with the number of records. The worker is this program again, as a child.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use powercrud::{
    Changes,
    bulk::{self, Requested},
    db::Database,
    task::Status,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Size,
    database::{Bench, powercrud},
    ratio::request,
    report::Report,
};

/// Tells the child what to do: `run TASK URL`, or `worker BACKEND NAME URL`.
pub(crate) const CHILD: &str = "POWERCRUD_BENCH_CHILD";

/// In megabytes.
const BOUND: f64 = 20.0;

pub(crate) async fn peak(bench: &Bench, size: Size, report: &mut Report) -> Result<()> {
    let few = size.large / 100;
    let small = of_task(bench, few).await?;
    let large = of_task(bench, size.large).await?;
    let (Some(small), Some(large)) = (small, large) else {
        report.left_out(bench.kind.name(), "this system does not tell a process's peak memory");
        return Ok(());
    };
    let what = format!("worker's peak memory, {} rows against {few}", size.large);
    let how = format!("{small:.1} MB and {large:.1} MB");
    report.add(bench.kind.name(), &what, large - small, Some(BOUND), " MB", how);
    Ok(())
}

/// The peak memory of a worker that changes so many rows, in megabytes.
async fn of_task(bench: &Bench, rows: u64) -> Result<Option<f64>> {
    let powercrud = bench.powercrud().await?;
    let operation = Requested::Update(Changes::new().set("price", "3.50"));
    let answer = bulk::run(&powercrud, request(&powercrud, operation, &[("id__lte", &rows.to_string())])?).await?;
    let output = Command::new(std::env::current_exe()?)
        .env(CHILD, format!("run {} {}", answer.task().id, bench.url))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("can't start the worker process")?;
    ensure!(output.status.success(), "the worker process failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse().ok())
}

/// What the child does.
pub(crate) async fn child(task: &str) -> Result<()> {
    let words: Vec<&str> = task.split(' ').collect();
    match words[..] {
        ["run", id, url] => {
            let powercrud = powercrud(Database::connect(url).await?).await?;
            let task = powercrud.worker().run_task(id.parse()?, &CancellationToken::new()).await?;
            ensure!(task.status == Status::Success, "the task ended badly: {task:?}");
            println!("{}", peak_megabytes().map_or_else(|| "unknown".to_owned(), |peak| peak.to_string()));
            Ok(())
        }
        ["worker", backend, name, url] => crate::latency::worker(backend, name, url).await,
        _ => anyhow::bail!("{CHILD} is for this program itself"),
    }
}

/// The most memory that this process ever held, where Linux tells.
fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}
