//! What stands before the pages: how much a request may ask for, for which hosts, from where, and what nobody gets to see.

mod away;
mod bounds;
mod closed;
mod fuzz;
mod health;
mod hidden;
mod hosts;
mod large;
mod literals;
mod login_url;
mod logins;
mod public_prefix;
mod tokens;

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request},
};
use tower::ServiceExt as _;

use crate::support::Answer;

/// One request as it is, from an address where one is given. A body is a form unless the headers say otherwise.
async fn send(
    router: &Router,
    from: Option<&str>,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(from) = from {
        let peer: SocketAddr = from.parse().expect("an address and port");
        request = request.extension(ConnectInfo(peer));
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    Answer::of(router.clone().oneshot(request).await.expect("an answer")).await
}
