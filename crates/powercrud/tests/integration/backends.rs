//! Backends of an application's own, which tell workers of tasks.

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
each_database! { [sqlite] names_are_checked }

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

/// As a process of its own: one with a pool of its own is woken by nobody else. It looks by itself once in `poll_interval`.
async fn process(database: &TestDatabase, channel: &Channel, poll_interval: Duration) -> PowerCrud {
    let database = powercrud::db::Database::connect(&database.url).await.expect("a database");
    let settings = Settings { poll_interval, ..Settings::default() };
    let item = Resource::table("item").bulk_async_backend("channel");
    let builder =
        PowerCrud::builder(database).open_to_everybody().all_settings(settings).resource(item).backend(channel.clone());
    builder.build().await.expect("no mistakes")
}

/// Submits in one process what another one carries out.
async fn carried_out(database: &TestDatabase, channel: Channel, poll_interval: Duration) {
    items(database, 40).await;
    let submitting = process(database, &channel, poll_interval).await;
    let working = process(database, &channel, poll_interval).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(working.worker().run(stop.clone()));
    let deadline = Instant::now() + Duration::from_secs(60);
    // It listens, and has found nothing to do.
    while !channel.is_down && channel.sender.receiver_count() == 0 {
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
    assert_eq!(names, ["channel", "database"]);
}

async fn a_task_starts_when_it_is_heard_of(database: TestDatabase) {
    // Nobody would find it by looking in time.
    carried_out(&database, Channel::new("channel"), Duration::from_secs(3600)).await;
}

async fn what_is_lost_is_found_by_looking(database: TestDatabase) {
    let down = Channel { is_down: true, ..Channel::new("channel") };
    carried_out(&database, down, Duration::from_millis(50)).await;
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
        "resources.item.bulk_async_backend: there is no backend \"chanel\"; allowed are: database, channel",
    ];
    assert_eq!(mistakes.len(), parts.len(), "{mistakes:#?}");
    for (mistake, part) in mistakes.iter().zip(parts) {
        assert!(mistake.contains(part), "{mistake} lacks {part}");
    }
}
