//! A request's id: the client's, where that is one, else a random one. It is in the answer, in the log, and in what the request leads to.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use super::context::text;
use powercrud_engine::bulk::{in_request, is_request_id};

/// The header that carries it, in both directions.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Takes away what a client sent and is no id, so that one is made.
pub(super) async fn check(mut request: Request) -> Request {
    let mut sent = request.headers().get_all(HEADER).iter().map(HeaderValue::to_str);
    let is_one = matches!((sent.next(), sent.next()), (Some(Ok(id)), None) if is_request_id(id));
    if !is_one {
        request.headers_mut().remove(HEADER);
    }
    request
}

/// Bulk tasks that the request submits keep its id.
pub(super) async fn hand_on(request: Request, next: Next) -> Response {
    let id = text(request.headers(), HEADER.as_str()).unwrap_or_default().to_owned();
    in_request(id, next.run(request)).await
}
