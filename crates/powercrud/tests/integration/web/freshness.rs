//! How old progress is by the time somebody sees it: what open streams were told, against a history of what was committed.
//!
//! Nobody's clock is compared with another's, and each bound is one that a busy machine can't break by itself: a count belongs to the
//! history only once it was read, so that it was committed before; and the allowance for a busy machine is what the one who reads the
//! history, on the same machine at the same time, had to wait for its own turns.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use powercrud::{
    PowerCrud, Resource, Selection, User,
    task::{Status, store},
};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio_util::sync::CancellationToken;

use super::{
    browser::Browser,
    live::{Event, Events, address, processed},
};
use crate::{
    shop::{items, queue, update, when},
    support::{Kind, TestDatabase, each_database},
};

each_database! { progress_is_at_most_a_second_old }

/// What is promised.
const OLDEST: Duration = Duration::from_secs(1);

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(4);

/// Pages that watch beside those that are looked at here.
const OTHERS: usize = 30;

/// So many records were found committed by who asked and then had read it, and by that moment of the database's clock.
#[derive(Clone, Copy, Debug)]
struct Commit {
    records: u64,
    asked: Instant,
    read: Instant,
    at: i64,
}

/// A stream told that there are so many, as they were at a moment of the database's clock; the last time, that the task has come to
/// another stage.
#[derive(Debug)]
struct Told {
    records: Option<u64>,
    at: Option<i64>,
    came: Instant,
}

/// How many records an event tells, and the moment that goes with it. Another stage has no count: then the page asks for everything anew.
type Shown = (Option<u64>, Option<i64>);

async fn progress_is_at_most_a_second_old(database: TestDatabase) {
    items(&database, 30_000).await;
    let item = Resource::table("item").bulk_chunk_size(1u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    when(&app, &task, |task| task.processed_records > 0).await;
    let page = address(&mut Browser::new(app.router()), task.id).await;
    let api = format!("/api/v1/tasks/{}/events", task.id);
    let others: Vec<_> = (0..OTHERS).map(|_| tokio::spawn(listen(app.clone(), page.clone(), of_page))).collect();
    let watching = [
        tokio::spawn(listen(app.clone(), page.clone(), of_page)),
        tokio::spawn(listen(app.clone(), api, of_api)),
        tokio::spawn(listen(app.clone(), page.replace("place=page", "place=row"), of_page)),
    ];
    let history = {
        let _busy = Busy::start();
        history(&database).await
    };
    let cancelled = store::cancel(&app, &User::operator(), task.id).await.expect("it was not too quick for this test");
    assert!(!cancelled.status.is_final() || cancelled.status == Status::Cancelled, "{cancelled:?}");
    for stream in watching {
        check(&history, &stream.await.expect("no panic"));
    }
    for other in others {
        other.await.expect("no panic");
    }
    stop.cancel();
    worker.await.expect("no panic").expect("a worker");
}

/// Keeps every core busy until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start() -> Self {
        let on = Arc::new(AtomicBool::new(true));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let on = Arc::clone(&on);
            std::thread::spawn(move || while on.load(Ordering::Relaxed) {});
        }
        Self(on)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// What is committed, read over and over.
async fn history(database: &TestDatabase) -> Vec<Commit> {
    let now = match database.kind {
        Kind::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)",
        Kind::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)",
        Kind::Mysql => "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
    };
    let connection = database.connection();
    let read = async |sql: String| {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await.expect("an answer").expect("a row");
        row.try_get_by_index::<i64>(0).expect("a number")
    };
    let mut history = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < WATCHED {
        let asked = Instant::now();
        let records = read("SELECT processed_records FROM powercrud_bulk_task".to_owned()).await as u64;
        // Asked for afterwards, so that it is not before the commit.
        let at = read(format!("SELECT {now}")).await;
        history.push(Commit { records, asked, read: Instant::now(), at });
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    history
}

/// Reads a stream to its end.
async fn listen(app: PowerCrud, path: String, read: fn(&Event) -> Option<Shown>) -> Vec<Told> {
    let mut events = Events::open(app.router(), &path).await;
    let mut told = Vec::new();
    while let Some(event) = events.next_event().await {
        if let Some((records, at)) = read(&event) {
            told.push(Told { records, at, came: Instant::now() });
        }
    }
    told
}

fn of_page(event: &Event) -> Option<Shown> {
    if event.name.starts_with("stage-") {
        return Some((None, None));
    }
    let at = event.name.starts_with("progress-").then(|| event.id.parse().expect("a timestamp"))?;
    Some((Some(processed(&event.data) as u64), Some(at)))
}

fn of_api(event: &Event) -> Option<Shown> {
    if event.name != "task" {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
    let at = json["as_of"].as_str().expect("a timestamp");
    let at = chrono::DateTime::parse_from_rfc3339(at).expect("a timestamp").timestamp_millis();
    Some((Some(json["processed_records"].as_u64().expect("a number")), Some(at)))
}

fn check(history: &[Commit], told: &[Told]) {
    for pair in told.windows(2) {
        let [before, next] = pair else { unreachable!("two of them") };
        let Some(shown) = before.records else { continue };
        assert!(next.records.is_none_or(|next| next >= shown), "it goes back: {before:?}, {next:?}");
        // All of it was committed: whoever reads after it came finds no less.
        let after = history.iter().find(|commit| commit.asked > before.came);
        assert!(after.is_none_or(|commit| commit.records >= shown), "{before:?} is more than {after:?}");
        // The moment that goes with it is no later than it was so.
        let missed = history.iter().rfind(|commit| Some(commit.at) < before.at && commit.records > shown);
        assert!(missed.is_none(), "{before:?} lacks {missed:?}");
        // From the first commit that it lacks, until something newer came.
        let Some(lacks) = history.iter().find(|commit| commit.records > shown) else { continue };
        let old = next.came.saturating_duration_since(lacks.read);
        let busy = longest_turn(history, lacks.read, next.came);
        assert!(old <= OLDEST + busy, "{old:?} old, on a machine that took {busy:?} for a turn: {before:?}, {next:?}");
    }
    assert!(told.windows(2).any(|pair| pair[1].records > pair[0].records), "nothing moved: {told:?}");
}

/// The longest that the one who reads the history waited for a turn, in a stretch of time.
fn longest_turn(history: &[Commit], from: Instant, until: Instant) -> Duration {
    let turns = history.windows(2).filter(|turn| turn[1].read >= from && turn[0].read <= until);
    turns.map(|turn| turn[1].read - turn[0].read).max().unwrap_or_default()
}
