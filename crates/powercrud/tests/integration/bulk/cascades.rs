//! A record that goes with another of its own selection was deleted by the task, and was not gone already.

use std::collections::BTreeMap;

use powercrud::{
    Atomicity, PowerCrud, Resource, Selection, User,
    task::{self, BulkTask, Status},
};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, in_background, keys, queue, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! {
    children_in_the_same_selection,
    across_chunks,
    by_way_of_another_table,
    by_way_of_records_that_were_not_selected,
    keys_of_several_parts,
    deeper_than_the_database_follows,
    records_that_take_each_other_along
}

each_database! { [postgres] what_refers_late_may_go_along }

/// Which of a task's records went with which other, as its file of done records says.
async fn deleted_with(app: &PowerCrud, task: &BulkTask) -> BTreeMap<String, String> {
    let file = format!("/tasks/{}/results/succeeded.jsonl", task.id);
    let answer = Browser::new(app.router()).get(&file).await.expect(200);
    let lines =
        answer.text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object a line"));
    let told = lines
        .filter_map(|line| Some((line["record_key"].as_str()?.to_owned(), line["deleted_with"].as_str()?.to_owned())));
    told.collect()
}

fn with<K: ToString>(other: &str, keys: impl IntoIterator<Item = K>) -> BTreeMap<String, String> {
    keys.into_iter().map(|key| (key.to_string(), other.to_owned())).collect()
}

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
    assert_eq!(deleted_with(&app, &task).await, with("1", 2..=20));
    let mut browser = Browser::new(app.router());
    let page = browser.get(&format!("/tasks/{}?outcome=succeeded", task.id)).await.expect(200);
    assert_eq!(page.text.matches("deleted with record 1<").count(), 19, "{}", page.text);
    let csv = browser.get(&format!("/tasks/{}/results/succeeded.csv", task.id)).await.expect(200).text;
    let lines: Vec<_> = csv.lines().take(3).collect();
    assert_eq!(
        lines,
        ["record_key,error_field,error_code,error_message,deleted_with,id,parent_id", "1,,,,,,", "2,,,,1,,"]
    );
}

async fn across_chunks(database: TestDatabase) {
    for atomicity in [Atomicity::Chunk, Atomicity::All] {
        tree(&database).await;
        let node = Resource::table("node").bulk_chunk_size(1u64).bulk_atomicity(atomicity);
        let app =
            PowerCrud::builder(database.clone()).open_to_everybody().resource(node).build().await.expect("no mistakes");
        let task = queue(&app, in_background(delete("node", keys(1..=25)))).await;
        database.execute("DELETE FROM node WHERE id IN (24, 20);").await;
        let task = work(&app, &task).await;
        assert_eq!(
            (task.status, counts(&task), task.missing_records),
            (Status::Success, (25, 0, 0), 2),
            "{atomicity:?}"
        );
        assert_eq!(count(&database, "node").await, 5);
        assert_eq!(deleted_with(&app, &task).await, with("1", 2..=19), "{atomicity:?}");
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
    assert_eq!(deleted_with(&app, &task).await, with("1", [2]));
}

async fn by_way_of_records_that_were_not_selected(database: TestDatabase) {
    tree(&database).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("node", keys([1, 3, 11, 30]))).await;
    assert_eq!((counts(&task), task.missing_records), ((4, 0, 0), 0));
    assert_eq!(deleted_with(&app, &task).await, with("1", [3, 11]));
}

async fn keys_of_several_parts(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE part (shelf varchar(20), no integer, of_shelf varchar(20), of_no integer, PRIMARY KEY (shelf, no),
                FOREIGN KEY (of_shelf, of_no) REFERENCES part (shelf, no) ON DELETE CASCADE);
             INSERT INTO part VALUES ('é\"', 1, NULL, NULL), ('b', 2, 'é\"', 1), ('c', 3, 'b', 2), ('d', 4, NULL, NULL);",
        )
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("part", Selection::All)).await;
    assert_eq!((counts(&task), task.missing_records), ((4, 0, 0), 0));
    assert_eq!(deleted_with(&app, &task).await, with(r#"["é\"","1"]"#, [r#"["b","2"]"#, r#"["c","3"]"#]));
}

async fn records_that_take_each_other_along(database: TestDatabase) {
    tree(&database).await;
    database
        .execute(
            "UPDATE node SET parent_id = 22 WHERE id = 21;
             UPDATE node SET parent_id = 21 WHERE id = 22;
             UPDATE node SET parent_id = 30 WHERE id = 30;",
        )
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("node", keys([21, 22, 30]))).await;
    assert_eq!((counts(&task), task.missing_records), ((3, 0, 0), 0));
    assert_eq!(deleted_with(&app, &task).await, with("21", [22]), "a record does not go with itself");
    database
        .execute(
            "CREATE TABLE ring (id integer PRIMARY KEY, next_id integer, FOREIGN KEY (next_id) REFERENCES ring (id) ON DELETE CASCADE);
             INSERT INTO ring VALUES (1, NULL), (2, 1), (3, 2);
             UPDATE ring SET next_id = 3 WHERE id = 1;",
        )
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("ring", Selection::All)).await;
    assert_eq!((counts(&task), task.missing_records), ((3, 0, 0), 0));
    assert_eq!(deleted_with(&app, &task).await, with("1", [2, 3]));
}

/// MySQL and MariaDB follow 15 levels: more are told in words, and taken from their end where all of them are to go.
async fn deeper_than_the_database_follows(database: TestDatabase) {
    let chain: Vec<_> = (2..=30).map(|id| format!("({id}, {})", id - 1)).collect();
    database
        .execute(&format!(
            "CREATE TABLE step (id integer PRIMARY KEY, before_id integer, FOREIGN KEY (before_id) REFERENCES step (id) ON DELETE CASCADE);
             INSERT INTO step VALUES (1, NULL);
             INSERT INTO step VALUES {};",
            chain.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    if database.kind == crate::support::Kind::Mysql {
        let task = carry_out(&app, delete("step", keys([1]))).await;
        assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 0)));
        let errors = task::store::errors(&app, &User::operator(), task.id, 0, 10).await.expect("errors");
        assert_eq!(errors[0].code, "CASCADE_TOO_DEEP");
        assert!(errors[0].message.contains("more than 15 levels"), "{errors:?}");
    }
    let task = carry_out(&app, in_background(delete("step", Selection::All))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)), "{}", task.error_message);
    assert_eq!(count(&database, "step").await, 0);
}

/// A reference that is looked at late comes from a record that goes along: the plain DELETE passes.
async fn what_refers_late_may_go_along(database: TestDatabase) {
    for atomicity in [Atomicity::Chunk, Atomicity::All] {
        database
            .execute(
                "DROP TABLE IF EXISTS link;
                 CREATE TABLE link (id integer PRIMARY KEY, a integer REFERENCES link (id) DEFERRABLE INITIALLY DEFERRED,
                   b integer REFERENCES link (id) ON DELETE CASCADE);
                 INSERT INTO link VALUES (1, NULL, NULL), (2, NULL, 1), (3, 1, 2), (4, NULL, NULL), (5, 4, NULL);",
            )
            .await;
        let link = Resource::table("link").bulk_atomicity(atomicity);
        let app =
            PowerCrud::builder(database.clone()).open_to_everybody().resource(link).build().await.expect("no mistakes");
        let task = carry_out(&app, delete("link", keys([1]))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (1, 0, 0)), "{atomicity:?} {}", task.error_message);
        assert_eq!(count(&database, "link").await, 2);
        // 5 stays, and keeps 4.
        let task = carry_out(&app, delete("link", keys([4]))).await;
        assert_eq!(task.failed_records, 1);
        assert_eq!(count(&database, "link").await, 2);
    }
}
