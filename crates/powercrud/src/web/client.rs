//! From which address a request comes.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};

use crate::app::PowerCrud;

/// The address, where the server that the router runs in tells it (`ConnectInfo<SocketAddr>`); that of a proxy's client where the proxy
/// is one of `trusted_proxies`.
pub(super) fn address(app: &PowerCrud, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    Some(app.proxies().client(peer.ip(), forwarded))
}
