//! Deletes of records that refer to each other, and rules that the database would only look at when all is done.

use powercrud::{
    PowerCrud, Resource, Selection,
    task::{Status, store},
};

use crate::{
    shop::{
        assert_no_locks, carry_out, count, counts, delete, discovered, failures, in_background, keys, rows, update,
    },
    support::{Kind, TestDatabase, each_database},
};

each_database! { records_that_refer_to_each_other, a_tree_in_small_chunks, cascades_within_the_selection, rules_that_are_deferred }

/// Everybody's boss has the smaller number.
fn tree(action: &str) -> String {
    let values: Vec<_> =
        (1..=40).map(|id| if id == 1 { "(1, NULL)".to_owned() } else { format!("({id}, {})", id / 2) }).collect();
    format!(
        "CREATE TABLE employee (id integer PRIMARY KEY, boss_id integer, FOREIGN KEY (boss_id) REFERENCES employee (id) {action});
         INSERT INTO employee VALUES {};",
        values.join(", ")
    )
}

async fn records_that_refer_to_each_other(database: TestDatabase) {
    database.execute(&tree("")).await;
    let app = discovered(&database).await;
    // 3, 6 and 12 go, but 2 is the boss of 4 and 5, who stay.
    let task = carry_out(
        &app,
        in_background(delete("employee", keys([2, 3, 6, 7, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]))),
    )
    .await;
    assert_eq!(failures(&app, &task).await, [("2".into(), "FOREIGN_KEY".into())]);
    assert_eq!((task.status, counts(&task)), (Status::Partial, (15, 1, 0)));
    // All of them at once, in the request: each refers only to others that go too.
    let task =
        carry_out(&app, delete("employee", keys([4, 8, 9, 16, 17, 18, 19, 32, 33, 34, 35, 36, 37, 38, 39]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (15, 0, 0)), "{}", task.error_message);
    let task = carry_out(&app, in_background(delete("employee", Selection::All))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (10, 0, 0)));
    assert_eq!(count(&database, "employee").await, 0);
    assert_no_locks(&database).await;
}

/// Those who refer come in a later chunk than those they refer to.
async fn a_tree_in_small_chunks(database: TestDatabase) {
    database.execute(&tree("")).await;
    let resource = Resource::table("employee").bulk_chunk_size(7u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let task = carry_out(&app, delete("employee", Selection::All)).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (40, 0, 0)), "{}", task.error_message);
    assert_eq!(count(&database, "employee").await, 0);
}

async fn cascades_within_the_selection(database: TestDatabase) {
    database.execute(&tree("ON DELETE CASCADE")).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("employee", keys([2, 4, 8, 20]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (4, 0, 0)), "{}", task.error_message);
    // All below 2 are gone, whether selected or not.
    let left = rows(&database, "employee", &["id"]).await;
    assert!(
        left.keys().all(|key| ["1", "3"].contains(&key.as_str()) || key.parse::<i64>().is_ok_and(|id| id > 5)),
        "{left:?}"
    );
    let task = carry_out(&app, in_background(delete("employee", Selection::All))).await;
    assert_eq!((task.status, task.failed_records, count(&database, "employee").await), (Status::Success, 0, 0));
}

async fn rules_that_are_deferred(database: TestDatabase) {
    let deferred = if database.kind == Kind::Mysql { "" } else { "DEFERRABLE INITIALLY DEFERRED" };
    let values: Vec<_> = (1..=25).map(|id| format!("({id})")).collect();
    let values = values.join(", ");
    database
        .execute(&format!(
            "CREATE TABLE shelf (id integer PRIMARY KEY);
             CREATE TABLE board (a integer NOT NULL, b integer NOT NULL, PRIMARY KEY (a, b));
             CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer, a integer, b integer,
               FOREIGN KEY (shelf_id) REFERENCES shelf (id) {deferred}, FOREIGN KEY (a, b) REFERENCES board (a, b) {deferred});
             INSERT INTO shelf VALUES {values};
             INSERT INTO board VALUES (1, 1), (1, 2), (2, 1);
             INSERT INTO book VALUES (1, 3, 1, 1), (2, 24, 2, 1), (3, NULL, NULL, NULL);"
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("shelf", Selection::All)).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (23, 2, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, ["3", "24"].map(|key| (key.to_owned(), "FOREIGN_KEY".to_owned())));
    assert_eq!(count(&database, "shelf").await, 2);
    // (1, 2) is there, (2, 2) is not.
    let task = carry_out(&app, in_background(update("book", Selection::All, [("b", Some("2"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)), "{}", task.error_message);
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    assert!(errors.len() == 1 && errors[0].record_key == "2" && errors[0].code == "FOREIGN_KEY", "{errors:?}");
    let task = carry_out(&app, delete("shelf", Selection::All)).await;
    assert_eq!((task.status, task.failed_records), (Status::Failure, 2), "{}", task.error_message);
    assert_no_locks(&database).await;
}
