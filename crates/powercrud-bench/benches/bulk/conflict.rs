//! What conflict protection costs: locks on records against the lock on the model, and a delete in which records are refused against
//! one in which none is.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use powercrud::{
    Changes, ConflictScope, PowerCrud, Resource, User,
    bulk::{self, Requested},
    task::{BulkTask, Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Size,
    database::Bench,
    ratio::{ended, request},
    report::{Report, median, milliseconds},
};

/// How many times as long as with a lock on the model.
const RECORD_SCOPE: f64 = 1.6;
/// How many times as long as where none is refused.
const REFUSED: f64 = 4.0;

/// Submits the same records under both scopes in turn; once more in record scope while another task holds as many other records.
pub(crate) async fn scopes(bench: &Bench, size: Size, report: &mut Report) -> Result<()> {
    let with = async |scope| -> Result<PowerCrud> {
        let item = Resource::table("item").bulk_async_conflict_scope(scope);
        Ok(PowerCrud::builder(bench.database.clone()).resource(item).build().await?)
    };
    let (model, record) = (with(ConflictScope::Model).await?, with(ConflictScope::Record).await?);
    let half = (size.rows / 2).to_string();
    let (lower, upper) = ([("id__lte", half.as_str())], [("id__gt", half.as_str())]);
    let (mut ratios, mut beside, mut submits) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for round in 0..=size.rounds {
        let all = [("stock__gte", "0")];
        // Who comes second would find the database busy with what the first left to tidy up.
        bench.settle("item").await?;
        let by_model = submit_and_cancel(&model, &all, &round.to_string()).await?;
        bench.settle("item").await?;
        let by_record = submit_and_cancel(&record, &all, &round.to_string()).await?;
        let alone = submit_and_cancel(&record, &upper, &round.to_string()).await?;
        let (other, _) = submit(&record, &lower, "other").await?;
        let beside_other = submit_and_cancel(&record, &upper, &round.to_string()).await?;
        cancel(&record, &other).await?;
        if round > 0 {
            ratios.push(milliseconds(by_record) / milliseconds(by_model));
            beside.push(milliseconds(beside_other) / milliseconds(alone));
            for (series, took) in submits.iter_mut().zip([by_model, by_record, beside_other]) {
                series.push(milliseconds(took));
            }
        }
    }
    let name = bench.kind.name();
    let [by_model, by_record, beside_other] = submits.map(|series| median(&series));
    let how = format!("{by_record:.0} ms, with the model's lock {by_model:.0} ms");
    let what = format!("submit of {} rows, record scope / model scope", size.rows);
    report.add(name, &what, median(&ratios), Some(RECORD_SCOPE), "×", how);
    let how = format!("{beside_other:.0} ms");
    let what = format!("submit of {0} rows beside a task on other {0} / alone", size.rows / 2);
    report.add(name, &what, median(&beside), None, "×", how);
    Ok(())
}

async fn submit(powercrud: &PowerCrud, filter: &[(&str, &str)], price: &str) -> Result<(BulkTask, Duration)> {
    let price = price.parse::<u32>().unwrap_or(77);
    let changes = Requested::Update(Changes::new().set("price", format!("{price}.5")));
    let start = Instant::now();
    let answer = bulk::run(powercrud, request(powercrud, changes, filter)?).await?;
    Ok((answer.task().clone(), start.elapsed()))
}

async fn cancel(powercrud: &PowerCrud, task: &BulkTask) -> Result<()> {
    let task = store::cancel(powercrud, &User::operator(), task.id).await?;
    ensure!(task.status == Status::Cancelled, "a worker was there: {task:?}");
    Ok(())
}

async fn submit_and_cancel(powercrud: &PowerCrud, filter: &[(&str, &str)], price: &str) -> Result<Duration> {
    let (task, took) = submit(powercrud, filter, price).await?;
    cancel(powercrud, &task).await?;
    Ok(took)
}

/// Deletes all items, of which others refer to none, and then to three of ten.
pub(crate) async fn refused(bench: &Bench, size: Size, report: &mut Report) -> Result<()> {
    let powercrud = {
        bench.fill("item", 1).await?;
        bench.refer(0).await?;
        PowerCrud::builder(bench.database.clone()).resource(Resource::table("item")).build().await?
    };
    let stop = CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let (mut none_refused, mut some_refused, mut raw, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=size.rounds {
        let mut took = [0.0; 2];
        for (took, tenths) in took.iter_mut().zip([0, 3]) {
            bench.unrefer().await?;
            bench.fill("item", size.rows).await?;
            bench.refer(tenths).await?;
            let start = Instant::now();
            let asked = request(&powercrud, Requested::Delete, &[("stock__gte", "0")])?;
            let task = ended(&powercrud, bulk::run(&powercrud, asked).await?.task()).await?;
            *took = milliseconds(start.elapsed());
            ensure!(task.failed_records == size.rows * tenths / 10, "{task:?}");
        }
        bench.unrefer().await?;
        bench.fill("item", size.rows).await?;
        bench.refer(0).await?;
        let start = Instant::now();
        bench.execute("DELETE FROM item WHERE stock >= 0").await?;
        if round > 0 {
            raw.push(milliseconds(start.elapsed()));
            none_refused.push(took[0]);
            some_refused.push(took[1]);
            ratios.push(took[1] / took[0]);
        }
    }
    bench.unrefer().await?;
    stop.cancel();
    worker.await??;
    let how = format!(
        "{:.0} ms, none refused {:.0} ms, the raw DELETE of a table that others may refer to {:.0} ms",
        median(&some_refused),
        median(&none_refused),
        median(&raw)
    );
    let what = format!("bulk delete of {} rows, 30 % refused / none refused", size.rows);
    report.add(bench.kind.name(), &what, median(&ratios), Some(REFUSED), "×", how);
    Ok(())
}
