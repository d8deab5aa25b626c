//! A worker: it receives tasks, hands them to a handler, and appears among the workers of Celery.

mod job;
mod remote;
mod shared;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

pub use job::Job;

use self::shared::Shared;
use crate::{
    address::Address,
    broker::{Connection, Incoming, Settle, Tag, Wanted},
    control::Command,
    envelope::Envelope,
    error::{Error, Result},
    message::Message,
    nodename::hostname,
    outcome::Outcome,
    results::Results,
};

/// What an application does with tasks.
///
/// A message is acknowledged once [`Handler::run`] has returned and what it returned was told. Where the worker dies before, the message is delivered again: a
/// handler has to take a task that was done already for done.
pub trait Handler: Send + Sync + 'static {
    /// The names of the tasks that it knows; a message that asks for another one is refused.
    fn tasks(&self) -> Vec<String>;

    /// Carries out a task. As many run at a time as the worker holds messages; [`Job::started`] says when the work itself begins.
    fn run<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Outcome>;

    /// A task of that id was revoked: `message` where this worker has it. A task that is running ends by [`Outcome::Revoked`] where it can be stopped.
    fn revoke<'a>(&'a self, id: &'a str, message: Option<&'a Message>) -> BoxFuture<'a, ()> {
        let _ = (id, message);
        Box::pin(async {})
    }
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Its name among the nodes, such as `shop@host`; no two workers of a broker may share one.
    pub hostname: String,
    /// The queues whose messages it takes.
    pub queues: Vec<String>,
    /// How many tasks it works on at a time, which it tells when asked.
    pub concurrency: usize,
    /// How many messages it holds at a time, beside those whose time has not come.
    pub prefetch: u16,
    /// Redis: a message whose worker has not renewed it for so long is delivered again.
    pub lease: Duration,
    /// RabbitMQ: whether queues that are not there yet are made quorum queues.
    pub makes_quorum_queues: bool,
    /// Where results are kept, in Redis; nowhere by default.
    pub results: Option<Address>,
    /// For how long they are.
    pub results_expire: Duration,
    /// Whether it tells of its tasks before anybody asks it to.
    pub task_events: bool,
    /// The queue of tasks that follow one of this worker's, where their sender did not say and this worker does not know them.
    pub default_queue: String,
}

impl WorkerOptions {
    /// One that takes messages of a queue, under the name `NAME@` and the machine's.
    ///
    /// ```
    /// let options = powercrud_celery::WorkerOptions::new("shop", "celery");
    /// assert!(options.hostname.starts_with("shop@"));
    /// assert_eq!(options.queues, ["celery"]);
    /// ```
    pub fn new(name: &str, queue: impl Into<String>) -> Self {
        Self {
            hostname: format!("{name}@{}", hostname()),
            queues: vec![queue.into()],
            concurrency: 1,
            prefetch: 4,
            lease: Duration::from_secs(30),
            makes_quorum_queues: false,
            results: None,
            results_expire: Duration::from_secs(24 * 3600),
            task_events: true,
            default_queue: "celery".to_owned(),
        }
    }
}

/// How often a worker says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A worker that has connected.
pub struct Worker {
    address: Address,
    shared: Arc<Shared>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    events: mpsc::UnboundedReceiver<Envelope>,
}

impl Worker {
    /// Connects, and begins to receive.
    ///
    /// # Errors
    /// [`Error::Broker`] where the broker can't be reached, [`Error::Address`] where results are to be kept elsewhere than in Redis.
    pub async fn connect(address: Address, options: WorkerOptions, handler: Arc<dyn Handler>) -> Result<Self> {
        let results =
            options.results.as_ref().map(|results| Results::new(results, options.results_expire)).transpose()?;
        let (sender, events) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(options, handler, results, sender));
        let (connection, incoming) = open(&address, &shared).await?;
        shared.connected(connection).await;
        Ok(Self { address, shared, incoming, events })
    }

    /// Works until `stop` is cancelled. A connection that was lost is made anew. In the end, messages that are not done are given back.
    pub async fn run(mut self, stop: CancellationToken) {
        let shared = Arc::clone(&self.shared);
        let mut jobs = JoinSet::new();
        let mut beats = interval(HEARTBEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.tick().await;
        // In sets, so that all ends where this is dropped.
        let mut telling = JoinSet::new();
        telling.spawn(tell(Arc::clone(&shared), self.events));
        shared.tell_of_itself("worker-online");
        while !stop.is_cancelled() {
            let incoming = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = beats.tick() => {
                    shared.tell_of_itself("worker-heartbeat");
                    continue;
                }
                Some(_) = jobs.join_next(), if !jobs.is_empty() => continue,
                incoming = self.incoming.recv() => incoming,
            };
            match incoming {
                Some(Incoming::Delivery { tag, envelope }) => {
                    if let Some(job) = receive(&shared, tag, envelope).await {
                        jobs.spawn(job.carry_out());
                    }
                }
                Some(Incoming::Command(envelope)) => match Command::read(&envelope) {
                    Ok(command) => drop(tokio::spawn(remote::obey(Arc::clone(&shared), command))),
                    Err(error) => tracing::warn!(%error, "a command can't be read, and is let be"),
                },
                lost => {
                    let error = match lost {
                        Some(Incoming::Lost(error)) => error,
                        _ => Error::Broker("the connection was lost".to_owned()),
                    };
                    tracing::warn!(%error, "the broker is away; connecting again");
                    shared.disconnected();
                    tokio::select! {
                        () = stop.cancelled() => break,
                        incoming = reconnect(&self.address, &shared) => self.incoming = incoming,
                    }
                    tracing::info!("connected to the broker again");
                    shared.tell_of_itself("worker-online");
                }
            }
        }
        jobs.abort_all();
        while jobs.join_next().await.is_some() {}
        telling.abort_all();
        shared.sign_off().await;
    }
}

async fn open(address: &Address, shared: &Shared) -> Result<(Connection, mpsc::UnboundedReceiver<Incoming>)> {
    let connection = Connection::open(address).await?;
    let options = &shared.options;
    let wanted = Wanted {
        hostname: options.hostname.clone(),
        queues: options.queues.clone(),
        prefetch: options.prefetch,
        lease: options.lease,
        makes_quorum_queues: options.makes_quorum_queues,
    };
    let incoming = connection.receive(&wanted).await?;
    Ok((connection, incoming))
}

async fn reconnect(address: &Address, shared: &Shared) -> mpsc::UnboundedReceiver<Incoming> {
    let mut pause = Duration::from_millis(100);
    loop {
        match open(address, shared).await {
            Ok((connection, incoming)) => {
                shared.connected(connection).await;
                return incoming;
            }
            Err(error) => tracing::debug!(%error, "the broker is still away"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Sends events, in their order; those that happen while the broker is away are nobody's loss.
async fn tell(shared: Arc<Shared>, mut events: mpsc::UnboundedReceiver<Envelope>) {
    while let Some(event) = events.recv().await {
        if let Some(connection) = shared.connection()
            && let Err(error) = connection.broadcast(&event).await
        {
            tracing::debug!(%error, "an event could not be told");
        }
    }
}

/// What is to be done for a message, if it is one.
async fn receive(shared: &Arc<Shared>, tag: Tag, envelope: Result<Envelope>) -> Option<Job> {
    let read = envelope.and_then(|envelope| Message::read(&envelope));
    let message = match read {
        Ok(message) => message,
        Err(error) => {
            tracing::warn!(%error, "a message was refused");
            shared.settle(&[(shared.generation(), tag)], Settle::Reject).await;
            return None;
        }
    };
    shared.accept(tag, message).await
}
