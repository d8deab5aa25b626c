//! What a worker knows, shared by its jobs and by remote control.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tokio::sync::{Notify, mpsc};

use super::{Handler, Job, WorkerOptions};
use crate::{
    broker::{Connection, Settle, Tag},
    envelope::Envelope,
    event::{Teller, load_average, software},
    message::Message,
    nodename::Clock,
    outcome::Failure,
    results::{Results, State},
};

/// So many ids of revoked tasks are remembered, as Celery does.
const MOST_REVOKED: usize = 50_000;

/// How far a task in hand has got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Its time has not come.
    Scheduled,
    Reserved,
    /// Since that time, in seconds since 1970.
    Active(f64),
}

/// A task in hand.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: Arc<Message>,
    /// By which deliveries it came, and over which connection: more than one where it was delivered again.
    tags: Vec<(u64, Tag)>,
    pub(super) stage: Stage,
}

pub(super) struct Shared {
    pub(super) options: WorkerOptions,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) tasks: Vec<String>,
    pub(super) results: Option<Results>,
    pub(super) clock: Clock,
    pub(super) sends_events: AtomicBool,
    pub(super) began: Instant,
    teller: Teller,
    events: mpsc::UnboundedSender<Envelope>,
    connection: RwLock<Option<Arc<Connection>>>,
    generation: AtomicU64,
    pub(super) is_connected: Notify,
    in_hand: Mutex<HashMap<String, Entry>>,
    revoked: Mutex<VecDeque<String>>,
    totals: Mutex<BTreeMap<String, u64>>,
    /// What could not be settled while the broker was away, and outlives the connection.
    unsettled: Mutex<Vec<(Tag, Settle)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        options: WorkerOptions,
        handler: Arc<dyn Handler>,
        results: Option<Results>,
        events: mpsc::UnboundedSender<Envelope>,
    ) -> Self {
        Self {
            tasks: handler.tasks(),
            teller: Teller { hostname: options.hostname.clone() },
            sends_events: AtomicBool::new(options.task_events),
            began: Instant::now(),
            options,
            handler,
            results,
            events,
            clock: Clock::default(),
            connection: RwLock::default(),
            generation: AtomicU64::new(0),
            is_connected: Notify::new(),
            in_hand: Mutex::default(),
            revoked: Mutex::default(),
            totals: Mutex::default(),
            unsettled: Mutex::default(),
        }
    }

    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Goes on with that connection: what is in hand stays so, and what could not be settled is settled now.
    pub(super) async fn connected(&self, connection: Connection) {
        for entry in lock(&self.in_hand).values() {
            entry.tags.iter().for_each(|(_, tag)| connection.adopt(tag));
        }
        let connection = Arc::new(connection);
        self.generation.fetch_add(1, Ordering::Relaxed);
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&connection));
        let unsettled = std::mem::take(&mut *lock(&self.unsettled));
        for (tag, settle) in unsettled {
            if connection.settle(&tag, settle).await.is_err() {
                lock(&self.unsettled).push((tag, settle));
            }
        }
        self.is_connected.notify_waiters();
    }

    pub(super) fn disconnected(&self) {
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Settles deliveries. One over a connection that is lost was given back by RabbitMQ; Redis still has it.
    pub(super) async fn settle(&self, tags: &[(u64, Tag)], settle: Settle) {
        let connection = self.connection();
        for (generation, tag) in tags {
            let outlives = matches!(tag, Tag::Redis(_));
            if !outlives && *generation != self.generation() {
                continue;
            }
            let settled = match &connection {
                Some(connection) => connection.settle(tag, settle).await.is_ok(),
                None => false,
            };
            if !settled && outlives {
                lock(&self.unsettled).push((tag.clone(), settle));
            }
        }
    }

    /// Takes a message in hand, or does at once what is to be done with it.
    pub(super) async fn accept(self: &Arc<Self>, tag: Tag, message: Message) -> Option<Job> {
        let tags = vec![(self.generation(), tag)];
        if !self.tasks.contains(&message.name) {
            tracing::error!(
                task = message.name,
                id = message.id,
                "a message asks for a task that is not known here; it is refused"
            );
            let failure = Failure {
                module: "celery.exceptions".to_owned(),
                ..Failure::builtin("NotRegistered", message.name.clone())
            };
            self.keep(&message, State::Failure(&failure)).await;
            self.tell(
                "task-failed",
                [("uuid", json!(message.id)), ("exception", json!(failure.repr())), ("traceback", Value::Null)],
            );
            self.settle(&tags, Settle::Reject).await;
            return None;
        }
        if let Some(entry) = lock(&self.in_hand).get_mut(&message.id) {
            entry.tags.extend(tags);
            return None;
        }
        let time = |time: Option<chrono::DateTime<chrono::Utc>>| json!(time.map(|time| time.to_rfc3339()));
        self.tell(
            "task-received",
            [
                ("uuid", json!(message.id)),
                ("name", json!(message.name)),
                ("args", json!(message.args_repr())),
                ("kwargs", json!(message.kwargs_repr())),
                ("root_id", json!(message.root_id)),
                ("parent_id", json!(message.parent_id)),
                ("retries", json!(message.retries())),
                ("eta", time(message.eta)),
                ("expires", time(message.expires)),
            ],
        );
        *lock(&self.totals).entry(message.name.clone()).or_default() += 1;
        let message = Arc::new(message);
        let entry = Entry { message: Arc::clone(&message), tags, stage: Stage::Reserved };
        lock(&self.in_hand).insert(message.id.clone(), entry);
        Some(Job::new(Arc::clone(self), message))
    }

    /// A task in hand is done with.
    pub(super) async fn dismiss(&self, id: &str, settle: Settle) {
        let entry = lock(&self.in_hand).remove(id);
        if let Some(entry) = entry {
            self.settle(&entry.tags, settle).await;
        }
    }

    /// A task in hand waits for its time, and others may come in its stead.
    pub(super) async fn hold(&self, id: &str) {
        let tags = lock(&self.in_hand).get(id).map(|entry| entry.tags.clone()).unwrap_or_default();
        if let Some(connection) = self.connection() {
            for (_, tag) in tags {
                if let Err(error) = connection.hold(&tag).await {
                    tracing::debug!(%error, "no other message can be taken in the stead of one that waits");
                }
            }
        }
    }

    pub(super) fn set_stage(&self, id: &str, stage: Stage) {
        if let Some(entry) = lock(&self.in_hand).get_mut(id) {
            entry.stage = stage;
        }
    }

    pub(super) fn in_hand(&self) -> Vec<Entry> {
        lock(&self.in_hand).values().cloned().collect()
    }

    pub(super) fn find(&self, id: &str) -> Option<Entry> {
        lock(&self.in_hand).get(id).cloned()
    }

    pub(super) fn totals(&self) -> BTreeMap<String, u64> {
        lock(&self.totals).clone()
    }

    pub(super) fn revoked(&self) -> Vec<String> {
        lock(&self.revoked).iter().cloned().collect()
    }

    pub(super) fn is_revoked(&self, id: &str) -> bool {
        lock(&self.revoked).iter().any(|revoked| revoked == id)
    }

    pub(super) fn remember_revoked(&self, id: &str) {
        let mut revoked = lock(&self.revoked);
        if !revoked.iter().any(|known| known == id) {
            revoked.push_back(id.to_owned());
        }
        while revoked.len() > MOST_REVOKED {
            revoked.pop_front();
        }
    }

    /// Keeps what became of a task where somebody may ask; tries again for a while.
    pub(super) async fn keep(&self, message: &Message, state: State<'_>) {
        let Some(results) = self.results.as_ref().filter(|_| !message.ignores_result) else { return };
        if let Err(error) = results.keep(&message.id, state, Some(message)).await {
            tracing::warn!(%error, id = message.id, "what became of a task can't be kept for its caller");
        }
    }

    /// An event about a task, unless nobody wants those.
    pub(super) fn tell<const N: usize>(&self, kind: &str, fields: [(&str, Value); N]) {
        if self.sends_events.load(Ordering::Relaxed) {
            self.tell_anyhow(kind, fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect());
        }
    }

    fn tell_anyhow(&self, kind: &str, fields: Map<String, Value>) {
        let _ = self.events.send(self.teller.event(kind, self.clock.forward(), fields));
    }

    /// An event about this worker.
    pub(super) fn tell_of_itself(&self, kind: &str) {
        self.tell_anyhow(kind, self.of_itself());
    }

    fn of_itself(&self) -> Map<String, Value> {
        let active = self.in_hand().iter().filter(|entry| matches!(entry.stage, Stage::Active(_))).count();
        let mut fields = software();
        fields.insert("freq".to_owned(), json!(super::HEARTBEAT.as_secs_f64()));
        fields.insert("active".to_owned(), json!(active));
        fields.insert("processed".to_owned(), json!(self.totals().values().sum::<u64>()));
        fields.insert("loadavg".to_owned(), json!(load_average()));
        fields
    }

    /// Says that it goes, and gives back what is in hand.
    pub(super) async fn sign_off(&self) {
        let Some(connection) = self.connection() else { return };
        let event = self.teller.event("worker-offline", self.clock.forward(), self.of_itself());
        let _ = connection.broadcast(&event).await;
        lock(&self.in_hand).clear();
        connection.close().await;
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
