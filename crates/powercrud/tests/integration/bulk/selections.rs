//! Exactly the selected records change, however they were selected.

use powercrud::{
    Selection, StoredSelection,
    bulk::Answer,
    query::ListParams,
    task::{Status, store},
};

use crate::{
    shop::{
        ITEM, assert_no_locks, carry_out, count, counts, delete, discovered, failures, items, keys, matching, queue,
        rows, update, with_changes, work,
    },
    support::{TestDatabase, each_database},
};

each_database! { all, by_filter, by_search, by_keys, by_stored_selection, what_a_task_left, deletes }

async fn all(database: TestDatabase) {
    items(&database, 2_500).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let task = queue(&app, update("item", Selection::All, [("price", Some("7.75")), ("note", None)])).await;
    assert_eq!((task.status, task.total_records, counts(&task)), (Status::Pending, 2_500, (0, 0, 2_500)));
    assert_eq!(rows(&database, "item", &ITEM).await, before, "nothing happens before a worker takes it");
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task), task.progress_percent()), (Status::Success, (2_500, 0, 0), 100));
    assert!(task.started_at.is_some() && task.completed_at.is_some() && task.error_message.is_empty(), "{task:?}");
    let expected = with_changes(&before, |_| true, |row| (row[1], row[4]) = (Some("7.75".into()), None));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
    assert_no_locks(&database).await;
}

async fn by_filter(database: TestDatabase) {
    items(&database, 100).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let selection = matching(&app, "item", &["stock__gt=40", "status=used", "note__isnull=false"]);
    let task = carry_out(&app, update("item", selection, [("status", Some("gone")), ("name", Some(""))])).await;
    let selected = |id: i64| id > 40 && id % 3 == 1 && id % 5 != 0;
    assert_eq!((task.status, counts(&task)), (Status::Success, (16, 0, 0)));
    let expected = with_changes(&before, selected, |row| (row[0], row[3]) = (Some(String::new()), Some("gone".into())));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
}

async fn by_search(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let params = ListParams { search: "TEM 1 note".into(), ..ListParams::default() };
    let task = carry_out(&app, update("item", Selection::Matching(params), [("stock", Some("-1"))])).await;
    let selected = |id: i64| id.to_string().contains('1') && id % 5 != 0;
    assert_eq!(counts(&task), (10, 0, 0));
    let expected = with_changes(&before, selected, |row| row[2] = Some("-1".into()));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
}

async fn by_keys(database: TestDatabase) {
    items(&database, 60).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    // In any order, some twice, some in another spelling.
    let selection = keys(["30", "3", "030", "+3", "17"]);
    let task = carry_out(&app, update("item", selection, [("note", Some("'; DROP TABLE item; -- ?1 $1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (3, 0, 0)));
    let change = |row: &mut Vec<Option<String>>| row[4] = Some("'; DROP TABLE item; -- ?1 $1".into());
    let expected = with_changes(&before, |id| [3, 17, 30].contains(&id), change);
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
    let task = carry_out(&app, update("item", keys(1..=40), [("price", Some("0.75"))])).await;
    assert_eq!(counts(&task), (40, 0, 0));
    let expected = with_changes(&expected, |id| id <= 40, |row| row[1] = Some("0.75".into()));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
}

async fn by_stored_selection(database: TestDatabase) {
    items(&database, 100).await;
    let app = discovered(&database).await;
    let resource = app.resource("item").expect("a resource");
    let before = rows(&database, "item", &ITEM).await;
    let texts = |keys: &[i64]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    let params = ListParams::from_conditions(resource, &["stock__lte=40"]).expect("a filter");
    stored.select_matching(&app, &params).await.expect("all that match");
    stored.tick(&app, resource, &texts(&[2, 4, 40]), false).await.expect("exceptions");
    stored.tick(&app, resource, &texts(&[77, 78, 3]), true).await.expect("additions");
    stored.tick(&app, resource, &texts(&[4]), true).await.expect("one exception less");
    assert_eq!((stored.added, stored.excluded), (2, 2));
    assert_eq!(stored.count(&app, resource).await.expect("a count"), 40);
    let task = carry_out(&app, update("item", Selection::Stored(stored.id), [("stock", Some("0"))])).await;
    let selected = |id: i64| (id <= 40 && id != 2 && id != 40) || id == 77 || id == 78;
    assert_eq!((task.status, counts(&task)), (Status::Success, (40, 0, 0)));
    let expected = with_changes(&before, selected, |row| row[2] = Some("0".into()));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
    // Only ticks, without a filter.
    stored.clear(&app).await.expect("nothing selected");
    stored.tick(&app, resource, &texts(&[5, 6, 7]), true).await.expect("ticks");
    stored.tick(&app, resource, &texts(&[6]), false).await.expect("an untick");
    let task = carry_out(&app, update("item", Selection::Stored(stored.id), [("note", Some("ticked"))])).await;
    assert_eq!(counts(&task), (2, 0, 0));
    let expected = with_changes(&expected, |id| id == 5 || id == 7, |row| row[4] = Some("ticked".into()));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
}

/// What a cancelled task left is done by its retry, and nothing else.
async fn what_a_task_left(database: TestDatabase) {
    items(&database, 50).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let request = update("item", matching(&app, "item", &["stock__lt=31"]), [("price", None)]);
    let task = queue(&app, request).await;
    let task = store::cancel(&app, &powercrud::User::operator(), task.id).await.expect("cancelled");
    assert_eq!((task.status, counts(&task)), (Status::Cancelled, (0, 0, 30)));
    // Who matches the filter by now does not matter.
    database.execute("UPDATE item SET stock = 0 WHERE id = 50;").await;
    let answer = powercrud::bulk::retry(&app, &powercrud::User::operator(), task.id).await.expect("a retry");
    let Answer::Queued { task: child, .. } = answer else { panic!("{answer:?} is not queued") };
    assert_eq!((child.parent_id, child.total_records), (Some(task.id), 30));
    let child = work(&app, &child).await;
    assert_eq!((child.status, counts(&child)), (Status::Success, (30, 0, 0)));
    let expected = with_changes(&before, |id| id <= 30, |row| row[1] = None);
    let expected = with_changes(&expected, |id| id == 50, |row| row[2] = Some("0".into()));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
}

async fn deletes(database: TestDatabase) {
    items(&database, 100).await;
    let app = discovered(&database).await;
    let mut expected = rows(&database, "item", &ITEM).await;
    let task = carry_out(&app, delete("item", matching(&app, "item", &["status__ne=new"]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (67, 0, 0)));
    expected.retain(|key, _| key.parse::<i64>().is_ok_and(|id| id % 3 == 0));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
    let task = carry_out(&app, delete("item", keys([3, 6, 9]))).await;
    assert_eq!(counts(&task), (3, 0, 0));
    let task = carry_out(&app, delete("item", Selection::All)).await;
    assert_eq!((counts(&task), failures(&app, &task).await), ((30, 0, 0), Vec::new()));
    assert_eq!(count(&database, "item").await, 0);
    assert_no_locks(&database).await;
}
