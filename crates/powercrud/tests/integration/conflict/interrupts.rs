//! A task is cancelled while one of its statements runs for long: the statement is ended, and nothing of it stands.

use std::time::{Duration, Instant};

use powercrud::{
    Atomicity, PowerCrud, Resource, Selection, User,
    task::{Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, count, counts, queue, update, when},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [postgres mysql] in_a_chunk, in_all_or_nothing }

const ROWS: u64 = 3_000;

/// Rows that take a twentieth of a second each to update: two minutes and a half for all.
async fn slow_items(database: &TestDatabase) {
    let rows: Vec<_> = (1..=ROWS).map(|id| format!("({id}, 0)")).collect();
    database
        .execute(&format!(
            "CREATE TABLE item (id integer PRIMARY KEY, price integer NOT NULL); INSERT INTO item VALUES {};",
            rows.join(", ")
        ))
        .await;
    database
        .execute(match database.kind {
            Kind::Postgres => {
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
                CREATE TRIGGER slow BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION slow();"
            }
            Kind::Mysql => "CREATE TRIGGER slow BEFORE UPDATE ON item FOR EACH ROW SET @slept = SLEEP(0.05);",
            Kind::Sqlite => panic!("a statement on a file can't be ended by another connection"),
        })
        .await;
}

async fn in_a_chunk(database: TestDatabase) {
    cancelled(database, Atomicity::Chunk).await;
}

async fn in_all_or_nothing(database: TestDatabase) {
    cancelled(database, Atomicity::All).await;
}

async fn cancelled(database: TestDatabase, atomicity: Atomicity) {
    slow_items(&database).await;
    let item = Resource::table("item").bulk_chunk_size(ROWS).bulk_atomicity(atomicity);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let task = queue(&app, update("item", Selection::All, [("price", Some("1"))])).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    when(&app, &task, |task| task.status == Status::Started).await;
    let wished = Instant::now();
    store::cancel(&app, &User::operator(), task.id).await.expect("it runs");
    let task = when(&app, &task, |task| task.status.is_final()).await;
    assert!(wished.elapsed() < Duration::from_secs(60), "the statement ran to its end");
    assert_eq!((task.status, counts(&task)), (Status::Cancelled, (0, 0, ROWS)), "{task:?}");
    assert!(task.error_message.is_empty(), "{task:?}");
    assert_eq!(count(&database, "(SELECT 1 FROM item WHERE price <> 0) AS changed").await, 0);
    assert_no_locks(&database).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
}
