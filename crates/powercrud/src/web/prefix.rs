//! Behind a proxy that takes a part of the path away: what stands before each address that is given away.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Extensions, HeaderMap},
};

use crate::app::PowerCrud;

/// Goes with a request: empty, or a path that begins with a slash and does not end with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicPrefix(pub(super) String);

/// As the proxy says, where it is trusted, or the settings.
pub(super) fn of(app: &PowerCrud, extensions: &Extensions, headers: &HeaderMap) -> String {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let forwarded = headers.get_all("x-forwarded-prefix").iter().filter_map(|value| value.to_str().ok());
    app.public_prefix(peer, forwarded)
}

/// The layer.
pub(super) async fn find(State(app): State<PowerCrud>, mut request: Request) -> Request {
    let prefix = of(&app, request.extensions(), request.headers());
    request.extensions_mut().insert(PublicPrefix(prefix));
    request
}
