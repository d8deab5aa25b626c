//! Keys of every kind, and names that look like SQL.

use powercrud::{
    Selection, StoredSelection,
    query::{ListParams, list},
    task::Status,
};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, failures, in_background, items, keys, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { text_keys, composite_keys, uuid_keys, binary_keys, odd_names, timestamp_keys }

/// Texts that would be something else in SQL, in JSON or in a pattern.
const TEXTS: [&str; 16] = [
    "plain",
    "it's",
    "\"quoted\"",
    "50%",
    "under_score",
    "back\\slash",
    "Grüße",
    "日本 🎉",
    "; DROP TABLE code; --",
    "[\"a\"]",
    "?1 $1",
    "NULL",
    "0",
    " spaced ",
    "a,b",
    "new\nline",
];

fn quoted(kind: Kind, text: &str) -> String {
    let text = text.replace('\'', "''");
    format!("'{}'", if kind == Kind::Mysql { text.replace('\\', "\\\\") } else { text })
}

async fn text_keys(database: TestDatabase) {
    let values: Vec<_> = TEXTS.iter().map(|text| format!("({}, 0)", quoted(database.kind, text))).collect();
    let values = values.join(", ");
    let collation = if database.kind == Kind::Mysql { "COLLATE utf8mb4_bin" } else { "" };
    let table = format!("CREATE TABLE code (code varchar(40) {collation} NOT NULL PRIMARY KEY, n integer)");
    database.execute(&format!("{table};\nINSERT INTO code VALUES {values};")).await;
    let app = discovered(&database).await;
    for request in [
        update("code", Selection::All, [("n", Some("1"))]),
        update("code", keys(TEXTS), [("n", Some("2"))]),
        in_background(update("code", keys(TEXTS), [("n", Some("3"))])),
    ] {
        let task = carry_out(&app, request).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (16, 0, 0)), "{}", task.error_message);
    }
    assert!(rows(&database, "code", &["code", "n"]).await.values().flatten().eq(&vec![Some("3".to_owned()); 16]));
    for (index, text) in TEXTS.iter().enumerate() {
        let task = carry_out(&app, delete("code", keys([text]))).await;
        assert_eq!((counts(&task), task.missing_records), ((1, 0, 0), 0), "{text:?}");
        assert_eq!(count(&database, "code").await, 15 - index, "{text:?}");
    }
}

async fn composite_keys(database: TestDatabase) {
    let values: Vec<_> = TEXTS
        .iter()
        .flat_map(|text| [1, 2].map(|number| format!("({number}, {}, 0)", quoted(database.kind, text))))
        .collect();
    let values = values.join(", ");
    let collation = if database.kind == Kind::Mysql { "COLLATE utf8mb4_bin" } else { "" };
    database
        .execute(&format!(
            "CREATE TABLE pair (number integer NOT NULL, text varchar(40) {collation} NOT NULL, n integer, PRIMARY KEY (text, number));
             INSERT INTO pair VALUES {values};"
        ))
        .await;
    let app = discovered(&database).await;
    let resource = app.resource("pair").expect("a resource");
    let task = carry_out(&app, update("pair", Selection::All, [("n", Some("1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (32, 0, 0)));
    // As programs write them, and as the list page does.
    let given = TEXTS.map(|text| serde_json::json!([text, "2"]).to_string());
    let task = carry_out(&app, in_background(update("pair", keys(&given), [("n", Some("2"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (16, 0, 0)));
    let changed = "SELECT 1 FROM pair WHERE n = 2 AND number = 2";
    assert_eq!(count(&database, &format!("({changed}) AS changed")).await, 16);
    let params = ListParams::from_conditions(resource, &["n=2"]).expect("a filter");
    let page = list(&app, resource, &params).await.expect("a list");
    let ticked: Vec<_> = page.rows.iter().map(|row| row.key.clone()).collect();
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    stored.tick(&app, resource, &ticked, true).await.expect("ticks");
    assert_eq!(stored.selected_among(&app, resource, &ticked).await.expect("which").len(), 16);
    assert_eq!(stored.count(&app, resource).await.expect("a count"), 16);
    let task = carry_out(&app, delete("pair", Selection::Stored(stored.id))).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (16, 0, 0), 0));
    assert_eq!(count(&database, "(SELECT 1 FROM pair WHERE number = 1) AS kept").await, 16);
    // A stored filter with exceptions.
    stored.select_matching(&app, &ListParams::default()).await.expect("all");
    let page = list(&app, resource, &ListParams::default()).await.expect("a list");
    let exceptions: Vec<_> = page.rows.iter().take(3).map(|row| row.key.clone()).collect();
    stored.tick(&app, resource, &exceptions, false).await.expect("exceptions");
    let task = carry_out(&app, delete("pair", Selection::Stored(stored.id))).await;
    assert_eq!((counts(&task), count(&database, "pair").await), ((13, 0, 0), 3));
}

async fn uuid_keys(database: TestDatabase) {
    let uuid = |number: usize| format!("018f3f9e-7b1a-7c00-8000-{number:012x}");
    let (column, value): (_, &dyn Fn(usize) -> String) = match database.kind {
        // As SeaORM keeps them.
        Kind::Sqlite => ("uuid_text", &|number| format!("x'{}'", uuid(number).replace('-', ""))),
        Kind::Postgres => ("uuid", &|number| format!("'{}'", uuid(number))),
        Kind::Mysql => ("uuid", &|number| format!("'{}'", uuid(number))),
    };
    let values: Vec<_> = (0..25).map(|number| format!("({}, 0)", value(number))).collect();
    let values = values.join(", ");
    database
        .execute(&format!(
            "CREATE TABLE thing (id {column} NOT NULL PRIMARY KEY, n integer);\nINSERT INTO thing VALUES {values};"
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("thing", Selection::All, [("n", Some("1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (25, 0, 0)));
    let given = keys([uuid(3), uuid(10).to_uppercase(), uuid(99)]);
    let task = carry_out(&app, update("thing", given, [("n", Some("2"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)));
    assert_eq!(failures(&app, &task).await, [(uuid(99), "NOT_FOUND".into())]);
    assert_eq!(count(&database, "(SELECT 1 FROM thing WHERE n = 2) AS changed").await, 2);
    let task = carry_out(&app, delete("thing", keys((0..24).map(uuid)))).await;
    assert_eq!((counts(&task), task.missing_records, count(&database, "thing").await), ((24, 0, 0), 0, 1));
}

async fn binary_keys(database: TestDatabase) {
    let (column, value): (_, fn(u32) -> String) = match database.kind {
        Kind::Sqlite => ("BLOB", |number| format!("x'{number:08x}'")),
        Kind::Postgres => ("bytea", |number| format!("'\\x{number:08x}'")),
        Kind::Mysql => ("varbinary(16)", |number| format!("x'{number:08x}'")),
    };
    let number = |index: u32| index * 0x0a0b_0c0d;
    let values: Vec<_> = (1..=22).map(|index| format!("({}, 0)", value(number(index)))).collect();
    let values = values.join(", ");
    database
        .execute(&format!(
            "CREATE TABLE thing (id {column} NOT NULL PRIMARY KEY, n integer);\nINSERT INTO thing VALUES {values};"
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("thing", Selection::All, [("n", Some("1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (22, 0, 0)));
    let hex = |index: u32| format!("{:08x}", number(index));
    let given = keys([hex(1), hex(22).to_uppercase(), hex(23)]);
    let task = carry_out(&app, update("thing", given, [("n", Some("2"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)));
    assert_eq!(failures(&app, &task).await, [(hex(23), "NOT_FOUND".into())]);
    let task = carry_out(&app, delete("thing", keys((2..=22).map(hex)))).await;
    assert_eq!((counts(&task), task.missing_records, count(&database, "thing").await), ((21, 0, 0), 0, 1));
}

async fn odd_names(database: TestDatabase) {
    items(&database, 1).await;
    let kind = database.kind;
    let quote = |name: &str| match kind {
        Kind::Mysql => format!("`{}`", name.replace('`', "``")),
        Kind::Sqlite | Kind::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    };
    let table = "select \"a\"; DROP TABLE item; -- $1 ?";
    let (key, column) = ("the `key`, $2", "an odd ? \"col\"'s; name");
    let (odd_table, odd_key, odd_column) = (quote(table), quote(key), quote(column));
    let values: Vec<_> = (1..=30).map(|id| format!("({id}, 'x', {id})")).collect();
    let values = values.join(", ");
    database
        .execute(&format!(
            "CREATE TABLE {odd_table} ({odd_key} integer NOT NULL PRIMARY KEY, {odd_column} varchar(60), {} integer);
             INSERT INTO {odd_table} VALUES {values};",
            quote("order")
        ))
        .await;
    let app = discovered(&database).await;
    let selection = Selection::Matching(
        ListParams::from_conditions(app.resource(table).expect("a resource"), &["order__gt=2"]).expect("a filter"),
    );
    let value = "\"'; DELETE FROM item; -- ? $1 \\";
    let task = carry_out(&app, update(table, selection, [(column, Some(value)), ("order", Some("0"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (28, 0, 0)), "{}", task.error_message);
    let found = rows(&database, &odd_table, &[&odd_key, &odd_column]).await;
    assert!(found.iter().filter(|(_, row)| row[0].as_deref() == Some(value)).count() == 28, "{found:?}");
    let task = carry_out(&app, delete(table, keys(3..=30))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (28, 0, 0)), "{}", task.error_message);
    assert_eq!((count(&database, &odd_table).await, count(&database, "item").await), (2, 1));
}

async fn timestamp_keys(database: TestDatabase) {
    let column = if database.kind == Kind::Postgres { "timestamp" } else { "datetime" };
    let values: Vec<_> = (10..35).map(|minute| format!("('2026-01-31 13:{minute}:00', 'k{minute}', 0)")).collect();
    let values = values.join(", ");
    database
        .execute(&format!(
            "CREATE TABLE measured (at {column} NOT NULL, place varchar(9) NOT NULL, n integer, PRIMARY KEY (at, place));
             INSERT INTO measured VALUES {values};"
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("measured", Selection::All, [("n", Some("1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (25, 0, 0)));
    let task = carry_out(&app, delete("measured", keys([r#"["2026-01-31 13:10:00","k10"]"#]))).await;
    assert_eq!((counts(&task), task.missing_records, count(&database, "measured").await), ((1, 0, 0), 0, 24));
}
