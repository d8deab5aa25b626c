//! The suite of backends: ours keep what they promise, and what is broken is found.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use powercrud::{
    Engine, PowerCrud,
    backend::{Backend, Database, Listener},
    testing,
};
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use super::assert_broken;
use crate::support::{Kind, TestDatabase, each_database};

each_database! { the_databases_own }

async fn the_databases_own(database: TestDatabase) {
    let engine = PowerCrud::builder(database.clone()).build().await.expect("no mistakes");
    let other = powercrud::db::Database::connect(&database.url).await.expect("a database");
    let other = PowerCrud::builder(other).build().await.expect("no mistakes");
    let suite = testing::backend(&engine, || Database).elsewhere(&other);
    if database.kind != Kind::Postgres {
        return suite.wakes_nobody().check().await.unwrap();
    }
    let gone = powercrud::db::Database::connect(&database.url).await.expect("a database");
    let gone = PowerCrud::builder(gone).build().await.expect("no mistakes");
    gone.database().connection().clone().close().await.expect("a pool that closes");
    suite.unreachable(&gone, Database).check().await.unwrap();
    // Where it should wake somebody and doesn't, that is found.
    let silent = testing::backend(&engine, || Mute).within(Duration::from_millis(300)).check().await;
    assert_broken(silent, &["keeps nobody from hearing of later tasks", "one at least hears"]);
}

/// How a channel is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Not,
    /// It forgets what it took when it is dropped.
    ForgetsWhenDropped,
    /// It hears all the time.
    Restless,
    /// It fails where it missed something.
    LosesItsPlace,
    /// Only the first that listens hears.
    FirstOnly,
    /// It waits for a worker.
    WaitsForAWorker,
    Unhealthy,
    Panics,
    /// Nothing comes after what nobody heard.
    Jams,
    /// What can't be reached says nothing.
    SilentlyAway,
    TellsSecrets,
    BadName,
    OwnProcessOnly,
}

#[derive(Clone)]
struct Channel {
    sender: broadcast::Sender<Uuid>,
    listeners: Arc<AtomicU64>,
    broken: Broken,
    is_away: bool,
}

impl Channel {
    fn new(broken: Broken) -> Self {
        Self { sender: broadcast::channel(16).0, listeners: Arc::default(), broken, is_away: false }
    }
}

struct Receiver {
    receiver: broadcast::Receiver<Uuid>,
    broken: Broken,
    is_deaf: bool,
}

impl Backend for Channel {
    fn name(&self) -> &'static str {
        if self.broken == Broken::BadName { "A Channel" } else { "channel" }
    }

    fn dispatch<'a>(&'a self, _engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            match self.broken {
                Broken::TellsSecrets if self.is_away => return Err("redis://:hunter2@localhost is away".to_owned()),
                Broken::SilentlyAway if self.is_away => return Ok(()),
                _ if self.is_away => return Err("away".to_owned()),
                Broken::WaitsForAWorker if self.sender.receiver_count() == 0 => std::future::pending().await,
                Broken::Panics => panic!("not this one"),
                _ => {}
            }
            if self.sender.send(task_id).is_err() && self.broken == Broken::Jams {
                self.listeners.store(1 << 32, Ordering::Relaxed);
            }
            Ok(())
        })
    }

    fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        Box::pin(async move {
            if self.is_away && self.broken != Broken::SilentlyAway {
                return Err("away".to_owned());
            }
            let before = self.listeners.fetch_add(1, Ordering::Relaxed);
            let is_deaf = match self.broken {
                Broken::FirstOnly => before > 0,
                Broken::Jams => before > 1 << 31,
                _ => self.is_away,
            };
            Ok(Box::new(Receiver { receiver: self.sender.subscribe(), broken: self.broken, is_deaf })
                as Box<dyn Listener>)
        })
    }

    fn health<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            match self.is_away && self.broken != Broken::SilentlyAway || self.broken == Broken::Unhealthy {
                true => Err("away".to_owned()),
                false => Ok(()),
            }
        })
    }
}

impl Listener for Receiver {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            if self.is_deaf {
                std::future::pending::<()>().await;
            }
            if self.broken == Broken::Restless {
                return Ok(());
            }
            match self.receiver.recv().await {
                Err(RecvError::Lagged(_)) if self.broken == Broken::LosesItsPlace => return Err("lagged".to_owned()),
                Err(RecvError::Closed) => return Err("closed".to_owned()),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            }
            if self.broken == Broken::ForgetsWhenDropped {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        })
    }
}

/// Passes on nothing.
struct Mute;

struct Nothing;

impl Backend for Mute {
    fn name(&self) -> &'static str {
        "mute"
    }

    fn dispatch<'a>(&'a self, _engine: &'a Engine, _task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        Box::pin(async { Ok(Box::new(Nothing) as Box<dyn Listener>) })
    }
}

impl Listener for Nothing {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::pending())
    }
}

async fn check(broken: Broken) -> Result<(), testing::BrokenPromises> {
    let app = testing::app("", |builder| builder).await.expect("no mistakes");
    let channel = Channel::new(broken);
    let process = || match broken {
        Broken::OwnProcessOnly => Channel::new(broken),
        _ => channel.clone(),
    };
    let away = Channel { is_away: true, ..Channel::new(broken) };
    let suite = testing::backend(&app, process).unreachable(&app, away).secret("hunter2");
    suite.within(Duration::from_millis(500)).check().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_keeps_all_of_it() {
    check(Broken::Not).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_is_found() {
    for (broken, parts) in [
        (Broken::ForgetsWhenDropped, &["may be dropped"][..]),
        (Broken::Restless, &["waits while there is nothing"]),
        (Broken::LosesItsPlace, &["many tasks at once"]),
        (Broken::WaitsForAWorker, &["waits for no worker"]),
        (Broken::Panics, &["waits for no worker"]),
        (Broken::Unhealthy, &["health says nothing against it"]),
        (Broken::Jams, &["keeps nobody from hearing", "one at least hears"]),
        (Broken::SilentlyAway, &["can't be reached is told"]),
        (Broken::TellsSecrets, &["tells a secret"]),
        (Broken::BadName, &["its name"]),
        (Broken::OwnProcessOnly, &["other processes"]),
    ] {
        let checked = check(broken).await;
        eprintln!("{broken:?}: {checked:?}");
        assert_broken(checked, parts);
    }
    // Whoever is left has to hear, whoever came first.
    let app = testing::app("", |builder| builder).await.expect("no mistakes");
    let channel = Channel::new(Broken::FirstOnly);
    channel.listeners.store(1, Ordering::Relaxed);
    let suite = testing::backend(&app, || channel.clone()).within(Duration::from_millis(500));
    assert!(suite.check().await.is_err());
}
