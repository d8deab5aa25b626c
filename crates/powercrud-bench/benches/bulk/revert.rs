//! What it costs a bulk task to keep what a revert needs, and how long the revert takes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use powercrud::{
    Changes, PowerCrud, Resource, User,
    bulk::{self, Requested},
    task::{BulkTask, Status},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Size,
    database::Bench,
    ratio::{ended, request},
    report::{Report, median, milliseconds},
};

/// How many times as long as where nothing is kept.
const KEPT: f64 = 2.0;

/// A powercrud whose tasks keep what they change, or don't.
async fn powercrud(bench: &Bench, keeps: bool) -> Result<PowerCrud> {
    let item = Resource::table("item").bulk_revert(keeps);
    Ok(PowerCrud::builder(bench.database.clone()).resource(item).build().await?)
}

/// The same operation with `bulk_revert` off and on in turn, and its revert.
pub(crate) async fn kept(bench: &Bench, size: Size, operation: &str, report: &mut Report) -> Result<()> {
    let (off, on) = (powercrud(bench, false).await?, powercrud(bench, true).await?);
    let stop = CancellationToken::new();
    let workers = [&off, &on].map(|powercrud| tokio::spawn(powercrud.worker().run(stop.clone())));
    let (mut without, mut with, mut ratios, mut reverts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=size.rounds {
        let changes = |half: &str| match operation {
            "delete" => Requested::Delete,
            _ => Requested::Update(Changes::new().set("price", format!("{round}.{half}"))),
        };
        if operation == "delete" || round == 0 {
            bench.fill("item", size.rows).await?;
        }
        bench.settle("item").await?;
        let (_, plain) = run(&off, changes("25"), size).await?;
        if operation == "delete" {
            bench.fill("item", size.rows).await?;
        }
        bench.settle("item").await?;
        let (task, keeping) = run(&on, changes("75"), size).await?;
        bench.settle("item").await?;
        let start = Instant::now();
        let answer = bulk::revert(&on, &User::operator(), task.id).await?;
        let reverted = ended(&on, answer.task()).await?;
        let took = start.elapsed();
        ensure!(reverted.succeeded_records == size.rows, "the revert ended badly: {reverted:?}");
        if round > 0 {
            without.push(milliseconds(plain));
            with.push(milliseconds(keeping));
            ratios.push(milliseconds(keeping) / milliseconds(plain));
            reverts.push(milliseconds(took));
        }
    }
    stop.cancel();
    for worker in workers {
        worker.await??;
    }
    let how = format!(
        "{:.0} ms, {:.0} ms without; the revert takes {:.0} ms",
        median(&with),
        median(&without),
        median(&reverts)
    );
    let what = format!("bulk {operation} of {} rows that can be reverted / that can't", size.rows);
    report.add(bench.kind.name(), &what, median(&ratios), Some(KEPT), "×", how);
    Ok(())
}

async fn run(powercrud: &PowerCrud, operation: Requested, size: Size) -> Result<(BulkTask, Duration)> {
    let start = Instant::now();
    let answer = bulk::run(powercrud, request(powercrud, operation, &[("stock__gte", "0")])?).await?;
    let task = ended(powercrud, answer.task()).await?;
    ensure!(task.status == Status::Success && task.succeeded_records == size.rows, "the task ended badly: {task:?}");
    Ok((task, start.elapsed()))
}
