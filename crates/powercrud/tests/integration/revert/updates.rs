//! Reverts of bulk edits.

use powercrud::{Resource, Selection, bulk, task::Status};

use super::{exact, in_chunks, revert, revertible};
use crate::{
    shop::{
        ITEM, assert_no_locks, carry_out, counts, failures, in_background, items, keys, matching, on_update, rows,
        update, work,
    },
    support::{TestDatabase, each_database},
};

each_database! {
    former_values_come_back, runs_and_gaps, few_records_at_once, what_changed_since_is_left_alone, records_that_failed_are_left_out,
    a_cancelled_task, values_that_a_trigger_changed, failures_are_retried, everything_or_nothing, one_record_locks,
    many_records_by_other_keys
}

each_database! { [sqlite postgres] references_that_an_edit_empties }

/// The columns of `item` but for the count of its changes.
const VALUES: &[&str] = ITEM.split_last().expect("columns").1;

async fn former_values_come_back(database: TestDatabase) {
    items(&database, 150).await;
    let app = revertible(&database, ["item"]).await;
    let before = rows(&database, "item", VALUES).await;
    let changes = [("price", Some("9.90")), ("note", None), ("status", Some("gone"))];
    let task = carry_out(&app, update("item", matching(&app, "item", &["id__gt=10"]), changes)).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (140, 0, 0)));
    assert_ne!(rows(&database, "item", VALUES).await, before);
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (140, 0, 0)), "{}", reverted.error_message);
    assert_eq!(
        (reverted.operation.as_str(), reverted.parent_id, reverted.reverts),
        ("revert", Some(task.id), Some(task.id))
    );
    assert_eq!(reverted.changes, task.changes);
    assert_eq!(rows(&database, "item", VALUES).await, before);
    // Each row was changed there and back, and no other.
    let touched = rows(&database, "item", &["id", "touched"]).await;
    let times = |key: &str| touched[key][0].as_deref();
    assert_eq!((times("10"), times("11"), times("150")), (Some("0"), Some("2"), Some("2")));
    assert_no_locks(&database).await;
}

async fn runs_and_gaps(database: TestDatabase) {
    items(&database, 1_000).await;
    database
        .execute("DELETE FROM item WHERE id % 3 = 0 AND id > 400 OR id BETWEEN 100 AND 150 OR id IN (1, 998);")
        .await;
    let before = rows(&database, "item", VALUES).await;
    for size in [7, 301, 5_000] {
        let app = in_chunks(&database, "item", size).await;
        let selection = matching(&app, "item", &["id__gte=50"]);
        let task = carry_out(&app, in_background(update("item", selection, [("stock", Some("5"))]))).await;
        let reverted = revert(&app, &task).await;
        assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (task.succeeded_records, 0, 0)));
        assert_eq!(rows(&database, "item", VALUES).await, before, "chunks of {size}");
    }
}

async fn few_records_at_once(database: TestDatabase) {
    items(&database, 9).await;
    let app = revertible(&database, ["item"]).await;
    let before = rows(&database, "item", VALUES).await;
    let task = carry_out(&app, update("item", keys([2, 4, 9]), [("name", Some("same"))])).await;
    database.execute("UPDATE item SET name = 'mine' WHERE id = 4;").await;
    // One that changed since does not keep its neighbours, although few records are done all or none else.
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (2, 1, 0)));
    let after = rows(&database, "item", VALUES).await;
    assert_eq!(after["4"][0].as_deref(), Some("mine"));
    assert_eq!((&after["2"], &after["9"]), (&before["2"], &before["9"]));
}

async fn what_changed_since_is_left_alone(database: TestDatabase) {
    items(&database, 100).await;
    for size in [1_000, 9] {
        let app = in_chunks(&database, "item", size).await;
        let before = rows(&database, "item", VALUES).await;
        let changes = [("price", Some("9.90")), ("note", None)];
        let task = carry_out(&app, in_background(update("item", Selection::All, changes))).await;
        // 31 has a value that was not changed by the task, which is nobody's business; 32 had its value changed and set again.
        database
            .execute(
                "UPDATE item SET price = 9.91 WHERE id = 7; UPDATE item SET note = '' WHERE id IN (20, 21);
                UPDATE item SET stock = 999 WHERE id = 31; UPDATE item SET price = 1 WHERE id = 32; UPDATE item SET price = 9.9 WHERE id = 32;
                DELETE FROM item WHERE id = 50;",
            )
            .await;
        let reverted = revert(&app, &task).await;
        let count = before.len() as u64;
        assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (count - 4, 4, 0)));
        let errors = powercrud::task::store::errors(&app, &powercrud::User::operator(), reverted.id, 0, 100)
            .await
            .expect("errors");
        let told: Vec<_> =
            errors.iter().map(|e| (e.record_key.as_str(), e.code.as_str(), e.field.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("7", "CHANGED_SINCE", Some("price")),
                ("20", "CHANGED_SINCE", Some("note")),
                ("21", "CHANGED_SINCE", Some("note")),
                ("50", "NOT_FOUND", None),
            ]
        );
        let after = rows(&database, "item", VALUES).await;
        for (key, row) in &before {
            match key.as_str() {
                "7" => assert_eq!((row[0].as_ref(), after[key][1].as_deref()), (after[key][0].as_ref(), Some("9.91"))),
                "20" | "21" => assert_eq!(after[key][4].as_deref(), Some("")),
                "31" => assert_eq!((&after[key][1], after[key][2].as_deref()), (&row[1], Some("999"))),
                "50" => assert!(!after.contains_key(key)),
                _ => assert_eq!(&after[key], row, "{key}"),
            }
        }
        assert_no_locks(&database).await;
        database
            .execute(
                "INSERT INTO item VALUES (50, 'item 50', 50.25, 50, 'gone', NULL, 0);
                UPDATE item SET price = id, note = 'again', stock = id;",
            )
            .await;
    }
}

async fn records_that_failed_are_left_out(database: TestDatabase) {
    items(&database, 120).await;
    // The trigger's own column has a rule that some rows break.
    database
        .execute("CREATE TABLE ruled (id integer PRIMARY KEY, a integer NOT NULL, b integer NOT NULL, CHECK (a < b));")
        .await;
    database.execute("INSERT INTO ruled SELECT id, 0, CASE WHEN id % 4 = 0 THEN 3 ELSE 30 END FROM item;").await;
    let app = in_chunks(&database, "ruled", 50).await;
    let before = rows(&database, "ruled", &["id", "a"]).await;
    let task = carry_out(&app, in_background(update("ruled", Selection::All, [("a", Some("7"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (90, 30, 0)));
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted), reverted.total_records), (Status::Success, (90, 0, 0), 90));
    assert_eq!(rows(&database, "ruled", &["id", "a"]).await, before);
}

async fn a_cancelled_task(database: TestDatabase) {
    items(&database, 200).await;
    let app = in_chunks(&database, "item", 10).await;
    let before = rows(&database, "item", VALUES).await;
    let task = crate::shop::queue(&app, update("item", Selection::All, [("stock", Some("-1"))])).await;
    let working = tokio::spawn({
        let (app, task) = (app.clone(), task.clone());
        async move { work(&app, &task).await }
    });
    crate::shop::when(&app, &task, |task| task.cursor > 0).await;
    // It may have ended before it could be cancelled.
    let _ = powercrud::task::store::cancel(&app, &powercrud::User::operator(), task.id).await;
    let task = working.await.expect("the work");
    assert!(task.succeeded_records > 0);
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, reverted.succeeded_records), (Status::Success, task.succeeded_records));
    assert_eq!(rows(&database, "item", VALUES).await, before);
}

async fn values_that_a_trigger_changed(database: TestDatabase) {
    items(&database, 60).await;
    // Whatever is written, the database stores something else for each row.
    database.execute("CREATE TABLE odd (id integer PRIMARY KEY, n integer NOT NULL);").await;
    database.execute("INSERT INTO odd SELECT id, id * 100 FROM item;").await;
    database.execute(&on_update(database.kind, "odd", "n = n + NEW.id")).await;
    let app = in_chunks(&database, "odd", 25).await;
    let task = carry_out(&app, in_background(update("odd", Selection::All, [("n", Some("7"))]))).await;
    assert_eq!(task.status, Status::Success);
    let stored = rows(&database, "odd", &["id", "n"]).await;
    assert_ne!(stored["10"], stored["11"], "the trigger does nothing");
    database
        .execute(
            "DROP TRIGGER count_odd;"
                .replace(';', if database.kind == crate::support::Kind::Postgres { " ON odd;" } else { ";" })
                .as_str(),
        )
        .await;
    database.execute("UPDATE odd SET n = 0 WHERE id = 13;").await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (59, 1, 0)));
    assert_eq!(failures(&app, &reverted).await, [("13".to_owned(), "CHANGED_SINCE".to_owned())]);
    let after = rows(&database, "odd", &["id", "n"]).await;
    assert_eq!(
        (after["12"][0].as_deref(), after["13"][0].as_deref(), after["60"][0].as_deref()),
        (Some("1200"), Some("0"), Some("6000"))
    );
}

async fn failures_are_retried(database: TestDatabase) {
    items(&database, 80).await;
    let app = in_chunks(&database, "item", 30).await;
    let before = rows(&database, "item", VALUES).await;
    let task = carry_out(&app, in_background(update("item", Selection::All, [("stock", Some("-1"))]))).await;
    database.execute("UPDATE item SET stock = 2 WHERE id IN (3, 79);").await;
    let reverted = revert(&app, &task).await;
    assert_eq!(counts(&reverted), (78, 2, 0));
    // What the others wrote is put back to what the task wrote: now they can be restored.
    database.execute("UPDATE item SET stock = -1 WHERE id IN (3, 79);").await;
    let again = match bulk::retry(&app, &powercrud::User::operator(), reverted.id).await.expect("a retry") {
        bulk::Answer::Done(task) => task,
        other => panic!("{other:?}"),
    };
    assert_eq!((again.status, counts(&again), again.total_records), (Status::Success, (2, 0, 0), 2));
    assert_eq!((again.parent_id, again.reverts), (Some(reverted.id), Some(task.id)));
    assert_eq!(rows(&database, "item", VALUES).await, before);
}

async fn everything_or_nothing(database: TestDatabase) {
    items(&database, 50).await;
    let item = Resource::table("item").bulk_revert(true).bulk_atomicity(powercrud::Atomicity::All);
    let app = powercrud::PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item)
        .build()
        .await
        .expect("a configuration");
    let before = rows(&database, "item", VALUES).await;
    let task = carry_out(&app, update("item", Selection::All, [("stock", Some("-1"))])).await;
    assert_eq!(task.status, Status::Success);
    let changed = rows(&database, "item", VALUES).await;
    database.execute("UPDATE item SET stock = 2 WHERE id = 3;").await;
    let failed = revert(&app, &task).await;
    assert_eq!((failed.status, counts(&failed)), (Status::Failure, (0, 1, 49)), "{}", failed.error_message);
    database.execute("UPDATE item SET stock = -1 WHERE id = 3;").await;
    assert_eq!(rows(&database, "item", VALUES).await, changed);
    // It restored nothing, so it may be tried again.
    assert_eq!(revert(&app, &task).await.status, Status::Success);
    assert_eq!(rows(&database, "item", VALUES).await, before);
}

async fn one_record_locks(database: TestDatabase) {
    items(&database, 60).await;
    let item = Resource::table("item").bulk_revert(true).bulk_async_conflict_scope(powercrud::ConflictScope::Record);
    let app = powercrud::PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item)
        .build()
        .await
        .expect("a configuration");
    let before = rows(&database, "item", VALUES).await;
    let task = carry_out(&app, update("item", matching(&app, "item", &["id__lte=40"]), [("stock", Some("1"))])).await;
    let queued = bulk::revert(&app, &powercrud::User::operator(), task.id).await.expect("a revert").task().clone();
    let resource = app.resource("item").expect("a resource");
    let held = powercrud::record::update(
        &app,
        &powercrud::User::operator(),
        resource,
        "40",
        &[("stock".into(), Some("3".into()))],
    )
    .await;
    assert!(matches!(held, Err(powercrud::Error::RecordHeld { .. })), "{held:?}");
    powercrud::record::update(
        &app,
        &powercrud::User::operator(),
        resource,
        "41",
        &[("stock".into(), Some("41".into()))],
    )
    .await
    .expect("a free record");
    assert_eq!(work(&app, &queued).await.status, Status::Success);
    assert_eq!(rows(&database, "item", VALUES).await, before);
    assert_no_locks(&database).await;
}

/// Tables that were never analysed: a plan that searches one side anew for each row of the other would take minutes.
async fn many_records_by_other_keys(database: TestDatabase) {
    const ROWS: usize = 10_000;
    let mut script = String::from(
        "CREATE TABLE article (code varchar(40) PRIMARY KEY, price integer NOT NULL);
        CREATE TABLE place (shelf varchar(20) NOT NULL, spot integer NOT NULL, price integer NOT NULL, PRIMARY KEY (shelf, spot));\n",
    );
    for first in (0..ROWS).step_by(1_000) {
        let articles: Vec<_> = (first..first + 1_000).map(|n| format!("('A-{}', {n})", n * 7_919 % ROWS)).collect();
        let places: Vec<_> = (first..first + 1_000).map(|n| format!("('S{}', {}, {n})", n % 97, n / 97)).collect();
        script += &format!(
            "INSERT INTO article VALUES {};\nINSERT INTO place VALUES {};\n",
            articles.join(", "),
            places.join(", ")
        );
    }
    database.execute(&script).await;
    for (table, columns) in [("article", &["code", "price"][..]), ("place", &["shelf", "spot", "price"])] {
        let app = revertible(&database, [table]).await;
        let before = exact(&database, table, columns).await;
        let task =
            carry_out(&app, update(table, matching(&app, table, &["price__gte=0"]), [("price", Some("5"))])).await;
        assert_eq!(counts(&task), (ROWS as u64, 0, 0), "{}", task.error_message);
        let reverted = revert(&app, &task).await;
        assert_eq!(counts(&reverted), (ROWS as u64, 0, 0), "{}", reverted.error_message);
        assert_eq!(exact(&database, table, columns).await, before);
    }
}

/// What referred to a changed value and was emptied with it would not come back, so the edit can't be reverted; the preview tells it.
async fn references_that_an_edit_empties(database: TestDatabase) {
    for action in ["SET NULL", "CASCADE"] {
        database
            .execute(&format!(
                "DROP TABLE IF EXISTS node;
                 CREATE TABLE node (id integer PRIMARY KEY, u integer UNIQUE, f integer REFERENCES node (u) ON UPDATE {action});
                 INSERT INTO node VALUES (1, 10, NULL), (2, NULL, 10), (3, 30, 10);"
            ))
            .await;
        let app = revertible(&database, ["node"]).await;
        let request = || update("node", Selection::All, [("u", None)]);
        let seen = bulk::plan(&app, request()).await.expect("a plan").preview().await.expect("a preview");
        let emptied: Vec<_> = seen.referrers.iter().map(|referrer| (referrer.action, referrer.records)).collect();
        assert_eq!(emptied, if action == "SET NULL" { vec![("set_null", 2)] } else { vec![] });
        let task = carry_out(&app, request()).await;
        assert_eq!(task.status, Status::Success, "{}", task.error_message);
        let error = super::refusal(&app, &powercrud::User::operator(), &task).await;
        assert!(error.contains("kept no former values"), "{error}");
    }
}
