//! The spans that a tracer gets: requests, bulk tasks and chunks, each within the other, without what records hold.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use powercrud::{PowerCrud, Resource, Selection, User, bulk::in_request, db::Database, token::Scope};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{
    Instrument as _, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, filter::LevelFilter, layer::Context, prelude::*, registry::LookupSpan};

use crate::{
    api::{Client, token_of},
    shop::{in_background, items, queue, update, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

#[cfg(feature = "otel")]
mod traces;

each_database! { requests_tasks_and_chunks_have_spans, a_worker_tells_whose_request_a_task_comes_of }
each_database! { [sqlite] an_application_with_an_access_log_gets_no_second_one }

/// A span as it was at its end, or is so far.
#[derive(Clone, Debug)]
struct Seen {
    name: &'static str,
    parent: Option<u64>,
    fields: BTreeMap<&'static str, String>,
}

/// Every span of this process, in the order they began.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(u64, Seen)>>>);

impl Spans {
    /// Of the whole process, since work goes on in threads of its own.
    fn of_this_process() -> Self {
        static SPANS: OnceLock<Spans> = OnceLock::new();
        let spans = SPANS.get_or_init(|| {
            let spans = Spans::default();
            let subscriber = tracing_subscriber::registry().with(spans.clone().with_filter(LevelFilter::INFO));
            #[cfg(feature = "otel")]
            let subscriber = subscriber.with(traces::layer());
            tracing::subscriber::set_global_default(subscriber).expect("no other test does so");
            spans
        });
        spans.clone()
    }

    fn all(&self) -> Vec<(u64, Seen)> {
        self.0.lock().expect("no panic").clone()
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Where a span's place in the list is kept: ids are used again.
struct Place(usize);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("a span");
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Place>().map(|place| place.0 as u64));
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let mut all = self.0.lock().expect("no panic");
        span.extensions_mut().insert(Place(all.len()));
        let place = all.len() as u64;
        all.push((place, Seen { name: span.name(), parent, fields }));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("a span");
        let extensions = span.extensions();
        let Some(Place(place)) = extensions.get() else { return };
        let mut all = self.0.lock().expect("no panic");
        values.record(&mut Fields(&mut all[*place].1.fields));
    }
}

/// The place of the span that has this field, and the spans right in it of that name.
#[track_caller]
fn within(all: &[(u64, Seen)], place: u64, name: &str) -> Vec<(u64, Seen)> {
    all.iter().filter(|(_, span)| span.parent == Some(place) && span.name == name).cloned().collect()
}

#[track_caller]
fn holds(span: &Seen, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(span.fields.get(name).map(String::as_str), Some(*value), "{name} of {span:?}");
    }
}

/// Its own span learns who the request was by.
async fn an_application_with_an_access_log_gets_no_second_one(database: TestDatabase) {
    let spans = Spans::of_this_process();
    items(&database, 3).await;
    for (has_log, names) in [(true, ["own", "request"].as_slice()), (false, &["own"])] {
        let builder = PowerCrud::builder(database.clone()).open_to_everybody().resource(Resource::table("item"));
        let app = builder.access_log(has_log).build().await.expect("no mistakes");
        let own = axum::middleware::from_fn(|request: axum::extract::Request, next: axum::middleware::Next| {
            next.run(request).instrument(tracing::info_span!("own", user = tracing::field::Empty))
        });
        let before = spans.all().len();
        Browser::new(app.router::<()>().layer(own)).get("/resources/item").await.expect(200);
        let all = spans.all().split_off(before);
        assert_eq!(all.iter().map(|(_, span)| span.name).collect::<Vec<_>>(), names);
        holds(&all.last().expect("a span").1, &[("user", "operator")]);
    }
}

async fn requests_tasks_and_chunks_have_spans(database: TestDatabase) {
    let spans = Spans::of_this_process();
    items(&database, 50).await;
    let item = Resource::table("item").bulk_chunk_size(20u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let token = token_of(&app, User::operator(), &[Scope::Bulk]).await;
    let api = Client::new(app.router(), &token).with("x-request-id", "a-request-of-mine");

    // At once, in the request.
    let secret = "a value that is nobody's business";
    let body = json!({"ids": [7, 8], "changes": {"note": secret}});
    api.post("/api/v1/resources/item/bulk-update", body).await.expect(200);
    let all = spans.all();
    let request = all
        .iter()
        .rev()
        .find(|(_, span)| span.name == "request" && span.fields.get("method").is_some_and(|method| method == "POST"));
    let (place, request) = request.expect("the request");
    holds(
        request,
        &[
            ("request_id", "a-request-of-mine"),
            ("route", "/api/v1/resources/{resource}/bulk-update"),
            ("resource", "item"),
            ("user", "operator"),
        ],
    );
    let tasks = within(&all, *place, "bulk_task");
    assert_eq!(tasks.len(), 1, "the request does the work itself: {all:?}");
    let (place, task) = &tasks[0];
    holds(task, &[("resource", "item"), ("operation", "update"), ("attempt", "1"), ("status", "SUCCESS")]);
    let chunks = within(&all, *place, "chunk");
    assert_eq!(chunks.len(), 1, "{all:?}");
    holds(
        &chunks[0].1,
        &[
            ("first", "1"),
            ("last", "2"),
            ("size", "2"),
            ("succeeded", "2"),
            ("failed", "0"),
            ("outcome", "not_committed_yet"),
        ],
    );

    // By a worker, chunk after chunk.
    let task = queue(&app, update("item", Selection::All, [("note", Some(secret))])).await;
    database.execute("DELETE FROM item WHERE id = 45;").await;
    let task = work(&app, &task).await;
    let all = spans.all();
    let id = task.id.to_string();
    let (place, of_task) =
        all.iter().find(|(_, span)| span.fields.get("task_id") == Some(&id)).expect("the task's span");
    assert_eq!((of_task.name, of_task.parent), ("bulk_task", None));
    holds(of_task, &[("status", "PARTIAL"), ("attempt", "1"), ("operation", "update")]);
    assert!(of_task.fields.contains_key("worker"), "{of_task:?}");
    let chunks = within(&all, *place, "chunk");
    let places: Vec<_> = chunks.iter().map(|(_, chunk)| (&*chunk.fields["first"], &*chunk.fields["last"])).collect();
    assert_eq!(places, [("1", "20"), ("21", "40"), ("41", "50")]);
    for ((_, chunk), (succeeded, failed)) in chunks.iter().zip([("20", "0"), ("20", "0"), ("9", "1")]) {
        holds(chunk, &[("outcome", "committed"), ("succeeded", succeeded), ("failed", failed)]);
        assert!(chunk.fields["milliseconds"].parse::<u64>().is_ok(), "{chunk:?}");
    }

    // An address may hold what somebody looks for.
    let mut browser = Browser::new(app.router());
    browser.get("/resources/item?note=nobody's+business").await.expect(200);
    browser.get("/resources/ITEM/records/7").await.expect(200);
    let all = spans.all();
    let last = &all.iter().rev().find(|(_, span)| span.name == "request").expect("a request").1;
    holds(last, &[("route", "/resources/{resource}/records/{key}"), ("resource", "item"), ("user", "operator")]);
    let told = format!("{all:?}");
    assert!(!told.contains("business") && !told.contains(&token), "values are told: {told}");
}

async fn a_worker_tells_whose_request_a_task_comes_of(database: TestDatabase) {
    let spans = Spans::of_this_process();
    items(&database, 50).await;
    let item = || Resource::table("item").bulk_async(true);
    let app = PowerCrud::builder(&database).open_to_everybody().resource(item()).build().await.expect("no mistakes");
    let token = token_of(&app, User::operator(), &[Scope::Bulk]).await;
    let api = Client::new(app.router(), &token);
    let body = json!({"all": true, "changes": {"note": "x"}, "background": true});
    let submit = async |id: &str, body: &serde_json::Value| {
        api.with("x-request-id", id).post("/api/v1/resources/item/bulk-update", body.clone()).await.expect(202)
    };
    let of_task = |id: &str| {
        let all = spans.all();
        let found = all.iter().filter(|(_, span)| span.fields.get("task_id").is_some_and(|found| found == id));
        found.map(|(_, span)| span.clone()).collect::<Vec<_>>()
    };
    // Another process, which knows only what the database does.
    let other = Database::connect(&database.url).await.expect("the database answers");
    let other = PowerCrud::builder(other).open_to_everybody().resource(item()).build().await.expect("no mistakes");
    let work = async |id: &str| {
        let id = id.parse().expect("an id");
        other.worker().run_task(id, &CancellationToken::new()).await.expect("a worker that is not disturbed")
    };

    let answer = submit("018f-of-mine/7", &body).await;
    assert_eq!(
        (answer.header("x-request-id"), &answer.json["request_id"]),
        ("018f-of-mine/7", &json!("018f-of-mine/7"))
    );
    let id = answer.json["id"].as_str().expect("an id");
    assert_eq!(work(id).await.request_id.as_deref(), Some("018f-of-mine/7"));
    let found = of_task(id);
    assert_eq!(found.len(), 1, "{found:?}");
    holds(&found[0], &[("request_id", "018f-of-mine/7"), ("status", "SUCCESS")]);
    let path = format!("/api/v1/tasks/{id}");
    assert_eq!(api.get(&path).await.expect(200).json["request_id"], "018f-of-mine/7", "not of the request that looks");
    let mut browser = Browser::new(app.router());
    browser
        .get(&format!("/tasks/{id}"))
        .await
        .expect(200)
        .holds(&["<dt class=\"text-base-content/70\">Request</dt>", "018f-of-mine/7"]);

    // What is no id is not taken over: the answer and the task have one that was made here.
    for sent in ["two words", &*"x".repeat(129), ""] {
        let answer = submit(sent, &body).await;
        let made = answer.header("x-request-id");
        assert!(uuid::Uuid::parse_str(made).is_ok(), "{sent:?} became {made:?}");
        assert_eq!(answer.json["request_id"], made);
        work(answer.json["id"].as_str().expect("an id")).await;
    }

    // In an application's own handler, and by nobody's request.
    let request = || update("item", Selection::All, [("note", Some("y"))]);
    let task = in_request("a-handler", queue(&app, in_background(request()))).await;
    assert_eq!(task.request_id.as_deref(), Some("a-handler"));
    work(&task.id.to_string()).await;
    let task = queue(&app, in_background(request())).await;
    assert_eq!(task.request_id, None);
    work(&task.id.to_string()).await;
    assert!(!of_task(&task.id.to_string())[0].fields.contains_key("request_id"));
}
