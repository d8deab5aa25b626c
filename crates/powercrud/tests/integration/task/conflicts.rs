//! Of two requests that want the same, one wins, and the other is told who is in its way.

use powercrud::{
    Error, PowerCrud, Resource, Selection,
    bulk::{Answer, run},
    task::{Status, store},
};

use crate::{
    shop::{
        assert_no_locks, count, counts, delete, discovered, items, keys, matching, queue, touched_once, update, work,
    },
    support::{TestDatabase, each_database},
};

each_database! { one_task_a_resource, the_same_request_twice, requests_at_the_same_instant, without_conflict_checking, a_changed_selection_is_another_request }

async fn one_task_a_resource(database: TestDatabase) {
    items(&database, 50).await;
    database.execute("CREATE TABLE other (id integer PRIMARY KEY, n integer); INSERT INTO other VALUES (1, 1);").await;
    let app = discovered(&database).await;
    let first = queue(&app, update("item", Selection::All, [("note", Some("a"))])).await;
    // Large or small, update or delete: the resource is held.
    for request in [
        update("item", Selection::All, [("note", Some("b"))]),
        update("item", keys([1]), [("note", Some("b"))]),
        delete("item", keys([1])),
    ] {
        let error = run(&app, request).await.expect_err("a conflict");
        let Error::Conflict { resource, holder, .. } = &error else { panic!("{error:?}") };
        assert_eq!(resource, "item");
        assert!(holder.contains(&first.id.to_string()), "{holder}");
    }
    assert_eq!(count(&database, "powercrud_bulk_task").await, 1, "who is refused leaves no trace");
    // A row may stand for a run of records.
    assert_eq!(count(&database, "(SELECT 1 FROM powercrud_bulk_task_selected_id GROUP BY task_id) AS tasks").await, 1);
    let other = run(&app, update("other", Selection::All, [("n", Some("2"))])).await.expect("another resource");
    assert_eq!(other.task().status, Status::Success);
    assert_eq!(work(&app, &first).await.status, Status::Success);
    assert_no_locks(&database).await;
    let after = run(&app, update("item", keys([1]), [("note", Some("b"))])).await.expect("the way is free");
    assert_eq!(after.task().status, Status::Success);
}

async fn the_same_request_twice(database: TestDatabase) {
    items(&database, 50).await;
    let app = discovered(&database).await;
    let request = update("item", matching(&app, "item", &["stock__gt=10"]), [("note", Some("a")), ("price", None)]);
    let first = queue(&app, request.clone()).await;
    let again = run(&app, request.clone()).await.expect("the same task");
    let Answer::Duplicate(same) = &again else { panic!("{again:?} is not the same") };
    assert_eq!(same.id, first.id);
    assert_eq!(count(&database, "powercrud_bulk_task").await, 1);
    assert_eq!(work(&app, &first).await.status, Status::Success);
    // What has ended may be asked for again.
    let second = queue(&app, request).await;
    assert_ne!(second.id, first.id);
    assert_eq!(counts(&work(&app, &second).await), (40, 0, 0));
}

async fn requests_at_the_same_instant(database: TestDatabase) {
    items(&database, 200).await;
    let app = discovered(&database).await;
    let requests = (0..6).map(|number| {
        let app = app.clone();
        let value = number.to_string();
        tokio::spawn(async move { run(&app, update("item", Selection::All, [("note", Some(value.as_str()))])).await })
    });
    let mut won = Vec::new();
    for answer in requests.collect::<Vec<_>>() {
        match answer.await.expect("no panic") {
            Ok(Answer::Queued { task, .. }) => won.push(task),
            Err(Error::Conflict { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(counts(&work(&app, &won[0]).await), (200, 0, 0));
    assert_eq!(touched_once(&database).await, 200);
    assert_no_locks(&database).await;
}

async fn without_conflict_checking(database: TestDatabase) {
    items(&database, 50).await;
    let resource = Resource::table("item").bulk_async_conflict_checking(false);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let first = queue(&app, update("item", keys(1..=25), [("note", Some("a"))])).await;
    let second = queue(&app, update("item", keys(26..=50), [("note", Some("b"))])).await;
    let again = run(&app, update("item", keys((26..=50).rev()), [("note", Some("b"))])).await.expect("the same task");
    assert!(matches!(&again, Answer::Duplicate(task) if task.id == second.id), "{again:?}");
    assert_eq!(work(&app, &second).await.status, Status::Success);
    assert_eq!(work(&app, &first).await.status, Status::Success);
    assert_eq!(touched_once(&database).await, 50);
}

/// As many ticks, but other records: that is not the same request.
async fn a_changed_selection_is_another_request(database: TestDatabase) {
    use powercrud::{StoredSelection, query::ListParams};
    items(&database, 60).await;
    let resource = Resource::table("item").bulk_async_conflict_checking(false);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let resource = app.resource("item").expect("a resource");
    let texts = |keys: std::ops::RangeInclusive<i64>| keys.map(|key| key.to_string()).collect::<Vec<_>>();
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    stored.tick(&app, resource, &texts(1..=20), true).await.expect("ticks");
    let request = update("item", Selection::Stored(stored.id), [("note", Some("a"))]);
    let first = queue(&app, request.clone()).await;
    let again = run(&app, request.clone()).await.expect("the same task");
    assert!(matches!(&again, Answer::Duplicate(task) if task.id == first.id), "{again:?}");
    stored.clear(&app).await.expect("nothing");
    stored.tick(&app, resource, &texts(21..=40), true).await.expect("other ticks");
    let second = queue(&app, request.clone()).await;
    stored.select_matching(&app, &ListParams::default()).await.expect("all");
    stored.tick(&app, resource, &texts(1..=40), false).await.expect("exceptions");
    let third = queue(&app, request.clone()).await;
    stored.tick(&app, resource, &texts(40..=40), true).await.expect("one less");
    stored.tick(&app, resource, &texts(41..=41), false).await.expect("one more");
    let fourth = queue(&app, request).await;
    for task in [&first, &second, &third] {
        assert_eq!(counts(&work(&app, task).await), (20, 0, 0));
    }
    assert_eq!(touched_once(&database).await, 60);
    store::cancel(&app, &powercrud::User::operator(), fourth.id).await.expect("cancelled");
    assert_no_locks(&database).await;
}
