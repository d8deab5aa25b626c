//! Progress as it comes to open pages: a stream that tells no more than was committed, and ends with its task.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use futures_util::StreamExt as _;
use powercrud::{PowerCrud, Resource, Selection, User, bulk::BulkRequest, task::store};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::browser::Browser;
use crate::{
    shop::{count, items, queue, update},
    support::{TestDatabase, each_database},
};

each_database! {
    progress_is_committed_never_goes_back_and_ends,
    a_stage_that_the_page_does_not_show_is_told_at_once,
    streams_end_when_the_server_does,
    a_stream_is_for_who_may_see_the_task,
    pages_hear_of_tasks_that_others_begin_and_end,
}

/// An open stream, read event by event.
pub(crate) struct Events {
    body: BodyDataStream,
    text: String,
}

/// What came by a stream.
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

impl Events {
    pub(crate) async fn open(router: Router, path: &str) -> Self {
        Self::open_with(router, path, &[]).await
    }

    /// As a client opens it that sends these headers too.
    pub(crate) async fn open_with(router: Router, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::builder().uri(path).header("host", "shop.example").header("accept-encoding", "gzip");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!((header("content-encoding"), header("x-accel-buffering")), ("", "no"));
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Name and data of the next event; `None` at the stream's end.
    async fn next(&mut self) -> Option<(String, String)> {
        let event = self.next_event().await?;
        Some((event.name, event.data))
    }

    /// The next event, which may be a comment without anything; `None` at the stream's end.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = event.lines().filter_map(|line| {
                        line.strip_prefix(&format!("{name}: ")).or(line.strip_prefix(&format!("{name}:")))
                    });
                    lines.collect::<Vec<_>>().join("\n")
                };
                let found = Event { name: field("event"), data: field("data"), id: field("id") };
                self.text = rest.to_owned();
                return Some(found);
            }
            let next = tokio::time::timeout(Duration::from_secs(30), self.body.next()).await;
            let bytes = next.expect("a heartbeat within half a minute")?.expect("bytes");
            self.text.push_str(std::str::from_utf8(&bytes).expect("text"));
        }
    }

    /// The next event that is no beat.
    async fn next_news(&mut self) -> Option<(String, String)> {
        loop {
            match self.next().await {
                Some((name, _)) if name == "beat" => {}
                other => return other,
            }
        }
    }
}

/// So many chunks that there is something to watch.
async fn slow_items(database: &TestDatabase, records: usize) -> PowerCrud {
    items(database, records).await;
    let item = Resource::table("item").bulk_chunk_size(1u64);
    PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes")
}

/// The address of the stream that a task's page connects to.
pub(super) async fn address(browser: &mut Browser, id: uuid::Uuid) -> String {
    let page = browser.get(&format!("/tasks/{id}")).await.expect(200);
    let (_, rest) = page.text.split_once("sse-connect=\"").unwrap_or_else(|| panic!("no stream in {}", page.text));
    rest.split_once('"').expect("an end").0.replace("&amp;", "&")
}

/// "1,234" of "1,234 of 5,000 records".
pub(super) fn processed(html: &str) -> usize {
    let (before, _) = html.split_once(" of ").expect("a progress");
    let number: String = before.rsplit('>').next().unwrap_or_default().replace(',', "");
    number.trim().parse().unwrap_or_else(|_| panic!("no number in {html}"))
}

async fn progress_is_committed_never_goes_back_and_ends(database: TestDatabase) {
    let app = slow_items(&database, 1_500).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let router = app.router();
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    let running = crate::shop::when(&app, &task, |task| task.processed_records > 0).await;
    assert!(!running.status.is_final(), "it was too quick for this test: {running:?}");
    let path = address(&mut Browser::new(router.clone()), task.id).await;
    // Several pages at once, on the same looks.
    let mut others = Vec::new();
    for _ in 0..20 {
        let mut events = Events::open(router.clone(), &path).await;
        others.push(tokio::spawn(async move {
            let mut names = Vec::new();
            while let Some((name, _)) = events.next_news().await {
                names.push(name);
            }
            names
        }));
    }
    let mut events = Events::open(router, &path).await;
    let mut last = 0;
    let mut moves = 0;
    let mut names = Vec::new();
    while let Some((name, data)) = events.next_news().await {
        if name == format!("progress-{}", task.id) {
            let shown = processed(&data);
            let committed = count(&database, "(SELECT 1 FROM item WHERE touched = 1) AS done").await;
            assert!(shown <= committed, "{shown} are shown, {committed} are done");
            assert!(shown >= last, "{shown} after {last}");
            moves += u32::from(shown > last);
            last = shown;
        }
        names.push(name);
    }
    assert!(moves > 0, "{names:?}");
    assert_eq!(names[names.len() - 2..], [format!("stage-{}", task.id), "end".to_owned()], "{names:?}");
    for other in others {
        let names = other.await.expect("no panic");
        assert_eq!(names.last().map(String::as_str), Some("end"), "{names:?}");
    }
    stop.cancel();
    worker.await.expect("no panic").expect("a worker");
}

async fn a_stage_that_the_page_does_not_show_is_told_at_once(database: TestDatabase) {
    let app = slow_items(&database, 30).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let mut browser = Browser::new(app.router());
    let path = address(&mut browser, task.id).await;
    // It moves on between the page and its stream.
    store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
    let mut events = Events::open(app.router(), &path).await;
    let stage = (format!("stage-{}", task.id), "CANCELLED.0".to_owned());
    assert_eq!(events.next_news().await, Some(stage));
    assert_eq!(events.next_news().await, Some(("end".to_owned(), "1".to_owned())));
    assert_eq!(events.next_news().await, None);
    browser.get(&format!("/tasks/{}", task.id)).await.lacks(&["sse-close"]);
    // What asks for something else is told what there is.
    let nil = uuid::Uuid::nil();
    for (query, says) in [
        (String::new(), "page, strip, row"),
        ("place=page".to_owned(), "1 to 200 tasks"),
        (format!("place=wall&watch={nil}"), "page, strip, row"),
        (format!("place=page&colour=red&watch={nil}"), "place, watch"),
    ] {
        browser.get(&format!("/tasks/events?{query}")).await.expect(422).holds(&[says]);
    }
    browser.get("/tasks/events?place=page&watch=x").await.expect(404);
    browser.get(&format!("/tasks/events?place=page&watch={nil}")).await.expect(404);
}

async fn streams_end_when_the_server_does(database: TestDatabase) {
    let app = slow_items(&database, 30).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let path = address(&mut Browser::new(app.router()), task.id).await;
    let mut events = Events::open(app.router(), &path).await;
    let (name, html) = events.next_news().await.expect("how it stands");
    assert_eq!((name, processed(&html)), (format!("progress-{}", task.id), 0));
    app.end_streams();
    assert_eq!(events.next_news().await, None);
    // A page that connects meanwhile is sent away as quickly.
    assert_eq!(Events::open(app.router(), &path).await.next_news().await, None);
}

async fn a_stream_is_for_who_may_see_the_task(database: TestDatabase) {
    items(&database, 30).await;
    let user = |name: &str| User::new(name, name);
    let app = PowerCrud::builder(database.clone())
        .resource(Resource::table("item"))
        .user(move |parts| Some(user(parts.headers.get("x-user")?.to_str().ok()?)))
        .build()
        .await
        .expect("no mistakes");
    let request = update("item", Selection::All, [("note", None)]);
    let task = queue(&app, BulkRequest { user: user("ann"), ..request }).await;
    let path = format!("/tasks/events?place=row&watch={}.PENDING.0", task.id);
    let browser = Browser::new(app.router());
    browser.with("x-user", "bob").get(&path).await.expect(404);
    browser.clone().get(&path).await.expect(401);
    store::cancel(&app, &user("ann"), task.id).await.expect("hers");
    browser.with("x-user", "ann").get(&path).await.expect(200).holds(&["stage-", "CANCELLED"]);
}

/// The address of the stream that a user's list of items connects to.
async fn list_stream(app: &PowerCrud, user: &'static str) -> String {
    let listed = Browser::new(app.router()).with("x-user", user).get("/resources/item").await.expect(200);
    let (_, href) = listed.text.split_once("sse-connect=\"").expect("a stream");
    href.split_once('"').expect("an address").0.replace("&amp;", "&")
}

/// A page that shows no task hears when one begins or ends on its list, whoever's, and elsewhere of those that its user may see.
async fn pages_hear_of_tasks_that_others_begin_and_end(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone())
        .discover(true)
        .resource(Resource::table("item").bulk_min_async_records(2u64))
        .user(|parts| Some(User::new(parts.headers.get("x-user")?.to_str().ok()?, "Somebody")))
        .build()
        .await
        .expect("no mistakes");
    let as_ann = |items| BulkRequest {
        user: User::new("ann", "Ann"),
        ..update("item", Selection::Keys(items), [("note", Some("x"))])
    };
    let list = list_stream(&app, "bob").await;
    let elsewhere = "/tasks/events?place=strip&news=1";
    let mut streams = Vec::new();
    for (user, path) in [("bob", list.as_str()), ("ann", elsewhere), ("bob", elsewhere)] {
        streams.push(Events::open_with(app.router(), path, &[("x-user", user)]).await);
    }
    let [bobs_list, anns, bobs] = &mut streams[..] else { panic!("three streams") };
    // What was there before is no news: the first task may come before the first look.
    let task = queue(&app, as_ann(vec!["1".into(), "2".into()])).await;
    let watching = list_stream(&app, "ann").await;
    assert!(watching.contains(&task.id.to_string()), "{watching}");
    let mut watching = Events::open_with(app.router(), &watching, &[("x-user", "ann")]).await;
    tokio::time::timeout(Duration::from_secs(30), async {
        let stop = CancellationToken::new();
        let worker = tokio::spawn(app.worker().run(stop.clone()));
        for (stream, expected) in [(bobs_list, "list"), (anns, "own")] {
            loop {
                let (name, data) = stream.next().await.expect("news");
                if name == "news" {
                    assert_eq!(data, expected);
                    break;
                }
                assert_eq!(name, "beat");
            }
        }
        stop.cancel();
        worker.await.expect("no panic").expect("a worker that stops");
    })
    .await
    .expect("news in time");
    // By now they have been told, too, if they are.
    for _ in 0..3 {
        let (name, _) = bobs.next().await.expect("a sign of life");
        assert_eq!(name, "beat", "of somebody else's task elsewhere");
    }
    // Looking again would take away how the task on the page has ended.
    let mut beats = 0;
    while beats < 3 {
        let (name, _) = watching.next().await.expect("a sign of life");
        assert_ne!(name, "news", "of the task that the page watches");
        beats += usize::from(name == "beat");
    }
    let mut stranger = Browser::new(app.router()).with("x-user", "bob");
    stranger.get("/tasks/events?place=strip&news=1&resource=nope").await.expect(404);
}
