//! The application in memory.

use powercrud::{Channel, OnConflict, Resource, bulk, task::Status, testing};

const BOOKS: &str = "
    CREATE TABLE book (id integer PRIMARY KEY, status text NOT NULL, price numeric);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO book (id, status) SELECT i, CASE WHEN i % 2 THEN 'new' ELSE 'old' END FROM n;
";

#[tokio::test]
async fn tasks_are_carried_out_by_hand() {
    let book = Resource::table("book")
        .bulk_async_on_conflict(OnConflict::Queue)
        .bulk_async_notification([Channel::Messages, Channel::Callback]);
    let app =
        testing::app(BOOKS, |builder| builder.resource(book).on_task_end(|_| async {})).await.expect("no mistakes");
    let first = bulk::update(&app, "book").set("price", "1").filter("status=new").in_background().run().await.unwrap();
    let second = bulk::delete(&app, "book").filter("status=new").in_background().run().await.unwrap();
    assert!(!first.task().status.is_final() && !second.task().status.is_final());
    // Its turn has not come.
    let error = app.finish(&second).await.expect_err("another is in its way");
    assert!(error.to_string().contains("work"), "{error}");
    let tasks = app.work().await.expect("a database");
    assert_eq!(tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [first.task().id, second.task().id]);
    assert!(tasks.iter().all(|task| (task.status, task.succeeded_records) == (Status::Success, 50)), "{tasks:?}");
    assert!(app.work().await.expect("a database").is_empty());
    let third = bulk::delete(&app, "book").all().in_background().run().await.unwrap();
    assert_eq!(app.finish(&third).await.expect("a task").succeeded_records, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_runs_in_the_background() {
    let app = testing::app(BOOKS, |builder| builder).await.expect("no mistakes");
    app.start_worker();
    app.start_worker();
    for price in 1..5 {
        let answer = bulk::update(&app, "book").set("price", price).all().in_background().run().await.unwrap();
        assert_eq!(app.finish(&answer).await.expect("a task").succeeded_records, 100);
    }
    app.stop_worker().await.expect("a worker that could start");
    let answer = bulk::update(&app, "book").set("price", 9).all().in_background().run().await.unwrap();
    assert_eq!(app.finish(&answer).await.expect("a task").succeeded_records, 100);
}

#[tokio::test]
async fn mistakes_are_told() {
    let named = |builder: powercrud::Builder| builder.resource(Resource::table("bok"));
    let Err(error) = testing::app(BOOKS, named).await else { panic!("there is no such table") };
    assert!(error.to_string().contains("there are: book"), "{error}");
    let Err(error) = testing::app("CREATE TABEL book (id integer)", |builder| builder).await else { panic!("no SQL") };
    assert!(error.to_string().contains("syntax error"), "{error}");
}
