//! Redis, by the keys that kombu's transport uses: a list for each queue and priority, and `unacked` with `unacked_index` for what workers hold.
//!
//! Kombu gives back what nobody acknowledged within its `visibility_timeout`, an hour, for it can't tell a long task from a dead worker. Here a
//! worker renews what it holds, so that what it took is given back soon after it died, and only by workers of this crate; a worker of Python
//! finds the time in `unacked_index` renewed. What Python's workers took is theirs.

mod receive;
mod scripts;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
};

use super::{ANSWERS_WITHIN, Incoming, Settle, Wanted};
use crate::{
    envelope::Envelope,
    error::{Error, Result},
};

/// Between the parts of a key or a binding.
const SEPARATOR: &str = "\u{6}\u{16}";

/// Kombu's priorities: 0 comes first.
const STEPS: [u8; 4] = [0, 3, 6, 9];

/// The list of a queue's messages of a priority.
fn list(queue: &str, priority: u8) -> String {
    match STEPS.into_iter().rev().find(|step| *step <= priority) {
        None | Some(0) => queue.to_owned(),
        Some(step) => format!("{queue}{SEPARATOR}{step}"),
    }
}

/// The lists of some queues, in the order in which they are looked at.
fn lists(queues: &[String]) -> Vec<String> {
    STEPS.iter().flat_map(|step| queues.iter().map(|queue| list(queue, *step))).collect()
}

/// A connection whose server may take so long for an answer; by itself it would be half a second.
fn answering_within(time: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWERS_WITHIN)).set_response_timeout(Some(time))
}

/// What is held, and whether it counts against the prefetch.
type Held = Arc<Mutex<HashMap<String, Option<OwnedSemaphorePermit>>>>;

pub(crate) struct Redis {
    client: Client,
    database: i64,
    connection: MultiplexedConnection,
    held: Held,
    running: Mutex<JoinSet<()>>,
}

impl Redis {
    pub(super) async fn open(client: &Client, database: i64) -> Result<Self> {
        let connection = client.get_multiplexed_async_connection_with_config(&answering_within(ANSWERS_WITHIN)).await?;
        let (held, running) = (Held::default(), Mutex::default());
        Ok(Self { client: client.clone(), database, connection, held, running })
    }

    pub(super) async fn send(&self, envelope: &Envelope) -> Result<()> {
        let key = list(&envelope.routing_key, envelope.priority.unwrap_or(0));
        let mut connection = self.connection.clone();
        let _: i64 = redis::cmd("LPUSH").arg(key).arg(envelope.to_virtual()).query_async(&mut connection).await?;
        Ok(())
    }

    pub(super) async fn broadcast(&self, envelope: &Envelope) -> Result<()> {
        let Envelope { exchange, routing_key, .. } = envelope;
        let topic = format!("{}{exchange}/{routing_key}", self.fanout());
        let mut connection = self.connection.clone();
        let _: i64 = redis::cmd("PUBLISH").arg(topic).arg(envelope.to_virtual()).query_async(&mut connection).await?;
        Ok(())
    }

    fn fanout(&self) -> String {
        format!("/{}.", self.database)
    }

    /// To whichever queues are bound to the exchange by that routing key.
    pub(super) async fn reply(&self, envelope: &Envelope) -> Result<()> {
        let mut connection = self.connection.clone();
        let key = format!("_kombu.binding.{}", envelope.exchange);
        let bindings: Vec<String> = redis::cmd("SMEMBERS").arg(key).query_async(&mut connection).await?;
        for binding in bindings {
            let mut parts = binding.split(SEPARATOR);
            let (Some(routing_key), Some(queue)) = (parts.next(), parts.nth(1)) else { continue };
            if routing_key == envelope.routing_key {
                let _: i64 =
                    redis::cmd("LPUSH").arg(queue).arg(envelope.to_virtual()).query_async(&mut connection).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn receive(&self, wanted: &Wanted) -> Result<mpsc::UnboundedReceiver<Incoming>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let parts = receive::Parts {
            client: self.client.clone(),
            connection: self.connection.clone(),
            held: Arc::clone(&self.held),
            control: format!("{}{}", self.fanout(), crate::control::EXCHANGE),
            sender,
        };
        let running = parts.start(wanted).await?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
        Ok(receiver)
    }

    pub(super) async fn settle(&self, tag: &str, settle: Settle) -> Result<()> {
        let mut connection = self.connection.clone();
        match settle {
            Settle::Requeue => give_back(&mut connection, tag, Duration::ZERO).await?,
            Settle::Acknowledge | Settle::Reject => {
                scripts::FORGET
                    .prepare_invoke()
                    .key(scripts::KEYS.as_slice())
                    .arg(tag)
                    .invoke_async::<()>(&mut connection)
                    .await?;
            }
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(tag);
        Ok(())
    }

    pub(super) fn hold(&self, tag: &str) {
        if let Some(permit) = self.held.lock().unwrap_or_else(PoisonError::into_inner).get_mut(tag) {
            *permit = None;
        }
    }

    pub(super) fn adopt(&self, tag: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.to_owned(), None);
    }

    pub(super) async fn check(&self) -> Result<()> {
        let mut connection = self.connection.clone();
        redis::cmd("PING").query_async::<String>(&mut connection).await?;
        Ok(())
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        let tags: Vec<_> =
            self.held.lock().unwrap_or_else(PoisonError::into_inner).drain().map(|(tag, _)| tag).collect();
        let mut connection = self.connection.clone();
        for tag in tags {
            give_back(&mut connection, &tag, Duration::ZERO).await?;
        }
        Ok(())
    }
}

/// Puts a message back to where it was taken from, to be the next; nothing happens where somebody else did so, settled it, or renewed it
/// within `lease`.
async fn give_back(connection: &mut MultiplexedConnection, tag: &str, lease: Duration) -> Result<()> {
    let kept: Option<String> = redis::cmd("HGET").arg("unacked").arg(tag).query_async(connection).await?;
    let raw = kept.as_deref().map(redelivered).transpose()?.unwrap_or_default();
    scripts::GIVE_BACK
        .prepare_invoke()
        .key(scripts::KEYS.as_slice())
        .arg(tag)
        .arg(raw)
        .arg(lease.as_secs_f64())
        .invoke_async::<()>(connection)
        .await?;
    Ok(())
}

/// The message of an entry of `unacked`, marked as kombu marks it.
fn redelivered(entry: &str) -> Result<String> {
    let mut entry: Value = serde_json::from_str(entry)
        .map_err(|error| Error::NotCelery(format!("what is kept as unacknowledged is no JSON: {error}")))?;
    let mut message = entry.get_mut(0).map(Value::take).unwrap_or_default();
    if message["headers"].is_object() {
        message["headers"]["redelivered"] = json!(true);
    }
    if message["properties"]["delivery_info"].is_object() {
        message["properties"]["delivery_info"]["redelivered"] = json!(true);
    }
    Ok(message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_a_queue() {
        let step = |number: u8| format!("q{SEPARATOR}{number}");
        for (priority, expected) in
            [(0, "q".to_owned()), (2, "q".to_owned()), (3, step(3)), (8, step(6)), (9, step(9)), (255, step(9))]
        {
            assert_eq!(list("q", priority), expected);
        }
        assert_eq!(
            lists(&["a".to_owned(), "b".to_owned()])[..3],
            ["a".to_owned(), "b".to_owned(), format!("a{SEPARATOR}3")]
        );
    }

    #[test]
    fn what_is_given_back_says_so() {
        let entry =
            json!([{"headers": {"task": "t", "stamped_headers": []}, "properties": {"delivery_info": {}}}, "", "q"]);
        let message: Value = serde_json::from_str(&redelivered(&entry.to_string()).expect("a message")).expect("JSON");
        assert_eq!(message["headers"], json!({"task": "t", "stamped_headers": [], "redelivered": true}));
        assert_eq!(message["properties"]["delivery_info"]["redelivered"], json!(true));
    }
}
