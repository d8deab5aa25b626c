//! Live progress by server-sent events, one stream a page for all the tasks it shows.
//!
//! `progress-ID` carries what shows how far a task is, to be swapped in as it is; its id is the time, by the database's clock, at which it
//! was so. `stage-ID` says that it has come to another stage, for which the page asks for the rest anew. `news` says that a bulk task began
//! or ended that the page does not show: `list`, on the resource that it lists, or `own`, one that its user may see. `beat` only shows that the stream
//! lives, and `end` that nothing more will come. Pages whose stream fails ask by themselves instead, more than once a second.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::Arc,
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
use strum::VariantArray as _;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    auth,
    context::RequestContext,
    error::{Problem, WebResult},
    paths::{Paths, parse_query, query, with_query},
    view::{TaskView, task_view_at},
};
use crate::{
    live::{Snapshot, Watch},
    news::{Listener, News},
};
use powercrud_engine::{
    error::Error,
    task::{BulkTask, store},
    words::listed,
};

/// Where progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Place {
    /// On a task's page.
    Page,
    /// In the strip over a list.
    Strip,
    /// In a row of the task list.
    Row,
}

impl Place {
    fn template(self) -> &'static str {
        match self {
            Self::Page => "task_progress.html",
            Self::Strip => "strip_progress.html",
            Self::Row => "task_row_progress.html",
        }
    }
}

/// What a stream is asked for beside tasks: news, and those of which list.
const NEWS: &str = "news";
const RESOURCE: &str = "resource";

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
    pairs.insert(0, ("place".to_owned(), <&str>::from(place).to_owned()));
    Some(with_query(&paths.tasks_events(), &pairs))
}

/// Where a task stands, as far as buttons, timelines and lists are concerned.
pub(super) fn stage(task: &BulkTask) -> String {
    format!("{}.{}", task.status.as_str(), task.attempt)
}

/// As [`href`], of a stream that also tells what begins and ends, on the resource of that name or elsewhere; it has no end.
pub(super) fn news_href(paths: &Paths, place: Place, tasks: &[TaskView], resource: Option<&str>) -> String {
    let mut pairs = vec![(NEWS.to_owned(), "1".to_owned())];
    pairs.extend(resource.map(|resource| (RESOURCE.to_owned(), resource.to_owned())));
    match href(paths, place, tasks) {
        Some(href) => format!("{href}&{}", query(&pairs)),
        None => {
            pairs.insert(0, ("place".to_owned(), <&str>::from(place).to_owned()));
            with_query(&paths.tasks_events(), &pairs)
        }
    }
}

pub(super) async fn events(context: RequestContext, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let Asked { place, watched, listens, resource } = read(&raw.unwrap_or_default())?;
    let resource = match resource {
        Some(name) => Some(context.app().resource(&name)?.name.clone()),
        None => None,
    };
    for id in watched.keys() {
        store::get(context.app(), &context.user, *id).await?;
    }
    let watch = context.app().live().watch(context.app(), watched.keys().copied(), listens).ok_or_else(too_many)?;
    let first = Event::default().event("beat").data("1").retry(RETRY);
    let now = Instant::now();
    let queue = VecDeque::from([first]);
    let (listener, until, ask_at) = (watch.listener(), now + LONGEST, now + ASKED_EVERY);
    let stream = Stream { context, place, stages: watched, watch, listener, resource, queue, until, ask_at };
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

/// What a page asks its stream for.
struct Asked {
    place: Place,
    /// Each task with the stage that the page shows it at.
    watched: HashMap<Uuid, String>,
    listens: bool,
    resource: Option<String>,
}

/// Reads `place=…`, `watch=ID.STAGE`, which is there once for each task, `news=1` and `resource=…`.
fn read(query: &str) -> Result<Asked, Error> {
    let mut place = None;
    let mut watched = HashMap::new();
    let (mut listens, mut resource) = (false, None);
    for (name, value) in parse_query(query) {
        match name.as_str() {
            "place" => place = value.parse().ok(),
            "watch" => {
                let (id, stage) = value.split_once('.').unwrap_or((&value, ""));
                let id = Uuid::parse_str(id).map_err(|_| Error::TaskNotFound(id.to_owned()))?;
                watched.insert(id, stage.to_owned());
            }
            NEWS => listens = value == "1",
            RESOURCE => resource = Some(value),
            _ => {
                let message = "is not known; allowed are: place, watch, news, resource";
                return Err(Error::invalid(&name, "UNKNOWN_FIELD", message));
            }
        }
    }
    let Some(place) = place else {
        return Err(Error::invalid("place", "INVALID_VALUE", format!("allowed are: {}", listed(Place::VARIANTS))));
    };
    if (watched.is_empty() && !listens) || watched.len() > MOST_TASKS {
        let message = format!("allowed are 1 to {MOST_TASKS} tasks, each as watch=ID");
        return Err(Error::invalid("watch", "INVALID_VALUE", message));
    }
    Ok(Asked { place, watched, listens, resource })
}

/// The next news; never, where nobody listens.
async fn heard(listener: &mut Option<Listener>) -> Vec<Arc<News>> {
    match listener {
        Some(listener) => listener.hear().await,
        None => std::future::pending().await,
    }
}

struct Stream {
    context: RequestContext,
    place: Place,
    /// The stage that the page shows each task at.
    stages: HashMap<Uuid, String>,
    watch: Watch,
    listener: Option<Listener>,
    /// The resource that the page lists.
    resource: Option<String>,
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
            let is_idle = self.watch.is_empty();
            if is_idle && self.listener.is_none() {
                return None;
            }
            // Who is told nothing is not asked about.
            let asked_at = if is_idle { self.until } else { Ord::min(self.until, self.ask_at) };
            let mut news = None;
            let changes = tokio::select! {
                changes = self.watch.changes() => changes?,
                heard = heard(&mut self.listener) => {
                    news = self.concerns(&heard);
                    Vec::new()
                }
                () = tokio::time::sleep_until(asked_at) => Vec::new(),
            };
            if Instant::now() >= self.until {
                return None;
            }
            if news.is_some() || (!is_idle && Instant::now() >= self.ask_at) {
                if !auth::may_still_look(self.context.app(), &self.context.user).await {
                    return None;
                }
                self.ask_at = Instant::now() + ASKED_EVERY;
            }
            self.queue.extend(news.map(|of| Event::default().event(NEWS).data(of)));
            for (id, snapshot) in changes {
                let now = snapshot.as_ref().map_or_else(|| "gone".to_owned(), |snapshot| stage(&snapshot.task));
                let gone = snapshot.as_ref().is_none_or(|snapshot| snapshot.task.status.is_final());
                if self.stages.get(&id) != Some(&now) {
                    self.queue.push_back(Event::default().event(format!("stage-{id}")).data(&now));
                    self.stages.insert(id, now);
                } else if let Some(snapshot) = &snapshot {
                    // What is the same for everybody is made once; who sees less is told otherwise.
                    let viewer = self.context.app().viewer().map(|user| user.id.as_deref().unwrap_or_default());
                    let name = format!("{} {} {viewer:?}", <&str>::from(self.place), self.context.paths.base());
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
            if self.watch.is_empty() && self.listener.is_none() {
                self.queue.push_back(Event::default().event("end").data("1"));
            }
        }
    }

    /// What the page is told of news: nothing of tasks that it watches anyway, nor of what is neither on its list nor its user's to
    /// see. Where there were too many to be kept, any may have been among them.
    fn concerns(&self, heard: &[Arc<News>]) -> Option<&'static str> {
        let others: Vec<_> = heard.iter().filter(|news| !self.stages.contains_key(&news.task_id)).collect();
        if others.is_empty() && !heard.is_empty() {
            return None;
        }
        let on_list = |news: &&Arc<News>| self.resource.as_ref() == Some(&news.resource);
        let is_seen = |news: &&Arc<News>| self.context.user.may_see(news.user_id.as_deref());
        if self.resource.is_some() && (others.is_empty() || others.iter().any(on_list)) {
            return Some("list");
        }
        (others.is_empty() || others.iter().any(is_seen)).then_some("own")
    }

    fn progress(&self, snapshot: &Snapshot) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Progress {
            task: TaskView,
        }
        let task = task_view_at(self.context.app(), &self.context.paths, &snapshot.task, snapshot.at);
        self.context.fragment(self.place.template(), &Progress { task })
    }
}
