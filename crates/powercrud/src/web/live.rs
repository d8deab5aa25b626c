//! Live progress by server-sent events, one stream a page for all the tasks it shows.
//!
//! `progress-ID` carries what shows how far a task is, to be swapped in as it is; its id is the moment, by the database's clock, at which it
//! was so. `stage-ID` says that it has come to another stage, for which the page asks for the rest anew. `beat` only shows that the stream
//! lives, and `end` that nothing more will come. Pages whose stream fails ask by themselves instead, more than once a second.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    time::Duration,
};

use axum::{
    extract::RawQuery,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    ask::Ask,
    auth,
    error::{Problem, WebResult},
    paths::{Paths, parse_query, with_query},
    view::{TaskView, task_view_at},
};
use crate::live::{Live, Snapshot, Watch};
use powercrud_engine::{
    error::Error,
    task::{BulkTask, store},
};

/// Where progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On a task's page.
    Page,
    /// In the strip over a list.
    Strip,
    /// In a row of the task list.
    Row,
}

impl Place {
    const ALL: [Self; 3] = [Self::Page, Self::Strip, Self::Row];

    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Strip => "strip",
            Self::Row => "row",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Page => "task_progress.html",
            Self::Strip => "strip_progress.html",
            Self::Row => "task_row_progress.html",
        }
    }
}

/// More than any page shows.
const MOST_TASKS: usize = 200;

/// A stream ends after so long, and the page connects again.
pub(super) const LONGEST: Duration = Duration::from_secs(300);

/// How often it is asked whether a stream's user may still look.
pub(super) const ASKED_EVERY: Duration = Duration::from_secs(3);

/// How often an idle stream shows that it lives.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// How long a page waits before it connects again, in which it hears nothing.
pub(super) const RETRY: Duration = Duration::from_millis(300);

/// The address of the stream for those of `tasks` that have not ended; `None` where all have.
pub(super) fn href(paths: &Paths, place: Place, tasks: &[TaskView]) -> Option<String> {
    let watched = tasks.iter().filter(|task| task.live);
    let mut pairs: Vec<_> =
        watched.map(|task| ("watch".to_owned(), format!("{}.{}", task.id, task.stage))).take(MOST_TASKS).collect();
    if pairs.is_empty() {
        return None;
    }
    pairs.insert(0, ("place".to_owned(), place.name().to_owned()));
    Some(with_query(&paths.tasks_events(), &pairs))
}

/// Where a task stands, as far as buttons, timelines and lists are concerned.
pub(super) fn stage(task: &BulkTask) -> String {
    format!("{}.{}", task.status.as_str(), task.attempt)
}

pub(super) async fn events(ask: Ask, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let (place, watched) = read(&raw.unwrap_or_default())?;
    for id in watched.keys() {
        store::get(ask.app(), &ask.user, *id).await?;
    }
    let watch = Live::watch(ask.app(), watched.keys().copied()).ok_or_else(too_many)?;
    let first = Event::default().event("beat").data("1").retry(RETRY);
    let now = Instant::now();
    let queue = VecDeque::from([first]);
    let stream = Stream { ask, place, stages: watched, watch, queue, until: now + LONGEST, ask_at: now + ASKED_EVERY };
    let events = futures_util::stream::unfold(stream, async |mut stream| {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let beat = KeepAlive::new().interval(BEAT).event(Event::default().event("beat").data("1"));
    Ok(at_once(Sse::new(events).keep_alive(beat).into_response()))
}

/// Pages whose stream fails ask by themselves.
pub(super) fn too_many() -> Problem {
    let message =
        "As many pages as may (the setting event_streams) watch progress by a stream already. Ask for the task itself.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", "Too many streams", message)
}

/// A proxy that collects an answer before it passes it on would hold progress back.
pub(super) fn at_once(mut response: Response) -> Response {
    let buffering = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(buffering, HeaderValue::from_static("no"));
    response
}

/// Reads `place=…` and `watch=ID.STAGE`, which is there once for each task.
fn read(query: &str) -> Result<(Place, HashMap<Uuid, String>), Error> {
    let mut place = None;
    let mut watched = HashMap::new();
    for (name, value) in parse_query(query) {
        match name.as_str() {
            "place" => place = Place::ALL.into_iter().find(|place| place.name() == value),
            "watch" => {
                let (id, stage) = value.split_once('.').unwrap_or((&value, ""));
                let id = Uuid::parse_str(id).map_err(|_| Error::TaskNotFound(id.to_owned()))?;
                watched.insert(id, stage.to_owned());
            }
            _ => return Err(Error::invalid(&name, "UNKNOWN_FIELD", "is not known; allowed are: place, watch")),
        }
    }
    let Some(place) = place else {
        let allowed = Place::ALL.map(Place::name).join(", ");
        return Err(Error::invalid("place", "INVALID_VALUE", format!("allowed are: {allowed}")));
    };
    if watched.is_empty() || watched.len() > MOST_TASKS {
        let message = format!("allowed are 1 to {MOST_TASKS} tasks, each as watch=ID");
        return Err(Error::invalid("watch", "INVALID_VALUE", message));
    }
    Ok((place, watched))
}

struct Stream {
    ask: Ask,
    place: Place,
    /// The stage that the page shows each task at.
    stages: HashMap<Uuid, String>,
    watch: Watch,
    queue: VecDeque<Event>,
    until: Instant,
    /// When it is asked next whether the user may still look.
    ask_at: Instant,
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.watch.is_empty() {
                return None;
            }
            let changes = tokio::select! {
                changes = self.watch.changes() => changes?,
                () = tokio::time::sleep_until(Ord::min(self.until, self.ask_at)) => Vec::new(),
            };
            if Instant::now() >= self.ask_at {
                if Instant::now() >= self.until || !auth::may_still_look(self.ask.app(), &self.ask.user).await {
                    return None;
                }
                self.ask_at = Instant::now() + ASKED_EVERY;
            }
            for (id, snapshot) in changes {
                let now = snapshot.as_ref().map_or_else(|| "gone".to_owned(), |snapshot| stage(&snapshot.task));
                let gone = snapshot.as_ref().is_none_or(|snapshot| snapshot.task.status.is_final());
                if self.stages.get(&id) != Some(&now) {
                    self.queue.push_back(Event::default().event(format!("stage-{id}")).data(&now));
                    self.stages.insert(id, now);
                } else if let Some(snapshot) = &snapshot {
                    let name = format!("{} {}", self.place.name(), self.ask.paths.base());
                    match snapshot.text(&name, |snapshot| self.progress(snapshot)) {
                        Ok(html) => {
                            let event = Event::default().event(format!("progress-{id}"));
                            self.queue.push_back(event.id(snapshot.at.to_string()).data(&*html));
                        }
                        Err(error) => {
                            tracing::error!(%error, "progress can't be rendered");
                            return None;
                        }
                    }
                }
                if gone {
                    self.watch.leave(id);
                }
            }
            if self.watch.is_empty() {
                self.queue.push_back(Event::default().event("end").data("1"));
            }
        }
    }

    fn progress(&self, snapshot: &Snapshot) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Progress {
            task: TaskView,
        }
        let task = task_view_at(self.ask.app(), &self.ask.paths, &snapshot.task, snapshot.at);
        self.ask.fragment(self.place.template(), &Progress { task })
    }
}
