//! A record that goes with another of its own selection was deleted by the task, and was not gone already.

use powercrud::{Atomicity, PowerCrud, Resource, Selection, task::Status};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, in_background, keys, queue, work},
    support::{TestDatabase, each_database},
};

each_database! { children_in_the_same_selection, across_chunks, by_way_of_another_table }

async fn tree(database: &TestDatabase) {
    // 1 has 2 to 10, of which 2 has 11 to 20; 21 to 30 stand alone.
    let parent = |id: i64| match id {
        2..=10 => "1",
        11..=20 => "2",
        _ => "NULL",
    };
    let values: Vec<_> = (1..=30).map(|id| format!("({id}, {})", parent(id))).collect();
    database
        .execute(&format!(
            "CREATE TABLE node (id integer PRIMARY KEY, parent_id integer, FOREIGN KEY (parent_id) REFERENCES node (id) ON DELETE CASCADE);
             INSERT INTO node VALUES {};",
            values.join(", ")
        ))
        .await;
}

async fn children_in_the_same_selection(database: TestDatabase) {
    tree(&database).await;
    let app = discovered(&database).await;
    let task = queue(&app, in_background(delete("node", Selection::All))).await;
    database.execute("DELETE FROM node WHERE id IN (29, 30);").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (30, 0, 0), 2));
    assert_eq!(count(&database, "node").await, 0);
}

async fn across_chunks(database: TestDatabase) {
    for atomicity in [Atomicity::Chunk, Atomicity::All] {
        tree(&database).await;
        let node = Resource::table("node").bulk_chunk_size(1u64).bulk_atomicity(atomicity);
        let app = PowerCrud::builder(database.clone()).resource(node).build().await.expect("no mistakes");
        let task = queue(&app, in_background(delete("node", keys(1..=25)))).await;
        database.execute("DELETE FROM node WHERE id IN (24, 20);").await;
        let task = work(&app, &task).await;
        assert_eq!(
            (task.status, counts(&task), task.missing_records),
            (Status::Success, (25, 0, 0), 2),
            "{atomicity:?}"
        );
        assert_eq!(count(&database, "node").await, 5);
        database.execute("DROP TABLE node;").await;
    }
}

async fn by_way_of_another_table(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE folder (id integer PRIMARY KEY, link_id integer);
             CREATE TABLE link (id integer PRIMARY KEY, folder_id integer NOT NULL, FOREIGN KEY (folder_id) REFERENCES folder (id) ON DELETE CASCADE);",
        )
        .await;
    // SQLite takes a reference to a later table at once, and no other way.
    if database.kind == crate::support::Kind::Sqlite {
        database
            .execute(
                "DROP TABLE folder;
                 CREATE TABLE folder (id integer PRIMARY KEY, link_id integer REFERENCES link (id) ON DELETE CASCADE);",
            )
            .await;
    } else {
        database.execute("ALTER TABLE folder ADD FOREIGN KEY (link_id) REFERENCES link (id) ON DELETE CASCADE;").await;
    }
    database
        .execute(
            "INSERT INTO folder VALUES (1, NULL), (2, NULL);
             INSERT INTO link VALUES (10, 1);
             UPDATE folder SET link_id = 10 WHERE id = 2;",
        )
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("folder", keys([1, 2]))).await;
    assert_eq!(
        (task.status, counts(&task), task.missing_records),
        (Status::Success, (2, 0, 0), 0),
        "{}",
        task.error_message
    );
}
