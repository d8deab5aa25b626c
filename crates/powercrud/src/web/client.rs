//! From which address a request comes.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

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
    if peer.ip().to_canonical().is_loopback() && app.proxies().is_empty() && headers.contains_key("x-forwarded-for") {
        // Once, since it is so with every request.
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            tracing::warn!(
                "a proxy on this machine forwards requests (X-Forwarded-For), but trusted_proxies does not name it: all its clients are \
                 taken for one, so guesses at passwords are not counted by address; set trusted_proxies to {:?}",
                [peer.ip().to_canonical().to_string()]
            );
        });
    }
    Some(app.proxies().client(peer.ip(), forwarded))
}
