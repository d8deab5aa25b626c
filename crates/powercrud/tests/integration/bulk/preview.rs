//! What a preview says is what then happens.

use powercrud::{
    Selection,
    bulk::{BulkRequest, Preview, plan},
};

use crate::{
    shop::{ITEM, carry_out, count, counts, delete, discovered, in_background, items, keys, matching, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { of_an_update, of_a_delete, of_what_goes_along_further_down, of_many_keys }
each_database! { [sqlite] of_keys_that_find_nothing }

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
    assert_eq!((seen.total_records, seen.samples.len()), (3, 2));
    assert_eq!((seen.changing_records, seen.failing_records, seen.stops_all()), (2, 1, false), "who is gone is named");
    let gone = &seen.failures[0];
    assert_eq!((gone.code.as_str(), gone.message.as_str()), ("NOT_FOUND", "there is no item with the key 99"));
    let seen = preview(&app, delete("item", keys(["1", "2", "99"]))).await;
    assert_eq!((seen.total_records, seen.changing_records, seen.missing_records), (3, 2, 1));
    assert_eq!(seen.failing_records, 0);
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

/// A tree whose leaves others refer to: what the delete does is what was foretold, at every depth.
async fn of_what_goes_along_further_down(database: TestDatabase) {
    let trees: Vec<_> =
        (1..32).map(|id| format!("({id}, {})", if id > 1 { (id / 2).to_string() } else { "NULL".into() })).collect();
    let leaves: Vec<_> = (1..32).map(|id| format!("({id}, {id}, {id})")).collect();
    database
        .execute(&format!(
            "CREATE TABLE tree (id integer PRIMARY KEY, up integer, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);
             CREATE TABLE leaf (id integer PRIMARY KEY, marks integer, hangs integer,
                 FOREIGN KEY (marks) REFERENCES tree (id) ON DELETE SET NULL,
                 FOREIGN KEY (hangs) REFERENCES tree (id) ON DELETE CASCADE);
             CREATE TABLE spot (id integer PRIMARY KEY, leaf_id integer, FOREIGN KEY (leaf_id) REFERENCES leaf (id) ON DELETE CASCADE);
             INSERT INTO tree VALUES {}; INSERT INTO leaf VALUES {}; INSERT INTO spot VALUES (1, 4), (2, 31), (3, 1), (4, 9);",
            trees.join(", "),
            leaves.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    // 4 is below 2: it goes once.
    let request = delete("tree", keys([2, 4]));
    let seen = preview(&app, request.clone()).await;
    let of = |table: &str, action: &str| -> usize {
        let one = |one: &&powercrud::bulk::Referrer| one.table.ends_with(table) && one.action == action;
        seen.referrers.iter().filter(one).map(|one| one.records as usize).sum()
    };
    let before = (count(&database, "tree").await, count(&database, "leaf").await, count(&database, "spot").await);
    carry_out(&app, request).await;
    let after = (count(&database, "tree").await, count(&database, "leaf").await, count(&database, "spot").await);
    assert_eq!(of("tree", "cascade") + 2, before.0 - after.0, "{:?}", seen.referrers);
    assert_eq!(of("leaf", "cascade"), before.1 - after.1, "{:?}", seen.referrers);
    assert_eq!(of("spot", "cascade"), before.2 - after.2, "{:?}", seen.referrers);
    assert!(after.0 < before.0 - 2 && seen.unfollowed.is_empty(), "{seen:?}");
}

/// Records that their key can't find are foretold as failures, as the task then names them.
async fn of_keys_that_find_nothing(database: TestDatabase) {
    database
        .execute("CREATE TABLE t (k text PRIMARY KEY, v integer); INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3), ('b', 9);")
        .await;
    let app = discovered(&database).await;
    let request = in_background(update("t", Selection::All, [("v", Some("9"))]));
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.total_records, seen.changing_records, seen.unchanged_records, seen.failing_records), (4, 1, 1, 2));
    assert_eq!(seen.failures[0].code, "UNKNOWN_RECORD");
    assert_eq!(counts(&carry_out(&app, request).await), (2, 2, 0), "as foretold");
    let request = in_background(delete("t", Selection::All));
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.changing_records, seen.failing_records), (2, 2));
    assert_eq!(counts(&carry_out(&app, request).await), (2, 2, 0), "as foretold");
}

/// More keys than a statement takes parameters.
async fn of_many_keys(database: TestDatabase) {
    items(&database, 10).await;
    let app = discovered(&database).await;
    let request = update("item", keys(1..=70_000), [("note", None)]);
    let seen = preview(&app, request.clone()).await;
    assert_eq!((seen.total_records, seen.unchanged_records, seen.failing_records), (70_000, 2, 69_990));
    assert!(seen.failures[0].message.ends_with("20 and 69980 more"), "{:?}", seen.failures);
    let task = carry_out(&app, request).await;
    assert_eq!(counts(&task), (10, 69_990, 0));
}
