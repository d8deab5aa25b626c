//! Answers only requests for hosts that the setting `allowed_hosts` names.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{api, context::text, error::Problem, request_id};
use crate::app::Hosts;

/// The layer.
///
/// Health checks come from load balancers by whatever address they know, and reveal no more than that something listens here, so they
/// are answered for every host.
pub(super) async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let is_health = matches!(request.uri().path(), "/healthz" | "/readyz");
    if hosts.is_open() || is_health {
        return next.run(request).await;
    }
    let problem = match foreign(&hosts, &request) {
        None => return next.run(request).await,
        Some(Some(host)) => {
            tracing::warn!(host, "a request for a host that allowed_hosts does not name was refused");
            let message = format!(
                "This server does not answer requests for the host {host:?}. Reach it by a name that it knows, or add the host to the \
                 setting allowed_hosts (POWERCRUD_ALLOWED_HOSTS)."
            );
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "UNKNOWN_HOST", "Unknown host", message)
        }
        Some(None) => {
            let message = "The request has to name one host, in the header Host.";
            Problem::new(StatusCode::BAD_REQUEST, "NO_HOST", "No host", message)
        }
    };
    let request_id = text(request.headers(), request_id::HEADER.as_str()).unwrap_or_default();
    if api::answers(request.uri().path()) {
        return api::problem(&problem, request_id);
    }
    // No page: the client is not to learn what there is.
    (problem.status, format!("{}\n\n{}\n", problem.title, problem.message)).into_response()
}

/// The host that the request names and that is not answered; `Some(None)` where it does not name exactly one.
fn foreign(hosts: &Hosts, request: &Request) -> Option<Option<String>> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return Some(None) };
    let Ok(host) = host.to_str() else { return Some(None) };
    // An absolute address names one too.
    let mut both = request.uri().authority().map(|authority| authority.as_str()).into_iter().chain([host]);
    both.find(|host| !hosts.allows(host)).map(|host| Some(host.chars().take(260).collect()))
}
