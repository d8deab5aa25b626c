//! One task in hand, from its message to its acknowledgement.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::shared::{Shared, Stage, now};
use crate::{
    broker::Settle,
    error::{Error, Result},
    follow::{self, Follower},
    message::Message,
    outcome::{Failure, Outcome},
    repr::repr,
    results::{Joined, State},
};

/// A task that a handler carries out.
pub struct Job {
    shared: Arc<Shared>,
    message: Arc<Message>,
    took: Mutex<Option<Duration>>,
}

impl Job {
    pub(super) fn new(shared: Arc<Shared>, message: Arc<Message>) -> Self {
        Self { shared, message, took: Mutex::default() }
    }

    /// What is asked for.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Whether it was revoked meanwhile.
    pub fn is_revoked(&self) -> bool {
        self.shared.is_revoked(&self.message.id)
    }

    /// Says that the work begins.
    pub async fn started(&self) {
        self.shared.set_stage(&self.message.id, Stage::Active(now()));
        self.shared.tell("task-started", [("uuid", json!(self.message.id))]);
        let meta = json!({"pid": std::process::id(), "hostname": self.shared.options.hostname});
        self.shared.keep(&self.message, State::Started(meta)).await;
    }

    /// Tells how far it has got: what `AsyncResult.info` is while `state` is `PROGRESS`.
    pub async fn progress(&self, meta: Value) {
        self.shared.keep(&self.message, State::Progress(meta)).await;
    }

    /// Waits for something that may take long: other messages may come in its stead.
    pub async fn set_aside(&self) {
        self.shared.hold(&self.message.id).await;
    }

    /// How long the work took, where that is not the time that the handler took.
    pub fn took(&self, time: Duration) {
        *self.took.lock().unwrap_or_else(PoisonError::into_inner) = Some(time);
    }

    pub(super) async fn carry_out(self) {
        let (shared, message) = (&self.shared, &self.message);
        if let Err(failure) = self.refuse() {
            return self.end(Outcome::Failure(failure), Duration::ZERO).await;
        }
        if let Some(eta) = message.eta.filter(|eta| *eta > Utc::now()) {
            shared.set_stage(&message.id, Stage::Scheduled);
            shared.hold(&message.id).await;
            // By the clock of the day, which may be set meanwhile; and it may be revoked.
            while let Ok(left) = (eta - Utc::now()).to_std() {
                sleep(left.min(Duration::from_secs(1))).await;
                if shared.is_revoked(&message.id) {
                    break;
                }
            }
            shared.set_stage(&message.id, Stage::Reserved);
        }
        if shared.is_revoked(&message.id) {
            shared.handler.revoke(&message.id, Some(message)).await;
            return self.end_revoked(false).await;
        }
        if message.expires.is_some_and(|expires| expires < Utc::now()) {
            return self.end_revoked(true).await;
        }
        let began = Instant::now();
        let outcome = AssertUnwindSafe(shared.handler.run(&self)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| {
            tracing::error!(task = message.name, id = message.id, "a task panicked");
            Outcome::Failure(Failure::builtin("RuntimeError", "the task panicked"))
        });
        let took = *self.took.lock().unwrap_or_else(PoisonError::into_inner);
        self.end(outcome, took.unwrap_or_else(|| began.elapsed())).await;
    }

    /// What this worker does not do is said at once, and not when it is too late.
    fn refuse(&self) -> Result<(), Failure> {
        let message = &self.message;
        let has_chord = message.embed.get("chord").is_some_and(|chord| !chord.is_null());
        let checked = follow::check(message).and_then(|()| match has_chord && self.shared.results.is_none() {
            true => Err(Error::Unsupported("a chord needs a result backend, and this worker has none".to_owned())),
            false => Ok(()),
        });
        let limits = message.headers.get("timelimit").and_then(Value::as_array);
        let is_limited = limits.is_some_and(|limits| limits.iter().any(|limit| !limit.is_null()));
        checked.map_err(|error| Failure::builtin("NotImplementedError", error.to_string()))?;
        match is_limited {
            true => Err(Failure::builtin(
                "NotImplementedError",
                "this worker knows no time limits; send the task without time_limit and soft_time_limit",
            )),
            false => Ok(()),
        }
    }

    async fn end_revoked(&self, is_expired: bool) {
        let (shared, message) = (&self.shared, &self.message);
        let reason = if is_expired { "expired" } else { "revoked" };
        let state = State::Revoked(reason);
        self.join(&state).await;
        shared.keep(message, state).await;
        shared.dismiss(&message.id, Settle::Acknowledge).await;
        let terminated = !is_expired;
        shared.tell(
            "task-revoked",
            [
                ("uuid", json!(message.id)),
                ("terminated", json!(terminated)),
                ("signum", Value::Null),
                ("expired", json!(is_expired)),
            ],
        );
    }

    async fn end(&self, outcome: Outcome, runtime: Duration) {
        let (shared, message) = (&self.shared, &self.message);
        match outcome {
            Outcome::Revoked => self.end_revoked(false).await,
            Outcome::Success(result) => {
                self.send(follow::after_success(message, &result)).await;
                self.join(&State::Success(&result)).await;
                shared.keep(message, State::Success(&result)).await;
                shared.dismiss(&message.id, Settle::Acknowledge).await;
                let fields = [
                    ("uuid", json!(message.id)),
                    ("result", json!(repr(&result))),
                    ("runtime", json!(runtime.as_secs_f64())),
                ];
                shared.tell("task-succeeded", fields);
            }
            Outcome::Failure(failure) => {
                self.send(follow::after_failure(message)).await;
                self.join(&State::Failure(&failure)).await;
                shared.keep(message, State::Failure(&failure)).await;
                self.fail_the_rest(&failure).await;
                shared.dismiss(&message.id, Settle::Acknowledge).await;
                shared.tell(
                    "task-failed",
                    [("uuid", json!(message.id)), ("exception", json!(failure.repr())), ("traceback", json!(""))],
                );
            }
        }
    }

    /// What would have followed in a chain has failed, too, for whoever waits for its end.
    async fn fail_the_rest(&self, failure: &Failure) {
        let Some(results) = &self.shared.results else { return };
        for signature in self.message.embed.get("chain").and_then(Value::as_array).into_iter().flatten() {
            if let Some(id) = signature["options"]["task_id"].as_str()
                && let Err(error) = results.keep(id, State::Failure(failure), None).await
            {
                tracing::warn!(%error, id, "what became of a task can't be kept for its caller");
            }
        }
    }

    /// Notes the end of a part of a chord; the last one calls what follows.
    async fn join(&self, state: &State<'_>) {
        let (shared, message) = (&self.shared, &self.message);
        let (Some(results), Some(_)) = (&shared.results, message.embed.get("chord").filter(|chord| !chord.is_null()))
        else {
            return;
        };
        match results.join(message, state).await {
            Ok(Joined::Waits) => {}
            Ok(Joined::All(all)) => self.send(follow::after_all(message, all)).await,
            Ok(Joined::Failed(why)) => {
                let failure = Failure { module: "celery.exceptions".to_owned(), ..Failure::builtin("ChordError", why) };
                if let Some(id) = follow::chord_id(message)
                    && let Err(error) = results.keep(id, State::Failure(&failure), None).await
                {
                    tracing::warn!(%error, id, "what became of a chord can't be kept for its caller");
                }
            }
            Err(error) => tracing::warn!(%error, id = message.id, "the end of a part of a chord can't be noted"),
        }
    }

    /// Sends what follows, however long the broker is away: the task is not acknowledged before.
    async fn send(&self, followers: Result<Vec<Follower>>) {
        let shared = &self.shared;
        let followers = followers.unwrap_or_else(|error| {
            // It was checked when the task came.
            tracing::error!(%error, id = self.message.id, "what follows a task can't be sent");
            Vec::new()
        });
        for Follower { queue, message } in followers {
            let own = shared.tasks.contains(&message.name).then(|| shared.options.queues.first().cloned()).flatten();
            let queue = queue.or(own).unwrap_or_else(|| shared.options.default_queue.clone());
            let envelope = message.to_envelope().to("", &queue);
            loop {
                let connected = shared.is_connected.notified();
                let sent = match shared.connection() {
                    Some(connection) => async {
                        connection.declare(&queue, shared.options.makes_quorum_queues).await?;
                        connection.send(&envelope).await
                    }
                    .await
                    .is_ok(),
                    None => false,
                };
                if sent {
                    break;
                }
                let _ = tokio::time::timeout(Duration::from_secs(2), connected).await;
            }
        }
    }
}
