//! Takes room in memory for each request, until the last of its answer is sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hyper::body::{Frame, SizeHint};

use super::{Web, error::WebError};
use powercrud_engine::Held;

/// The layer, within the one that renders problems.
pub(super) async fn count(State(web): State<Web>, request: Request, next: Next) -> Response {
    let body = match web.app.room_for_body(announced(&web, &request)).await {
        Ok(body) => body,
        Err(error) => return WebError::from(error).into_response(),
    };
    let (response, held) = web.app.counted(next.run(request)).await;
    drop(body);
    // Of what comes bit by bit, the bits are counted as they are made.
    held.shrink(response.body().size_hint().exact().unwrap_or_default());
    response.map(|body| Body::new(Counted { body, _held: held }))
}

/// How many bytes a request's body has; as many as it may have, where that is not said.
fn announced(web: &Web, request: &Request) -> u64 {
    let most = web.app.settings().body_limit as u64;
    let said = request.headers().get(header::CONTENT_LENGTH);
    match said.map(|length| length.to_str().ok().and_then(|length| length.parse().ok()).unwrap_or(most)) {
        Some(length) => Ord::min(length, most),
        None if request.headers().contains_key(header::TRANSFER_ENCODING) => most,
        None if request.method() == Method::GET => 0,
        None => request.body().size_hint().upper().unwrap_or(most).min(most),
    }
}

/// A body, with the room that it takes.
struct Counted {
    body: Body,
    _held: Held,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
