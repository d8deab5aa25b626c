//! What a request was answered with.

use axum::{
    body::{Bytes, to_bytes},
    http::HeaderMap,
    response::Response,
};

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Nothing of a stream, which goes on for minutes.
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let is_stream =
            parts.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event"));
        let bytes = match is_stream {
            true => Bytes::new(),
            false => to_bytes(body, usize::MAX).await.expect("a whole body"),
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}
