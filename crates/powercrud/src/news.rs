//! That bulk tasks began or ended, for open pages that watch none of them: found by one small look at the database for all pages.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use powercrud_engine::{
    Engine,
    bulk_task::BulkTask,
    error::Result,
    task::{
        Status,
        store::{self, TaskFilter},
    },
    user::User,
};

/// The states in which a task is still going to do something.
const ACTIVE: [Status; 6] =
    [Status::Waiting, Status::Pending, Status::Started, Status::Pausing, Status::Paused, Status::Cancelling];

/// Tasks that are looked at: those that run, and the newest, since one may begin and end between two looks.
const MOST_ACTIVE: u64 = 200;
const NEWEST: u64 = 20;

/// News that wait for a slow stream; more are one news, that something happened.
const KEPT: usize = 64;

/// A task that began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) task_id: Uuid,
    pub(crate) resource: String,
    /// Whose it is; `None` for the operator's.
    pub(crate) user_id: Option<String>,
}

/// What was found last, and who is told.
pub(crate) struct Newsroom {
    known: Mutex<Option<HashMap<Uuid, (bool, News)>>>,
    told: broadcast::Sender<Arc<News>>,
}

impl Newsroom {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::default(), told: broadcast::Sender::new(KEPT) }
    }

    pub(crate) fn listen(&self) -> Listener {
        Listener(self.told.subscribe())
    }

    /// Looks at the database, and tells what has begun or ended since the last look.
    pub(crate) async fn look(&self, engine: &Engine) -> Result<()> {
        let active = TaskFilter { statuses: ACTIVE.to_vec(), limit: MOST_ACTIVE, ..TaskFilter::default() };
        let newest = TaskFilter { limit: NEWEST, ..TaskFilter::default() };
        let mut tasks = store::list(engine, &User::operator(), &active).await?;
        tasks.extend(store::list(engine, &User::operator(), &newest).await?);
        let news = |task: BulkTask| News { task_id: task.id, resource: task.resource, user_id: task.user_id };
        let found: HashMap<_, _> =
            tasks.into_iter().map(|task| (task.id, (task.status.is_final(), news(task)))).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for news in known.iter().flat_map(|known| changes(known, &found)) {
            // Nobody listens any more.
            let _ = self.told.send(Arc::new(news));
        }
        *known = Some(found);
        Ok(())
    }
}

/// The tasks that are new, that have ended, and that ran before and are not among the newest any more.
fn changes(known: &HashMap<Uuid, (bool, News)>, found: &HashMap<Uuid, (bool, News)>) -> Vec<News> {
    let begun_or_ended = found
        .iter()
        .filter(|(id, (ended, _))| known.get(*id).is_none_or(|(had_ended, _)| had_ended != ended))
        .map(|(_, (_, news))| news.clone());
    let gone = known
        .iter()
        .filter(|(id, (had_ended, _))| !had_ended && !found.contains_key(*id))
        .map(|(_, (_, news))| news.clone());
    begun_or_ended.chain(gone).collect()
}

/// One page's ear.
pub(crate) struct Listener(broadcast::Receiver<Arc<News>>);

impl Listener {
    /// The next news, with all that are there by then; none of them where there were too many to be kept.
    pub(crate) async fn hear(&mut self) -> Vec<Arc<News>> {
        let mut heard = match self.0.recv().await {
            Ok(news) => vec![news],
            Err(RecvError::Lagged(_)) => return Vec::new(),
            Err(RecvError::Closed) => std::future::pending().await,
        };
        while let Ok(news) = self.0.try_recv() {
            heard.push(news);
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_and_ends_are_news_and_progress_is_none() {
        let news = |name: &str| News { task_id: Uuid::nil(), resource: name.to_owned(), user_id: None };
        let id = Uuid::from_u128;
        let known = HashMap::from([
            (id(1), (false, news("runs"))),
            (id(2), (false, news("ends"))),
            (id(3), (true, news("old"))),
            (id(4), (false, news("ended, with many newer ones"))),
        ]);
        let found = HashMap::from([
            (id(1), (false, news("runs"))),
            (id(2), (true, news("ends"))),
            (id(5), (false, news("begins"))),
        ]);
        let mut told: Vec<_> = changes(&known, &found).into_iter().map(|news| news.resource).collect();
        told.sort();
        assert_eq!(told, ["begins", "ended, with many newer ones", "ends"]);
    }
}
