//! The callback that is a webhook: a signed POST as <https://www.standardwebhooks.com> describes it.
//!
//! The signature is HMAC-SHA256 over `id.timestamp.body`. The id is the notice's, the same at each try; the timestamp is that of the try.

mod client;
mod public;
mod signature;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde_json::json;

use powercrud_engine::{
    Engine,
    error::Error,
    notify::{Address, Failure, Notice, Notifier, Summary},
};

pub(super) use {
    client::{Client, Endpoint},
    signature::Key,
};

/// Posts the ends of tasks.
pub(super) struct Webhook {
    pub(super) endpoint: Endpoint,
    pub(super) key: Key,
    pub(super) client: Arc<Client>,
}

/// The body of the request: a type, a moment and the task as the JSON API gives it, with the first ten of its errors.
async fn body(engine: &Engine, notice: &Notice) -> Result<String, Failure> {
    let summary = Summary::of(engine, notice.task_id).await?;
    let task = &summary.task;
    let mut data = task.to_json(&summary.errors);
    data["more_errors"] = summary.more_errors.into();
    data["outcome"] = summary.outcome.as_str().into();
    data["url"] = summary.href.as_deref().into();
    data["user"] = json!({ "id": task.user_id, "name": task.user_name });
    let ended = task.completed_at.and_then(chrono::DateTime::from_timestamp_millis);
    let body = json!({ "type": "bulk_task.ended", "timestamp": ended.map(|at| at.to_rfc3339()), "data": data });
    serde_json::to_string(&body).map_err(|error| Error::Internal(error.to_string()).into())
}

impl Notifier for Webhook {
    fn address(&self) -> Address {
        Address::WEBHOOK
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let body = body(engine, notice).await?;
            let (id, timestamp) = (notice.id.to_string(), notice.at / 1000);
            let signature = self.key.sign(&id, timestamp, body.as_bytes());
            let headers =
                [("webhook-id", id), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signature)];
            let status = self.client.post(&self.endpoint, &headers, body).await.map_err(Failure::passing)?;
            match status.as_u16() {
                200..=299 => Ok(()),
                410 => Err(Failure::lasting("it answered 410: it wants no more of this")),
                300..=399 => Err(Failure::passing(format!("it answered {status}, and redirects are not followed"))),
                _ => Err(Failure::passing(format!("it answered {status}"))),
            }
        })
    }

    fn place(&self) -> Option<String> {
        Some(format!("{}, signed", self.endpoint))
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { self.client.connect(&self.endpoint).await.map(|_| ()) })
    }
}
