//! The result backend: what became of a task, in Redis, for `AsyncResult` of Python.

mod chord;

use std::time::Duration;

use chrono::Utc;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use serde_json::{Value, json};

pub(crate) use chord::Joined;

use crate::{
    address::{Address, Kind},
    broker::ANSWERS_WITHIN,
    error::{Error, Result},
    message::Message,
    outcome::Failure,
};

/// Where results are kept.
#[derive(Clone)]
pub(crate) struct Results {
    connection: ConnectionManager,
    expires: Duration,
}

/// What is kept of a task.
pub(crate) enum State<'a> {
    Started(Value),
    Progress(Value),
    Success(&'a Value),
    Failure(&'a Failure),
    Revoked(&'a str),
}

impl State<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Started(_) => "STARTED",
            Self::Progress(_) => "PROGRESS",
            Self::Success(_) => "SUCCESS",
            Self::Failure(_) => "FAILURE",
            Self::Revoked(_) => "REVOKED",
        }
    }

    fn result(&self) -> Value {
        match self {
            Self::Started(value) | Self::Progress(value) => value.clone(),
            Self::Success(value) => (*value).clone(),
            Self::Failure(failure) => failure.to_json(),
            Self::Revoked(reason) => {
                json!({"exc_type": "TaskRevokedError", "exc_message": [reason], "exc_module": "celery.exceptions"})
            }
        }
    }
}

impl Results {
    /// Connects when there is something to keep.
    pub(crate) fn new(address: &Address, expires: Duration) -> Result<Self> {
        let Kind::Redis { client, .. } = &address.kind else {
            return Err(Error::Address("results are kept in Redis".to_owned()));
        };
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWERS_WITHIN))
            .set_response_timeout(Some(ANSWERS_WITHIN))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config((**client).clone(), config)?;
        Ok(Self { connection, expires })
    }

    /// Keeps what became of a task, and tells whoever waits for it.
    pub(crate) async fn keep(&self, id: &str, state: State<'_>, message: Option<&Message>) -> Result<()> {
        let is_ready = !matches!(state, State::Started(_) | State::Progress(_));
        let mut meta = json!({
            "task_id": id,
            "status": state.word(),
            "result": state.result(),
            "traceback": null,
            "children": [],
            "date_done": is_ready.then(|| Utc::now().to_rfc3339()),
        });
        if let Some(message) = message {
            for (name, value) in [("group_id", &message.group), ("parent_id", &message.parent_id)] {
                if let Some(value) = value {
                    meta[name] = json!(value);
                }
            }
        }
        let (key, meta) = (format!("celery-task-meta-{id}"), meta.to_string());
        let mut both = redis::pipe();
        both.atomic().set_ex(&key, &meta, self.expires.as_secs().max(1)).ignore().publish(&key, &meta).ignore();
        let mut connection = self.connection.clone();
        both.query_async::<()>(&mut connection).await?;
        Ok(())
    }
}
