//! The span of a request: its user and its route. Not the address itself, which may have values of records in it.

use axum::extract::{MatchedPath, Request};
use tracing::{Span, field::Empty};

use super::{context::text, paths, request_id};
use crate::app::PowerCrud;
use powercrud_engine::user::User;

/// Makes spans of requests to `app`.
pub(super) fn of_requests(app: PowerCrud) -> impl Fn(&Request) -> Span + Clone {
    move |request| {
        let span = tracing::info_span!(
            "request",
            request_id = text(request.headers(), request_id::HEADER.as_str()),
            method = request.method().as_str(),
            route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
            resource = Empty,
            user = Empty,
        );
        if let Some(name) = resource(&app, request) {
            span.record("resource", name);
        }
        span
    }
}

/// Notes in a request's span the user, once that is known.
pub(super) fn note_user(user: &User) {
    Span::current().record("user", user.id.as_deref().unwrap_or(&user.name));
}

/// The resource that the address is about: its own name, not what somebody typed.
fn resource<'a>(app: &'a PowerCrud, request: &Request) -> Option<&'a str> {
    let segment = request.uri().path().split('/').skip_while(|segment| *segment != "resources").nth(1)?;
    let resource = app.resource(paths::unmark(&paths::decode(segment))).ok()?;
    Some(&resource.name)
}
