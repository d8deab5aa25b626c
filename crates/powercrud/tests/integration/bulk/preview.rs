//! What a preview says is what then happens.

use powercrud::{
    Selection,
    bulk::{BulkRequest, Preview, plan},
};

use crate::{
    shop::{ITEM, carry_out, count, counts, delete, discovered, items, keys, matching, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { of_an_update, of_a_delete, of_many_keys }

async fn preview(app: &powercrud::PowerCrud, request: BulkRequest) -> Preview {
    plan(app, request).await.expect("a plan").preview().await.expect("a preview")
}

async fn of_an_update(database: TestDatabase) {
    items(&database, 40).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &ITEM).await;
    let selection = matching(&app, "item", &["stock__gte=10"]);
    let seen = preview(&app, update("item", selection, [("status", Some("used")), ("note", None)])).await;
    // Those that are used already and have no note: 10, 25 and 40.
    assert_eq!((seen.total_records, seen.unchanged_records), (31, 3));
    assert!(seen.referrers.is_empty() && seen.blocked_records == 0);
    let changes: Vec<_> = seen.samples.iter().map(|sample| (sample.label.as_str(), &sample.changes[..])).collect();
    let change = |field: &str, before: Option<&str>, after: Option<&str>| {
        (field.to_owned(), before.map(str::to_owned), after.map(str::to_owned))
    };
    let of = |status, note: &str| [change("status", Some(status), Some("used")), change("note", Some(note), None)];
    let expected = [
        ("item 11", &of("gone", "note 11")[..]),
        ("item 12", &of("new", "note 12")),
        ("item 13", &of("used", "note 13")),
    ];
    assert_eq!(changes, expected);
    // Numbers are compared as numbers, and NULL is a value like any other.
    for (price, unchanged) in [("12.25", 1), ("12.250", 1), ("12.26", 0)] {
        let seen = preview(&app, update("item", Selection::All, [("price", Some(price))])).await;
        assert_eq!((seen.total_records, seen.unchanged_records), (40, unchanged), "{price}");
    }
    let seen = preview(&app, update("item", Selection::All, [("note", None)])).await;
    assert_eq!(seen.unchanged_records, 8);
    let seen = preview(&app, update("item", keys(["1", "2", "99"]), [("note", Some("x"))])).await;
    assert_eq!((seen.total_records, seen.samples.len()), (2, 2), "who is gone is not counted");
    assert_eq!(rows(&database, "item", &ITEM).await, before, "looking changes nothing");
    for table in ["powercrud_bulk_task", "powercrud_lock", "powercrud_bulk_task_selected_id"] {
        assert_eq!(count(&database, table).await, 0, "{table}");
    }
}

async fn of_a_delete(database: TestDatabase) {
    items(&database, 30).await;
    database
        .execute(
            "CREATE TABLE line (id integer PRIMARY KEY, item_id integer NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
             CREATE TABLE picture (id integer PRIMARY KEY, item_id integer, FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE CASCADE);
             CREATE TABLE review (id integer PRIMARY KEY, item_id integer, FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE SET NULL);
             CREATE TABLE unused (id integer PRIMARY KEY, item_id integer, FOREIGN KEY (item_id) REFERENCES item (id));
             INSERT INTO line VALUES (1, 3), (2, 3), (3, 4), (4, 30);
             INSERT INTO picture VALUES (1, 1), (2, 1), (3, 2), (4, 29);
             INSERT INTO review VALUES (1, 5), (2, NULL);",
        )
        .await;
    let app = discovered(&database).await;
    let request = delete("item", matching(&app, "item", &["stock__lte=25"]));
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.total_records, seen.blocked_records), (25, 2));
    let mut referrers: Vec<_> =
        seen.referrers.iter().map(|one| (one.table.as_str(), one.records, one.action)).collect();
    referrers.sort_unstable();
    assert_eq!(referrers, [("line", 3, "restrict"), ("picture", 3, "cascade"), ("review", 1, "set_null")]);
    let task = carry_out(&app, request).await;
    assert_eq!(counts(&task), (23, 2, 0), "as foretold");
    assert_eq!((count(&database, "picture").await, count(&database, "review").await), (1, 2));
}

/// More keys than a statement takes parameters.
async fn of_many_keys(database: TestDatabase) {
    items(&database, 10).await;
    let app = discovered(&database).await;
    let request = update("item", keys(1..=70_000), [("note", None)]);
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.total_records, seen.unchanged_records), (10, 2));
    let task = carry_out(&app, request).await;
    assert_eq!(counts(&task), (10, 69_990, 0));
}
