//! A bulk task over all matching rows, from submit to the end, against one raw statement over the same rows: in turn, so that a
//! machine that gets slower slows both.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use powercrud::{
    Changes, PowerCrud, Selection, User,
    bulk::{self, BulkRequest, Requested, Route},
    query::ListParams,
    task::{BulkTask, Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Size,
    database::{Bench, Kind},
    report::{Report, median, milliseconds},
};

/// How many times as long as the raw statement a bulk task may take.
fn bound(kind: Kind) -> f64 {
    match kind {
        Kind::Sqlite => 4.0,
        Kind::Postgres => 2.5,
        Kind::Mysql => 3.0,
    }
}

/// In milliseconds.
#[derive(Default)]
struct Series {
    raw: Vec<f64>,
    bulk: Vec<f64>,
    ratio: Vec<f64>,
    submit: Vec<f64>,
    start: Vec<f64>,
    work: Vec<f64>,
}

impl Series {
    fn add(&mut self, raw: Duration, run: &Timed) {
        let (raw, total) = (milliseconds(raw), milliseconds(run.total));
        self.raw.push(raw);
        self.bulk.push(total);
        self.ratio.push(total / raw);
        self.submit.push(milliseconds(run.submit));
        self.start.push(run.start);
        self.work.push(run.work);
    }

    fn report(&self, bench: &Bench, size: Size, operation: &str, report: &mut Report) {
        let how = format!(
            "{:.0} ms, raw {:.0} ms: submit {:.0}, start {:.0}, chunks and finish {:.0}",
            median(&self.bulk),
            median(&self.raw),
            median(&self.submit),
            median(&self.start),
            median(&self.work)
        );
        let name = bench.kind.name();
        let what = format!("bulk {operation} of {} rows / raw", size.rows);
        report.add(name, &what, median(&self.ratio), Some(bound(bench.kind)), "×", how);
        let what = format!("request that submits {} rows ({operation})", size.rows);
        report.add(name, &what, median(&self.submit), Some(500.0), " ms", String::new());
    }
}

/// One bulk task.
struct Timed {
    /// The request.
    submit: Duration,
    /// From submit to the end.
    total: Duration,
    /// From the answer to the worker's start, in milliseconds.
    start: f64,
    /// From the worker's start to the end, in milliseconds.
    work: f64,
}

pub(crate) async fn update(bench: &Bench, size: Size, report: &mut Report) -> Result<()> {
    let powercrud = bench.powercrud().await?;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let mut series = Series::default();
    // Round 0 warms up.
    for round in 0..=size.rounds {
        bench.settle("item").await?;
        let raw = time(bench, &format!("UPDATE item SET price = {round}.25 WHERE stock >= 0")).await?;
        bench.settle("item").await?;
        let run = run(&powercrud, Requested::Update(Changes::new().set("price", format!("{round}.75"))), size).await?;
        if round > 0 {
            series.add(raw, &run);
        }
    }
    stop.cancel();
    worker.await??;
    series.report(bench, size, "update", report);
    Ok(())
}

pub(crate) async fn delete(bench: &Bench, size: Size, report: &mut Report) -> Result<()> {
    let powercrud = bench.powercrud().await?;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let mut series = Series::default();
    for round in 0..=size.rounds {
        bench.fill("item", size.rows).await?;
        let raw = time(bench, "DELETE FROM item WHERE stock >= 0").await?;
        bench.fill("item", size.rows).await?;
        let run = run(&powercrud, Requested::Delete, size).await?;
        if round > 0 {
            series.add(raw, &run);
        }
    }
    stop.cancel();
    worker.await??;
    series.report(bench, size, "delete", report);
    Ok(())
}

async fn time(bench: &Bench, sql: &str) -> Result<Duration> {
    let start = Instant::now();
    bench.execute(sql).await?;
    Ok(start.elapsed())
}

async fn run(powercrud: &PowerCrud, operation: Requested, size: Size) -> Result<Timed> {
    let start = Instant::now();
    let answer = bulk::run(powercrud, request(powercrud, operation, &[("stock__gte", "0")])?).await?;
    let submit = start.elapsed();
    let answered = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as f64;
    let task = ended(powercrud, answer.task()).await?;
    let total = start.elapsed();
    ensure!(task.status == Status::Success && task.succeeded_records == size.rows, "the task ended badly: {task:?}");
    let started = task.started_at.unwrap_or_default() as f64;
    let completed = task.completed_at.unwrap_or_default() as f64;
    Ok(Timed { submit, total, start: started - answered, work: completed - started })
}

/// A request for the background, over the items that match.
pub(crate) fn request(powercrud: &PowerCrud, operation: Requested, filter: &[(&str, &str)]) -> Result<BulkRequest> {
    Ok(BulkRequest {
        resource: "item".into(),
        operation,
        selection: Selection::Matching(ListParams::parse(powercrud.resource("item")?, filter)?),
        user: User::operator(),
        route: Route::Background,
        parent_id: None,
        on_conflict: None,
    })
}

/// The task when it has ended.
pub(crate) async fn ended(powercrud: &PowerCrud, task: &BulkTask) -> Result<BulkTask> {
    loop {
        let task = store::get(powercrud, &User::operator(), task.id).await?;
        if task.status.is_final() {
            return Ok(task);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
