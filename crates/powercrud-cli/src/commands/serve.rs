//! `powercrud serve`

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result};
use powercrud::{LoginMode, PowerCrud, account};
use tokio_util::sync::CancellationToken;

use super::{build, configuration, connect};
use crate::{
    args::{Listen, Serve},
    exit::{Exit, Usage},
    output::{grouped, print},
    server, signal,
};

/// How long open requests may still take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn run(arguments: Serve) -> Result<Exit> {
    let mut config = configuration(&arguments.connection).await?;
    let listen = &arguments.listen;
    let bind = listen.bind.unwrap_or(config.bind);
    let database = connect(&arguments.connection, &config).await?;
    powercrud::db::migrate(&database).await?;
    let users = account::any(&database).await?;
    let settings = &mut config.settings;
    reachable(listen, bind, users)?;
    if users {
        // Should the last one be removed, then nobody gets in.
        settings.login = LoginMode::Always;
    }
    // The others are for whoever does not only watch.
    settings.event_streams = settings.event_streams.min(server::most_connections() * 3 / 4);
    settings.allowed_hosts.push(bind.ip().to_string());
    let powercrud = build(database, config, true).await?;
    serve(powercrud, bind, !arguments.no_worker).await
}

/// Refuses an address that other machines reach where nobody has to sign in, unless the operator says so.
pub(super) fn reachable(listen: &Listen, bind: SocketAddr, users: bool) -> Result<(), Usage> {
    if bind.ip().is_loopback() || users || listen.allow_remote {
        return Ok(());
    }
    Err(Usage(format!(
        "{bind} can be reached from other machines, and nobody has to sign in, for there is no user: whoever reaches it could change \
         every record. Add a user (powercrud user add NAME --staff), listen on 127.0.0.1, put a proxy with a login before it, or say \
         --allow-remote"
    )))
}

/// Serves pages, and runs bulk tasks where `with_worker`, until told to stop.
pub(super) async fn serve(powercrud: PowerCrud, bind: SocketAddr, with_worker: bool) -> Result<Exit> {
    let stop = signal::stop()?;
    let listener = tokio::net::TcpListener::bind(bind).await.with_context(|| format!("can't listen on {bind}"))?;
    let address = listener.local_addr()?;
    // Where nothing can be written, there is no task to work on.
    let with_worker = with_worker && powercrud.database().read_only_reason().is_none();
    let worker = with_worker.then(|| tokio::spawn(powercrud.worker().run(stop.clone())));
    let resources = grouped(powercrud.resources().len() as u64);
    tracing::info!("{resources} resources of {}", powercrud.database().url());
    print(&format!("Open http://{} in a browser. Ctrl-C stops.", visible(address)));
    tokio::spawn({
        let (stop, powercrud) = (stop.clone(), powercrud.clone());
        async move {
            stop.cancelled().await;
            // They would stay open as long as their pages.
            powercrud.end_streams();
        }
    });
    tokio::select! {
        () = server::serve(listener, powercrud.router(), stop.clone()) => {}
        () = grace_is_over(&stop) => tracing::warn!("some requests were still open after {} s", GRACE.as_secs()),
    }
    powercrud.end_in_process().await;
    if let Some(worker) = worker {
        tracing::info!("waiting for the worker to finish its chunk");
        worker.await.context("the worker ended badly")??;
    }
    Ok(Exit::Success)
}

async fn grace_is_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// An address that a browser on this machine can open.
fn visible(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_needs_users_or_a_word() {
        let allowed = |bind: &str, allow_remote, users| {
            let listen = Listen { bind: None, allow_remote };
            reachable(&listen, bind.parse().unwrap(), users).is_ok()
        };
        assert!(allowed("127.0.0.1:80", false, false));
        assert!(allowed("[::1]:80", false, false));
        assert!(!allowed("0.0.0.0:80", false, false));
        assert!(!allowed("192.168.1.7:80", false, false));
        assert!(allowed("0.0.0.0:80", true, false));
        assert!(allowed("0.0.0.0:80", false, true));
    }
}
