//! PostgreSQL: processes that share PowerCRUD's tables, and find other tables by the same names, leave each other's tasks alone.

use powercrud::{PowerCrud, Selection, User, bulk::retry, task::Status};

use crate::{
    shop::{counts, in_background, queue, rows, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [postgres] a_task_is_about_the_table_of_its_process }

async fn with_path(database: &TestDatabase, path: &str) -> PowerCrud {
    let url = format!("{}&options=-c%20search_path%3D{path}", database.url);
    let own = TestDatabase::on(Kind::Postgres, &url).await;
    PowerCrud::builder(own).open_to_everybody().discover(true).build().await.expect("no mistakes")
}

async fn a_task_is_about_the_table_of_its_process(database: TestDatabase) {
    database
        .execute(
            "CREATE SCHEMA own; CREATE SCHEMA d1; CREATE SCHEMA d2;
             CREATE TABLE d1.item (id integer PRIMARY KEY, n integer NOT NULL);
             CREATE TABLE d2.item (id integer PRIMARY KEY, n integer NOT NULL);
             INSERT INTO d1.item SELECT i, 0 FROM generate_series(1, 30) AS i;
             INSERT INTO d2.item SELECT i, 0 FROM generate_series(1, 30) AS i;",
        )
        .await;
    // Where the tables of PowerCRUD are made first.
    with_path(&database, "own").await;
    let (one, two) = (with_path(&database, "d1,own").await, with_path(&database, "d2,own").await);
    let task = queue(&one, in_background(update("item", Selection::All, [("n", Some("1"))]))).await;
    let left = work(&two, &task).await;
    assert_eq!((left.status, left.attempt, counts(&left)), (Status::Pending, 0, (0, 0, 30)));
    let done = work(&one, &task).await;
    assert_eq!((done.status, counts(&done)), (Status::Success, (30, 0, 0)));
    assert!(rows(&database, "d1.item WHERE n <> 1", &["id"]).await.is_empty());
    assert!(rows(&database, "d2.item WHERE n <> 0", &["id"]).await.is_empty());
    // The same request elsewhere is another one.
    let other = queue(&two, in_background(update("item", Selection::All, [("n", Some("1"))]))).await;
    assert_ne!(other.id, task.id);
    database.execute("DELETE FROM d2.item WHERE id = 7;").await;
    let other = work(&two, &other).await;
    assert_eq!((other.status, counts(&other)), (Status::Partial, (29, 1, 0)));
    let refused = retry(&one, &User::operator(), other.id).await.expect_err("another table").to_string();
    assert!(refused.contains("\"d2\".\"item\""), "{refused}");
}
