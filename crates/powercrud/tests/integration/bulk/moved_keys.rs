//! Updates of columns by which records of a table refer to each other: what a plain UPDATE of all can do, or one record after another, is done.

use powercrud::{PowerCrud, Resource, Selection, task::Status};

use crate::{
    shop::{assert_no_locks, carry_out, counts, in_background, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { links_that_are_cut_free_the_records_they_led_to }
each_database! { [sqlite postgres] keys_and_links_move_together }

/// Thirty places, each on the first floor, each reached from the one before it.
async fn places(database: &TestDatabase, action: &str) -> PowerCrud {
    let places: Vec<_> = (2..=30).map(|id| format!("({id}, 'p{id}', 1, 'p{}', 1)", id - 1)).collect();
    database
        .execute(&format!(
            "CREATE TABLE place (id integer PRIMARY KEY, name varchar(10) NOT NULL, floor integer NOT NULL, up varchar(10), up_floor integer,
               UNIQUE (name, floor), FOREIGN KEY (up, up_floor) REFERENCES place (name, floor) {action});
             INSERT INTO place VALUES (1, 'p1', 1, NULL, NULL);
             INSERT INTO place VALUES {};",
            places.join(", ")
        ))
        .await;
    let resource = Resource::table("place").bulk_chunk_size(7u64);
    PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("a configuration")
}

async fn links_that_are_cut_free_the_records_they_led_to(database: TestDatabase) {
    let app = places(&database, "ON UPDATE RESTRICT").await;
    let changes = [("floor", Some("2")), ("up", None)];
    let task = carry_out(&app, in_background(update("place", Selection::All, changes))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)), "{}", task.error_message);
    let now = rows(&database, "place", &["id", "floor", "up"]).await;
    assert!(now.values().all(|row| row[0].as_deref() == Some("2") && row[1].is_none()), "{now:?}");
    assert_no_locks(&database).await;
}

async fn keys_and_links_move_together(database: TestDatabase) {
    let app = places(&database, "").await;
    let changes = [("floor", Some("2")), ("up_floor", Some("2"))];
    let task = carry_out(&app, in_background(update("place", Selection::All, changes))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)), "{}", task.error_message);
    let now = rows(&database, "place", &["id", "floor", "up_floor"]).await;
    assert!(now.values().all(|row| row.iter().all(|cell| cell.as_deref() == Some("2"))), "{now:?}");
    assert_no_locks(&database).await;
}
