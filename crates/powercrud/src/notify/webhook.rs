//! The callback that is a webhook: a signed POST as <https://www.standardwebhooks.com> describes it.
//!
//! The signature is HMAC-SHA256 over `id.timestamp.body`. The id is the notice's, the same at each try; the timestamp is that of the try.

mod client;
mod public;
mod signature;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::Serialize;

use powercrud_engine::{
    Engine,
    error::Error,
    notify::{Address, Failure, Notice, Notifier, Summary},
    task_json::TaskJson,
    words::rfc3339,
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

/// The body of the request.
#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    /// When the task ended.
    #[serde(serialize_with = "rfc3339")]
    timestamp: Option<i64>,
    data: Data,
}

/// The task as the JSON API gives it, with the first ten of its errors.
#[derive(Serialize)]
struct Data {
    #[serde(flatten)]
    task: TaskJson,
    more_errors: u64,
    outcome: String,
    url: Option<String>,
    user: WhoAsked,
}

#[derive(Serialize)]
struct WhoAsked {
    id: Option<String>,
    name: Option<String>,
}

async fn body(engine: &Engine, notice: &Notice) -> Result<String, Failure> {
    let Summary { task, errors, more_errors, outcome, href, .. } = Summary::of(engine, notice.task_id).await?;
    let user = WhoAsked { id: task.user_id.clone(), name: task.user_name.clone() };
    let json = TaskJson { errors: Some(errors), ..TaskJson::from(&task) };
    let data = Data { task: json, more_errors, outcome, url: href, user };
    let body = Body { r#type: "bulk_task.ended", timestamp: task.completed_at, data };
    serde_json::to_string(&body).map_err(|error| Error::Internal(error.to_string()).into())
}

impl Notifier for Webhook {
    fn address(&self) -> Address {
        Address::WEBHOOK
    }

    fn timeout(&self) -> Duration {
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

    fn endpoint(&self) -> Option<String> {
        Some(format!("{}, signed", self.endpoint))
    }

    fn health_check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { self.client.connect(&self.endpoint).await.map(|_| ()) })
    }
}
