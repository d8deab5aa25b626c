//! What a preview says of a value that the column refuses, or makes another of, is what happens.

use powercrud::{
    PowerCrud, Selection,
    bulk::{Preview, plan},
    db::Database,
};

use crate::{
    shop::{carry_out, discovered, failures, in_background, keys, rows, update},
    support::{Kind, TestDatabase, each_database, with_role},
};

each_database! { [postgres mysql] values_that_the_column_refuses, what_would_be_stored_is_compared }
each_database! { [mysql] a_number_beyond_the_type, without_the_right_to_try }
each_database! { [sqlite] numbers_in_columns_without_a_type }
each_database! { samples_are_of_records_that_change }

async fn preview(app: &PowerCrud, request: powercrud::bulk::BulkRequest) -> Preview {
    plan(app, request).await.expect("a plan").preview().await.expect("a preview")
}

async fn values_that_the_column_refuses(database: TestDatabase) {
    let (before, cases): (_, &[(&str, Option<&str>)]) = match database.kind {
        Kind::Postgres => (
            "CREATE DOMAIN given AS integer CHECK (VALUE IS NOT NULL); CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'no');",
            &[
                ("bit(8) DEFAULT B'10101010'", Some("101")),
                ("varbit(4)", Some("101010")),
                ("varchar(3)[]", Some("{abcdef}")),
                ("char(3)[]", Some("{abcdef}")),
                ("given DEFAULT 1", None),
                ("short", Some("no")),
            ],
        ),
        _ => (
            "",
            &[
                ("decimal(5,2) unsigned", Some("-1")),
                ("float unsigned", Some("-1")),
                ("tinytext", Some("ä{200}")),
                ("set('a','b')", Some("z")),
                ("point", Some("LINESTRING(0 0,1 1)")),
                ("inet6", Some("xx")),
                ("time", Some("900:00:00")),
                ("time", Some("838:59:60")),
                ("timestamp NULL", Some("1960-01-01 00:00:00")),
                ("timestamp NULL", Some("2100-01-01 00:00:00")),
                ("double(5,2)", Some("1234.5")),
                ("varchar(10) CHARACTER SET latin1", Some("😀")),
            ],
        ),
    };
    let columns: Vec<_> = cases.iter().enumerate().map(|(index, (of, _))| format!("c{index} {of}")).collect();
    database
        .execute(&format!(
            "{before} CREATE TABLE thing (id integer PRIMARY KEY, {}); INSERT INTO thing (id) VALUES (1), (2), (3);",
            columns.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    for (index, (of, value)) in cases.iter().enumerate() {
        let field = format!("c{index}");
        let value = value.map(|value| value.replace("ä{200}", &"ä".repeat(200)));
        let request = in_background(update("thing", Selection::All, [(field.as_str(), value.as_deref())]));
        let seen = preview(&app, request.clone()).await;
        assert_eq!((seen.changing_records, seen.failing_records), (0, 3), "{of}: {seen:?}");
        assert_eq!(seen.failures[0].fields, [field.as_str()], "{of}: {seen:?}");
        assert!(seen.samples.is_empty(), "{of}: {seen:?}");
        let task = carry_out(&app, request).await;
        let failed = failures(&app, &task).await;
        assert_eq!((task.failed_records, &failed[0].1), (3, &seen.failures[0].code), "{of}: {failed:?}");
    }
}

/// A value that the column rounds, pads or spells otherwise is what the column holds: who has it is not changed.
async fn what_would_be_stored_is_compared(database: TestDatabase) {
    let cases: &[(&str, &str, &str)] = match database.kind {
        Kind::Postgres => &[
            ("timestamp(0)", "2024-01-02 10:00:00", "2024-01-02 10:00:00.4"),
            ("interval(0)", "10:00:00", "10:00:00.4"),
            ("numeric(5,-2)", "100", "120"),
            ("char(5)", "ab", "ab  "),
            ("char(4)[]", "{ab,c}", "{ab,c}"),
        ],
        _ => &[
            ("time", "10:00:00", "10:00:00.4"),
            ("set('a','b')", "a", "A"),
            ("inet6", "::1", "0::1"),
            ("double(5,2)", "1.5", "1.499"),
            ("datetime", "2024-01-02 10:00:00", "2024-01-02 10:00:00.4"),
        ],
    };
    let columns: Vec<_> = cases.iter().enumerate().map(|(index, (of, ..))| format!("c{index} {of}")).collect();
    let values: Vec<_> = cases.iter().map(|(_, value, _)| format!("'{value}'")).collect();
    database
        .execute(&format!(
            "CREATE TABLE thing (id integer PRIMARY KEY, {}); INSERT INTO thing VALUES (1, {}); INSERT INTO thing (id) VALUES (2);",
            columns.join(", "),
            values.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    for (index, (of, _, value)) in cases.iter().enumerate() {
        let field = format!("c{index}");
        let request = update("thing", Selection::All, [(field.as_str(), Some(*value))]);
        let seen = preview(&app, request.clone()).await;
        assert_eq!((seen.unchanged_records, seen.changing_records), (1, 1), "{of}: {seen:?}");
        let task = carry_out(&app, request.clone()).await;
        assert_eq!((task.succeeded_records, task.unchanged_records), (2, 1), "{of}: {}", task.error_message);
        let held = rows(&database, "thing", &["id", &field]).await;
        assert_eq!(held["1"], held["2"], "{of}");
        let task = carry_out(&app, request).await;
        assert_eq!((task.succeeded_records, task.unchanged_records), (2, 2), "{of}: {}", task.error_message);
    }
}

async fn a_number_beyond_the_type(database: TestDatabase) {
    database.execute("CREATE TABLE thing (id integer PRIMARY KEY, f float); INSERT INTO thing VALUES (1, 1);").await;
    let app = discovered(&database).await;
    for value in ["1e39", "-1e39"] {
        let refused = plan(&app, update("thing", Selection::All, [("f", Some(value))])).await.map(|_| ());
        let Err(powercrud::Error::Invalid(errors)) = refused else { panic!("{value}: {refused:?}") };
        assert_eq!((errors[0].field.as_deref(), &*errors[0].code), (Some("f"), "OUT_OF_RANGE"), "{errors:?}");
    }
    let task = carry_out(&app, update("thing", Selection::All, [("f", Some("1e38"))])).await;
    assert_eq!(task.succeeded_records, 1);
}

/// Who may make no temporary tables is told that the database may still refuse the value.
async fn without_the_right_to_try(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        database.execute("CREATE TABLE thing (id integer PRIMARY KEY, s set('a','b'), n integer); INSERT INTO thing VALUES (1, 'a', 1);").await;
        powercrud::db::migrate(&database).await.expect("the owner makes the tables");
        let name = &role.name;
        database.execute(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON * TO {name};")).await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let app = PowerCrud::builder(few).open_to_everybody().discover(true).build().await.expect("no mistakes");
        let seen = preview(&app, update("thing", Selection::All, [("s", Some("b"))])).await;
        assert_eq!((seen.changing_records, seen.unknown), (1, vec!["the values of s".to_owned()]));
        let seen = preview(&app, update("thing", Selection::All, [("n", Some("2"))])).await;
        assert_eq!((seen.changing_records, seen.unknown), (1, Vec::new()));
    })
    .await;
}

async fn numbers_in_columns_without_a_type(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE loose (id INTEGER PRIMARY KEY, x, y ANY); INSERT INTO loose VALUES (1, 1, 1), (2, '1', '1'), (3, 2, NULL);
             CREATE TABLE tight (id INTEGER PRIMARY KEY, x ANY, y ANY) STRICT; INSERT INTO tight VALUES (1, 1, 1), (2, '1', '1'), (3, 2, NULL);",
        )
        .await;
    let app = discovered(&database).await;
    for table in ["loose", "tight"] {
        let request = update(table, Selection::All, [("x", Some("1")), ("y", Some("1"))]);
        let seen = preview(&app, request.clone()).await;
        assert_eq!((seen.unchanged_records, seen.changing_records), (2, 1), "{table}: {seen:?}");
        let task = carry_out(&app, request.clone()).await;
        assert_eq!((task.succeeded_records, task.unchanged_records), (3, 2), "{table}: {}", task.error_message);
        let task = carry_out(&app, request).await;
        assert_eq!((task.succeeded_records, task.unchanged_records), (3, 3), "{table}: {}", task.error_message);
        let kinds = rows(&database, table, &["id", "typeof(x)"]).await;
        let kinds: Vec<_> = kinds.values().map(|row| row[0].clone().expect("a kind")).collect();
        assert_eq!(kinds[..2], ["integer", "text"], "{table}");
    }
}

/// The lines of before and after are of records that will change, and of none where none will.
async fn samples_are_of_records_that_change(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE book (isbn varchar(9) NOT NULL, no integer NOT NULL, price integer NOT NULL, sale_price integer,
                PRIMARY KEY (isbn, no), CHECK (sale_price < price));
             INSERT INTO book VALUES ('a', 1, 10, 1), ('a', 2, 10, 1), ('b', 1, 10, 1), ('b', 2, 30, 1), ('c', 1, 40, 20), ('c', 2, 50, 1);",
        )
        .await;
    let app = discovered(&database).await;
    let seen = preview(&app, in_background(update("book", Selection::All, [("sale_price", Some("20"))]))).await;
    assert_eq!((seen.changing_records, seen.failing_records, seen.unchanged_records), (2, 3, 1), "{seen:?}");
    let sampled: Vec<_> = seen.samples.iter().map(|sample| sample.record_key.as_str()).collect();
    assert_eq!(sampled, ["[\"b\",\"2\"]", "[\"c\",\"2\"]"]);
    let failing = keys(["[\"a\",\"1\"]", "[\"a\",\"2\"]"]);
    let seen = preview(&app, in_background(update("book", failing, [("sale_price", Some("20"))]))).await;
    assert_eq!((seen.failing_records, seen.samples.len()), (2, 0), "{seen:?}");
}
