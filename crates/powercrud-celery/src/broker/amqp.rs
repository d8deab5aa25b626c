//! RabbitMQ, as Celery uses it: a durable queue with a direct exchange of its name, the fanout `celery.pidbox` for commands, and the topic
//! `celeryev` for events.

mod convert;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use futures_util::StreamExt as _;
use lapin::{
    Channel, ConnectionProperties, ExchangeKind,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    task::JoinSet,
};

use super::{Incoming, Settle, Tag, Wanted};
use crate::{
    control,
    envelope::Envelope,
    error::{Error, Result},
    event,
};

/// Messages that are held for later count against the prefetch of the consumer that brought them: for each so many another consumer begins.
const HELD_A_CONSUMER: u32 = 64;

pub(crate) struct Amqp {
    connection: lapin::Connection,
    /// Whose messages are confirmed.
    publishing: Channel,
    /// For events and replies, whose loss is nobody's.
    telling: Channel,
    receiving: AsyncMutex<Option<Receiving>>,
    held: AtomicU32,
    running: Mutex<JoinSet<()>>,
}

struct Receiving {
    channel: Channel,
    queues: Vec<String>,
    sender: mpsc::UnboundedSender<Incoming>,
}

impl Amqp {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let properties = ConnectionProperties::default().with_connection_name("powercrud-celery".into());
        let connection = lapin::Connection::connect(url, properties).await.map_err(no_address)?;
        let publishing = connection.create_channel().await?;
        publishing.confirm_select(ConfirmSelectOptions::default()).await?;
        let telling = connection.create_channel().await?;
        // As kombu declares it.
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        telling.exchange_declare(event::EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
        Ok(Self {
            connection,
            publishing,
            telling,
            receiving: AsyncMutex::default(),
            held: AtomicU32::new(0),
            running: Mutex::default(),
        })
    }

    /// A queue that is there already stays as it is, whoever made it how.
    pub(super) async fn declare(&self, queue: &str, is_quorum: bool) -> Result<()> {
        let looking = self.connection.create_channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        if looking.queue_declare(queue.into(), passive, FieldTable::default()).await.is_ok() {
            let _ = looking.close(200, "".into()).await;
            return Ok(());
        }
        // The refusal has closed that channel.
        let channel = self.connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(queue.into(), ExchangeKind::Direct, durable, FieldTable::default()).await?;
        let mut arguments = FieldTable::default();
        if is_quorum {
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        }
        channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await?;
        channel
            .queue_bind(queue.into(), queue.into(), queue.into(), QueueBindOptions::default(), FieldTable::default())
            .await?;
        let _ = channel.close(200, "".into()).await;
        Ok(())
    }

    pub(super) async fn send(&self, envelope: &Envelope, is_confirmed: bool) -> Result<()> {
        let channel = if is_confirmed { &self.publishing } else { &self.telling };
        let options = BasicPublishOptions { mandatory: is_confirmed, ..Default::default() };
        let (exchange, routing_key) = (envelope.exchange.as_str().into(), envelope.routing_key.as_str().into());
        let sent = channel.basic_publish(exchange, routing_key, options, &envelope.body, convert::properties(envelope));
        let confirmed = sent.await?.await?;
        if !is_confirmed {
            return Ok(());
        }
        match confirmed {
            lapin::Confirmation::Ack(None) => Ok(()),
            lapin::Confirmation::Ack(Some(_)) | lapin::Confirmation::Nack(Some(_)) => {
                Err(Error::Broker(format!("RabbitMQ: there is no queue {:?}", envelope.routing_key)))
            }
            _ => Err(Error::Broker("RabbitMQ did not take the message".to_owned())),
        }
    }

    /// Over a channel of its own: where whoever asked is gone, with the exchange, the channel goes, too.
    pub(super) async fn reply(&self, envelope: &Envelope) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        let (exchange, routing_key) = (envelope.exchange.as_str().into(), envelope.routing_key.as_str().into());
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish(exchange, routing_key, options, &envelope.body, convert::properties(envelope));
        sent.await?.await?;
        channel.close(200, "".into()).await?;
        Ok(())
    }

    pub(super) async fn receive(&self, wanted: &Wanted) -> Result<mpsc::UnboundedReceiver<Incoming>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for queue in &wanted.queues {
            self.declare(queue, wanted.makes_quorum_queues).await?;
        }
        let mailbox = self.mailbox(&wanted.hostname).await?;
        self.run(mailbox, sender.clone(), |delivery| Incoming::Command(convert::envelope(&delivery)));
        let channel = self.connection.create_channel().await?;
        // Of each consumer; quorum queues know no other.
        channel.basic_qos(wanted.prefetch.max(1), BasicQosOptions::default()).await?;
        let receiving = Receiving { channel, queues: wanted.queues.clone(), sender };
        self.consume(&receiving).await?;
        *self.receiving.lock().await = Some(receiving);
        Ok(receiver)
    }

    async fn consume(&self, receiving: &Receiving) -> Result<()> {
        for queue in &receiving.queues {
            let options = BasicConsumeOptions::default();
            let consuming =
                receiving.channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default());
            let consumer = consuming.await?;
            self.run(consumer, receiving.sender.clone(), |delivery| Incoming::Delivery {
                tag: Tag::Amqp(delivery.delivery_tag),
                envelope: Ok(convert::envelope(&delivery)),
            });
        }
        Ok(())
    }

    /// The queue of a worker's commands, which goes with the connection.
    async fn mailbox(&self, hostname: &str) -> Result<lapin::Consumer> {
        let channel = self.connection.create_channel().await?;
        let (exchange, none) = (ShortString::from(control::EXCHANGE), FieldTable::default);
        let transient = ExchangeDeclareOptions::default();
        channel.exchange_declare(exchange.clone(), ExchangeKind::Fanout, transient, none()).await?;
        let queue = ShortString::from(format!("{hostname}.{}", control::EXCHANGE));
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let mut arguments = none();
        arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(300_000));
        channel.queue_declare(queue.clone(), options, arguments).await?;
        channel.queue_bind(queue.clone(), exchange, "".into(), QueueBindOptions::default(), none()).await?;
        let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
        Ok(channel.basic_consume(queue, "".into(), options, none()).await?)
    }

    /// Hands on what a consumer receives, until it ends.
    fn run(
        &self,
        mut consumer: lapin::Consumer,
        sender: mpsc::UnboundedSender<Incoming>,
        read: impl Fn(lapin::message::Delivery) -> Incoming + Send + 'static,
    ) {
        let work = async move {
            let ended = loop {
                match consumer.next().await {
                    Some(Ok(delivery)) => drop(sender.send(read(delivery))),
                    Some(Err(error)) => break error.into(),
                    None => break Error::Broker("the connection to RabbitMQ was lost".to_owned()),
                }
            };
            let _ = sender.send(Incoming::Lost(ended));
        };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).spawn(work);
    }

    pub(super) async fn settle(&self, tag: u64, settle: Settle) -> Result<()> {
        let receiving = self.receiving.lock().await;
        let Some(Receiving { channel, .. }) = &*receiving else { return Ok(()) };
        match settle {
            Settle::Acknowledge => channel.basic_ack(tag, BasicAckOptions::default()).await?,
            Settle::Reject | Settle::Requeue => {
                let options = BasicNackOptions { requeue: settle == Settle::Requeue, ..Default::default() };
                channel.basic_nack(tag, options).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn hold(&self) -> Result<()> {
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        if held % HELD_A_CONSUMER != 1 {
            return Ok(());
        }
        let receiving = self.receiving.lock().await;
        let Some(receiving) = &*receiving else { return Ok(()) };
        let more = u16::try_from(HELD_A_CONSUMER).unwrap_or(u16::MAX);
        receiving.channel.basic_qos(more, BasicQosOptions::default()).await?;
        self.consume(receiving).await
    }

    pub(super) async fn check(&self) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        channel.close(200, "".into()).await?;
        Ok(())
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.connection.close(200, "".into()).await?;
        Ok(())
    }
}

/// Without the address, which errors of URIs repeat.
fn no_address(error: lapin::Error) -> Error {
    match error.kind() {
        lapin::ErrorKind::InvalidConnectionState(_)
        | lapin::ErrorKind::IOError(_)
        | lapin::ErrorKind::ProtocolError(_) => error.into(),
        _ => Error::Broker("RabbitMQ can't be reached, or refused the name and password".to_owned()),
    }
}
