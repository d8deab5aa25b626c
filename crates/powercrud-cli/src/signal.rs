//! The signals by which a program is told to stop.

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

/// Cancelled by Ctrl-C, and by SIGTERM where there is such a thing.
pub(crate) fn stop() -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let stopped = token.clone();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("can't listen for the signal to stop")?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        stopped.cancel();
    });
    Ok(token)
}
