//! Traces as OpenTelemetry has them.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use powercrud::{PowerCrud, Resource, Selection, User, db::Database, token::Scope};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

use super::Spans;
use crate::{
    api::{Client, token_of},
    shop::{in_background, items, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { a_task_is_in_the_trace_of_its_request }

/// Every span of this process that has ended.
#[derive(Clone, Debug, Default)]
struct Exported(Arc<watch::Sender<Vec<SpanData>>>);

impl SpanExporter for Exported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.send_modify(|all| all.extend(batch));
        Ok(())
    }
}

static EXPORTED: LazyLock<Exported> = LazyLock::new(Exported::default);

/// Hands spans to [`EXPORTED`] as they end.
pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let provider = SdkTracerProvider::builder().with_simple_exporter(EXPORTED.clone()).build();
    let powercrud = tracing_subscriber::filter::Targets::new().with_target("powercrud", tracing::Level::INFO);
    tracing_opentelemetry::layer().with_tracer(provider.tracer("powercrud")).with_filter(powercrud)
}

/// The first `N` spans of that name to begin in the trace that has a span with this attribute, once so many have ended: the thread of
/// a SQLite connection may hold a span a little longer than what it is around.
async fn named<const N: usize>(name: &str, attribute: (&str, &str)) -> [SpanData; N] {
    let has =
        |span: &SpanData| span.attributes.iter().any(|found| (found.key.as_str(), &*found.value.as_str()) == attribute);
    let found = |all: &Vec<SpanData>| {
        let trace = all.iter().find(|span| has(span)).map(|span| span.span_context.trace_id());
        let of_it = |span: &&SpanData| span.name == name && Some(span.span_context.trace_id()) == trace;
        let mut found: Vec<_> = all.iter().filter(of_it).cloned().collect();
        found.sort_by_key(|span| span.start_time);
        found
    };
    let mut exported = EXPORTED.0.subscribe();
    let enough = exported.wait_for(|all| found(all).len() >= N);
    let all = match tokio::time::timeout(Duration::from_secs(60), enough).await {
        Ok(all) => found(&all.expect("an exporter that stays")),
        Err(_) => found(&EXPORTED.0.borrow()),
    };
    all.try_into().unwrap_or_else(|found| panic!("not {N} spans {name:?}: {found:?}"))
}

async fn a_task_is_in_the_trace_of_its_request(database: TestDatabase) {
    Spans::of_this_process();
    items(&database, 50).await;
    let item = || Resource::table("item").bulk_chunk_size(20u64);
    let app = PowerCrud::builder(&database).open_to_everybody().resource(item()).build().await.expect("no mistakes");
    let token = token_of(&app, User::operator(), &[Scope::Bulk]).await;
    let request = format!("traced-{}", uuid::Uuid::new_v4());
    let api = Client::new(app.router(), &token).with("x-request-id", &request);
    let body = json!({"all": true, "changes": {"note": "x"}, "background": true});
    let id = api.post("/api/v1/resources/item/bulk-update", body).await.expect(202).json["id"].clone();
    let id = id.as_str().expect("an id");

    // Another process takes the task and is stopped at once; a third one ends it.
    let other = Database::connect(&database.url).await.expect("the database answers");
    let other = PowerCrud::builder(other).open_to_everybody().resource(item()).build().await.expect("no mistakes");
    let stopped = CancellationToken::new();
    stopped.cancel();
    for stop in [stopped, CancellationToken::new()] {
        other.worker().run_task(id.parse().expect("an id"), &stop).await.expect("a worker that is not disturbed");
    }
    let [request] = named("request", ("task_id", id)).await;
    assert_eq!(request.parent_span_id, SpanId::INVALID);
    let [stopped, ended] = named("bulk_task", ("task_id", id)).await;
    for attempt in [&stopped, &ended] {
        assert_eq!(attempt.parent_span_id, request.span_context.span_id());
        assert!(attempt.parent_span_is_remote);
    }
    let chunks: [_; 3] = named("chunk", ("task_id", id)).await;
    assert!(chunks.iter().all(|chunk| chunk.parent_span_id == ended.span_context.span_id()), "{chunks:?}");

    // Nobody's request: a trace of its own.
    let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("y"))]))).await;
    work(&app, &task).await;
    let [alone] = named("bulk_task", ("task_id", &task.id.to_string())).await;
    assert_eq!(alone.parent_span_id, SpanId::INVALID);
    assert_ne!(alone.span_context.trace_id(), request.span_context.trace_id());
}
