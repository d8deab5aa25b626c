//! Every kind of end: what a task says then, and that nothing is held afterwards.

use powercrud::{
    Error, Notification, PowerCrud, Resource, Selection, User,
    bulk::{Answer, retry, run},
    task::{BulkTask, Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{
        ITEM, assert_no_locks, carry_out, count, counts, delete, discovered, failures, in_background, items, keys,
        matching, queue, rows, touched_once, update, when, work,
    },
    support::{TestDatabase, each_database},
};

each_database! { cancelled_before_the_start, cancelled_on_the_way, retried_where_it_failed, what_cannot_be_done, the_row_says_what_was_set }

async fn cancelled_before_the_start(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let task = queue(&app, delete("item", Selection::All)).await;
    let task = store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
    assert_eq!((task.status, counts(&task)), (Status::Cancelled, (0, 0, 30)));
    assert!(task.completed_at.is_some());
    assert_no_locks(&database).await;
    let task = work(&app, &task).await;
    assert_eq!(task.status, Status::Cancelled, "no worker takes it any more");
    assert_eq!(rows(&database, "item", &ITEM).await, before);
}

async fn cancelled_on_the_way(database: TestDatabase) {
    items(&database, 4_000).await;
    // So many chunks that a cancel comes long before the last.
    let resource = Resource::table("item").bulk_chunk_size(1u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let worker = tokio::spawn({
        let (app, id) = (app.clone(), task.id);
        async move { app.worker().run_task(id, &CancellationToken::new()).await }
    });
    when(&app, &task, |task| task.processed_records >= 3).await;
    let asked = store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
    assert!([Status::Cancelling, Status::Cancelled].contains(&asked.status), "{asked:?}");
    let task = worker.await.expect("no panic").expect("a worker that is not disturbed");
    assert_eq!(task.status, Status::Cancelled);
    let (succeeded, failed, unattempted) = counts(&task);
    assert!(succeeded >= 3 && failed == 0 && unattempted > 0, "{task:?}");
    assert_eq!(succeeded + unattempted, 4_000);
    assert_eq!(touched_once(&database).await, succeeded);
    assert_no_locks(&database).await;
    // The rest is what a retry does.
    let app = discovered(&database).await;
    let child = requeue(&app, &task).await;
    assert_eq!(child.total_records, unattempted);
    assert_eq!(work(&app, &child).await.status, Status::Success);
    assert_eq!(touched_once(&database).await, 4_000);
}

async fn requeue(app: &PowerCrud, task: &BulkTask) -> BulkTask {
    match retry(app, &User::operator(), task.id).await.expect("a retry") {
        Answer::Queued { task, .. } => task,
        other => panic!("{other:?} is not queued"),
    }
}

async fn retried_where_it_failed(database: TestDatabase) {
    items(&database, 60).await;
    database
        .execute(
            "CREATE TABLE line (id integer PRIMARY KEY, item_id integer NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
             INSERT INTO line VALUES (1, 7), (2, 7), (3, 44);",
        )
        .await;
    let app = discovered(&database).await;
    let first = carry_out(&app, delete("item", matching(&app, "item", &["stock__lte=50"]))).await;
    assert_eq!((first.status, counts(&first), first.can_retry()), (Status::Partial, (48, 2, 0), true));
    assert_eq!(failures(&app, &first).await.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["7", "44"]);
    assert_no_locks(&database).await;
    database.execute("DELETE FROM line WHERE item_id = 7;").await;
    let second = match retry(&app, &User::operator(), first.id).await.expect("a retry") {
        Answer::Done(task) => task,
        other => panic!("{other:?} is not done"),
    };
    // Two records are few: all or nothing.
    assert_eq!((second.parent_id, second.total_records), (Some(first.id), 2));
    assert_eq!((second.status, counts(&second)), (Status::Failure, (0, 1, 1)));
    assert_eq!(failures(&app, &second).await, [("44".into(), "FOREIGN_KEY".into())]);
    database.execute("DELETE FROM line;").await;
    let third = retry(&app, &User::operator(), second.id).await.expect("a retry").task().clone();
    assert_eq!((third.status, counts(&third), third.can_retry()), (Status::Success, (2, 0, 0), false));
    assert_eq!(count(&database, "item").await, 10);
    assert_no_locks(&database).await;
    // The first one's account stands.
    let first = store::get(&app, &User::operator(), first.id).await.expect("the task");
    assert_eq!((first.status, counts(&first)), (Status::Partial, (48, 2, 0)));
}

async fn what_cannot_be_done(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let operator = User::operator();
    let task = carry_out(&app, in_background(update("item", keys([1, 2]), [("note", None)]))).await;
    let error = store::cancel(&app, &operator, task.id).await.expect_err("it has ended");
    assert!(matches!(error, Error::Transition { .. }), "{error:?}");
    let error = retry(&app, &operator, task.id).await.expect_err("nothing to retry");
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    let running = queue(&app, update("item", Selection::All, [("note", None)])).await;
    let error = retry(&app, &operator, running.id).await.expect_err("it has not ended");
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    for error in [
        store::cancel(&app, &operator, uuid::Uuid::nil()).await.expect_err("no such task"),
        store::get(&app, &operator, uuid::Uuid::nil()).await.expect_err("no such task"),
        retry(&app, &operator, uuid::Uuid::nil()).await.expect_err("no such task"),
    ] {
        assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    }
    // A process that does not know the resource leaves the task to those that do; it may be another application's.
    database.execute("CREATE TABLE other (id integer PRIMARY KEY, n integer);").await;
    let without = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("other"))
        .build()
        .await
        .expect("other");
    let task = work(&without, &running).await;
    assert_eq!((task.status, task.attempt, counts(&task)), (Status::Pending, 0, (0, 0, 30)));
    // Where nobody knows it any more, it can still be cancelled.
    let task = store::cancel(&without, &operator, task.id).await.expect("cancelled");
    assert_eq!(task.status, Status::Cancelled);
    assert_no_locks(&database).await;
    let answer = run(&app, update("item", keys([3]), [("note", None)])).await.expect("the way is free");
    assert_eq!(answer.task().status, Status::Success);
}

async fn the_row_says_what_was_set(database: TestDatabase) {
    items(&database, 30).await;
    let item = Resource::table("item").bulk_async_notification(Notification::none());
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("a configuration");
    queue(&app, delete("item", Selection::All)).await;
    let told = "(SELECT 1 FROM powercrud_bulk_task WHERE notification = 'none' AND backend = 'database') AS told";
    assert_eq!(count(&database, told).await, 1);
}
