//! Few records are done in the request, all or nothing; many by a worker, chunk by chunk.

use powercrud::{
    Atomicity, PowerCrud, Resource, Selection,
    bulk::{Answer, run},
    task::{Status, store},
};

use crate::{
    shop::{
        ITEM, assert_no_locks, carry_out, counts, delete, discovered, failures, in_background, items, keys, queue,
        rows, update, with_changes, work,
    },
    support::{TestDatabase, each_database},
};

each_database! { nineteen_at_once_and_twenty_later, all_or_nothing_in_the_request, settings_move_the_threshold, all_or_nothing_in_the_background }

async fn nineteen_at_once_and_twenty_later(database: TestDatabase) {
    items(&database, 60).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let answer = run(&app, update("item", keys(1..=19), [("stock", Some("0"))])).await.expect("done");
    let Answer::Done(task) = answer else { panic!("{answer:?} is not done") };
    assert_eq!((task.status, counts(&task), task.atomicity), (Status::Success, (19, 0, 0), Atomicity::All));
    let answer = run(&app, update("item", keys(20..=39), [("stock", Some("0"))])).await.expect("queued");
    let Answer::Queued { task, worker_alive } = answer else { panic!("{answer:?} is not queued") };
    assert_eq!((task.status, task.total_records, task.atomicity), (Status::Pending, 20, Atomicity::Chunk));
    assert!(!worker_alive, "no worker runs");
    let expected = with_changes(&before, |id| id < 20, |row| row[2] = Some("0".into()));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
    assert_eq!(work(&app, &task).await.status, Status::Success);
    let few = run(&app, in_background(delete("item", keys([1])))).await.expect("queued");
    assert!(matches!(few, Answer::Queued { .. }), "{few:?}");
}

/// A rule of the database that only some records break.
const RULE: &str = "CREATE TABLE offer (id integer PRIMARY KEY, cost integer NOT NULL, price integer NOT NULL,
    CONSTRAINT no_loss CHECK (price >= cost));
    INSERT INTO offer VALUES (1, 1, 9), (2, 2, 9), (3, 8, 9), (4, 4, 9), (5, 9, 9);";

async fn all_or_nothing_in_the_request(database: TestDatabase) {
    database.execute(RULE).await;
    let app = discovered(&database).await;
    let columns = ["id", "cost", "price"];
    let before = rows(&database, "offer", &columns).await;
    let task = carry_out(&app, update("offer", Selection::All, [("price", Some("5"))])).await;
    assert_eq!((task.status, task.succeeded_records, task.failed_records), (Status::Failure, 0, 2));
    assert!(task.error_message.contains("nothing was changed"), "{}", task.error_message);
    let failed = [("3".into(), "CHECK".into()), ("5".into(), "CHECK".into())];
    assert_eq!(failures(&app, &task).await, failed);
    assert_eq!(rows(&database, "offer", &columns).await, before);
    assert_no_locks(&database).await;
    assert!(task.can_retry());
}

async fn settings_move_the_threshold(database: TestDatabase) {
    items(&database, 10).await;
    let build = async |resource| {
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes")
    };
    let three = build(Resource::table("item").bulk_min_async_records(3u64).bulk_atomicity(Atomicity::Chunk)).await;
    let task = carry_out(&three, update("item", keys([1, 2]), [("note", None)])).await;
    assert_eq!((task.atomicity, counts(&task)), (Atomicity::Chunk, (2, 0, 0)));
    let task = queue(&three, update("item", keys([1, 2, 3]), [("note", None)])).await;
    assert_eq!(work(&three, &task).await.status, Status::Success);
    let never = build(Resource::table("item").bulk_async(false).bulk_min_async_records(3u64)).await;
    let answer = run(&never, update("item", Selection::All, [("note", None)])).await.expect("done");
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
}

async fn all_or_nothing_in_the_background(database: TestDatabase) {
    database.execute(RULE).await;
    let resource = Resource::table("offer").bulk_atomicity(Atomicity::All).bulk_min_async_records(1u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let columns = ["id", "cost", "price"];
    let before = rows(&database, "offer", &columns).await;
    let task = carry_out(&app, update("offer", Selection::All, [("price", Some("5"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 2, 3)));
    assert_eq!(rows(&database, "offer", &columns).await, before);
    database.execute("DELETE FROM offer WHERE cost > 5;").await;
    let task = carry_out(&app, update("offer", keys([1, 2, 4]), [("price", Some("5"))])).await;
    assert_eq!((task.status, counts(&task), task.attempt), (Status::Success, (3, 0, 0), 1));
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    assert!(errors.is_empty(), "{errors:?}");
    assert_no_locks(&database).await;
}
