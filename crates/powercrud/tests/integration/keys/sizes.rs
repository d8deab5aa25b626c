//! Many keys, long keys, long values, and lists of what has no key at all.

use std::collections::BTreeMap;

use powercrud::{
    PowerCrud, Resource, Selection, StoredSelection,
    query::{Count, ListParams, Ordering, list},
    record,
    task::Status,
};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, in_background, items, keys, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    long_keys_and_values, many_ticks, many_keys_that_are_no_numbers, without_a_key_each_row_is_listed_once, a_count_is_never_above_the_truth,
    read_only_join_tables_hold_their_links
}

async fn long_keys_and_values(database: TestDatabase) {
    // As long as each database's index takes.
    let (column, length) = match database.kind {
        Kind::Sqlite => ("text NOT NULL", 20_000),
        Kind::Postgres => ("text", 2_600),
        Kind::Mysql => ("varchar(3000) CHARACTER SET ascii", 3_000),
    };
    let long_text = if database.kind == Kind::Mysql { "longtext" } else { "text" };
    // Not one that could be packed.
    let key = |first: char| -> String {
        let digits = (0u64..).map(|n| n.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17));
        let noise: String = digits.map(|n| format!("{n:x}")).take(length / 8).collect();
        std::iter::once(first).chain(noise.chars()).take(length).collect()
    };
    let [a, b, c, gone] = ['a', 'b', 'c', 'd'].map(key);
    database
        .execute(&format!(
            "CREATE TABLE far (k {column} PRIMARY KEY, note {long_text});
             INSERT INTO far VALUES ('{a}', 'x'), ('{b}', 'x'), ('{c}', 'x');"
        ))
        .await;
    let app = discovered(&database).await;
    let resource = app.resource("far").expect("a resource");
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    let ticks = [a.clone(), b.clone()];
    stored.tick(&app, resource, &ticks, true).await.expect("ticks");
    assert_eq!(stored.selected_among(&app, resource, &ticks).await.expect("which").len(), 2);
    let value = "long value, ".repeat(8_000);
    let request = update("far", Selection::Stored(stored.id), [("note", Some(value.as_str()))]);
    let task = carry_out(&app, in_background(request)).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)), "{}", task.error_message);
    let row = record::get(&app, resource, &b).await.expect("the record");
    assert_eq!(row.cells[1].value.to_text(), value);
    let task = carry_out(&app, delete("far", keys([&a, &b, &gone]))).await;
    assert_eq!((task.succeeded_records, task.missing_records, count(&database, "far").await), (3, 1, 1));
}

async fn many_ticks(database: TestDatabase) {
    items(&database, 50).await;
    let app = discovered(&database).await;
    let resource = app.resource("item").expect("a resource");
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    let many = |count: usize| (1..=count).map(|key| key.to_string()).collect::<Vec<_>>();
    let refused = stored.tick(&app, resource, &many(150_000), true).await.expect_err("too many");
    assert!(refused.to_string().contains("100000"), "{refused}");
    assert_eq!(stored.added, 0, "nothing is noted then");
    stored.tick(&app, resource, &many(30_000), true).await.expect("ticks");
    assert_eq!((stored.added, stored.count(&app, resource).await.expect("a count")), (30_000, 50));
    let selected = stored.selected_among(&app, resource, &many(30_000)).await.expect("which");
    assert_eq!(selected.len(), 30_000);
}

async fn many_keys_that_are_no_numbers(database: TestDatabase) {
    const MANY: usize = 12_000;
    let pair = "CREATE TABLE pair (k varchar(20) NOT NULL, j integer NOT NULL, n integer, PRIMARY KEY (k, j))";
    database.execute(&format!("CREATE TABLE word (k varchar(20) NOT NULL PRIMARY KEY, n integer);\n{pair};")).await;
    for first in (1..=MANY).step_by(1_000) {
        let rows = |row: &dyn Fn(usize) -> String| (first..first + 1_000).map(row).collect::<Vec<_>>().join(", ");
        let words = rows(&|id| format!("('w{id}', 0)"));
        let pairs = rows(&|id| format!("('w{id}', {id}, 0)"));
        database.execute(&format!("INSERT INTO word VALUES {words};\nINSERT INTO pair VALUES {pairs};")).await;
    }
    let app = discovered(&database).await;
    let words: Vec<_> = (1..=MANY).map(|id| format!("w{id}")).collect();
    // Statements over many keys of two parts are slow on MariaDB.
    let pairs: Vec<_> = (1..=MANY / 4).map(|id| format!(r#"["w{id}","{id}"]"#)).collect();
    for (table, given) in [("word", words), ("pair", pairs)] {
        let many = given.len() as u64;
        let request = in_background(update(table, keys(&given), [("n", Some("1"))]));
        let preview =
            powercrud::bulk::plan(&app, request.clone()).await.expect("a plan").preview().await.expect("a preview");
        assert_eq!(preview.total_records, many);
        let task = carry_out(&app, request).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (many, 0, 0)), "{}", task.error_message);
    }
}

async fn without_a_key_each_row_is_listed_once(database: TestDatabase) {
    let collation = if database.kind == Kind::Sqlite { "COLLATE NOCASE" } else { "" };
    database
        .execute(&format!(
            "CREATE TABLE base (id integer PRIMARY KEY, word varchar(9) {collation}, n integer, f double precision);
             CREATE VIEW seen AS SELECT word, n, f, id FROM base;
             CREATE TABLE twins (word varchar(9), n integer);
             INSERT INTO twins VALUES ('a', 1), ('a', 1), ('A', 1), ('b', NULL);"
        ))
        .await;
    let rows: Vec<_> = (1..=600).map(|id| format!("({id}, '{}', {}, 0.5)", ["a", "A", "b"][id % 3], id % 7)).collect();
    database.execute(&format!("INSERT INTO base VALUES {};", rows.join(", "))).await;
    let app = discovered(&database).await;
    let resource = app.resource("seen").expect("a resource");
    for ordering in ["", "word", "-n"] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for page in 1..=60 {
            let ordering = (!ordering.is_empty()).then(|| Ordering {
                field: ordering.trim_start_matches('-').to_owned(),
                descending: ordering.starts_with('-'),
            });
            let params =
                ListParams { page, page_size: 10, ordering: ordering.into_iter().collect(), ..ListParams::default() };
            for row in list(&app, resource, &params).await.expect("a list").rows {
                *seen.entry(row.cells[3].value.to_text()).or_default() += 1;
            }
        }
        assert!(seen.len() == 600 && seen.values().all(|times| *times == 1), "by {ordering:?}: {} of 600", seen.len());
    }
    let page = list(&app, app.resource("twins").expect("a resource"), &ListParams::default()).await.expect("a list");
    assert_eq!(page.rows.len(), 4);
}

async fn a_count_is_never_above_the_truth(database: TestDatabase) {
    items(&database, 12_000).await;
    let analyze = match database.kind {
        Kind::Sqlite | Kind::Postgres => "ANALYZE",
        Kind::Mysql => "ANALYZE TABLE item",
    };
    database.execute(&format!("{analyze};")).await;
    database.execute("DELETE FROM item WHERE id > 11000;").await;
    let app = discovered(&database).await;
    let resource = app.resource("item").expect("a resource");
    let page = list(&app, resource, &ListParams::default()).await.expect("a list");
    assert!(page.count != Count::Exact(11_000) && page.count.number() < 11_000, "{:?}", page.count);
}

async fn read_only_join_tables_hold_their_links(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE item (id integer PRIMARY KEY, n integer);
             CREATE TABLE tag (id integer PRIMARY KEY, name varchar(9));
             CREATE TABLE item_tag (item_id integer NOT NULL REFERENCES item (id), tag_id integer NOT NULL REFERENCES tag (id),
                 PRIMARY KEY (item_id, tag_id), FOREIGN KEY (item_id) REFERENCES item (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
             INSERT INTO item VALUES (1, 0);
             INSERT INTO tag VALUES (1, 'one');",
        )
        .await;
    let held = Resource::table("item_tag").read_only(true);
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(held)
        .discover(true)
        .build()
        .await
        .expect("an app");
    let resource = app.resource("item").expect("a resource");
    assert_eq!((resource.many_to_many.len(), resource.bulk_many_to_many().count()), (1, 0));
    let name = format!("{}__add", resource.many_to_many[0].name);
    let refused = powercrud::bulk::run(&app, update("item", keys([1]), [(name.as_str(), Some("1"))])).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(count(&database, "item_tag").await, 0);
}
