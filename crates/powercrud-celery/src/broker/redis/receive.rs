//! What a worker receives from Redis: messages, as many as it may hold, and commands.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use redis::{Client, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{interval, timeout},
};

use super::{Held, answering_within, give_back, lists, scripts};
use crate::{
    broker::{ANSWERS_WITHIN, Incoming, Tag, Wanted},
    envelope::Envelope,
    error::{Error, Result},
};

/// So long Redis holds back the answer that a list is still empty.
const WAIT: Duration = Duration::from_secs(2);

/// After so long without a command it is asked whether the server is still there.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) client: Client,
    pub(super) connection: MultiplexedConnection,
    pub(super) held: Held,
    /// The channel of commands.
    pub(super) control: String,
    pub(super) sender: mpsc::UnboundedSender<Incoming>,
}

impl Parts {
    /// Starts all that goes on at the same time; where one of them fails, the connection is lost.
    pub(super) async fn start(self, wanted: &Wanted) -> Result<JoinSet<()>> {
        let mut running = JoinSet::new();
        let mut commands = self.client.get_async_pubsub().await?;
        commands.subscribe(&self.control).await?;
        let lists = lists(&wanted.queues);
        let is_there = Arc::new(Notify::new());
        let mut wanting = Vec::new();
        let patient = answering_within(WAIT + ANSWERS_WITHIN);
        for list in &lists {
            let connection = self.client.get_multiplexed_async_connection_with_config(&patient).await?;
            let is_wanted = Arc::new(Notify::new());
            wanting.push(Arc::clone(&is_wanted));
            self.run(&mut running, watch(connection, list.clone(), is_wanted, Arc::clone(&is_there)));
        }
        let free = Arc::new(Semaphore::new(wanted.prefetch.max(1).into()));
        self.run(&mut running, self.clone().take(lists, free, wanting, is_there));
        self.run(&mut running, self.clone().keep(wanted.lease));
        self.run(&mut running, hear(commands, self.sender.clone()));
        Ok(running)
    }

    fn run(&self, running: &mut JoinSet<()>, work: impl Future<Output = Result<()>> + Send + 'static) {
        let sender = self.sender.clone();
        running.spawn(async move {
            if let Err(error) = work.await {
                let _ = sender.send(Incoming::Lost(error));
            }
        });
    }

    /// Takes messages while there is room for them.
    async fn take(
        mut self,
        lists: Vec<String>,
        free: Arc<Semaphore>,
        wanting: Vec<Arc<Notify>>,
        is_there: Arc<Notify>,
    ) -> Result<()> {
        while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
            let mut permit = Some(permit);
            while let Some(free) = permit.take() {
                match timeout(ANSWERS_WITHIN, self.take_one(&lists, free)).await {
                    Ok(taken) => permit = taken?,
                    Err(_) => return Err(Error::Broker("Redis does not answer".to_owned())),
                }
                if permit.is_some() {
                    wanting.iter().for_each(|is_wanted| is_wanted.notify_one());
                    is_there.notified().await;
                }
            }
        }
        Ok(())
    }

    /// Hands on the next message; gives the permit back where there is none.
    async fn take_one(
        &mut self,
        lists: &[String],
        permit: OwnedSemaphorePermit,
    ) -> Result<Option<OwnedSemaphorePermit>> {
        let mut invocation = scripts::TAKE.prepare_invoke();
        invocation.key(scripts::KEYS.as_slice());
        invocation.key(lists);
        let taken: Option<Vec<Vec<u8>>> = invocation.invoke_async(&mut self.connection).await?;
        let Some(taken) = taken else { return Ok(Some(permit)) };
        let envelope = Envelope::from_virtual(taken.first().map(Vec::as_slice).unwrap_or_default());
        let tag = match taken.get(1).map(|tag| String::from_utf8_lossy(tag).into_owned()) {
            Some(tag) => {
                self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.clone(), Some(permit));
                Tag::Redis(tag)
            }
            None => Tag::Gone,
        };
        let _ = self.sender.send(Incoming::Delivery { tag, envelope });
        Ok(None)
    }

    /// Renews what is held here, and gives back what others hold no more.
    async fn keep(mut self, lease: Duration) -> Result<()> {
        let mut turns = interval(lease / 6);
        loop {
            turns.tick().await;
            match timeout(ANSWERS_WITHIN, self.keep_once(lease)).await {
                Ok(kept) => kept?,
                Err(_) => return Err(Error::Broker("Redis does not answer".to_owned())),
            }
        }
    }

    async fn keep_once(&mut self, lease: Duration) -> Result<()> {
        let held: Vec<_> = self.held.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for tags in held.chunks(500) {
            let mut invocation = scripts::RENEW.prepare_invoke();
            invocation.key(scripts::KEYS.as_slice()).arg(tags);
            invocation.invoke_async::<()>(&mut self.connection).await?;
        }
        let mut invocation = scripts::LAPSED.prepare_invoke();
        invocation.key(scripts::KEYS.as_slice()).arg(lease.as_secs_f64());
        let lapsed: Vec<String> = invocation.invoke_async(&mut self.connection).await?;
        for tag in lapsed {
            tracing::info!(tag, "a message whose worker is gone is delivered again");
            give_back(&mut self.connection, &tag, lease).await?;
        }
        Ok(())
    }
}

/// Hands on commands.
async fn hear(commands: redis::aio::PubSub, sender: mpsc::UnboundedSender<Incoming>) -> Result<()> {
    let (mut asking, mut stream) = commands.split();
    loop {
        match timeout(QUIET, stream.next()).await {
            Ok(Some(message)) => match Envelope::from_virtual(message.get_payload_bytes()) {
                Ok(envelope) => drop(sender.send(Incoming::Command(envelope))),
                Err(error) => tracing::warn!(%error, "a command was no message, and is let be"),
            },
            Ok(None) => return Err(Error::Broker("the connection to Redis was lost".to_owned())),
            Err(_) => match timeout(ANSWERS_WITHIN, asking.ping::<redis::Value>()).await {
                Ok(answer) => drop(answer?),
                Err(_) => return Err(Error::Broker("Redis does not answer".to_owned())),
            },
        }
    }
}

/// Waits, each time it is wanted, until a list holds something. Nothing is taken, for what is taken by a connection that breaks would be lost:
/// the last message is moved to where it is, which Redis does once there is one.
async fn watch(
    mut connection: MultiplexedConnection,
    list: String,
    is_wanted: Arc<Notify>,
    is_there: Arc<Notify>,
) -> Result<()> {
    loop {
        is_wanted.notified().await;
        loop {
            let mut moved = redis::cmd("BLMOVE");
            moved.arg(&list).arg(&list).arg("RIGHT").arg("RIGHT").arg(WAIT.as_secs());
            let found: redis::Value = moved.query_async(&mut connection).await?;
            if found != redis::Value::Nil {
                break;
            }
        }
        is_there.notify_one();
    }
}
