//! The HTTP server under `serve` and `worker --metrics`: how long a connection may take over what, and how many there are.
//!
//! - A request's head has to be there within [`HEAD`], counted from when the connection is opened or the last answer is sent: so an idle
//!   connection ends too. Bodies and handlers have the router's own limit.
//! - An answer that its reader does not take ends after [`stall_timeout::STALLED`].
//! - There are no more connections than the process has file descriptors for (`limits`). Where all are in use, the one that has waited
//!   longest for its next request, or for the rest of one, makes room for a new one.

mod arriving;
mod limits;
mod slots;
mod stall_timeout;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use arriving::{Arriving, Work};
use slots::{Slot, Slots};
use stall_timeout::StallTimeout;

pub(crate) use limits::most_connections;

/// How long a request's head may take, with the wait for it.
const HEAD: Duration = Duration::from_secs(20);

/// Bytes of a request's head, its address and cookies included.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long to wait where the system has no file descriptor left, or refuses a connection for other reasons of its own.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers connections until `stop`, then finishes the requests that are open.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let slots = Slots::new(most_connections());
    // Made once: a bare router would be copied, every route of it, for each connection.
    let router = router.with_state(());
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_the_client(&error) {
                    tracing::warn!(%error, "a connection could not be accepted");
                    slots.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        let slot = tokio::select! {
            slot = slots.take(peer.ip()) => slot,
            () = stop.cancelled() => break,
        };
        // Else it is closed: whoever it is of has enough to wait for.
        if let Some(slot) = slot {
            open.spawn(answer(stream, peer, router.clone(), slot, stop.clone()));
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// Whether the other side went away before it was let in.
fn is_of_the_client(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn answer(stream: TcpStream, peer: SocketAddr, router: Router, slot: Slot, stop: CancellationToken) {
    // Small answers are not to wait for more.
    let _ = stream.set_nodelay(true);
    let slot = Arc::new(slot);
    let service = {
        let slot = Arc::clone(&slot);
        service_fn(move |request: hyper::Request<Incoming>| {
            let router = router.clone();
            let work = Work::of(&slot);
            async move {
                let mut request: Request = request.map(|body| Body::new(Arriving::new(body, work.clone())));
                request.extensions_mut().insert(ConnectInfo(peer));
                let response: Response = router.oneshot(request).await?;
                // Until the last of the answer is on its way, the connection is at work.
                work.begin();
                Ok::<_, Infallible>(response.map(|body| {
                    body.map_frame(move |frame| {
                        let _ = &work;
                        frame
                    })
                }))
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(StallTimeout::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = slot.given_up() => return,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
