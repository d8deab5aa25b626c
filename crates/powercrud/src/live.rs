//! Bulk tasks that open pages watch: one look at the database serves every stream of this process.
//!
//! Looking, not being told, is what works with several processes: whoever moves a task on, its row says so. While nobody watches,
//! nobody looks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::news::{Listener, Newsroom};
use powercrud_engine::{
    Engine,
    error::Result,
    task::{BulkTask, store},
};

/// From the beginning of a look to that of the next. What is shown is at most so much older than it was when it came, and it is to be at
/// most a second old: the rest is for the look itself and the way to the page.
const PERIOD: Duration = Duration::from_millis(400);

/// From one look for tasks that began or ended to the next, while any page is open.
const NEWS_PERIOD: Duration = Duration::from_secs(2);

/// The tasks that this process's streams watch.
pub(crate) struct Live {
    news: Newsroom,
    /// A task is watched that the next look need not wait for.
    wake: Notify,
    state: Mutex<State>,
    /// The number of the last look that has ended.
    looked: watch::Sender<u64>,
    ended: CancellationToken,
}

#[derive(Default)]
struct State {
    watched: HashMap<Uuid, Watched>,
    /// The streams that are open, and those among them that listen to news.
    streams: usize,
    listeners: usize,
    /// The number of the last look that has begun.
    looks: u64,
    looking: bool,
}

#[derive(Default)]
struct Watched {
    watchers: usize,
    seen: Option<Seen>,
}

#[derive(Clone)]
struct Seen {
    /// The look that found it so last.
    look: u64,
    /// `None` where there is no such task any more.
    snapshot: Option<Arc<Snapshot>>,
}

/// A task as one look found it, with what was made from it for those who watch.
pub(crate) struct Snapshot {
    pub(crate) task: BulkTask,
    /// When it was so, by the database's clock: what was committed before is in it.
    pub(crate) at: i64,
    made: Mutex<HashMap<String, Arc<str>>>,
}

impl Snapshot {
    /// A text made from this state, once for everybody who wants the same.
    pub(crate) fn text(&self, name: &str, make: impl FnOnce(&Self) -> Result<String>) -> Result<Arc<str>> {
        let mut made = lock(&self.made);
        if let Some(text) = made.get(name) {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = make(self)?.into();
        made.insert(name.to_owned(), Arc::clone(&text));
        Ok(text)
    }
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            news: Newsroom::new(),
            wake: Notify::new(),
            state: Mutex::default(),
            looked: watch::Sender::new(0),
            ended: CancellationToken::new(),
        }
    }

    /// Ends every stream, those to come as well.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    /// Begins to watch tasks, and where it `listens` what begins and ends. What the first look after this finds counts as a change.
    /// `None`: as many as may already do.
    pub(crate) fn watch(
        self: &Arc<Self>,
        engine: &Engine,
        ids: impl IntoIterator<Item = Uuid>,
        listens: bool,
    ) -> Option<Watch> {
        let looked = self.looked.subscribe();
        let mut state = lock(&self.state);
        if state.streams >= engine.settings().event_streams {
            return None;
        }
        state.streams += 1;
        state.listeners += usize::from(listens);
        let mut sent = HashMap::new();
        for id in ids {
            if sent.insert(id, None).is_none() {
                state.watched.entry(id).or_default().watchers += 1;
            }
        }
        let since = state.looks;
        if !state.looking && (listens || !sent.is_empty()) {
            state.looking = true;
            tokio::spawn(look(Arc::clone(self), engine.clone()));
        }
        if !sent.is_empty() {
            self.wake.notify_one();
        }
        Some(Watch { live: Arc::clone(self), listens, since, looked, sent })
    }
}

/// Looks at what is watched until nothing is.
async fn look(live: Arc<Live>, engine: Engine) {
    let mut news_at = Instant::now();
    loop {
        let begun = Instant::now();
        let (look, ids, listeners) = {
            let mut state = lock(&live.state);
            let watches = !state.watched.is_empty() || state.listeners > 0;
            if !watches || live.ended.is_cancelled() {
                state.looking = false;
                return;
            }
            state.looks += 1;
            (state.looks, state.watched.keys().copied().collect::<Vec<_>>(), state.listeners)
        };
        // A database that is away for a moment: pages stay as they are.
        if !ids.is_empty() {
            match store::load_all_now(&engine, &ids).await {
                Ok((at, tasks)) => note(&live, look, &ids, at, tasks),
                Err(error) => tracing::debug!(%error, "watched bulk tasks can't be looked at"),
            }
        }
        if listeners > 0 && begun >= news_at {
            if let Err(error) = live.news.look(&engine).await {
                tracing::debug!(%error, "news of bulk tasks can't be looked for");
            }
            news_at = begun + NEWS_PERIOD;
        }
        live.looked.send_replace(look);
        let next = if ids.is_empty() { begun + NEWS_PERIOD } else { begun + PERIOD };
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = live.wake.notified() => {}
            () = live.ended.cancelled() => {}
        }
    }
}

fn note(live: &Live, look: u64, ids: &[Uuid], at: i64, tasks: Vec<BulkTask>) {
    let mut found: HashMap<Uuid, BulkTask> = tasks.into_iter().map(|task| (task.id, task)).collect();
    let mut state = lock(&live.state);
    for id in ids {
        // Nobody watches it any more.
        let Some(watched) = state.watched.get_mut(id) else { continue };
        let before = watched.seen.take().and_then(|seen| seen.snapshot);
        let snapshot = found.remove(id).map(|task| match before {
            // While a worker is on it, its time goes on even where its counts stand still.
            Some(before) if before.task == task && !task.status.is_held() => before,
            _ => Arc::new(Snapshot { task, at, made: Mutex::default() }),
        });
        watched.seen = Some(Seen { look, snapshot });
    }
}

/// Somebody's eye on some tasks.
pub(crate) struct Watch {
    live: Arc<Live>,
    listens: bool,
    /// The last look that had begun before.
    since: u64,
    looked: watch::Receiver<u64>,
    /// What was told last of each task.
    sent: HashMap<Uuid, Option<Arc<Snapshot>>>,
}

impl Watch {
    /// The tasks that are found changed next, `None` for one that is no more. `None` instead of a list: this stream is to end.
    pub(crate) async fn changes(&mut self) -> Option<Vec<(Uuid, Option<Arc<Snapshot>>)>> {
        loop {
            let ended = self.live.ended.clone();
            tokio::select! {
                () = ended.cancelled() => return None,
                looked = self.looked.changed() => looked.ok()?,
            }
            let changes = self.take_changes();
            if !changes.is_empty() {
                return Some(changes);
            }
        }
    }

    fn take_changes(&mut self) -> Vec<(Uuid, Option<Arc<Snapshot>>)> {
        let state = lock(&self.live.state);
        let mut changes = Vec::new();
        for (id, sent) in &mut self.sent {
            let Some(seen) = state.watched.get(id).and_then(|watched| watched.seen.as_ref()) else { continue };
            let same = match (&*sent, &seen.snapshot) {
                (Some(sent), Some(now)) => Arc::ptr_eq(sent, now),
                _ => false,
            };
            if seen.look > self.since && !same {
                sent.clone_from(&seen.snapshot);
                changes.push((*id, seen.snapshot.clone()));
            }
        }
        changes
    }

    /// What begins and ends from now on, where it listens to that.
    pub(crate) fn listener(&self) -> Option<Listener> {
        self.listens.then(|| self.live.news.listen())
    }

    /// Looks away from a task.
    pub(crate) fn leave(&mut self, id: Uuid) {
        if self.sent.remove(&id).is_some() {
            leave(&mut lock(&self.live.state), id);
        }
    }

    /// Whether there is nothing left to watch.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = lock(&self.live.state);
        state.streams -= 1;
        state.listeners -= usize::from(self.listens);
        for id in self.sent.keys() {
            leave(&mut state, *id);
        }
    }
}

fn leave(state: &mut State, id: Uuid) {
    if let Some(watched) = state.watched.get_mut(&id) {
        watched.watchers -= 1;
        if watched.watchers == 0 {
            state.watched.remove(&id);
        }
    }
}

/// Nothing here is left half-done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
