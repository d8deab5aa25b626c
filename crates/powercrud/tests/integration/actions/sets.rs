//! Actions that are named sets of changes.

use powercrud::{
    Action, Changes, PowerCrud, Resource, Selection, User,
    audit::{self, AuditFilter},
    bulk::{self, Answer},
    task::{Status, store},
};
use tokio_util::sync::CancellationToken;

use super::with_actions;
use crate::{
    shop::{
        ITEM, action, assert_no_locks, carry_out, count, counts, failures, in_background, items, keys, matching, queue,
        rows, with_changes, work,
    },
    support::{TestDatabase, each_database},
};

each_database! {
    what_it_sets_is_set, it_is_previewed, it_is_reverted, a_retry_sets_what_the_first_task_set, an_unknown_one_is_left_to_others,
    the_same_request_is_one_task, links_are_added, counted_by_its_name
}

fn retire() -> Action {
    Action::set("retire", [("status", Some("gone")), ("note", None)])
}

/// Neither of its fields is one that bulk edit offers.
async fn app(database: &TestDatabase) -> PowerCrud {
    let item = Resource::table("item").bulk_fields(["name"]).bulk_revert(true).action(retire());
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item)
        .discover(true)
        .build()
        .await
        .expect("no mistakes")
}

async fn what_it_sets_is_set(database: TestDatabase) {
    items(&database, 120).await;
    let app = app(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let request = action("item", "retire", matching(&app, "item", &["id__lte=100"]), []);
    let task = carry_out(&app, request).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (100, 0, 0)), "{}", task.error_message);
    assert_eq!((task.operation.as_str(), task.action()), ("action:retire", Some("retire")));
    assert_eq!(task.changes.to_json(), serde_json::json!({"status": "gone", "note": null}));
    let was_so = |row: &[Option<String>]| row[3].as_deref() == Some("gone") && row[4].is_none();
    let changes = |key: i64| key <= 100 && !was_so(&before[&key.to_string()]);
    let expected = with_changes(&before, changes, |row| (row[3], row[4]) = (Some("gone".into()), None));
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
    let untouched = before.iter().filter(|(key, row)| key.parse::<i64>().unwrap() <= 100 && was_so(row)).count();
    assert_eq!(task.unchanged_records, untouched as u64);
    let entries = audit::list(&app, &User::operator(), &AuditFilter::default()).await.expect("a trail");
    assert!(entries.iter().any(|entry| entry.subject == "action:retire of 100 items"), "{entries:?}");
    assert_no_locks(&database).await;
    // Few at once, from code.
    let answer = bulk::action(&app, "item", "retire").keys([101, 102]).run().await.expect("an action");
    let Answer::Done(task) = answer.into_answer() else { panic!("it is queued") };
    assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)));
}

async fn it_is_previewed(database: TestDatabase) {
    items(&database, 30).await;
    let app = app(&database).await;
    let request = action("item", "retire", keys([2, 3, 4, 99]), []);
    let preview = bulk::plan(&app, request).await.expect("a plan").preview().await.expect("a preview");
    assert_eq!((preview.total_records, preview.changing_records, preview.failing_records), (4, 3, 1));
    assert_eq!(preview.samples[0].changes[0], ("status".into(), Some("gone".into()), Some("gone".into())));
    assert_eq!(preview.samples[0].changes[1], ("note".into(), Some("note 2".into()), None));
    assert!(preview.unknown.is_empty() || preview.unknown == ["triggers"], "{:?}", preview.unknown);
    assert_eq!(count(&database, "powercrud_bulk_task").await, 0);
}

async fn it_is_reverted(database: TestDatabase) {
    items(&database, 60).await;
    let app = app(&database).await;
    let values = &ITEM[..6];
    let before = rows(&database, "item", values).await;
    let task = carry_out(&app, action("item", "retire", Selection::All, [])).await;
    assert_ne!(rows(&database, "item", values).await, before);
    let answer = bulk::revert(&app, &User::operator(), task.id).await.expect("a revert");
    let reverted = work(&app, answer.task()).await;
    assert_eq!(reverted.status, Status::Success, "{}", reverted.error_message);
    assert_eq!(rows(&database, "item", values).await, before);
}

async fn a_retry_sets_what_the_first_task_set(database: TestDatabase) {
    items(&database, 30).await;
    let app = with_actions(&database, [Action::set("label", [("name", Some("first"))])]).await;
    let task = queue(&app, in_background(action("item", "label", keys([1, 2, 77]), []))).await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)));
    assert_eq!(failures(&app, &task).await, [("77".to_owned(), "NOT_FOUND".to_owned())]);
    database.execute("INSERT INTO item VALUES (77, 'late', 1, 1, 'new', NULL, 0);").await;
    let later = with_actions(&database, [Action::set("label", [("name", Some("second"))])]).await;
    let answer = bulk::retry(&later, &User::operator(), task.id).await.expect("a retry");
    let retried = match answer {
        Answer::Queued { task, .. } => work(&later, &task).await,
        other => other.task().clone(),
    };
    assert_eq!((retried.status, retried.parent_id), (Status::Success, Some(task.id)));
    let names = rows(&database, "item", &["id", "name"]).await;
    assert_eq!((names["77"][0].as_deref(), names["1"][0].as_deref()), (Some("first"), Some("first")));
}

async fn an_unknown_one_is_left_to_others(database: TestDatabase) {
    items(&database, 30).await;
    let app = app(&database).await;
    let task = queue(&app, in_background(action("item", "retire", Selection::All, []))).await;
    let other = with_actions(&database, [Action::set("retire_too", [("status", Some("gone"))])]).await;
    let left = work(&other, &task).await;
    assert_eq!((left.status, left.attempt), (Status::Pending, 0));
    // What another version wrote of an action that this one knows is refused, not guessed.
    let whole: &str = "UPDATE powercrud_bulk_task SET changes = '{\"version\":\"2\",\"work\":{\"change\":[[\"note\",\"set_null\"]]},\"origin\":null}'";
    database.execute(&format!("{whole} WHERE status = 'PENDING';")).await;
    let refused = work(&app, &task).await;
    assert_eq!((refused.status, counts(&refused)), (Status::Failure, (0, 0, 30)));
    assert!(refused.error_message.contains("can't read"), "{}", refused.error_message);
    let error = bulk::retry(&app, &User::operator(), task.id).await.expect_err("a refusal").to_string();
    assert!(error.contains("can't read"), "{error}");
    assert_no_locks(&database).await;
}

async fn the_same_request_is_one_task(database: TestDatabase) {
    items(&database, 30).await;
    let app =
        with_actions(&database, [retire(), Action::set("also", [("status", Some("gone")), ("note", None)])]).await;
    let first = queue(&app, in_background(action("item", "retire", Selection::All, []))).await;
    let again = bulk::run(&app, in_background(action("item", "retire", Selection::All, []))).await.expect("an answer");
    assert!(matches!(&again, Answer::Duplicate(task) if task.id == first.id), "{again:?}");
    // Another action is another request, whatever it sets.
    let other = bulk::run(&app, in_background(action("item", "also", Selection::All, []))).await;
    assert!(matches!(other, Err(powercrud::Error::Conflict { .. })), "{other:?}");
    let cancelled = store::cancel(&app, &User::operator(), first.id).await.expect("cancelled");
    assert_eq!(cancelled.status, Status::Cancelled);
}

async fn links_are_added(database: TestDatabase) {
    items(&database, 30).await;
    database
        .execute(
            "CREATE TABLE tag (id integer PRIMARY KEY, name varchar(20) NOT NULL);
             CREATE TABLE item_tag (item_id integer NOT NULL, tag_id integer NOT NULL, PRIMARY KEY (item_id, tag_id),
               CONSTRAINT of_item FOREIGN KEY (item_id) REFERENCES item (id),
               CONSTRAINT of_tag FOREIGN KEY (tag_id) REFERENCES tag (id));
             INSERT INTO tag VALUES (1, 'sale'), (2, 'new');",
        )
        .await;
    let app = with_actions(&database, [Action::change("on_sale", Changes::new().add("tags", [1]))]).await;
    let task = carry_out(&app, in_background(action("item", "on_sale", keys(1..=25), []))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (25, 0, 0)), "{}", task.error_message);
    assert_eq!(count(&database, "item_tag").await, 25);
}

async fn counted_by_its_name(database: TestDatabase) {
    items(&database, 30).await;
    let app = app(&database).await;
    let task = queue(&app, in_background(action("item", "retire", keys(1..=5), []))).await;
    app.worker().run_task(task.id, &CancellationToken::new()).await.expect("a worker");
    let text = app.metrics_text().await.expect("a text");
    let line = "powercrud_records_total{operation=\"action:retire\",outcome=\"succeeded\"} 5";
    assert!(text.contains(line), "{line} is not in:\n{text}");
}
