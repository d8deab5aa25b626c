//! Waits for a bulk task to end, with a progress bar on a terminal, and does the work itself where nobody else does.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use powercrud::{
    PowerCrud, User,
    task::{BulkTask, Status, store},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{output::grouped, report, signal};

/// How often the task's row is read.
const LOOK: Duration = Duration::from_millis(50);

/// How long a task may stand still before this process offers itself as a worker. It only gets what no living worker holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ended task.
///
/// # Errors
/// Where the database fails, or the person stops waiting; the task goes on then, or waits for a worker.
pub(crate) async fn until_ended(powercrud: &PowerCrud, task: &BulkTask, worker_alive: bool) -> Result<BulkTask> {
    let id = task.id;
    let stop = signal::stop()?;
    let mut own = (!worker_alive).then(|| OwnWork::start(powercrud, task));
    let mut moved = (Instant::now(), None);
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{msg}\n{wide_bar} {percent:>3} %  {human_pos} of {human_len}, {elapsed} so far, about {eta} left",
    )?);
    let ended = loop {
        let task = store::get(powercrud, &User::operator(), id).await?;
        bar.set_length(task.total_records);
        bar.set_position(task.processed_records);
        bar.set_message(report::describe(&task.as_shown(powercrud)));
        if task.status.is_final() {
            break task;
        }
        let state = Some((task.status, task.processed_records, task.attempt));
        if moved.1 != state {
            moved = (Instant::now(), state);
        } else if own.as_ref().is_none_or(OwnWork::ended) && moved.0.elapsed() > PATIENCE {
            own = Some(OwnWork::start(powercrud, &task));
            moved.0 = Instant::now();
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {
                bar.finish_and_clear();
                if let Some(own) = own {
                    own.stop().await?;
                }
                let done = grouped(task.processed_records);
                let total = grouped(task.total_records);
                anyhow::bail!(
                    "stopped waiting; task {id} stands at {done} of {total} and goes on as soon as a worker takes it. \
                     `powercrud task cancel {id}` cancels it"
                );
            }
        }
    };
    bar.finish_and_clear();
    if let Some(own) = own {
        own.stop().await?;
        // Nobody else may be there to do it; what fails now is left to the next worker.
        if let Err(error) = powercrud.deliver_notices().await {
            tracing::warn!(%error, "notices of the end can't be delivered now");
        }
    }
    Ok(ended)
}

/// This process, at work on what no living worker holds.
struct OwnWork {
    stop: CancellationToken,
    work: JoinHandle<powercrud::Result<()>>,
}

impl OwnWork {
    /// On this task alone; where it waits behind others, on whatever there is, since nobody else may be there to do those.
    fn start(powercrud: &PowerCrud, task: &BulkTask) -> Self {
        let stop = CancellationToken::new();
        let (worker, stopped, id, waits) = (powercrud.worker(), stop.clone(), task.id, task.status == Status::Waiting);
        let work = tokio::spawn(async move {
            match waits {
                true => worker.run(stopped).await,
                false => worker.run_task(id, &stopped).await.map(|_| ()),
            }
        });
        Self { stop, work }
    }

    fn ended(&self) -> bool {
        self.work.is_finished()
    }

    /// Lets it finish its chunk.
    async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.work.await.context("the work ended badly")??)
    }
}
