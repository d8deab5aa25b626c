//! The request that asked for a bulk task: kept with the task, since a worker carries it out later, perhaps in another process.
//!
//! Of a request are kept its id, which is in its log lines and answers, and with the feature `otel` the W3C `traceparent` of its span.
//! The span of the task is a child of the request's, not a root with a link to it. OpenTelemetry advises links where one span works for
//! many messages at once; a task has exactly one origin, and where that is so it allows the parent, by which one trace tells the whole
//! story and the request's sampling is the task's too. Every attempt is such a child, also after a crash.

use tracing::Span;

use crate::task::BulkTask;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The longest id of a request that is kept, in bytes.
const LONGEST: usize = 128;

/// Whether a client may name its request so: 1 to 128 characters of ASCII that can be seen.
pub fn is_request_id(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Runs what a request asks for: bulk tasks that are submitted on the way keep the request's id. The router does so by itself; this is
/// for handlers of an application's own. An id that is not 1 to 128 visible characters of ASCII is not kept.
pub async fn in_request<F: Future>(id: impl Into<String>, work: F) -> F::Output {
    let id = id.into();
    if is_request_id(&id) { REQUEST_ID.scope(id, work).await } else { work.await }
}

/// What a task keeps of the request it is submitted in.
pub(super) struct Origin {
    pub(super) request_id: Option<String>,
    pub(super) traceparent: Option<String>,
}

impl Origin {
    /// Of the request that is carried out here and now.
    pub(super) fn now() -> Self {
        Self { request_id: REQUEST_ID.try_with(Clone::clone).ok(), traceparent: traceparent() }
    }
}

/// Makes the span of a worker's attempt a child of the span of the request that asked for the task. Call it before the span is entered.
pub(super) fn adopt(span: &Span, task: &BulkTask) {
    if let Some(traceparent) = &task.traceparent {
        set_parent(span, traceparent);
    }
}

#[cfg(feature = "otel")]
use otel::{set_parent, traceparent};

#[cfg(not(feature = "otel"))]
fn traceparent() -> Option<String> {
    None
}

#[cfg(not(feature = "otel"))]
fn set_parent(_span: &Span, _traceparent: &str) {}

#[cfg(feature = "otel")]
mod otel {
    use std::collections::HashMap;

    use opentelemetry::{propagation::TextMapPropagator as _, trace::TraceContextExt as _};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    const TRACEPARENT: &str = "traceparent";

    /// Of the current span; `None` where nobody traces it.
    pub(super) fn traceparent() -> Option<String> {
        let mut headers = HashMap::new();
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
        headers.remove(TRACEPARENT)
    }

    /// What is no traceparent changes nothing.
    pub(super) fn set_parent(span: &Span, traceparent: &str) {
        let headers = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        let parent = TraceContextPropagator::new().extract(&headers);
        if parent.span().span_context().is_valid() {
            // It fails where nobody traces this process.
            let _ = span.set_parent(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_call_its_request() {
        for (id, expected) in [
            ("7", true),
            ("018f4c1e-5b7a-7d10-9c3e-6a4170b2d5f3", true),
            ("Root=1-67891233-abcdef012345678912345678;Self=x/y+z==", true),
            (&*"x".repeat(128), true),
            (&*"x".repeat(129), false),
            ("", false),
            ("two words", false),
            ("line\nbreak", false),
            ("\u{1b}[31m", false),
            ("安", false),
        ] {
            assert_eq!(is_request_id(id), expected, "{id:?}");
        }
    }

    #[tokio::test]
    async fn an_id_reaches_as_far_as_its_request() {
        assert_eq!(Origin::now().request_id, None);
        let seen = in_request("outer", async {
            let inner = in_request("two words", async { Origin::now().request_id }).await;
            (inner, Origin::now().request_id)
        });
        assert_eq!(seen.await, (Some("outer".to_owned()), Some("outer".to_owned())));
        assert_eq!(Origin::now().request_id, None);
    }
}
