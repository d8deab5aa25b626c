//! SQLite: values of other kinds than the column's type announces, collations that are not the index's, and constraints that remove
//! other rows. What a key does not name stays.

use powercrud::{
    PowerCrud, Resource, Selection, User,
    bulk::run,
    query::{ListParams, list},
    record,
    task::Status,
};

use crate::{
    shop::{carry_out, counts, delete, discovered, failures, in_background, keys, matching, queue, rows, update, work},
    support::{TestDatabase, each_database},
};

each_database! {
    [sqlite]
    a_key_of_another_kind_is_another, numbers_among_bytes, an_index_of_another_collation, edits_remove_nothing_else,
    tasks_remove_nothing_else, a_null_is_no_key
}

async fn tags(database: &TestDatabase, table: &str) -> Vec<String> {
    rows(database, table, &["tag"]).await.into_keys().collect()
}

async fn a_key_of_another_kind_is_another(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE cb (k BLOB, j TEXT, tag INTEGER, PRIMARY KEY (k, j));
             INSERT INTO cb VALUES ('0', 'x', 1), ('00', 'x', 2), ('1', 'x', 3);
             CREATE TABLE cu (k, j TEXT, tag INTEGER, PRIMARY KEY (k, j));
             INSERT INTO cu VALUES ('1.5', 'x', 1), ('1.50', 'x', 2), (2.5, 'x', 3);
             CREATE TABLE cn (k PRIMARY KEY, tag INTEGER);
             INSERT INTO cn VALUES ('1.5', 1), ('1.50', 2), ('x', 3);",
        )
        .await;
    let app = discovered(&database).await;
    for (table, key) in [
        ("cb", r#"["~i0","x"]"#),
        ("cb", r#"["~r0.0","x"]"#),
        ("cb", r#"["~i1","x"]"#),
        ("cu", r#"["~r1.5","x"]"#),
        ("cu", r#"["~t2.5","x"]"#),
        ("cn", "~r1.5"),
    ] {
        let resource = app.resource(table).expect("a resource");
        assert!(record::get(&app, resource, key).await.is_err(), "{table} {key}");
        assert!(record::delete(&app, &User::operator(), resource, key).await.is_err(), "{table} {key}");
        for request in [delete(table, keys([key])), in_background(delete(table, keys([key])))] {
            let task = carry_out(&app, request).await;
            assert_eq!((counts(&task), task.missing_records), ((1, 0, 0), 1), "{table} {key}");
        }
        assert_eq!(tags(&database, table).await, ["1", "2", "3"], "{table} {key}");
    }
}

async fn numbers_among_bytes(database: TestDatabase) {
    for (table, declared) in [("vb", "VARBINARY(10)"), ("bi", "BINARY"), ("ba", "BYTEA"), ("bl", "BLOB")] {
        database
            .execute(&format!(
                "CREATE TABLE {table} (k {declared} PRIMARY KEY, tag INTEGER NOT NULL);
                 INSERT INTO {table} VALUES (1.5, 1), (2.5, 2), (x'ab', 3), (7, 4), ('text', 5), (1e300, 6);"
            ))
            .await;
        let app = discovered(&database).await;
        let resource = app.resource(table).expect("a resource");
        let page = list(&app, resource, &ListParams::default()).await.expect("a list");
        for row in &page.rows {
            let found = record::get(&app, resource, &row.key).await.expect("the record");
            assert_eq!(found.key, row.key, "{table}");
        }
        let task = carry_out(&app, in_background(update(table, Selection::All, [("tag", Some("9"))]))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (6, 0, 0)), "{:?}", failures(&app, &task).await);
        let task = carry_out(&app, delete(table, Selection::All)).await;
        assert_eq!((counts(&task), task.missing_records), ((6, 0, 0), 0), "{table}");
        assert!(tags(&database, table).await.is_empty(), "{table}");
    }
}

async fn an_index_of_another_collation(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE uw (a TEXT COLLATE NOCASE, tag INTEGER, v INTEGER, PRIMARY KEY (a COLLATE BINARY));
             INSERT INTO uw VALUES ('abc', 1, 1), ('ABC', 2, 2), ('x', 3, 1);
             CREATE TABLE ui (a TEXT COLLATE NOCASE NOT NULL, tag INTEGER);
             CREATE UNIQUE INDEX ui_a ON ui (a COLLATE BINARY);
             INSERT INTO ui VALUES ('abc', 1), ('ABC', 2);
             CREATE TABLE wider (a TEXT, tag INTEGER, v INTEGER, PRIMARY KEY (a COLLATE NOCASE));
             INSERT INTO wider VALUES ('abc', 1, 1), ('DEF', 2, 2);",
        )
        .await;
    let app = discovered(&database).await;
    for table in ["uw", "ui"] {
        let resource = app.resource(table).expect("a resource");
        let reason = resource.read_only.clone().expect("its rows can't be told apart by the equality of the column");
        assert!(reason.contains("told apart"), "{reason}");
        assert!(run(&app, delete(table, keys(["abc"]))).await.is_err());
    }
    // Whatever that index tells apart, the column does as well.
    let task = carry_out(&app, update("wider", matching(&app, "wider", &["v=1"]), [("tag", Some("5"))])).await;
    assert_eq!(counts(&task), (1, 0, 0));
    assert_eq!(tags(&database, "wider").await, ["2", "5"]);

    // The index got another collation after the program had started.
    database.execute("CREATE TABLE late (a TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, tag INTEGER, v INTEGER); INSERT INTO late VALUES ('abc', 1, 1), ('x', 3, 1);").await;
    let app = discovered(&database).await;
    let task = queue(&app, in_background(delete("late", matching(&app, "late", &["v=1"])))).await;
    database
        .execute(
            "CREATE TABLE other (a TEXT COLLATE NOCASE, tag INTEGER, v INTEGER, PRIMARY KEY (a COLLATE BINARY));
             INSERT INTO other VALUES ('abc', 1, 1), ('ABC', 2, 2); DROP TABLE late; ALTER TABLE other RENAME TO late;",
        )
        .await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 2)), "{}", task.error_message);
    assert!(task.error_message.contains("is none now"), "{}", task.error_message);
    assert_eq!(tags(&database, "late").await, ["1", "2"]);
}

async fn replacing(database: &TestDatabase) -> PowerCrud {
    database
        .execute(
            "CREATE TABLE rep (id INTEGER PRIMARY KEY, u INT UNIQUE ON CONFLICT REPLACE, tag INT);
             INSERT INTO rep VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
             CREATE TABLE word (k TEXT NOT NULL PRIMARY KEY ON /* so */ CONFLICT
                REPLACE, tag INT);
             INSERT INTO word VALUES ('a', 1), ('b', 2), ('c', 3);
             CREATE TABLE label (id INTEGER PRIMARY KEY, name TEXT);
             INSERT INTO label VALUES (1, 'one'), (2, 'two');
             CREATE TABLE rep_label (rep_id INTEGER NOT NULL REFERENCES rep (id), label_id INTEGER NOT NULL REFERENCES label (id),
               PRIMARY KEY (rep_id, label_id), UNIQUE (label_id) ON CONFLICT REPLACE);
             INSERT INTO rep_label VALUES (1, 1);",
        )
        .await;
    let builder =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(Resource::table("rep")).discover(true);
    builder.build().await.expect("a configuration without mistakes")
}

async fn edits_remove_nothing_else(database: TestDatabase) {
    let app = replacing(&database).await;
    let operator = User::operator();
    let (rep, word) = (app.resource("rep").expect("a resource"), app.resource("word").expect("a resource"));
    let input = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let edited = record::update(&app, &operator, rep, "1", &[input("u", "2")]).await;
    assert!(edited.is_err_and(|error| error.to_string().contains("UNIQUE")));
    let created = record::create(&app, &operator, rep, &[input("u", "3")]).await;
    assert!(created.is_err_and(|error| error.to_string().contains("UNIQUE")));
    assert!(record::create(&app, &operator, word, &[input("k", "a"), input("tag", "9")]).await.is_err());
    assert!(record::update(&app, &operator, word, "a", &[input("k", "b")]).await.is_err());
    assert_eq!(tags(&database, "rep").await, ["1", "2", "3"]);
    assert_eq!(tags(&database, "word").await, ["1", "2", "3"]);
    // What is in nobody's way is done.
    record::update(&app, &operator, rep, "1", &[input("u", "7")]).await.expect("an edit");
    record::create(&app, &operator, word, &[input("k", "d"), input("tag", "4")]).await.expect("a record");
}

async fn tasks_remove_nothing_else(database: TestDatabase) {
    let app = replacing(&database).await;
    let task = carry_out(&app, in_background(update("word", keys(["b"]), [("tag", Some("8"))]))).await;
    assert_eq!(counts(&task), (1, 0, 0));
    let task = carry_out(&app, in_background(update("rep", keys([1]), [("u", Some("2"))]))).await;
    assert_eq!((counts(&task), tags(&database, "rep").await.len()), ((0, 1, 0), 3));
    // A revert of a delete would take the place of the record that has it now.
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("rep").bulk_revert(true))
        .discover(true)
        .build()
        .await
        .expect("a configuration without mistakes");
    let gone = carry_out(&app, delete("rep", keys([3]))).await;
    database.execute("INSERT INTO rep VALUES (4, 3, 4);").await;
    let reverted = powercrud::bulk::revert(&app, &User::operator(), gone.id).await;
    if let Ok(powercrud::bulk::Answer::Queued { task, .. }) = reverted {
        assert_eq!(counts(&work(&app, &task).await), (0, 1, 0));
    }
    assert_eq!(tags(&database, "rep").await, ["1", "2", "4"]);
}

async fn a_null_is_no_key(database: TestDatabase) {
    database
        .execute("CREATE TABLE t (k TEXT PRIMARY KEY, tag INTEGER); INSERT INTO t VALUES (NULL, 1), ('a', 2);")
        .await;
    let app = discovered(&database).await;
    let t = app.resource("t").expect("a resource");
    let (operator, set) = (User::operator(), [("tag".to_owned(), Some("3".to_owned()))]);
    for error in [
        record::get(&app, t, "~n").await.map(|_| ()).expect_err("no key"),
        record::update(&app, &operator, t, "~n", &set).await.expect_err("no key"),
        record::delete(&app, &operator, t, "~n").await.expect_err("no key"),
    ] {
        assert!(error.to_string().contains("its key is NULL"), "{error}");
    }
}
