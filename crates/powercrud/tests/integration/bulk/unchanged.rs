//! Records that hold already what they are to hold are counted, and not written.

use powercrud::{
    PowerCrud, Resource, Selection,
    bulk::{Preview, plan},
    task::{BulkTask, Status, TaskJson},
};

use crate::{
    shop::{carry_out, counts, discovered, failures, in_background, items, keys, on_update, queue, rows, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    only_what_differs_is_written, more_than_equal, null_is_a_value, a_version_stays, kept_and_gone_beside_unchanged, a_trigger_that_writes_otherwise,
    links_that_are_there
}

/// How often each row of `item` was written.
async fn touched(database: &TestDatabase, table: &str) -> Vec<(i64, i64)> {
    let rows = rows(database, table, &["id", "touched"]).await;
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let mut touched: Vec<_> =
        rows.iter().map(|(key, row)| (number(key), number(row[0].as_deref().expect("a count")))).collect();
    touched.sort_unstable();
    touched
}

async fn preview(app: &PowerCrud, request: powercrud::bulk::BulkRequest) -> Preview {
    plan(app, request).await.expect("a plan").preview().await.expect("a preview")
}

fn account(task: &BulkTask) -> (Status, (u64, u64, u64), u64) {
    (task.status, counts(task), task.unchanged_records)
}

async fn only_what_differs_is_written(database: TestDatabase) {
    items(&database, 90).await;
    let app = discovered(&database).await;
    let request = || update("item", Selection::All, [("status", Some("used"))]);
    let preview = preview(&app, request()).await;
    assert_eq!((preview.total_records, preview.unchanged_records), (90, 30));
    let task = carry_out(&app, request()).await;
    assert_eq!(account(&task), (Status::Success, (90, 0, 0), 30));
    assert_eq!(TaskJson::from(&task).unchanged_records, 30);
    let written = touched(&database, "item").await;
    assert!(written.iter().all(|(id, times)| *times == i64::from(id % 3 != 1)), "{written:?}");
    // All of them, in the background and in the request.
    let task = carry_out(&app, in_background(request())).await;
    assert_eq!(account(&task), (Status::Success, (90, 0, 0), 90));
    let task = carry_out(&app, update("item", keys([1, 2]), [("status", Some("used"))])).await;
    assert_eq!(account(&task), (Status::Success, (2, 0, 0), 2));
    assert_eq!(touched(&database, "item").await, written);
    // One of two fields is enough.
    let task = carry_out(&app, update("item", keys([1, 2]), [("status", Some("used")), ("stock", Some("2"))])).await;
    assert_eq!(account(&task), (Status::Success, (2, 0, 0), 1));
}

/// What a collation, a scale or a type calls equal may still be another value.
async fn more_than_equal(database: TestDatabase) {
    let (table, value): (_, &[(&str, &str, &str)]) = match database.kind {
        Kind::Sqlite => (
            "CREATE TABLE pair (id integer PRIMARY KEY, word text COLLATE NOCASE, amount decimal(10, 2), flag boolean, at datetime, touched integer NOT NULL);
             INSERT INTO pair VALUES (1, 'abc', 1.5, 1, '2024-01-02 03:04:05', 0), (2, 'ABC', 2.5, 0, '2024-01-02 03:04:06', 0);",
            &[("word", "ABC", "2"), ("amount", "2.5", "2"), ("flag", "true", "1"), ("at", "2024-01-02 03:04:05", "1")],
        ),
        Kind::Postgres => (
            "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE TYPE mood AS ENUM ('sad', 'glad');
             CREATE TABLE pair (id integer PRIMARY KEY, word text COLLATE anycase, amount decimal(10, 2), free numeric, flag boolean,
               at timestamptz, doc json, docb jsonb, place point, mood mood, list text[], code char(5), raw xml, touched integer NOT NULL);
             INSERT INTO pair VALUES
               (1, 'abc', 1.5, 1.5, true, '2024-01-02 03:04:05Z', '{\"a\": 1}', '{\"a\": 1}', '(1,2)', 'sad', '{a,b}', 'ab', '<a/>', 0),
               (2, 'ABC', 2.5, 1.50, false, '2024-01-02 03:04:06Z', '{\"a\":  1}', '{\"a\": 2}', '(2,1)', 'glad', '{b}', 'ac', '<b/>', 0);",
            &[
                ("word", "ABC", "2"),
                ("amount", "2.5", "2"),
                ("free", "1.50", "2"),
                ("flag", "true", "1"),
                ("at", "2024-01-02T03:04:05Z", "1"),
                ("docb", "{\"a\":1}", "1"),
                ("place", "(1,2)", "1"),
                ("mood", "sad", "1"),
                ("list", "{a,b}", "1"),
                ("code", "ab", "1"),
                ("raw", "<a/>", "1"),
            ],
        ),
        Kind::Mysql => (
            "CREATE TABLE pair (id integer PRIMARY KEY, word varchar(20) COLLATE utf8mb4_general_ci, amount decimal(10, 2), flag boolean,
               at datetime, mood enum('sad', 'glad'), latin varchar(20) CHARACTER SET latin1, place point, day date, span time, touched integer NOT NULL);
             INSERT INTO pair VALUES (1, 'abc', 1.5, 1, '2024-01-02 03:04:05', 'sad', 'é', POINT(1, 2), '2024-01-02', '01:02:03', 0),
               (2, 'ABC ', 2.5, 0, '2024-01-02 03:04:06', 'glad', 'e', POINT(2, 1), '2024-01-03', '01:02:04', 0);",
            &[
                ("word", "ABC ", "2"),
                ("amount", "2.5", "2"),
                ("flag", "true", "1"),
                ("at", "2024-01-02 03:04:05", "1"),
                ("mood", "sad", "1"),
                ("latin", "é", "1"),
                ("place", "POINT(1 2)", "1"),
                ("day", "2024-01-02", "1"),
                ("span", "01:02:03", "1"),
            ],
        ),
    };
    let count = on_update(database.kind, "pair", "touched = touched + 1");
    database.execute(&format!("{table}\n{count}")).await;
    let app = discovered(&database).await;
    let mut written = vec![(1, 0), (2, 0)];
    for (field, value, holder) in value {
        let request = || update("pair", Selection::All, [(field, Some(*value))]);
        assert_eq!(preview(&app, request()).await.unchanged_records, 1, "{field}");
        let task = carry_out(&app, request()).await;
        assert_eq!(account(&task), (Status::Success, (2, 0, 0), 1), "{field}: {}", task.error_message);
        let other = usize::from(*holder == "1");
        written[other].1 += 1;
        assert_eq!(touched(&database, "pair").await, written, "{field}");
        let task = carry_out(&app, request()).await;
        assert_eq!(account(&task), (Status::Success, (2, 0, 0), 2), "{field} once more");
    }
    let words = rows(&database, "pair", &["id", "word"]).await;
    assert_eq!(words["1"], words["2"]);
}

async fn null_is_a_value(database: TestDatabase) {
    items(&database, 20).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, in_background(update("item", Selection::All, [("note", None)]))).await;
    assert_eq!(account(&task), (Status::Success, (20, 0, 0), 4));
    let task = carry_out(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!(account(&task), (Status::Success, (20, 0, 0), 0), "NULL differs from every value");
}

/// What was not changed gets no new version.
async fn a_version_stays(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE page (id integer PRIMARY KEY, text varchar(20), version integer NOT NULL);
             INSERT INTO page VALUES (1, 'a', 1), (2, 'b', 1), (3, 'b', 5);",
        )
        .await;
    let page = Resource::table("page").version_field("version");
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(page).build().await.expect("no mistakes");
    let task = carry_out(&app, update("page", Selection::All, [("text", Some("b"))])).await;
    assert_eq!(account(&task), (Status::Success, (3, 0, 0), 2));
    let pages = rows(&database, "page", &["id", "version"]).await;
    assert!(pages.values().flatten().flatten().eq(["2", "1", "5"]), "{pages:?}");
}

/// Each record has its own end, in one chunk.
async fn kept_and_gone_beside_unchanged(database: TestDatabase) {
    items(&database, 40).await;
    let keep = match database.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER keep BEFORE UPDATE ON item BEGIN SELECT RAISE(IGNORE) WHERE OLD.id IN (2, 5); END;"
        }
        Kind::Postgres => {
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.id IN (2, 5) THEN RETURN NULL; END IF; RETURN NEW; END $$;
             CREATE TRIGGER keep BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION keep();"
        }
        // It has no way to keep a row without a word.
        Kind::Mysql => "",
    };
    let app = discovered(&database).await;
    let task = queue(&app, update("item", keys(1..=30), [("status", Some("used"))])).await;
    database.execute(&format!("DELETE FROM item WHERE id IN (6, 7);\n{keep}")).await;
    let task = work(&app, &task).await;
    let mut expected = vec![("6".to_owned(), "NOT_FOUND".to_owned()), ("7".to_owned(), "NOT_FOUND".to_owned())];
    if !keep.is_empty() {
        expected.splice(0..0, [("2".to_owned(), "NOT_CHANGED".to_owned()), ("5".to_owned(), "NOT_CHANGED".to_owned())]);
    }
    assert_eq!(failures(&app, &task).await, expected);
    let failed = expected.len() as u64;
    assert_eq!(account(&task), (Status::Partial, (30 - failed, failed, 0), 9));
}

/// A trigger may write another value than the one that was set: the record is changed all the same.
async fn a_trigger_that_writes_otherwise(database: TestDatabase) {
    database
        .execute(&format!(
            "CREATE TABLE word (id integer PRIMARY KEY, text varchar(20), extra varchar(40));
             INSERT INTO word VALUES (1, 'A', NULL), (2, 'b', NULL), (3, 'C', NULL), (4, 'x', NULL);\n{}",
            on_update(database.kind, "word", "text = upper(text)")
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, in_background(update("word", Selection::All, [("text", Some("x"))]))).await;
    assert_eq!(account(&task), (Status::Success, (4, 0, 0), 1), "{}", task.error_message);
    let words = rows(&database, "word", &["id", "text"]).await;
    assert!(words.values().flatten().flatten().eq(["X", "X", "X", "x"]), "{words:?}");
}

async fn links_that_are_there(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE book (id integer PRIMARY KEY, title varchar(20));
             CREATE TABLE tag (id integer PRIMARY KEY, name varchar(20));
             CREATE TABLE book_tag (book_id integer NOT NULL, tag_id integer NOT NULL, PRIMARY KEY (book_id, tag_id),
               FOREIGN KEY (book_id) REFERENCES book (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
             INSERT INTO book VALUES (1, 'a'), (2, 'b'), (3, 'c');
             INSERT INTO tag VALUES (1, 'red'), (2, 'blue');
             INSERT INTO book_tag VALUES (1, 1), (2, 1), (2, 2);",
        )
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("book", Selection::All, [("tags__add", Some("1"))])).await;
    assert_eq!(account(&task), (Status::Success, (3, 0, 0), 2), "{}", task.error_message);
    let task =
        carry_out(&app, update("book", Selection::All, [("tags__replace", Some("1")), ("title", Some("a"))])).await;
    assert_eq!(account(&task), (Status::Success, (3, 0, 0), 1), "{}", task.error_message);
    assert_eq!(crate::shop::count(&database, "book_tag").await, 3);
}
