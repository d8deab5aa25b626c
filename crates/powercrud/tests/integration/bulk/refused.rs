//! Requests that can't be carried out are refused before anything is written, with every mistake named.

use powercrud::{
    Error, FieldError, PowerCrud, Resource, Selection,
    bulk::{BulkRequest, run},
    query::ListParams,
};

use crate::{
    shop::{count, delete, discovered, keys, matching, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { mistakes_in_changes, all_mistakes_at_once, mistakes_in_selections, resources_that_cannot_be_written, what_settings_forbid }

async fn shop(database: &TestDatabase) {
    let small = if database.kind == Kind::Sqlite { "integer CHECK (small IN (1, 2, 3))" } else { "smallint" };
    database
        .execute(&format!(
            "CREATE TABLE shelf (id integer PRIMARY KEY, name varchar(20));
             CREATE TABLE book (
               id integer PRIMARY KEY, isbn varchar(13) NOT NULL UNIQUE, price decimal(6, 2), small {small}, day date,
               status varchar(10) NOT NULL CHECK (status IN ('new', 'old')), shelf_id integer, row_no integer, seat_no integer,
               twice integer GENERATED ALWAYS AS (id * 2) STORED,
               UNIQUE (row_no, seat_no), FOREIGN KEY (shelf_id) REFERENCES shelf (id));
             CREATE TABLE pair (a integer NOT NULL, b integer NOT NULL, n integer, PRIMARY KEY (a, b));
             CREATE TABLE no_key (n integer);
             CREATE VIEW cheap AS SELECT * FROM book WHERE price < 5;
             INSERT INTO shelf VALUES (1, 'first');
             INSERT INTO book (id, isbn, status) VALUES (1, 'a', 'new'), (2, 'b', 'old'), (3, 'c', 'old');
             INSERT INTO pair VALUES (1, 1, 1);"
        ))
        .await;
}

/// The request is refused with these fields and codes, in this order, and leaves no trace.
async fn assert_refused(database: &TestDatabase, app: &PowerCrud, request: BulkRequest, expected: &[(&str, &str)]) {
    let what = format!("{:?} of {:?}", request.operation, request.selection);
    let error = run(app, request).await.expect_err(&what);
    let Error::Invalid(errors) = &error else { panic!("{what}: {error:?}") };
    let named: Vec<_> =
        errors.iter().map(|error| (error.field.as_deref().unwrap_or_default(), error.code.as_str())).collect();
    assert_eq!(named, expected, "{what}: {error}");
    assert!(errors.iter().all(|error| error.message.len() > 8), "{error}");
    assert_nothing_written(database).await;
}

async fn assert_nothing_written(database: &TestDatabase) {
    for table in
        ["powercrud_bulk_task", "powercrud_bulk_task_selected_id", "powercrud_lock", "powercrud_bulk_task_error"]
    {
        assert_eq!(count(database, table).await, 0, "{table}");
    }
}

async fn mistakes_in_changes(database: TestDatabase) {
    shop(&database).await;
    let app = discovered(&database).await;
    let out_of_small = if database.kind == Kind::Sqlite { "INVALID_CHOICE" } else { "OUT_OF_RANGE" };
    for (field, value, code) in [
        ("colour", Some("red"), "UNKNOWN_FIELD"),
        ("price", Some("cheap"), "INVALID_TYPE"),
        ("price", Some("10000"), "OUT_OF_RANGE"),
        ("price", Some("1.005"), "OUT_OF_RANGE"),
        ("small", Some("40000"), out_of_small),
        ("small", Some("1.5"), "INVALID_TYPE"),
        ("day", Some("2026-02-30"), "INVALID_TYPE"),
        ("status", None, "NOT_NULL"),
        ("status", Some("lost"), "INVALID_CHOICE"),
        ("isbn", Some("12345678901234"), "TOO_LONG"),
        ("isbn", Some("x"), "UNIQUE"),
        ("shelf_id", Some("2"), "FOREIGN_KEY"),
        ("id", Some("9"), "READ_ONLY_FIELD"),
        ("twice", Some("9"), "READ_ONLY_FIELD"),
    ] {
        let request = update("book", Selection::All, [(field, value)]);
        assert_refused(&database, &app, request, &[(field, code)]).await;
    }
    let both = [("seat_no", Some("1")), ("row_no", Some("1"))];
    let expected = [("row_no", "UNIQUE"), ("seat_no", "UNIQUE")];
    assert_refused(&database, &app, update("book", Selection::All, both), &expected).await;
    let twice = update("book", Selection::All, [("price", Some("1")), ("price", Some("2"))]);
    assert_refused(&database, &app, twice, &[("price", "DUPLICATE_FIELD")]).await;
    assert_refused(&database, &app, update("book", Selection::All, []), &[("", "NO_CHANGES")]).await;
    // One record may have a value of its own.
    assert!(run(&app, update("book", keys([1]), [("isbn", Some("x"))])).await.is_ok());
}

async fn all_mistakes_at_once(database: TestDatabase) {
    shop(&database).await;
    let app = discovered(&database).await;
    let changes = [
        ("colour", Some("red")),
        ("price", Some("cheap")),
        ("status", None),
        ("shelf_id", Some("2")),
        ("isbn", Some("x")),
    ];
    let expected = [
        ("colour", "UNKNOWN_FIELD"),
        ("price", "INVALID_TYPE"),
        ("status", "NOT_NULL"),
        ("shelf_id", "FOREIGN_KEY"),
        ("isbn", "UNIQUE"),
    ];
    assert_refused(&database, &app, update("book", Selection::All, changes), &expected).await;
    let expected = [("price", "INVALID_TYPE"), ("key", "INVALID_KEY"), ("key", "INVALID_KEY")];
    let request = update("book", keys(["1", "one", "2", ""]), [("price", Some("cheap"))]);
    assert_refused(&database, &app, request, &expected).await;
}

async fn mistakes_in_selections(database: TestDatabase) {
    shop(&database).await;
    let app = discovered(&database).await;
    let price = [("price", Some("1"))];
    for (resource, key) in [
        ("book", "one"),
        ("book", "1.5"),
        ("book", ""),
        ("book", "1; DROP TABLE book"),
        ("pair", "1"),
        ("pair", "[\"1\"]"),
        ("pair", "[1, \"x\"]"),
    ] {
        assert_refused(&database, &app, delete(resource, keys([key])), &[("key", "INVALID_KEY")]).await;
    }
    let book = app.resource("book").expect("a resource");
    let conditions = ["colour=red", "price__like=1", "day__gt=soon", "status=lost"];
    let error = ListParams::from_conditions(book, &conditions).expect_err("mistakes");
    let Error::Invalid(errors) = &error else { panic!("{error:?}") };
    let named: Vec<_> = errors.iter().map(|error| (error.field.as_deref(), error.code.as_str())).collect();
    let expected = [
        (Some("colour"), "UNKNOWN_FIELD"),
        (Some("price"), "UNKNOWN_OPERATOR"),
        (Some("day"), "INVALID_TYPE"),
        (Some("status"), "INVALID_CHOICE"),
    ];
    assert_eq!(named, expected, "{error}");
    for selection in
        [matching(&app, "book", &["price__gt=100"]), Selection::Keys(Vec::new()), Selection::Stored(uuid::Uuid::nil())]
    {
        let what = format!("{selection:?}");
        let error = run(&app, update("book", selection, price)).await.expect_err(&what);
        assert!(matches!(&error, Error::NothingSelected(label) if label == "book"), "{what}: {error:?}");
        assert_nothing_written(&database).await;
    }
    let error = run(&app, delete("book", Selection::Unfinished(uuid::Uuid::nil()))).await.expect_err("no such task");
    assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    assert_nothing_written(&database).await;
}

async fn resources_that_cannot_be_written(database: TestDatabase) {
    shop(&database).await;
    let app = discovered(&database).await;
    for resource in ["cheap", "no_key"] {
        for request in [delete(resource, Selection::All), update(resource, Selection::All, [("price", Some("1"))])] {
            let error = run(&app, request).await.expect_err(resource);
            let Error::ReadOnly { resource: named, reason } = &error else { panic!("{resource}: {error:?}") };
            assert!(named == resource && !reason.is_empty(), "{error}");
        }
    }
    let error = run(&app, delete("boook", Selection::All)).await.expect_err("no such resource");
    let Error::UnknownResource { known, .. } = &error else { panic!("{error:?}") };
    assert!(known.iter().any(|name| name == "book"), "{error}");
    assert_nothing_written(&database).await;
}

async fn what_settings_forbid(database: TestDatabase) {
    shop(&database).await;
    let build = async |resource| {
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes")
    };
    let app = build(Resource::table("book").bulk_fields(["price"]).bulk_delete(false)).await;
    let request = update("book", Selection::All, [("status", Some("new"))]);
    assert_refused(&database, &app, request, &[("status", "READ_ONLY_FIELD")]).await;
    let error = run(&app, delete("book", Selection::All)).await.expect_err("switched off");
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    let app = build(Resource::table("book").read_only(true)).await;
    let error = run(&app, update("book", Selection::All, [("price", None)])).await.expect_err("read-only");
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    let app = build(Resource::table("book").bulk_fields(Vec::<String>::new())).await;
    let error = run(&app, update("book", Selection::All, [("price", None)])).await.expect_err("no fields");
    let is_named = |errors: &[FieldError]| errors.iter().any(|error| error.code == "NO_BULK_FIELDS");
    assert!(matches!(&error, Error::Invalid(errors) if is_named(errors)), "{error:?}");
    assert_nothing_written(&database).await;
}
