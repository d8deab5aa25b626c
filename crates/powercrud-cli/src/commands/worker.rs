//! `powercrud worker`

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

use super::{configuration, open_with};
use crate::{args::Worker, exit::Exit, output::print, server, signal};

pub(super) async fn run(arguments: Worker) -> Result<Exit> {
    let mut config = configuration(&arguments.connection).await?;
    if let Some(concurrency) = arguments.concurrency {
        config.settings.concurrency = concurrency.into();
    }
    if let Some(address) = arguments.metrics {
        config.settings.allowed_hosts.push(address.ip().to_string());
    }
    let powercrud = open_with(&arguments.connection, config).await?;
    tracing::info!("waiting for bulk tasks in {}; Ctrl-C stops", powercrud.database().url());
    let stop = signal::stop()?;
    if let Some(address) = arguments.metrics {
        let listener = TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))?;
        print(&format!("/metrics, /healthz and /readyz are at http://{}", listener.local_addr()?));
        tokio::spawn(server::serve(listener, powercrud.operator_router(), stop.clone()));
    }
    powercrud.worker().run(stop).await?;
    Ok(Exit::Success)
}
