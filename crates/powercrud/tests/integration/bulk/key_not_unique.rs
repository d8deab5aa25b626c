//! A statement that touches more rows than its keys name is undone, whatever was known of the table when the program started.

use powercrud::{
    Error, Selection, User, record,
    task::{Status, store},
};

use crate::{
    shop::{carry_out, counts, delete, discovered, failures, in_background, queue, rows, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! { rows_that_share_a_key_are_left_alone, a_single_edit_touches_one_row }

/// Takes the key of `thing` away, and gives two rows the key 7.
fn share_a_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "CREATE TABLE other (id integer NOT NULL, value integer NOT NULL); INSERT INTO other SELECT * FROM thing;
             DROP TABLE thing; ALTER TABLE other RENAME TO thing; INSERT INTO thing VALUES (7, 70);"
        }
        // As a child that is made later inherits columns, but no key.
        Kind::Postgres => "CREATE TABLE child () INHERITS (thing); INSERT INTO child VALUES (7, 70);",
        Kind::Mysql => "ALTER TABLE thing DROP PRIMARY KEY; INSERT INTO thing VALUES (7, 70);",
    }
}

async fn things(database: &TestDatabase) {
    let values: Vec<_> = (1..=40).map(|id| format!("({id}, {id})")).collect();
    let table = "CREATE TABLE thing (id integer NOT NULL PRIMARY KEY, value integer NOT NULL);";
    database.execute(&format!("{table}\nINSERT INTO thing VALUES {};", values.join(", "))).await;
}

async fn values_of_seven(database: &TestDatabase) -> Vec<String> {
    let sevens = rows(database, "thing WHERE id = 7", &["value", "id"]).await;
    sevens.into_keys().collect()
}

async fn rows_that_share_a_key_are_left_alone(database: TestDatabase) {
    things(&database).await;
    let app = discovered(&database).await;
    let task = queue(&app, in_background(update("thing", Selection::All, [("value", Some("0"))]))).await;
    database.execute(share_a_key(database.kind)).await;
    let task = work(&app, &task).await;
    if database.kind != Kind::Postgres {
        // The table has another structure than the one whose records were frozen.
        assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 40)), "{}", task.error_message);
        assert!(task.error_message.contains("is none now"), "{}", task.error_message);
        assert_eq!(values_of_seven(&database).await, ["7", "70"]);
        return;
    }
    assert_eq!((task.status, counts(&task)), (Status::Partial, (39, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("7".to_owned(), "KEY_NOT_UNIQUE".to_owned())]);
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    assert!(errors[0].message.contains("2 rows"), "{errors:?}");
    assert_eq!(values_of_seven(&database).await, ["7", "70"]);
    // All or nothing, and a delete.
    let task = carry_out(&app, delete("thing", crate::shop::keys([6, 7, 8]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 2)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("7".to_owned(), "KEY_NOT_UNIQUE".to_owned())]);
    // As many rows as keys, since one is missing.
    for request in [
        update("thing", crate::shop::keys([6, 7, 99]), [("value", Some("5"))]),
        delete("thing", crate::shop::keys([7, 99])),
    ] {
        let task = carry_out(&app, in_background(request)).await;
        let named: Vec<_> = failures(&app, &task).await;
        assert!(named.contains(&("7".to_owned(), "KEY_NOT_UNIQUE".to_owned())), "{named:?}");
        assert_eq!(values_of_seven(&database).await, ["7", "70"]);
    }
    let task = carry_out(&app, in_background(delete("thing", crate::shop::keys(1..=40)))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (39, 1, 0)), "{}", task.error_message);
    assert_eq!(values_of_seven(&database).await, ["7", "70"]);
}

async fn a_single_edit_touches_one_row(database: TestDatabase) {
    things(&database).await;
    let app = discovered(&database).await;
    let thing = app.resource("thing").expect("a resource");
    database.execute(share_a_key(database.kind)).await;
    let user = User::operator();
    let is_noticed = database.kind != Kind::Postgres;
    let refused = |error: Error| match &error {
        Error::Invalid(errors) => !is_noticed && errors[0].code == "KEY_NOT_UNIQUE",
        Error::TablesChanged(_) => is_noticed,
        _ => false,
    };
    let edited = record::update(&app, &user, thing, "7", &[("value".into(), Some("0".into()))]).await;
    assert!(refused(edited.expect_err("two rows")));
    assert!(refused(record::delete(&app, &user, thing, "7").await.expect_err("two rows")));
    assert_eq!(values_of_seven(&database).await, ["7", "70"]);
    let other = record::update(&app, &user, thing, "8", &[("value".into(), Some("0".into()))]).await;
    match is_noticed {
        true => assert!(refused(other.expect_err("the table is another"))),
        false => _ = other.expect("one row"),
    }
}
