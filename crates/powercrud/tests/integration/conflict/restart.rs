//! The database server crashes in the middle of a task and comes up again: the task goes on by itself, and each record is changed once.

use std::time::{Duration, Instant};

use powercrud::{
    PowerCrud, Resource, Selection, Settings, User,
    db::Database,
    task::{BulkTask, Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, counts, items, queue, touched_once, update},
    support::{Kind, Server, TestDatabase},
};

const ROWS: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    crash(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql() {
    crash(Kind::Mysql).await;
}

async fn app(url: &str) -> PowerCrud {
    let settings =
        Settings { lease: Duration::from_secs(2), poll_interval: Duration::from_millis(50), ..Settings::default() };
    let item = Resource::table("item").bulk_chunk_size(2u64);
    let own = Database::connect(url).await.expect("a database that answers");
    PowerCrud::builder(own)
        .open_to_everybody()
        .all_settings(settings)
        .resource(item)
        .build()
        .await
        .expect("no mistakes")
}

async fn watch(app: &PowerCrud, task: &BulkTask, until: impl Fn(&BulkTask) -> bool) -> BulkTask {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        match store::get(app, &User::operator(), task.id).await {
            Ok(task) if until(&task) => return task,
            seen => assert!(Instant::now() < deadline, "in vain: {seen:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn crash(kind: Kind) {
    let Some(mut server) = Server::create(kind).await else { return };
    let database = TestDatabase::on(kind, &server.url).await;
    items(&database, ROWS as usize).await;
    let app = app(&server.url).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().concurrency(1).run(stop.clone()));
    for part in 1..=2 {
        let seen = watch(&app, &task, |task| task.processed_records >= part * ROWS / 4).await;
        assert!(!seen.status.is_final(), "the task ended before the crash: {seen:?}");
        server.crash();
        server.start().await;
    }
    let task = watch(&app, &task, |task| task.status.is_final()).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (ROWS, 0, 0)), "{task:?}");
    assert_eq!(touched_once(&database).await, ROWS);
    assert_no_locks(&database).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
}
