//! Code of the application's own around each chunk: what it writes stands exactly where the chunk does.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use powercrud::{
    AppError, BoxFuture, PowerCrud, Resource, Selection,
    chunk_hook::{ChunkHook, ChunkOfTask},
    task::Status,
};
use sea_orm::{ConnectionTrait as _, sea_query::Query};

use crate::{
    shop::{
        assert_no_locks, carry_out, count, counts, delete, failures, in_background, items, keys, matching, rows,
        touched_once, update,
    },
    support::{TestDatabase, each_database},
};

each_database! {
    it_is_done_once_with_the_chunk, its_error_undoes_the_chunk, an_error_of_the_database_is_its_records,
    everything_or_nothing, of_all_resources
}

/// Notes each record that was changed, and counts the chunks; the one that ends with `fails_at` fails.
#[derive(Clone, Default)]
struct Journal {
    begun: Arc<AtomicU64>,
    fails_at: Option<&'static str>,
    panics: bool,
}

impl ChunkHook for Journal {
    fn before<'a>(&'a self, chunk: &'a ChunkOfTask<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            assert_eq!(chunk.failed().count(), 0);
            self.begun.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }

    fn after<'a>(&'a self, chunk: &'a ChunkOfTask<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            assert_eq!((chunk.resource(), chunk.user_id()), ("item", None));
            let failed: Vec<_> = chunk.failed().collect();
            for key in chunk.keys().filter(|key| !failed.contains(key)) {
                let mut insert = Query::insert();
                insert.into_table("journal").columns(["record_key", "task_id"]);
                insert.values_panic([key.into(), chunk.task_id().to_string().into()]);
                chunk.transaction().execute(&insert).await?;
            }
            match self.fails_at.filter(|key| chunk.keys().any(|other| other == *key)) {
                Some(_) if self.panics => panic!("not this one"),
                Some(_) => Err(AppError::failed("the ledger is closed")),
                None => Ok(()),
            }
        })
    }
}

async fn with_hook(database: &TestDatabase, hook: Journal) -> PowerCrud {
    let key = "CREATE TABLE journal (record_key varchar(40) PRIMARY KEY, task_id varchar(40) NOT NULL);";
    database.execute(key).await;
    let item = Resource::table("item").bulk_chunk_size(7u64).chunk_hook(hook);
    PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes")
}

async fn it_is_done_once_with_the_chunk(database: TestDatabase) {
    items(&database, 40).await;
    let hook = Journal::default();
    let app = with_hook(&database, hook.clone()).await;
    let selection = matching(&app, "item", &["id__lte=30"]);
    let task = carry_out(&app, in_background(update("item", selection, [("note", Some("x"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)), "{}", task.error_message);
    assert_eq!(touched_once(&database).await, 30);
    let journal = rows(&database, "journal", &["record_key", "task_id"]).await;
    assert_eq!(journal.len(), 30);
    assert!(journal.values().all(|row| row[0].as_deref() == Some(&*task.id.to_string())));
    assert_eq!(hook.begun.load(Ordering::Relaxed), 5, "30 records in chunks of 7");
    assert_no_locks(&database).await;
}

async fn its_error_undoes_the_chunk(database: TestDatabase) {
    items(&database, 40).await;
    let app = with_hook(&database, Journal { fails_at: Some("10"), ..Journal::default() }).await;
    let task = carry_out(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (7, 0, 33)), "{}", task.error_message);
    assert!(task.error_message.contains("the ledger is closed"), "{}", task.error_message);
    assert_eq!((touched_once(&database).await, count(&database, "journal").await), (7, 7), "the first chunk stands");
    assert_no_locks(&database).await;
    database.execute("DELETE FROM journal;").await;
    let app = with_panic(&database).await;
    let task = carry_out(&app, in_background(update("item", keys([10]), [("note", Some("y"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 1)), "{}", task.error_message);
    assert_eq!(count(&database, "journal").await, 0);
}

async fn with_panic(database: &TestDatabase) -> PowerCrud {
    let hook = Journal { fails_at: Some("10"), panics: true, ..Journal::default() };
    let item = Resource::table("item").chunk_hook(hook);
    PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes")
}

async fn an_error_of_the_database_is_its_records(database: TestDatabase) {
    items(&database, 40).await;
    let app = with_hook(&database, Journal::default()).await;
    database.execute("INSERT INTO journal VALUES ('9', 'long ago');").await;
    let task = carry_out(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (39, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("9".to_owned(), "UNIQUE".to_owned())]);
    assert_eq!((touched_once(&database).await, count(&database, "journal").await), (39, 40));
}

async fn everything_or_nothing(database: TestDatabase) {
    items(&database, 40).await;
    let app = with_hook(&database, Journal { fails_at: Some("10"), ..Journal::default() }).await;
    let task = carry_out(&app, update("item", keys([9, 10, 11]), [("note", Some("x"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 3)), "{}", task.error_message);
    assert_eq!((touched_once(&database).await, count(&database, "journal").await), (0, 0));
    let task = carry_out(&app, delete("item", keys([11, 12]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)), "{}", task.error_message);
    assert_eq!(count(&database, "journal").await, 2);
}

async fn of_all_resources(database: TestDatabase) {
    items(&database, 40).await;
    with_hook(&database, Journal::default()).await;
    let builder =
        PowerCrud::builder(database.clone()).open_to_everybody().discover(true).chunk_hook(Journal::default());
    let app = builder.build().await.expect("no mistakes");
    // Those that fail are told apart.
    let status = [("status", Some("used")), ("stock", Some("4"))];
    database.execute("DELETE FROM item WHERE id = 3;").await;
    let task = carry_out(&app, in_background(update("item", keys([1, 2, 3]), status))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)), "{}", task.error_message);
    assert_eq!(count(&database, "journal").await, 2);
}
