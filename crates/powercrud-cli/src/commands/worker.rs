//! `powercrud worker`

use anyhow::Result;

use super::{open_with, stop_signal};
use crate::{args::Worker, config::Config, exit::Exit};

pub(super) async fn run(arguments: Worker) -> Result<Exit> {
    let mut config = Config::load(arguments.connection.config.as_deref())?;
    if let Some(concurrency) = arguments.concurrency {
        config.settings.concurrency = concurrency.into();
    }
    let powercrud = open_with(&arguments.connection, config).await?;
    tracing::info!("waiting for bulk tasks in {}; Ctrl-C stops", powercrud.database().url());
    powercrud.worker().run(stop_signal()?).await?;
    Ok(Exit::Success)
}
