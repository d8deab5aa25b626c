//! A process that dies in the middle of an action: what is done in the database is done once, and what is done outside of it is asked for
//! again under the same key.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use powercrud::{Action, PowerCrud, Resource, Selection, Settings, db::Database, task::Status};
use sea_orm::ConnectionTrait as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    shop::{action, assert_no_locks, counts, items, queue, touched_once, when},
    support::{TestDatabase, each_database},
};

each_database! { nothing_is_done_twice }

const ROWS: u64 = 120;

/// What the world outside has been asked for, by idempotency key: which record, and how often.
type Outside = Arc<Mutex<BTreeMap<Uuid, (String, u32)>>>;

/// PowerCRUD as another process would have it. Where `dies` is given, its action never ends on record 77, and says so.
async fn app(database: &TestDatabase, outside: &Outside, dies: Option<Arc<Notify>>) -> PowerCrud {
    let own = Database::connect(&database.url).await.expect("a database that answers");
    let settings =
        Settings { lease: Duration::from_millis(500), poll_interval: Duration::from_millis(20), ..Settings::default() };
    let outside = Arc::clone(outside);
    let ship = Action::for_each("ship", move |record| {
        let (outside, dies) = (Arc::clone(&outside), dies.clone());
        Box::pin(async move {
            let key = record.key().to_owned();
            outside.lock().unwrap().entry(record.idempotency_key()).or_insert((key, 0)).1 += 1;
            record.transaction().execute(record.update().value("status", "gone")).await?;
            if let Some(dies) = dies.filter(|_| record.key() == "77") {
                dies.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    });
    let item = Resource::table("item").bulk_chunk_size(20u64).action(ship);
    PowerCrud::builder(own)
        .open_to_everybody()
        .all_settings(settings)
        .resource(item)
        .build()
        .await
        .expect("no mistakes")
}

async fn nothing_is_done_twice(database: TestDatabase) {
    items(&database, ROWS as usize).await;
    let outside = Outside::default();
    let here = app(&database, &outside, None).await;
    let task = queue(&here, action("item", "ship", Selection::All, [])).await;
    let dies = Arc::new(Notify::new());
    let process =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    process.spawn({
        let (database, outside, dies) = (database.clone(), Arc::clone(&outside), Arc::clone(&dies));
        async move {
            let app = app(&database, &outside, Some(dies)).await;
            app.worker().concurrency(1).run(CancellationToken::new()).await
        }
    });
    dies.notified().await;
    process.shutdown_background();
    let half = when(&here, &task, |_| true).await;
    assert_eq!((half.processed_records, half.succeeded_records), (60, 60), "{half:?}");
    let stop = CancellationToken::new();
    let worker = tokio::spawn(here.worker().concurrency(1).run(stop.clone()));
    let task = when(&here, &task, |task| task.status.is_final()).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    assert_eq!((task.status, counts(&task), task.attempt), (Status::Success, (ROWS, 0, 0), 2));
    assert_eq!(touched_once(&database).await, ROWS);
    assert_no_locks(&database).await;
    let outside = outside.lock().unwrap();
    assert_eq!(outside.len() as u64, ROWS, "each record has one key");
    for (record, times) in outside.values() {
        // The chunk in which the process died was done again.
        let number: u64 = record.parse().unwrap();
        assert_eq!(*times, if (61..=77).contains(&number) { 2 } else { 1 }, "record {record}");
    }
}
