//! Sends tasks.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex as Lock, PoisonError},
};

use tokio::sync::Mutex;

use crate::{address::Address, broker::Connection, error::Result, message::Message};

/// Sends tasks to queues. It connects when there is something to send, and again after a connection was lost.
///
/// ```no_run
/// use powercrud_celery::{Address, Client, Message};
/// use serde_json::json;
///
/// # async fn send() -> Result<(), powercrud_celery::Error> {
/// let client = Client::new(Address::parse("redis://localhost/0")?);
/// client.send("celery", Message::new("shop.tasks.restock").arg(json!(42))).await?;
/// # Ok(())
/// # }
/// ```
pub struct Client {
    address: Address,
    makes_quorum_queues: bool,
    connection: Mutex<Option<Arc<Connection>>>,
    declared: Lock<HashSet<String>>,
}

impl Client {
    /// One of the broker there.
    pub fn new(address: Address) -> Self {
        Self { address, makes_quorum_queues: false, connection: Mutex::default(), declared: Lock::default() }
    }

    /// Of RabbitMQ: makes quorum queues where a queue is not there yet. One that is there stays as it is.
    #[must_use]
    pub fn quorum_queues(mut self, makes: bool) -> Self {
        self.makes_quorum_queues = makes;
        self
    }

    /// Sends a task to a queue, and returns once the broker has it. Where a connection breaks in between, it may be sent twice.
    ///
    /// # Errors
    /// [`crate::Error::Broker`] where the broker can't be reached or does not take it; it answers within seconds.
    pub async fn send(&self, queue: &str, message: Message) -> Result<()> {
        let mut envelope = message.to_envelope();
        queue.clone_into(&mut envelope.routing_key);
        envelope.exchange.clear();
        let (connection, is_new) = self.connection().await?;
        let sent = async {
            self.declare(&connection, queue).await?;
            connection.send(&envelope).await
        };
        match sent.await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.lost(&connection).await;
                if is_new {
                    return Err(error);
                }
                // It may have been lost long ago.
                let (connection, _) = self.connection().await?;
                self.declare(&connection, queue).await?;
                connection.send(&envelope).await
            }
        }
    }

    /// Whether the broker answers.
    ///
    /// # Errors
    /// [`crate::Error::Broker`] says why not.
    pub async fn check(&self) -> Result<()> {
        let (connection, is_new) = self.connection().await?;
        let checked = connection.check().await;
        if checked.is_err() {
            self.lost(&connection).await;
            if !is_new {
                return self.connection().await?.0.check().await;
            }
        }
        checked
    }

    async fn declare(&self, connection: &Connection, queue: &str) -> Result<()> {
        if self.declared.lock().unwrap_or_else(PoisonError::into_inner).contains(queue) {
            return Ok(());
        }
        connection.declare(queue, self.makes_quorum_queues).await?;
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).insert(queue.to_owned());
        Ok(())
    }

    /// The connection, and whether it was made a moment ago.
    async fn connection(&self) -> Result<(Arc<Connection>, bool)> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok((Arc::clone(connection), false));
        }
        let new = Arc::new(Connection::open(&self.address).await?);
        *connection = Some(Arc::clone(&new));
        Ok((new, true))
    }

    async fn lost(&self, lost: &Arc<Connection>) {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_some_and(|connection| Arc::ptr_eq(connection, lost)) {
            *connection = None;
            self.declared.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}
