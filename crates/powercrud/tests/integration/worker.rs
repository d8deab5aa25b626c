//! Workers: one takes a task up at once, several share the work, and whatever becomes of one, each record is changed exactly once.

use std::time::Duration;

use powercrud::{
    PowerCrud, Resource, Selection, Settings,
    db::Database,
    task::{BulkTask, Status},
    worker,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, counts, delete, in_background, items, keys, queue, touched_once, update, when},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    a_task_is_taken_up_at_once, several_tasks_at_once, one_after_another, many_workers_share, a_worker_that_stops_gives_back,
    a_worker_that_dies_is_replaced, a_worker_that_was_overtaken_changes_nothing
}

/// Nobody polls: who starts was woken.
fn only_woken() -> Settings {
    Settings { poll_interval: Duration::from_secs(600), ..Settings::default() }
}

/// PowerCRUD as another process would have it: with a pool of its own.
async fn app(database: &TestDatabase, settings: Settings, chunk_size: u64) -> PowerCrud {
    let own = Database::connect(&database.url).await.expect("a database that answers");
    let item = Resource::table("item").bulk_chunk_size(chunk_size).bulk_async_conflict_checking(false);
    let builder = PowerCrud::builder(own)
        .open_to_everybody()
        .all_settings(Settings { discover: true, ..settings })
        .resource(item);
    builder.build().await.expect("no mistakes")
}

fn start(app: &PowerCrud, concurrency: usize) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let worker = app.worker().concurrency(concurrency);
    let stopped = stop.clone();
    let handle = tokio::spawn(async move { worker.run(stopped).await.expect("a worker that could start") });
    (stop, handle)
}

async fn end((stop, worker): (CancellationToken, JoinHandle<()>)) {
    stop.cancel();
    worker.await.expect("no panic");
}

fn has_ended(task: &BulkTask) -> bool {
    task.status.is_final()
}

async fn a_task_is_taken_up_at_once(database: TestDatabase) {
    items(&database, 40).await;
    let app = app(&database, only_woken(), 1_000).await;
    let worker = start(&app, 1);
    while worker::alive(&app).await.expect("a list").is_empty() {
        tokio::task::yield_now().await;
    }
    // Four in a row, so that the worker was idle before some of them.
    for round in 0..4 {
        let task =
            queue(&app, in_background(update("item", keys(round * 10 + 1..=round * 10 + 10), [("note", Some("x"))])))
                .await;
        let task = when(&app, &task, has_ended).await;
        assert_eq!((task.status, task.attempt), (Status::Success, 1));
    }
    if database.kind == Kind::Postgres {
        // The database wakes other processes.
        let other = self::app(&database, only_woken(), 1_000).await;
        let task = queue(&other, delete("item", Selection::All)).await;
        assert_eq!(when(&other, &task, has_ended).await.status, Status::Success);
    } else {
        assert_eq!(touched_once(&database).await, 40);
    }
    end(worker).await;
    assert!(worker::alive(&app).await.expect("a list").is_empty(), "who stops signs off");
}

async fn several_tasks_at_once(database: TestDatabase) {
    items(&database, 400).await;
    let app = app(&database, only_woken(), 1).await;
    let first = queue(&app, update("item", keys(1..=200), [("note", Some("a"))])).await;
    let second = queue(&app, update("item", keys(201..=400), [("note", Some("b"))])).await;
    let worker = start(&app, 2);
    let mut last = 0;
    let first = when(&app, &first, |task| {
        assert!(task.processed_records >= last, "progress goes back: {task:?}");
        last = task.processed_records;
        has_ended(task)
    })
    .await;
    let second = when(&app, &second, has_ended).await;
    end(worker).await;
    assert_eq!((counts(&first), counts(&second)), ((200, 0, 0), (200, 0, 0)));
    assert!(first.started_at < second.completed_at && second.started_at < first.completed_at, "{first:?} {second:?}");
    assert_eq!(touched_once(&database).await, 400);
}

async fn one_after_another(database: TestDatabase) {
    items(&database, 60).await;
    let app = app(&database, only_woken(), 10).await;
    let mut tasks = Vec::new();
    for round in 0..3 {
        let request = update("item", keys(round * 20 + 1..=round * 20 + 20), [("note", Some("x"))]);
        tasks.push(queue(&app, request).await);
    }
    let worker = start(&app, 1);
    let mut ended = i64::MIN;
    for task in &tasks {
        let task = when(&app, task, has_ended).await;
        assert!(task.started_at.expect("a start") >= ended, "in the order of their submission, one at a time");
        ended = task.completed_at.expect("an end");
    }
    end(worker).await;
    assert_eq!(touched_once(&database).await, 60);
}

async fn many_workers_share(database: TestDatabase) {
    items(&database, 600).await;
    let mut workers = Vec::new();
    let mut apps = Vec::new();
    for _ in 0..3 {
        let app = app(&database, Settings { poll_interval: Duration::from_millis(5), ..Settings::default() }, 7).await;
        workers.push(start(&app, 2));
        apps.push(app);
    }
    let mut tasks = Vec::new();
    for round in 0..12 {
        // Interleaved, so that neighbouring rows are changed by different workers.
        let request = update("item", keys((1..=600).filter(|key| key % 12 == round)), [("note", Some("x"))]);
        tasks.push(queue(&apps[round as usize % 3], request).await);
    }
    for task in &tasks {
        let task = when(&apps[0], task, has_ended).await;
        assert_eq!((task.status, counts(&task), task.attempt), (Status::Success, (50, 0, 0), 1));
    }
    for worker in workers {
        end(worker).await;
    }
    assert_eq!(touched_once(&database).await, 600);
    assert_no_locks(&database).await;
}

async fn a_worker_that_stops_gives_back(database: TestDatabase) {
    items(&database, 3_000).await;
    let app = app(&database, Settings { lease: Duration::from_secs(3_600), ..only_woken() }, 1).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let worker = start(&app, 1);
    when(&app, &task, |task| task.processed_records >= 3).await;
    end(worker).await;
    let stopped = when(&app, &task, |_| true).await;
    assert_eq!(stopped.status, Status::Started, "it is not over");
    assert!(stopped.processed_records < 3_000, "{stopped:?}");
    assert_eq!(touched_once(&database).await, stopped.succeeded_records, "what is counted is done, and no more");
    // Another one goes on at once, however long the lease is.
    let other = self::app(&database, only_woken(), 1_000).await;
    let worker = start(&other, 1);
    let task = when(&other, &task, has_ended).await;
    end(worker).await;
    assert_eq!((task.status, counts(&task), task.attempt), (Status::Success, (3_000, 0, 0), 2));
    assert_eq!(touched_once(&database).await, 3_000);
}

/// A process that ends at any instant, in the middle of a transaction perhaps.
async fn a_worker_that_dies_is_replaced(database: TestDatabase) {
    items(&database, 3_000).await;
    let settings =
        Settings { lease: Duration::from_millis(400), poll_interval: Duration::from_millis(20), ..Settings::default() };
    let app = app(&database, settings.clone(), 1).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    for death in 1..=3u64 {
        let process =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (database, settings) = (database.clone(), settings.clone());
        process.spawn(async move {
            let app = self::app(&database, settings, 1).await;
            app.worker().concurrency(1).run(CancellationToken::new()).await
        });
        let seen = when(&app, &task, |task| task.attempt as u64 == death && task.processed_records >= death * 20).await;
        process.shutdown_background();
        assert!(seen.processed_records < 3_000, "{seen:?}");
    }
    let last = self::app(&database, settings, 500).await;
    let worker = start(&last, 1);
    let task = when(&app, &task, has_ended).await;
    end(worker).await;
    assert_eq!((task.status, counts(&task), task.attempt), (Status::Success, (3_000, 0, 0), 4));
    assert_eq!(touched_once(&database).await, 3_000);
    assert_no_locks(&database).await;
}

/// The lease goes to somebody else while a worker is at work.
async fn a_worker_that_was_overtaken_changes_nothing(database: TestDatabase) {
    items(&database, 3_000).await;
    let app = app(&database, Settings::default(), 1).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let first = tokio::spawn({
        let (app, id) = (app.clone(), task.id);
        async move { app.worker().run_task(id, &CancellationToken::new()).await }
    });
    when(&app, &task, |task| task.processed_records >= 3).await;
    // As a claim does it, but no second worker begins before the first has seen it.
    let taken =
        "UPDATE powercrud_bulk_task SET attempt = attempt + 1, worker_id = NULL, lease_expires_at = 99999999999999;";
    database.execute(taken).await;
    let overtaken = when(&app, &task, |_| true).await;
    let error = first.await.expect("no panic").expect_err("the lease is lost");
    assert!(error.to_string().contains("lease"), "{error}");
    let task = when(&app, &task, |_| true).await;
    assert_eq!((task.status, task.processed_records), (Status::Started, overtaken.processed_records));
    assert_eq!(touched_once(&database).await, task.succeeded_records, "nothing that is not counted");
    database.execute("UPDATE powercrud_bulk_task SET lease_expires_at = 0;").await;
    let second = self::app(&database, Settings::default(), 1_000).await;
    let worker = start(&second, 1);
    let task = when(&app, &task, has_ended).await;
    end(worker).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (3_000, 0, 0)));
    assert_eq!(touched_once(&database).await, 3_000);
}
