//! Backends of an application's own, which tell workers of tasks.

mod celery;
mod in_process;
mod redis;

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use powercrud::{
    Engine, Error, PowerCrud, Resource, Selection, Settings,
    backend::{Backend, Listener},
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    shop::{in_background, items, queue, update},
    support::{TestDatabase, each_database},
};

each_database! { a_task_starts_when_it_is_heard_of, what_is_lost_is_found_by_looking }
each_database! {
    [sqlite] names_are_checked, a_broker_that_hangs_keeps_nobody_waiting, a_task_that_has_just_ended_is_not_lost
}

/// Over a channel of this process, which stands for a broker: it fails or is silent as a test wants.
#[derive(Clone)]
struct Channel {
    name: &'static str,
    sender: broadcast::Sender<Uuid>,
    is_down: bool,
}

impl Channel {
    fn new(name: &'static str) -> Self {
        Self { name, sender: broadcast::channel(8).0, is_down: false }
    }
}

struct Receiver(broadcast::Receiver<Uuid>);

impl Backend for Channel {
    fn name(&self) -> &'static str {
        self.name
    }

    fn dispatch<'a>(&'a self, _engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            if self.is_down {
                return Err("the broker is away".to_owned());
            }
            self.sender.send(task_id).map(|_| ()).map_err(|error| error.to_string())
        })
    }

    fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        Box::pin(async move {
            if self.is_down {
                return Err("the broker is away".to_owned());
            }
            Ok(Box::new(Receiver(self.sender.subscribe())) as Box<dyn Listener>)
        })
    }
}

impl Listener for Receiver {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move { self.0.recv().await.map(|_| ()).map_err(|error| error.to_string()) })
    }
}

/// As a process of its own: one with a pool of its own is woken by nobody else.
async fn process(database: &TestDatabase, settings: &Settings, channel: Option<&Channel>) -> PowerCrud {
    let database = powercrud::db::Database::connect(&database.url).await.expect("a database");
    let item = Resource::table("item");
    let mut builder = PowerCrud::builder(database).open_to_everybody().all_settings(settings.clone()).resource(item);
    if let Some(channel) = channel {
        builder = builder.backend(channel.clone());
    }
    builder.build().await.expect("no mistakes")
}

/// Submits in one process what another one carries out, once `is_heard` says that somebody listens.
async fn carried_out(
    database: &TestDatabase,
    settings: Settings,
    channel: Option<&Channel>,
    is_heard: impl Fn() -> bool,
) {
    items(database, 40).await;
    let submitting = process(database, &settings, channel).await;
    let working = process(database, &settings, channel).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(working.worker().run(stop.clone()));
    let deadline = Instant::now() + Duration::from_secs(60);
    // It listens, and has found nothing to do.
    while !is_heard() {
        assert!(Instant::now() < deadline, "nobody listens");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let task = queue(&submitting, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    let waiting = async {
        loop {
            let task = powercrud::task::store::get(&submitting, &powercrud::User::operator(), task.id).await;
            let task = task.expect("the task");
            if task.status.is_final() {
                return task;
            }
            assert!(Instant::now() < deadline, "in vain: {task:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(waiting.await.succeeded_records, 40);
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    let queues = powercrud::staff::queues(&submitting, &powercrud::User::operator()).await.expect("queues");
    let names: Vec<_> = queues.iter().map(|queue| queue.backend.as_str()).collect();
    let mut expected = [settings.bulk_async_backend.as_str(), "database"];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

/// Nobody finds a task by looking in time.
fn woken_by(backend: &str) -> Settings {
    let poll_interval = Duration::from_secs(3600);
    Settings { bulk_async_backend: backend.into(), poll_interval, ..Settings::default() }
}

async fn a_task_starts_when_it_is_heard_of(database: TestDatabase) {
    let channel = Channel::new("channel");
    let is_heard = || channel.sender.receiver_count() > 0;
    carried_out(&database, woken_by("channel"), Some(&channel), is_heard).await;
}

async fn what_is_lost_is_found_by_looking(database: TestDatabase) {
    let down = Channel { is_down: true, ..Channel::new("channel") };
    let settings = Settings { poll_interval: Duration::from_millis(50), ..woken_by("channel") };
    carried_out(&database, settings, Some(&down), || true).await;
}

async fn names_are_checked(database: TestDatabase) {
    items(&database, 3).await;
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").bulk_async_backend("chanel"))
        .backend(Channel::new("channel"))
        .backend(Channel::new("channel"))
        .backend(Channel::new("database"))
        .backend(Channel::new("Not a name"));
    let Err(Error::Configuration(mistakes)) = builder.build().await else { panic!("there are mistakes") };
    let parts = [
        "name \"channel\" already",
        "name \"database\" already",
        "\"Not a name\" is no name of a backend",
        "resources.item.bulk_async_backend: there is no backend \"chanel\"; allowed are: database, in_process, channel",
    ];
    assert_eq!(mistakes.len(), parts.len(), "{mistakes:#?}");
    for (mistake, part) in mistakes.iter().zip(parts) {
        assert!(mistake.contains(part), "{mistake} lacks {part}");
    }
}

/// A broker that never answers.
struct Hangs;

impl Backend for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn dispatch<'a>(&'a self, _engine: &'a Engine, _task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::pending())
    }

    fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        Box::pin(std::future::pending())
    }
}

async fn a_broker_that_hangs_keeps_nobody_waiting(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone()).open_to_everybody().resource(Resource::table("item"));
    let app = app.backend(Hangs).bulk_async_backend("hangs").build().await.expect("no mistakes");
    // It would wait for ever.
    let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    let worked = app.worker().run_task(task.id, &CancellationToken::new()).await.expect("a task");
    assert_eq!(worked.succeeded_records, 30);
}

/// A worker that still has something to do once its task has ended, such as to tell others of the one that waited for it, does not take it for
/// lost when its lease can't be renewed.
async fn a_task_that_has_just_ended_is_not_lost(database: TestDatabase) {
    items(&database, 30).await;
    let item = Resource::table("item").bulk_async_on_conflict(powercrud::OnConflict::Queue);
    // It is renewed every 20 ms, and the broker takes much longer to be told.
    let settings =
        Settings { lease: Duration::from_millis(60), bulk_async_backend: "hangs".into(), ..Settings::default() };
    let app = PowerCrud::builder(database.clone()).open_to_everybody().all_settings(settings).resource(item);
    let app = app.backend(Hangs).build().await.expect("no mistakes");
    let first = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    let second = queue(&app, in_background(update("item", Selection::All, [("note", Some("y"))]))).await;
    assert_eq!(second.status, powercrud::task::Status::Waiting);
    for task in [first, second] {
        let worked = app.worker().run_task(task.id, &CancellationToken::new()).await.expect("a task that has ended");
        assert_eq!((worked.status, worked.succeeded_records), (powercrud::task::Status::Success, 30));
    }
}
