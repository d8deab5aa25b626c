//! Reverts of bulk deletes.

use powercrud::{PowerCrud, Resource, Selection, task::Status};

use super::{in_chunks, revert, revertible};
use crate::{
    shop::{
        ITEM, assert_no_locks, carry_out, count, counts, delete, failures, in_background, items, keys, matching, rows,
    },
    support::{Kind, TestDatabase, each_database},
};

each_database! { [sqlite postgres] what_is_refused_at_the_end_is_named, one_that_refers_to_nothing_keeps_all }
each_database! { [mysql] a_zero_is_not_numbered_anew }
each_database! {
    deleted_rows_come_back, taken_keys_and_missing_parents, rows_that_refer_to_each_other, rows_that_change_with_others,
    keys_that_the_database_fills, what_was_gone_already, many_columns
}

async fn deleted_rows_come_back(database: TestDatabase) {
    items(&database, 500).await;
    for size in [40, 5_000] {
        let app = in_chunks(&database, "item", size).await;
        let before = rows(&database, "item", &ITEM).await;
        let selection = matching(&app, "item", &["id__gt=3", "status=new"]);
        let task = carry_out(&app, in_background(delete("item", selection))).await;
        assert!(task.succeeded_records > 100 && task.status == Status::Success, "{task:?}");
        let reverted = revert(&app, &task).await;
        let expected = (Status::Success, (task.succeeded_records, 0, 0));
        assert_eq!((reverted.status, counts(&reverted)), expected, "{}", reverted.error_message);
        assert_eq!(rows(&database, "item", &ITEM).await, before);
    }
    assert_no_locks(&database).await;
}

async fn taken_keys_and_missing_parents(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY, name varchar(20) NOT NULL);
            CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer NOT NULL, isbn varchar(20) NOT NULL UNIQUE,
                FOREIGN KEY (shelf_id) REFERENCES shelf (id));
            INSERT INTO shelf VALUES (1, 'one'), (2, 'two');
            INSERT INTO book VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 2, 'd'), (5, 1, 'e'), (6, 1, 'f');",
        )
        .await;
    let app = revertible(&database, ["book"]).await;
    let task = carry_out(&app, delete("book", Selection::All)).await;
    assert_eq!(counts(&task), (6, 0, 0));
    database.execute("DELETE FROM shelf WHERE id = 2; INSERT INTO book VALUES (2, 1, 'new'), (7, 1, 'e');").await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (2, 4, 0)));
    let failed = failures(&app, &reverted).await;
    let failed: Vec<_> = failed.iter().map(|(key, code)| (key.as_str(), code.as_str())).collect();
    assert_eq!(failed, [("2", "KEY_TAKEN"), ("3", "FOREIGN_KEY"), ("4", "FOREIGN_KEY"), ("5", "UNIQUE")]);
    let books = rows(&database, "book", &["id", "isbn"]).await;
    let books: Vec<_> = books.iter().map(|(key, row)| (key.as_str(), row[0].as_deref().unwrap_or(""))).collect();
    assert_eq!(books, [("1", "a"), ("2", "new"), ("6", "f"), ("7", "e")]);
}

/// Each refers to the one after it, so that a row that is inserted first has no parent yet.
async fn rows_that_refer_to_each_other(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE node (id integer PRIMARY KEY, next_id integer, FOREIGN KEY (next_id) REFERENCES node (id));
            INSERT INTO node VALUES (6, NULL); INSERT INTO node VALUES (5, 6); INSERT INTO node VALUES (4, 5);
            INSERT INTO node VALUES (3, 4); INSERT INTO node VALUES (2, 3); INSERT INTO node VALUES (1, 2);",
        )
        .await;
    for size in [2, 100] {
        let app = in_chunks(&database, "node", size).await;
        let before = rows(&database, "node", &["id", "next_id"]).await;
        let task = carry_out(&app, in_background(delete("node", Selection::All))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (6, 0, 0)));
        let reverted = revert(&app, &task).await;
        assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (6, 0, 0)));
        assert_eq!(rows(&database, "node", &["id", "next_id"]).await, before);
    }
}

/// What an earlier chunk's delete took along, or changed, comes back as it was before; what stayed is no part of it.
async fn rows_that_change_with_others(database: TestDatabase) {
    for (number, (action, key)) in
        [("SET NULL", "integer"), ("CASCADE", "integer"), ("SET NULL", "varchar(20)"), ("CASCADE", "varchar(20)")]
            .into_iter()
            .enumerate()
    {
        let (part, held) = (format!("part{number}"), format!("held{number}"));
        let script = format!(
            "CREATE TABLE {part} (id {key} PRIMARY KEY, parent_id {key}, note varchar(20),
                FOREIGN KEY (parent_id) REFERENCES {part} (id) ON DELETE {action});
            CREATE TABLE {held} (id integer PRIMARY KEY, part_id {key}, FOREIGN KEY (part_id) REFERENCES {part} (id));
            INSERT INTO {part} VALUES
                ('1', NULL, 'a'), ('2', '1', 'b'), ('3', '2', 'c'), ('4', NULL, 'd'), ('5', '3', 'e'), ('6', '1', 'f');
            INSERT INTO {held} VALUES (1, '4');"
        );
        database.execute(&script).await;
        for size in [1, 2, 100] {
            let app = in_chunks(&database, &part, size).await;
            let before = rows(&database, &part, &["id", "parent_id", "note"]).await;
            let task = carry_out(&app, in_background(delete(&part, Selection::All))).await;
            assert_eq!((task.status, counts(&task)), (Status::Partial, (5, 1, 0)), "{action} {key} {size}");
            let reverted = revert(&app, &task).await;
            let told = (reverted.status, counts(&reverted));
            assert_eq!(told, (Status::Success, (5, 0, 0)), "{action} {key} {size}: {}", reverted.error_message);
            assert_eq!(rows(&database, &part, &["id", "parent_id", "note"]).await, before, "{action} {key} {size}");
            // Few records at once, in the request.
            database.execute(&format!("DELETE FROM {held};")).await;
            let task = carry_out(&app, delete(&part, Selection::All)).await;
            assert_eq!((task.status, counts(&task)), (Status::Success, (6, 0, 0)), "{action} {key} {size}");
            assert_eq!(counts(&revert(&app, &task).await), (6, 0, 0), "{action} {key} {size}");
            assert_eq!(rows(&database, &part, &["id", "parent_id", "note"]).await, before, "{action} {key} {size}");
            database.execute(&format!("INSERT INTO {held} VALUES (1, '4');")).await;
        }
    }
    assert_no_locks(&database).await;
}

/// A reference that is looked at only when a transaction ends keeps neither the revert nor its neighbours.
async fn what_is_refused_at_the_end_is_named(database: TestDatabase) {
    for (number, size) in [2, 100].into_iter().enumerate() {
        let node = format!("node{number}");
        database
            .execute(&format!(
                "CREATE TABLE {node} (id integer PRIMARY KEY, next_id integer,
                    FOREIGN KEY (next_id) REFERENCES {node} (id) DEFERRABLE INITIALLY DEFERRED);
                INSERT INTO {node} VALUES (1, 2), (2, NULL), (3, 2), (4, NULL), (5, 4), (6, 9), (7, 5), (8, NULL), (9, 1);"
            ))
            .await;
        let app = in_chunks(&database, &node, size).await;
        let some = matching(&app, &node, &["id__ne=2"]);
        let task = carry_out(&app, in_background(delete(&node, some))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (8, 0, 0)), "{}", task.error_message);
        database.execute(&format!("DELETE FROM {node};")).await;
        let reverted = revert(&app, &task).await;
        assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (4, 4, 0)), "{}", reverted.error_message);
        let failed = failures(&app, &reverted).await;
        let failed: Vec<_> = failed.iter().map(|(key, code)| (key.as_str(), code.as_str())).collect();
        assert_eq!(failed, ["1", "3", "6", "9"].map(|key| (key, "FOREIGN_KEY")));
        assert_eq!((reverted.attempt, reverted.error_message.as_str()), (1, ""));
    }
}

/// All or nothing: the record for which nothing came back is named.
async fn one_that_refers_to_nothing_keeps_all(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY);
            CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer, FOREIGN KEY (shelf_id) REFERENCES shelf (id) DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO shelf VALUES (1), (2);
            INSERT INTO book VALUES (1, 1), (2, NULL), (3, 1), (4, 2), (5, 1), (6, 2);",
        )
        .await;
    let book = Resource::table("book").bulk_revert(true).bulk_atomicity(powercrud::Atomicity::All);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(book).build().await.expect("a configuration");
    let task = carry_out(&app, in_background(delete("book", Selection::All))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (6, 0, 0)));
    database.execute("DELETE FROM shelf WHERE id = 2;").await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Failure, (0, 2, 4)), "{}", reverted.error_message);
    assert_eq!(failures(&app, &reverted).await, ["4", "6"].map(|key| (key.to_owned(), "FOREIGN_KEY".to_owned())));
    assert_eq!(count(&database, "book").await, 0);
    database.execute("INSERT INTO shelf VALUES (2);").await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (6, 0, 0)), "{}", reverted.error_message);
}

async fn keys_that_the_database_fills(database: TestDatabase) {
    let id = match database.kind {
        Kind::Sqlite => "id integer PRIMARY KEY AUTOINCREMENT",
        Kind::Postgres => "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        Kind::Mysql => "id bigint AUTO_INCREMENT PRIMARY KEY",
    };
    let double = "double_n integer GENERATED ALWAYS AS (n * 2) STORED";
    database.execute(&format!("CREATE TABLE counted ({id}, n integer NOT NULL, {double});")).await;
    database.execute("INSERT INTO counted (n) VALUES (10), (20), (30), (40);").await;
    let app = revertible(&database, ["counted"]).await;
    let before = rows(&database, "counted", &["id", "n", "double_n"]).await;
    let task = carry_out(&app, delete("counted", keys([2, 4]))).await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (2, 0, 0)), "{}", reverted.error_message);
    assert_eq!(rows(&database, "counted", &["id", "n", "double_n"]).await, before);
    // New records get keys of their own.
    database.execute("INSERT INTO counted (n) VALUES (50);").await;
    assert_eq!(rows(&database, "counted", &["id", "n"]).await["5"][0].as_deref(), Some("50"));
}

async fn what_was_gone_already(database: TestDatabase) {
    items(&database, 40).await;
    let app = revertible(&database, ["item"]).await;
    let before = rows(&database, "item", &ITEM).await;
    let task = crate::shop::queue(&app, delete("item", Selection::All)).await;
    database.execute("DELETE FROM item WHERE id IN (5, 6);").await;
    let task = crate::shop::work(&app, &task).await;
    assert_eq!((counts(&task), task.missing_records), ((40, 0, 0), 2));
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted), reverted.total_records), (Status::Success, (38, 0, 0), 38));
    let mut expected = before;
    expected.remove("5");
    expected.remove("6");
    assert_eq!(rows(&database, "item", &ITEM).await, expected);
}

/// More columns than an image's row holds.
async fn many_columns(database: TestDatabase) {
    let columns: Vec<_> = (0..70).map(|n| format!("v{n} varchar(20)")).collect();
    database.execute(&format!("CREATE TABLE wide (id integer PRIMARY KEY, {});", columns.join(", "))).await;
    for id in 1..=3 {
        let values: Vec<_> =
            (0..70).map(|n| if n % 7 == id { "NULL".to_owned() } else { format!("'{id} {n}'") }).collect();
        database.execute(&format!("INSERT INTO wide VALUES ({id}, {});", values.join(", "))).await;
    }
    let app = revertible(&database, ["wide"]).await;
    let names: Vec<_> = std::iter::once("id".to_owned()).chain((0..70).map(|n| format!("v{n}"))).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let before = rows(&database, "wide", &names).await;
    let changes = (0..40).map(|n| (format!("v{n}"), Some(format!("new {n}"))));
    let request = powercrud::bulk::BulkRequest {
        operation: powercrud::bulk::Requested::Update(changes.collect()),
        ..delete("wide", keys([1, 3]))
    };
    let task = carry_out(&app, request).await;
    assert_eq!(counts(&task), (2, 0, 0), "{}", task.error_message);
    assert_ne!(rows(&database, "wide", &names).await, before);
    assert_eq!(revert(&app, &task).await.status, Status::Success);
    assert_eq!(rows(&database, "wide", &names).await, before);
    let task = carry_out(&app, delete("wide", Selection::All)).await;
    assert_eq!(revert(&app, &task).await.status, Status::Success);
    assert_eq!(rows(&database, "wide", &names).await, before);
}

/// MySQL gives an AUTO_INCREMENT column the next number where it is given a zero.
async fn a_zero_is_not_numbered_anew(database: TestDatabase) {
    database
        .execute(
            "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO');
             CREATE TABLE counted (id int PRIMARY KEY AUTO_INCREMENT, v varchar(9));
             INSERT INTO counted VALUES (0, 'zero'), (1, 'one'), (2, 'two');",
        )
        .await;
    let app = revertible(&database, ["counted"]).await;
    let before = rows(&database, "counted", &["id", "v"]).await;
    let task = carry_out(&app, delete("counted", Selection::All)).await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (3, 0, 0)), "{}", reverted.error_message);
    assert_eq!(rows(&database, "counted", &["id", "v"]).await, before);
}
