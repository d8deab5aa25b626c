//! In record scope tasks on different records run side by side, whichever way their selections are frozen, and tasks that share one
//! don't; a record that no task selected stays editable.

use powercrud::{
    ConflictScope, Error, PowerCrud, Resource, Selection,
    bulk::{retry, run},
    record,
    task::{BulkTask, Status, store},
};

use crate::{
    shop::{assert_no_locks, count, counts, in_background, items, keys, matching, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { side_by_side, keys_that_are_texts, single_records_at_the_edges, a_retry_locks_what_is_left, a_change_of_scope }

async fn app(database: &TestDatabase, table: &str, scope: ConflictScope) -> PowerCrud {
    let resource = Resource::table(table).bulk_async_conflict_scope(scope);
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(resource)
        .build()
        .await
        .expect("a configuration without mistakes")
}

/// Queues a change of the items that match.
async fn on(app: &PowerCrud, conditions: &[&str], note: &str) -> powercrud::Result<BulkTask> {
    let request = in_background(update("item", matching(app, "item", conditions), [("note", Some(note))]));
    run(app, request).await.map(|answer| answer.task().clone())
}

/// The task that a refusal names.
fn refused(result: powercrud::Result<BulkTask>, holder: &BulkTask) {
    match result {
        Err(Error::Conflict { holder: named, .. }) => assert!(named.contains(&holder.id.to_string()), "{named}"),
        other => panic!("{other:?} is not refused"),
    }
}

async fn side_by_side(database: TestDatabase) {
    items(&database, 1_000).await;
    // Gaps, so that a selection is several runs.
    database.execute("DELETE FROM item WHERE id IN (50, 51, 120, 300);").await;
    let app = app(&database, "item", ConflictScope::Record).await;
    let low = on(&app, &["id__lte=200"], "low").await.expect("the first");
    let high = on(&app, &["id__gte=600"], "high").await.expect("other records");
    let middle = on(&app, &["id__gt=200", "id__lt=600"], "middle").await.expect("between the two");
    // One record is enough, at whichever edge.
    refused(on(&app, &["id__gte=200", "id__lte=200"], "edge").await, &low);
    refused(on(&app, &["id__gte=1", "id__lte=1"], "edge").await, &low);
    refused(on(&app, &["id__gte=600", "id__lte=601"], "edge").await, &high);
    refused(on(&app, &["id__gte=1000"], "edge").await, &high);
    refused(on(&app, &["id__gte=599", "id__lte=599"], "edge").await, &middle);
    let scattered = update("item", keys([2_000, 301, 3_000]), [("note", Some("some"))]);
    let scattered = run(&app, scattered).await.map(|answer| answer.task().clone());
    refused(scattered, &middle);
    assert_eq!(count(&database, "powercrud_bulk_task").await, 3, "who is refused leaves no trace");
    for (task, records) in [(&middle, 398), (&low, 197), (&high, 401)] {
        let ended = work(&app, task).await;
        assert_eq!((ended.status, counts(&ended)), (Status::Success, (records, 0, 0)));
    }
    assert_no_locks(&database).await;
    on(&app, &["id__gte=200", "id__lte=200"], "edge").await.expect("the way is free");
}

async fn keys_that_are_texts(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE word (code varchar(20) PRIMARY KEY, note varchar(20));
            INSERT INTO word VALUES ('a', 'x'), ('b', 'x'), ('1', 'x'), ('01', 'x'), ('a,b', 'x');",
        )
        .await;
    let app = app(&database, "word", ConflictScope::Record).await;
    let request = |words: &[&str]| in_background(update("word", keys(words), [("note", Some("y"))]));
    let first = queue(&app, request(&["a", "1"])).await;
    let second = queue(&app, request(&["b", "01", "a,b"])).await;
    refused(run(&app, request(&["1"])).await.map(|answer| answer.task().clone()), &first);
    refused(run(&app, request(&["a,b", "zz"])).await.map(|answer| answer.task().clone()), &second);
    let resource = app.resource("word").expect("a resource");
    for (key, holder) in [("a", Some(&first)), ("1", Some(&first)), ("01", Some(&second)), ("a,b", Some(&second))] {
        let held = record::held_by(&app, resource, key).await.expect("an answer");
        assert_eq!(held.map(|task| task.id), holder.map(|task| task.id), "{key}");
    }
    for task in [&second, &first] {
        assert_eq!(work(&app, task).await.status, Status::Success);
    }
    assert_no_locks(&database).await;
}

async fn single_records_at_the_edges(database: TestDatabase) {
    items(&database, 100).await;
    database.execute("DELETE FROM item WHERE id = 50;").await;
    let app = app(&database, "item", ConflictScope::Record).await;
    let resource = app.resource("item").expect("a resource");
    let task = on(&app, &["id__gte=10", "id__lte=90"], "bulk").await.expect("a task");
    let edit = async |key: &str| {
        record::update(
            &app,
            &powercrud::User::operator(),
            resource,
            key,
            &[("note".to_owned(), Some("by hand".to_owned()))],
        )
        .await
    };
    for key in ["10", "49", "51", "90"] {
        assert!(matches!(edit(key).await, Err(Error::RecordHeld { task_id, .. }) if task_id == task.id), "{key}");
    }
    for key in ["9", "91", "1", "100"] {
        edit(key).await.unwrap_or_else(|error| panic!("{key} is nobody's: {error}"));
    }
    // What has come into a gap was never selected.
    database.execute("INSERT INTO item (id, name, stock, status, touched) VALUES (50, 'new', 1, 'new', 0);").await;
    edit("50").await.expect("nobody's record");
    assert_eq!(counts(&work(&app, &task).await), (80, 0, 0));
    assert_no_locks(&database).await;
}

async fn a_retry_locks_what_is_left(database: TestDatabase) {
    items(&database, 300).await;
    let app = app(&database, "item", ConflictScope::Record).await;
    let all = in_background(update("item", Selection::All, [("note", Some("all"))]));
    let task = queue(&app, all).await;
    let task =
        store::cancel(&app, &powercrud::User::operator(), task.id).await.expect("a task that waits for a worker");
    assert_eq!(task.status, Status::Cancelled);
    let first = on(&app, &["id__lte=10"], "first").await.expect("nothing is held");
    let refusal = retry(&app, &powercrud::User::operator(), task.id).await;
    refused(refusal.map(|answer| answer.task().clone()), &first);
    work(&app, &first).await;
    let again = retry(&app, &powercrud::User::operator(), task.id).await.expect("the way is free").task().clone();
    refused(on(&app, &["id__gte=300"], "last").await, &again);
    assert_eq!(counts(&work(&app, &again).await), (300, 0, 0));
    assert_no_locks(&database).await;
}

/// The setting was changed while a task ran: it is respected all the same.
async fn a_change_of_scope(database: TestDatabase) {
    items(&database, 100).await;
    let by_model = app(&database, "item", ConflictScope::Model).await;
    let by_record = app(&database, "item", ConflictScope::Record).await;
    let task = on(&by_model, &["id__lte=10"], "model").await.expect("a task");
    refused(on(&by_record, &["id__gte=90"], "record").await, &task);
    work(&by_model, &task).await;
    let task = on(&by_record, &["id__lte=10"], "record").await.expect("a task");
    refused(on(&by_model, &["id__gte=90"], "model").await, &task);
    work(&by_record, &task).await;
    assert_no_locks(&database).await;
}
