//! A broker as a connection to it: what is sent, what is received, and what becomes of it.
//!
//! A connection that fails is not mended but made anew, by whoever has it: a worker begins to receive again, and what it did not acknowledge is
//! delivered once more.

mod amqp;
mod redis;

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};

use crate::{
    address::{Address, Kind},
    envelope::Envelope,
    error::{Error, Result},
};

/// So long a broker may take to answer.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What a worker wants to receive.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) hostname: String,
    pub(crate) queues: Vec<String>,
    /// How many messages it holds at a time, without those that are held for later.
    pub(crate) prefetch: u16,
    /// Redis: whose worker did not renew a message for so long has lost it.
    pub(crate) lease: Duration,
    /// RabbitMQ: of queues that are not there yet.
    pub(crate) makes_quorum_queues: bool,
}

/// What a worker received.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message of a queue, to be settled by its tag.
    Delivery { tag: Tag, envelope: Result<Envelope> },
    /// A command of remote control.
    Command(Envelope),
    /// The connection is lost, and nothing more will come.
    Lost(Error),
}

/// Names a delivery among those of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    /// Of Redis, where it outlives the connection.
    Redis(String),
    /// Of a channel of RabbitMQ.
    Amqp(u64),
    /// Nothing is to be settled: the message was taken for good.
    Gone,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    Acknowledge,
    /// For good: nobody else gets it.
    Reject,
    /// Somebody else is to have it.
    Requeue,
}

/// A connection.
pub(crate) enum Connection {
    Redis(Box<redis::Redis>),
    Amqp(Box<amqp::Amqp>),
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self> {
        match &address.kind {
            Kind::Redis { client, database } => {
                within("Redis", redis::Redis::open(client, *database)).await.map(|redis| Self::Redis(Box::new(redis)))
            }
            Kind::Amqp { url } => {
                within("RabbitMQ", amqp::Amqp::open(url)).await.map(|amqp| Self::Amqp(Box::new(amqp)))
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Redis(_) => "Redis",
            Self::Amqp(_) => "RabbitMQ",
        }
    }

    /// Makes what a queue of that name needs, where it is not there yet.
    pub(crate) async fn declare(&self, queue: &str, is_quorum: bool) -> Result<()> {
        match self {
            Self::Redis(_) => Ok(()),
            Self::Amqp(amqp) => within(self.name(), amqp.declare(queue, is_quorum)).await,
        }
    }

    /// Sends a message to a queue, and returns once the broker has it.
    pub(crate) async fn send(&self, envelope: &Envelope) -> Result<()> {
        match self {
            Self::Redis(redis) => within(self.name(), redis.send(envelope)).await,
            Self::Amqp(amqp) => within(self.name(), amqp.send(envelope, true)).await,
        }
    }

    /// Tells everybody who listens, if anybody does.
    pub(crate) async fn broadcast(&self, envelope: &Envelope) -> Result<()> {
        match self {
            Self::Redis(redis) => within(self.name(), redis.broadcast(envelope)).await,
            Self::Amqp(amqp) => within(self.name(), amqp.send(envelope, false)).await,
        }
    }

    /// Answers a command.
    pub(crate) async fn reply(&self, envelope: &Envelope) -> Result<()> {
        match self {
            Self::Redis(redis) => within(self.name(), redis.reply(envelope)).await,
            Self::Amqp(amqp) => within(self.name(), amqp.reply(envelope)).await,
        }
    }

    /// Begins to receive.
    pub(crate) async fn receive(&self, wanted: &Wanted) -> Result<mpsc::UnboundedReceiver<Incoming>> {
        match self {
            Self::Redis(redis) => within(self.name(), redis.receive(wanted)).await,
            Self::Amqp(amqp) => within(self.name(), amqp.receive(wanted)).await,
        }
    }

    /// Settles a delivery.
    pub(crate) async fn settle(&self, tag: &Tag, settle: Settle) -> Result<()> {
        match (self, tag) {
            (Self::Redis(redis), Tag::Redis(tag)) => within(self.name(), redis.settle(tag, settle)).await,
            (Self::Amqp(amqp), Tag::Amqp(tag)) => within(self.name(), amqp.settle(*tag, settle)).await,
            _ => Ok(()),
        }
    }

    /// A delivery is held for later, and another may come in its stead.
    pub(crate) async fn hold(&self, tag: &Tag) -> Result<()> {
        match (self, tag) {
            (Self::Redis(redis), Tag::Redis(tag)) => {
                redis.hold(tag);
                Ok(())
            }
            (Self::Amqp(amqp), Tag::Amqp(_)) => within(self.name(), amqp.hold()).await,
            _ => Ok(()),
        }
    }

    /// Holds what was received over an earlier connection, where it outlived that.
    pub(crate) fn adopt(&self, tag: &Tag) {
        if let (Self::Redis(redis), Tag::Redis(tag)) = (self, tag) {
            redis.adopt(tag);
        }
    }

    /// Whether the broker answers.
    pub(crate) async fn check(&self) -> Result<()> {
        match self {
            Self::Redis(redis) => within(self.name(), redis.check()).await,
            Self::Amqp(amqp) => within(self.name(), amqp.check()).await,
        }
    }

    /// Ends it; deliveries that are not settled are given back.
    pub(crate) async fn close(&self) {
        let closed = match self {
            Self::Redis(redis) => within(self.name(), redis.close()).await,
            Self::Amqp(amqp) => within(self.name(), amqp.close()).await,
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}

async fn within<T>(broker: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(ANSWERS_WITHIN, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::Broker(format!("{broker} does not answer"))),
    }
}
