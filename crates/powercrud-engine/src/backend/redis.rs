//! Workers are told of tasks by a channel of Redis or Valkey. Each that listens is told, since the one that is free is not known: the first
//! to claim the task has it.

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
};
use redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSubSink, PubSubStream},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Backend, Listener};
use crate::engine::Engine;

/// So long a server may take to answer before the task is left to be found by looking.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// After so long without a word it is asked whether the server is still there.
const QUIET: Duration = Duration::from_secs(10);

/// The backend of the name `redis`, over Redis 6 or later, or Valkey. A connection that was lost is made anew; meanwhile workers find tasks by looking into the
/// database.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    channel: String,
    connection: ConnectionManager,
}

impl Redis {
    /// One at `url`: `redis://:PASSWORD@HOST:PORT/0`, or `rediss://…` for TLS, trusting what the machine trusts. Workers hear of the tasks that
    /// are told of on the same `channel`. Nothing is connected to yet.
    ///
    /// # Errors
    /// In words that tell no password, where the address is none or the channel has no name.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new(url: &str, channel: &str) -> Result<Self, String> {
        const ALLOWED: &str = "allowed is redis://:PASSWORD@HOST:PORT/DATABASE, or rediss://… for TLS";
        if channel.is_empty() {
            return Err("the channel needs a name".to_owned());
        }
        let client = Client::open(url).map_err(|_| format!("that is no address of Redis; {ALLOWED}"))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWERS_WITHIN))
            .set_response_timeout(Some(ANSWERS_WITHIN))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(in_words)?;
        Ok(Self { client, channel: channel.to_owned(), connection })
    }
}

impl Backend for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn dispatch<'a>(&'a self, _engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let mut connection = self.connection.clone();
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(&self.channel).arg(task_id.to_string());
            within(publish.query_async::<i64>(&mut connection)).await.map(|_| ())
        }
        .boxed()
    }

    fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        async move {
            let mut listening = within(self.client.get_async_pubsub()).await?;
            within(listening.subscribe(&self.channel)).await?;
            let (asked, told) = listening.split();
            Ok(Box::new(Subscription { asked, told }) as Box<dyn Listener>)
        }
        .boxed()
    }

    fn health<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let mut connection = self.connection.clone();
            within(redis::cmd("PING").query_async::<String>(&mut connection)).await.map(|_| ())
        }
        .boxed()
    }
}

struct Subscription {
    asked: PubSubSink,
    told: PubSubStream,
}

impl Listener for Subscription {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        async move {
            loop {
                match timeout(QUIET, self.told.next()).await {
                    Ok(Some(_)) => return Ok(()),
                    Ok(None) => return Err("the connection to Redis was lost".to_owned()),
                    Err(_) => within(self.asked.ping::<redis::Value>()).await.map(|_| ())?,
                }
            }
        }
        .boxed()
    }
}

/// What Redis answers, unless it takes too long.
async fn within<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, String> {
    match timeout(ANSWERS_WITHIN * 2, answer).await {
        Ok(answer) => answer.map_err(in_words),
        Err(_) => Err("Redis does not answer".to_owned()),
    }
}

/// No address, which may hold a password.
#[allow(clippy::needless_pass_by_value)]
fn in_words(error: RedisError) -> String {
    match error.detail() {
        Some(detail) => format!("Redis: {} ({detail})", error.category()),
        None => format!("Redis: {error}"),
    }
}
