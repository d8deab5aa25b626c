//! No task is tried for ever: attempts that get no further are counted, and end it with what came in their way.

use std::time::Duration;

use powercrud::{
    Atomicity, PowerCrud, Resource, Selection, Settings,
    bulk::{self, Answer},
    task::{BulkTask, Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, count, counts, delete, in_background, items, keys, queue, update, when, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    attempts_without_progress_are_bounded, progress_counts, a_checkpoint_that_is_refused_ends_the_task, a_request_leaves_no_task_behind,
    a_hook_that_panics
}

/// How soon the end of a task in a request is tried to be written once more.
const LEASE: Duration = Duration::from_secs(3);

async fn app(database: &TestDatabase, atomicity: Atomicity) -> PowerCrud {
    let settings = Settings { lease: LEASE, max_attempts_without_progress: 3, ..Settings::default() };
    let item = Resource::table("item").bulk_chunk_size(10u64).bulk_atomicity(atomicity);
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .all_settings(settings)
        .resource(item)
        .build()
        .await
        .expect("no mistakes")
}

/// Lets the database refuse changes of a task's row where `condition` holds of its values before (OLD) and after (NEW).
fn refuse(kind: Kind, condition: &str) -> String {
    match kind {
        Kind::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE UPDATE ON powercrud_bulk_task WHEN {condition}
             BEGIN SELECT RAISE(ABORT, 'the task table is broken'); END;"
        ),
        Kind::Postgres => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF {condition} THEN RAISE EXCEPTION 'the task table is broken'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON powercrud_bulk_task FOR EACH ROW EXECUTE FUNCTION refuse();"
        ),
        Kind::Mysql => format!(
            "DELIMITER //
             CREATE TRIGGER refuse BEFORE UPDATE ON powercrud_bulk_task FOR EACH ROW BEGIN
               IF {condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the task table is broken'; END IF; END//
DELIMITER ;"
        ),
    }
}

fn allow(kind: Kind) -> &'static str {
    if kind == Kind::Postgres { "DROP TRIGGER refuse ON powercrud_bulk_task;" } else { "DROP TRIGGER refuse;" }
}

/// What changes where a task gets on or ends.
const ANY_STEP: &str = "NEW.processed_records <> OLD.processed_records OR NEW.completed_at IS NOT NULL";

async fn fail_once(app: &PowerCrud, task: &BulkTask) {
    app.worker().run_task(task.id, &CancellationToken::new()).await.expect_err("a broken table");
}

/// As if the lease of whoever had the task had lapsed.
async fn lapse(database: &TestDatabase) {
    database.execute("UPDATE powercrud_bulk_task SET lease_expires_at = 0;").await;
}

async fn attempts_without_progress_are_bounded(database: TestDatabase) {
    items(&database, 30).await;
    let app = app(&database, Atomicity::Chunk).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    database.execute(&refuse(database.kind, ANY_STEP)).await;
    for attempt in 1..=3 {
        fail_once(&app, &task).await;
        let task = when(&app, &task, |task| task.attempt_error.is_some()).await;
        assert_eq!((task.status, task.attempt, task.stalled_attempts), (Status::Started, attempt, attempt as u64));
        lapse(&database).await;
    }
    database.execute(allow(database.kind)).await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, task.attempt, counts(&task)), (Status::Failure, 4, (0, 0, 30)));
    assert!(task.error_message.contains("3 attempts"), "{}", task.error_message);
    assert!(task.error_message.contains("the task table is broken"), "{}", task.error_message);
    assert_no_locks(&database).await;
    assert!(count(&database, "powercrud_message").await > 0, "somebody is told");
}

/// A worker that falls silent after each chunk never ends a task that gets on.
async fn progress_counts(database: TestDatabase) {
    items(&database, 60).await;
    let app = app(&database, Atomicity::Chunk).await;
    let mut task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let condition = |done: u64| format!("(NEW.processed_records > {} OR NEW.completed_at IS NOT NULL)", done + 10);
    for attempt in 1..=5 {
        database.execute(&refuse(database.kind, &condition(task.processed_records))).await;
        fail_once(&app, &task).await;
        task = when(&app, &task, |_| true).await;
        assert_eq!((task.processed_records, task.attempt, task.stalled_attempts), (attempt * 10, attempt as i64, 0));
        database
            .execute(match database.kind {
                Kind::Postgres => "DROP FUNCTION refuse CASCADE;",
                _ => allow(database.kind),
            })
            .await;
        lapse(&database).await;
    }
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (60, 0, 0)));
}

/// An error inside the execution that is nobody's fault ends the task at once.
async fn a_checkpoint_that_is_refused_ends_the_task(database: TestDatabase) {
    items(&database, 30).await;
    let app = app(&database, Atomicity::Chunk).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    database.execute(&refuse(database.kind, "NEW.processed_records <> OLD.processed_records")).await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, task.attempt, counts(&task)), (Status::Failure, 1, (0, 0, 30)));
    assert!(task.error_message.contains("the task table is broken"), "{}", task.error_message);
    assert_no_locks(&database).await;
}

async fn a_request_leaves_no_task_behind(database: TestDatabase) {
    items(&database, 30).await;
    let app = app(&database, Atomicity::All).await;
    database.execute(&refuse(database.kind, "NEW.processed_records <> OLD.processed_records")).await;
    let answer = bulk::run(&app, update("item", keys([1, 2]), [("note", Some("x"))])).await.expect("an answer");
    let Answer::Done(task) = answer else { panic!("{answer:?} did not run at once") };
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 2)));
    assert!(task.error_message.contains("the task table is broken"), "{}", task.error_message);
    assert_no_locks(&database).await;
    // Where not even the end can be written, it is as soon as it can be.
    database
        .execute(if database.kind == Kind::Postgres { "DROP FUNCTION refuse CASCADE;" } else { allow(database.kind) })
        .await;
    database.execute(&refuse(database.kind, ANY_STEP)).await;
    bulk::run(&app, delete("item", keys([3, 4]))).await.expect_err("a broken table");
    let newest = store::list(&app, &powercrud::User::operator(), &store::TaskFilter::default()).await.expect("tasks");
    assert_eq!(newest[0].status, Status::Started);
    database.execute(allow(database.kind)).await;
    let task = when(&app, &newest[0], |task| task.status.is_final()).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 2)));
    assert_no_locks(&database).await;
}

async fn a_hook_that_panics(database: TestDatabase) {
    items(&database, 30).await;
    let builder = PowerCrud::builder(database.clone()).open_to_everybody().discover(true);
    let app = builder.async_queue_success(|_| panic!("a hook")).build().await.expect("no mistakes");
    let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!(work(&app, &task).await.status, Status::Success);
}
