//! Connections that are cut while a task runs, and a database that can't be written: each record is changed exactly once in the end.

use std::time::{Duration, Instant};

use powercrud::{
    Error, PowerCrud, Resource, Selection, Settings, User,
    db::Database,
    record,
    task::{BulkTask, Status, store},
};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, count, counts, in_background, items, keys, queue, touched_once, update},
    support::{Kind, TestDatabase, each_database, run},
};

mod proxy;

const ROWS: u64 = 3_000;
const CUTS: u64 = 6;

each_database! {
[postgres mysql] all_connections_are_killed, answers_to_commits_are_lost, connections_fall_silent,
connections_fall_silent_after_any_message }

async fn app(url: &str, chunk_size: u64) -> PowerCrud {
    let own = Database::connect(url).await.expect("a database that answers");
    let settings =
        Settings { lease: Duration::from_secs(1), poll_interval: Duration::from_millis(20), ..Settings::default() };
    let item = Resource::table("item").bulk_chunk_size(chunk_size);
    PowerCrud::builder(own)
        .open_to_everybody()
        .all_settings(settings)
        .resource(item)
        .build()
        .await
        .expect("no mistakes")
}

/// Looks at a task until `until` holds, also where a look meets a connection that is gone.
async fn watch(app: &PowerCrud, task: &BulkTask, until: impl Fn(&BulkTask) -> bool) -> BulkTask {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let seen = store::get(app, &User::operator(), task.id).await;
        match seen {
            Ok(task) if until(&task) => return task,
            seen => assert!(Instant::now() < deadline, "in vain: {seen:?}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The server ends every connection to the test's database, whatever it is doing.
async fn kill_connections(database: &TestDatabase) {
    let own = Database::connect(&database.url).await.expect("a database that answers");
    let connection = own.connection();
    let query = |sql: String| Statement::from_string(connection.get_database_backend(), sql);
    if database.kind == Kind::Postgres {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let killed = connection.query_all_raw(query(sql.into())).await.expect("the right to do so");
        assert!(!killed.is_empty(), "nobody was connected");
        return;
    }
    let sql = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist
        WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let others = connection.query_all_raw(query(sql.into())).await.expect("a list");
    assert!(!others.is_empty(), "nobody was connected");
    for other in others {
        let id: i64 = other.try_get_by_index(0).expect("a number");
        // It may have ended on its own.
        let _ = connection.execute_unprepared(&format!("KILL CONNECTION {id}")).await;
    }
}

async fn all_connections_are_killed(database: TestDatabase) {
    items(&database, ROWS as usize).await;
    let watcher = app(&database.url, 2).await;
    let task = queue(&watcher, update("item", Selection::All, [("note", Some("x"))])).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app(&database.url, 2).await.worker().concurrency(1).run(stop.clone()));
    for cut in 1..=CUTS {
        let seen = watch(&watcher, &task, |task| task.processed_records >= cut * ROWS / (CUTS + 2)).await;
        assert!(!seen.status.is_final(), "the task ended before cut {cut}: {seen:?}");
        kill_connections(&database).await;
    }
    let task = watch(&watcher, &task, |task| task.status.is_final()).await;
    eprintln!("{CUTS} cuts, {} attempts", task.attempt);
    assert_eq!((task.status, counts(&task)), (Status::Success, (ROWS, 0, 0)), "{task:?}");
    // The same worker takes up the next one.
    let next = queue(&watcher, in_background(update("item", keys([1]), [("note", Some("y"))]))).await;
    assert_eq!(watch(&watcher, &next, |task| task.status.is_final()).await.status, Status::Success);
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    let twice =
        count(&database, "(SELECT 1 FROM item WHERE touched <> CASE id WHEN 1 THEN 2 ELSE 1 END) AS wrong").await;
    assert_eq!(twice, 0, "rows were changed more or less often than asked for");
    assert_no_locks(&database).await;
}

/// The server has committed, and the client does not hear of it: a chunk that is tried again then is done twice.
async fn answers_to_commits_are_lost(database: TestDatabase) {
    items(&database, ROWS as usize).await;
    let watcher = app(&database.url, 10).await;
    let task = queue(&watcher, update("item", Selection::All, [("note", Some("x"))])).await;
    // An odd number: MySQL is told COMMIT twice at the end of a chunk, and each is to be met.
    let proxy = proxy::start(database.kind, &database.url, 41).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app(&proxy.url, 10).await.worker().concurrency(1).run(stop.clone()));
    let task = watch(&watcher, &task, |task| task.status.is_final()).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    assert!(proxy.lost() >= 5, "only {} answers were lost", proxy.lost());
    assert_eq!((task.status, counts(&task)), (Status::Success, (ROWS, 0, 0)), "{task:?}");
    assert_eq!(touched_once(&database).await, ROWS);
    assert_eq!(task.attempt, 1, "the same worker goes on at once");
    assert_no_locks(&database).await;
}

/// Half-open connections: the worker hears nothing more and nobody tells it, while the server holds what it locked.
async fn connections_fall_silent(database: TestDatabase) {
    items(&database, ROWS as usize).await;
    let watcher = app(&database.url, 10).await;
    let task = queue(&watcher, update("item", Selection::All, [("note", Some("x"))])).await;
    let proxy = proxy::start(database.kind, &database.url, usize::MAX).await;
    let stop = CancellationToken::new();
    let silent = tokio::spawn(app(&proxy.url, 10).await.worker().concurrency(1).run(stop.clone()));
    let before = watch(&watcher, &task, |task| task.processed_records >= ROWS / 3).await;
    assert!(!before.status.is_final(), "{before:?}");
    proxy.fall_silent();
    // Another worker takes over, however long the server would have kept the locks of the first.
    let other_stop = CancellationToken::new();
    let other = tokio::spawn(app(&database.url, 10).await.worker().concurrency(1).run(other_stop.clone()));
    let task = watch(&watcher, &task, |task| task.status.is_final()).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (ROWS, 0, 0)), "{task:?}");
    assert_eq!(touched_once(&database).await, ROWS);
    other_stop.cancel();
    other.await.expect("no panic").expect("a worker that could start");
    // The first one lets go by itself, and works again over new connections.
    let next = queue(&watcher, in_background(update("item", keys([1]), [("note", Some("y"))]))).await;
    assert_eq!(watch(&watcher, &next, |task| task.status.is_final()).await.status, Status::Success);
    stop.cancel();
    silent.await.expect("no panic").expect("a worker that could start");
    assert_no_locks(&database).await;
}

/// Wherever in a chunk the silence begins, the server gives up what the silent worker has locked.
async fn connections_fall_silent_after_any_message(database: TestDatabase) {
    /// From one COMMIT to the next.
    const MESSAGES: usize = 12;
    items(&database, 200).await;
    let watcher = app(&database.url, 5).await;
    for messages in 0..MESSAGES {
        let note = format!("after {messages}");
        let task = queue(&watcher, update("item", Selection::All, [("note", Some(&note))])).await;
        let proxy = proxy::start(database.kind, &database.url, usize::MAX).await;
        let stop = CancellationToken::new();
        let silent = tokio::spawn(app(&proxy.url, 5).await.worker().concurrency(1).run(stop.clone()));
        watch(&watcher, &task, |task| task.processed_records > 0).await;
        proxy.fall_silent_after(messages).await;
        let other = tokio::spawn(app(&database.url, 5).await.worker().concurrency(1).run(stop.clone()));
        let task = watch(&watcher, &task, |task| task.status.is_final()).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (200, 0, 0)), "after {messages}: {task:?}");
        assert_eq!(
            count(&database, &format!("item WHERE touched <> {messages} + 1")).await,
            0,
            "after {messages} messages"
        );
        silent.abort();
        stop.cancel();
        other.await.expect("no panic").expect("a worker that could start");
        assert_no_locks(&database).await;
    }
}

/// A file that may only be read for a while, in the middle of a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_that_is_read_only() {
    run(Kind::Sqlite, read_only).await;
}

async fn read_only(database: TestDatabase) {
    items(&database, 200).await;
    let writable = app(&database.url, 1).await;
    let task = queue(&writable, update("item", Selection::All, [("note", Some("x"))])).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(writable.worker().concurrency(1).run(stop.clone()));
    watch(&writable, &task, |task| task.processed_records >= 3).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    let before = watch(&writable, &task, |_| true).await;
    assert!(!before.status.is_final(), "{before:?}");

    let url = database.url.replace("mode=rwc", "mode=ro");
    assert_ne!(url, database.url);
    let readable = app(&url, 1).await;
    let item = readable.resource("item").expect("a resource");
    record::get(&readable, item, "1").await.expect("it can be read");
    let refused = readable.worker().run_task(task.id, &CancellationToken::new()).await.map(|_| ());
    assert_says_read_only("a worker's claim", refused);
    assert_says_read_only("a worker's start", readable.worker().run(CancellationToken::new()).await);
    let edit = record::update(&readable, &User::operator(), item, "1", &[("stock".into(), Some("7".into()))]).await;
    assert_says_read_only("an edit", edit.map(drop));
    let request = in_background(update("item", keys([1]), [("note", Some("y"))]));
    assert_says_read_only("a submission", powercrud::bulk::run(&readable, request).await.map(|_| ()));
    let after = watch(&writable, &task, |_| true).await;
    assert_eq!((after.processed_records, after.attempt), (before.processed_records, before.attempt));
    assert_eq!(touched_once(&database).await, before.succeeded_records, "no part of a chunk");

    let done = writable.worker().run_task(task.id, &CancellationToken::new()).await.expect("it can be written again");
    assert_eq!((done.status, counts(&done)), (Status::Success, (200, 0, 0)), "{done:?}");
    assert_eq!(touched_once(&database).await, 200);
    assert_no_locks(&database).await;
}

/// A file that may not grow any more, in the middle of a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_on_a_full_disk() {
    run(Kind::Sqlite, full_disk).await;
}

/// An application whose connections may make the file larger by so many pages.
async fn limited(database: &TestDatabase, pages: i64) -> PowerCrud {
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), "PRAGMA page_count");
    let row = connection.query_one_raw(statement).await.expect("an answer").expect("a row");
    let most = row.try_get_by_index::<i64>(0).expect("a number") + pages;
    let options: sqlx::sqlite::SqliteConnectOptions = database.url.parse().expect("an address");
    let options = options.foreign_keys(true).pragma("max_page_count", most.to_string());
    let pool = sqlx::sqlite::SqlitePoolOptions::new().connect_with(options).await.expect("a file");
    let connection = sea_orm::SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    let item = Resource::table("item").bulk_chunk_size(10u64);
    PowerCrud::builder(connection).open_to_everybody().resource(item).build().await.expect("no mistakes")
}

async fn full_disk(database: TestDatabase) {
    items(&database, 300).await;
    let note = "long ".repeat(2_000);
    let app = limited(&database, 200).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some(&note))])).await;
    let stopped = app.worker().run_task(task.id, &CancellationToken::new()).await.expect("a task that has ended");
    assert_eq!(stopped.status, Status::Partial, "{stopped:?}");
    assert!(stopped.error_message.contains("full"), "{stopped:?}");
    let (done, failed, left) = counts(&stopped);
    assert!(done > 0 && left > 0 && failed == 0, "{stopped:?}");
    assert!(done.is_multiple_of(10), "no part of a chunk: {stopped:?}");
    assert_eq!(touched_once(&database).await, done);
    assert_no_locks(&database).await;
    // With room again, a retry does the rest.
    let roomy = limited(&database, 100_000).await;
    let answer = powercrud::bulk::retry(&roomy, &User::operator(), task.id).await.expect("something is left");
    let rest = roomy.worker().run_task(answer.task().id, &CancellationToken::new()).await.expect("a worker");
    assert_eq!((rest.status, counts(&rest)), (Status::Success, (left, 0, 0)), "{rest:?}");
    assert_eq!(touched_once(&database).await, 300);
    assert_no_locks(&database).await;
}

fn assert_says_read_only(what: &str, result: powercrud::Result<()>) {
    match result {
        Err(Error::Database(fault)) => assert_eq!(fault.code, "READ_ONLY_DATABASE", "{what}: {fault:?}"),
        // What can be known before is said before.
        Err(Error::ReadOnly { reason, .. }) => assert!(reason.contains("mode=ro"), "{what}: {reason}"),
        other => panic!("{what}: {other:?}"),
    }
}
