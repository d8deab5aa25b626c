//! `powercrud worker`

use anyhow::Result;
use powercrud::PowerCrud;

use super::{connect, stop_signal};
use crate::{args::Worker, config::Config, exit::Exit};

pub(super) async fn run(arguments: Worker) -> Result<Exit> {
    let mut config = Config::load(arguments.connection.config.as_deref())?;
    if let Some(concurrency) = arguments.concurrency {
        config.settings.concurrency = concurrency.into();
    }
    let database = connect(&arguments.connection, &config).await?;
    let powercrud = PowerCrud::builder(database).settings(config.settings).build().await?;
    tracing::info!("waiting for bulk tasks in {}; Ctrl-C stops", powercrud.database().url());
    powercrud.worker().run(stop_signal()?).await?;
    Ok(Exit::Success)
}
