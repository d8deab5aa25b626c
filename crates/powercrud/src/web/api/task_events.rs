//! A bulk task's progress as a stream of server-sent events, by the same looks at the database that open pages get.

use std::convert::Infallible;

use axum::{
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;

use super::{caller::Caller, query::Query, tasks};
use crate::{
    live::{Snapshot, Watch},
    web::{
        context::text,
        error::WebResult,
        live::{ASKED_EVERY, BEAT, LONGEST, RETRY, at_once, too_many},
    },
};
use powercrud_engine::{
    Engine,
    error::{Error, Result},
    task::BulkTask,
    task_json::TaskJson,
};

/// The progress of a bulk task, as it comes
///
/// A stream of server-sent events, one for each change that is seen; the task is looked at more than once a second. Each is named
/// `task`; its data is the task, as in lists, and `as_of`: the time, by the database's clock, at which it was so. It ends with the task; also after five minutes, and when the server stops: a client connects again (an `EventSource` by
/// itself) and sends the last event's id as `Last-Event-ID`. Then it is told what is new; where that event was the task's end, the
/// answer is 204, which tells an `EventSource` to stay away.
#[utoipa::path(
    get, path = "/api/v1/tasks/{id}/events", tag = "tasks",
    params(
        ("id" = String, Path, description = "The task's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen"),
    ),
    responses(
        (status = 200, description = "Events named `task`", content_type = "text/event-stream", body = String,
            example = "retry: 300\nevent: task\nid: STARTED.1.500.0\ndata: {\"id\": \"…\", \"status\": \"STARTED\", \"as_of\": \"2026-01-31T12:00:00.250Z\"}\n\n"),
        (status = 204, description = "The task has ended, and its end was seen"),
    )
)]
pub(super) async fn events(caller: Caller, Path(id): Path<String>, headers: HeaderMap) -> WebResult<Response> {
    Query::of(&caller).end(&[])?;
    let task = tasks::find(&caller, &id).await?;
    let seen = text(&headers, "last-event-id").map(str::to_owned);
    if task.status.is_final() && seen.as_deref() == Some(&*event_id(&task)) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = caller.app().live().watch(caller.app(), [task.id], false).ok_or_else(too_many)?;
    let now = Instant::now();
    let stream = Stream { caller, watch, seen, until: now + LONGEST, ask_at: now + ASKED_EVERY };
    let events = futures_util::stream::unfold(stream, async |mut stream| {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let beat = KeepAlive::new().interval(BEAT).text("beat");
    Ok(at_once(Sse::new(events).keep_alive(beat).into_response()))
}

/// Names what can change of a task while it lives.
fn event_id(task: &BulkTask) -> String {
    format!("{}.{}.{}.{}", task.status.as_str(), task.attempt, task.processed_records, task.failed_records)
}

/// The task as in lists.
#[derive(Serialize)]
struct Progress {
    #[serde(flatten)]
    task: TaskJson,
    /// When it was so.
    as_of: Option<DateTime<Utc>>,
}

fn json(engine: &Engine, snapshot: &Snapshot) -> Result<String> {
    let task = TaskJson::from(&snapshot.task.as_shown(engine));
    let progress = Progress { task, as_of: DateTime::from_timestamp_millis(snapshot.at) };
    serde_json::to_string(&progress).map_err(|error| Error::Internal(error.to_string()))
}

struct Stream {
    caller: Caller,
    watch: Watch,
    /// The id of the last event that the client has.
    seen: Option<String>,
    until: Instant,
    /// When it is asked next whether the caller may still look.
    ask_at: Instant,
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        while !self.watch.is_empty() {
            let changes = tokio::select! {
                changes = self.watch.changes() => changes?,
                () = tokio::time::sleep_until(Ord::min(self.until, self.ask_at)) => Vec::new(),
            };
            if Instant::now() >= self.ask_at {
                if Instant::now() >= self.until || !self.caller.may_still_look().await {
                    return None;
                }
                self.ask_at = Instant::now() + ASKED_EVERY;
            }
            for (id, snapshot) in changes {
                // A task that is no more ends its stream without a word.
                let snapshot = snapshot?;
                let event_id = event_id(&snapshot.task);
                if snapshot.task.status.is_final() {
                    self.watch.leave(id);
                }
                if self.seen.as_ref() == Some(&event_id) {
                    continue;
                }
                let viewer = self.caller.app().viewer().map(|user| user.id.as_deref().unwrap_or_default());
                let json =
                    snapshot.text(&format!("api {viewer:?}"), |snapshot| json(self.caller.app(), snapshot)).ok()?;
                self.seen = Some(event_id.clone());
                return Some(Event::default().event("task").id(event_id).retry(RETRY).data(&*json));
            }
        }
        None
    }
}
