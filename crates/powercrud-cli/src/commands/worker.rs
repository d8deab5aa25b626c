//! `powercrud worker`

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

use super::{open_with, stop_signal};
use crate::{args::Worker, config::Config, exit::Exit, output::print};

pub(super) async fn run(arguments: Worker) -> Result<Exit> {
    let mut config = Config::load(arguments.connection.config.as_deref())?;
    if let Some(concurrency) = arguments.concurrency {
        config.settings.concurrency = concurrency.into();
    }
    let powercrud = open_with(&arguments.connection, config).await?;
    tracing::info!("waiting for bulk tasks in {}; Ctrl-C stops", powercrud.database().url());
    let stop = stop_signal()?;
    if let Some(address) = arguments.metrics {
        let listener = TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))?;
        print(&format!("/metrics, /healthz and /readyz are at http://{}", listener.local_addr()?));
        let server = axum::serve(listener, powercrud.operator_router().into_make_service());
        let stopping = stop.clone();
        tokio::spawn(async move {
            let server = server.with_graceful_shutdown(stopping.cancelled_owned());
            if let Err(error) = server.await {
                tracing::error!(%error, "metrics are not served any more");
            }
        });
    }
    powercrud.worker().run(stop).await?;
    Ok(Exit::Success)
}
