//! Workers are told of tasks by messages of Celery, over Redis or RabbitMQ: beside Python's workers, `celery inspect` and Flower.
//!
//! A message carries a task's id and asks that the task be brought to its end. Whoever receives it wakes the workers of its process and watches the
//! row: any worker, here or elsewhere, may have claimed it, and carries it out. Once the database says that it has ended, the result is told and the message
//! acknowledged. So a message that is lost, delivered twice or late changes nothing about the task.

mod handler;
mod read;
mod request;
mod told;

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _};
use powercrud_celery::{Address, Client, Message, Worker, WorkerOptions, hostname};
use serde_json::json;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use self::handler::Tasks;
use crate::{
    config::Settings,
    engine::{Backend, Engine, Listener},
    error::Error,
    task::store,
};

/// The backend, where settings name its broker; what is wrong with them joins `mistakes`. It connects when it is first needed.
#[must_use]
pub fn configured(settings: &Settings, mistakes: &mut Vec<String>) -> Option<Arc<dyn Backend>> {
    let broker = settings.celery_broker_url.as_ref()?;
    let results = settings.celery_result_backend.as_ref().map(|results| results.reveal());
    match Celery::new(broker.reveal(), results, &settings.celery_queue) {
        Ok(celery) => Some(Arc::new(celery)),
        Err(mistake) => {
            mistakes.push(mistake);
            None
        }
    }
}

/// The names of tasks in messages.
const EDIT: &str = "powercrud.tasks.bulk_edit_task";
const DELETE: &str = "powercrud.tasks.bulk_delete_task";
/// Of every operation, also those that have no name of their own: actions and reverts.
const ANY: &str = "powercrud.tasks.bulk_task";

/// The message's name of an operation.
fn name_of(operation: &str) -> &'static str {
    match operation {
        "update" => EDIT,
        "delete" => DELETE,
        _ => ANY,
    }
}

/// A worker holds so many messages more than it carries out tasks.
const AHEAD: usize = 8;

/// A message whose worker is gone is delivered again after so long; Redis alone needs it.
const LEASE: Duration = Duration::from_secs(30);

/// The backend of the name `celery`. A connection that was lost is made anew; meanwhile workers find tasks by looking into the database.
pub struct Celery {
    broker: Address,
    results: Option<Address>,
    queue: String,
    client: Client,
}

impl Celery {
    /// One whose messages go through `queue` at `broker` (`redis://:PASSWORD@HOST:PORT/0` or `amqp://USER:PASSWORD@HOST:PORT/VHOST`, and
    /// `rediss://…` and `amqps://…` for TLS), and whose results are kept at `results` (`redis://…`), for Celery's callers. Nothing is connected to yet.
    ///
    /// # Errors
    /// In words that tell no password, where an address is none or the queue has no name.
    pub fn new(broker: &str, results: Option<&str>, queue: &str) -> Result<Self, String> {
        let broker = Address::parse(broker).map_err(|mistake| format!("celery_broker_url: {mistake}"))?;
        let results = results.map(Address::parse_redis).transpose();
        let results = results.map_err(|mistake| format!("celery_result_backend: {mistake}"))?;
        if queue.is_empty() || queue.len() > 200 || queue.chars().any(char::is_control) {
            return Err("celery_queue: allowed is a name of 1 to 200 bytes".to_owned());
        }
        let client = Client::new(broker.clone());
        Ok(Self { broker, results, queue: queue.to_owned(), client })
    }
}

impl Backend for Celery {
    fn name(&self) -> &'static str {
        "celery"
    }

    fn dispatch<'a>(&'a self, engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let name = match store::load(engine, task_id).await {
                Ok(task) => name_of(&task.operation),
                Err(Error::TaskNotFound(_)) => ANY,
                Err(error) => return Err(error.to_string()),
            };
            let id = task_id.to_string();
            let message = Message::new(name).id(id.as_str()).arg(json!(id));
            self.client.send(&self.queue, message).await.map_err(|error| error.to_string())
        }
        .boxed()
    }

    fn listen<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        async move {
            let heard = Arc::new(Notify::new());
            let concurrency = engine.settings().concurrency.max(1);
            let options = WorkerOptions {
                // Several workers of one machine, or of one process, are nodes of their own.
                hostname: format!("powercrud-{}@{}", &Uuid::new_v4().simple().to_string()[..8], hostname()),
                concurrency,
                prefetch: u16::try_from(concurrency + AHEAD).unwrap_or(u16::MAX),
                lease: LEASE,
                results: self.results.clone(),
                ..WorkerOptions::new("powercrud", self.queue.as_str())
            };
            let tasks = Tasks::new(engine.for_everybody(), Arc::clone(&heard), self.results.is_some());
            let worker = Worker::connect(self.broker.clone(), options, Arc::new(tasks)).await;
            let worker = worker.map_err(|error| error.to_string())?;
            let stop = CancellationToken::new();
            let running = tokio::spawn(worker.run(stop.clone()));
            Ok(Box::new(Listening { heard, running, _stops: stop.drop_guard() }) as Box<dyn Listener>)
        }
        .boxed()
    }

    fn health<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<(), String>> {
        async move { self.client.check().await.map_err(|error| error.to_string()) }.boxed()
    }
}

/// A worker in Celery's eyes. Where this is dropped, it signs off and gives back what it holds.
struct Listening {
    heard: Arc<Notify>,
    running: JoinHandle<()>,
    _stops: DropGuard,
}

impl Listener for Listening {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        async move {
            tokio::select! {
                biased;
                () = self.heard.notified() => Ok(()),
                _ = &mut self.running => Err("the worker of Celery's messages has ended".to_owned()),
            }
        }
        .boxed()
    }
}
