//! Records that refer to each other round in circles, which chunks tear apart: what one plain DELETE removes goes, and comes back.

use powercrud::{
    Selection, User,
    bulk::plan,
    task::{Status, store},
};
use sea_orm::ConnectionTrait as _;

use super::{in_chunks, revert};
use crate::{
    shop::{assert_no_locks, carry_out, counts, delete, in_background, keys, queue, rows, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    circles_go_as_by_one_statement, circles_that_empty_or_take_along_come_back, a_circle_comes_back_without_what_leans_on_nothing
}

/// Records and what they refer to: a ring of 40, pairs across the whole range, a pair that 200 keeps, a record that refers to itself, and
/// a chain at the ring.
fn links() -> Vec<(u32, u32)> {
    let ring = (1..=40).map(|id| (id, id % 40 + 1));
    let pairs = (41..=60).chain(101..=120).map(|id| (id, 161 - id));
    ring.chain(pairs).chain([(70, 71), (71, 70), (200, 70), (80, 80), (81, 1), (82, 81)]).collect()
}

/// A table with these records, whose references delete so.
async fn make(database: &TestDatabase, table: &str, of: &str, action: &str, links: &[(u32, u32)]) {
    let records: Vec<_> = links.iter().map(|(id, _)| format!("('{id}', NULL)")).collect();
    let refer = links.iter().map(|(id, next)| format!("UPDATE {table} SET next = '{next}' WHERE id = '{id}';\n"));
    let refer: String = refer.collect();
    database
        .execute(&format!(
            "DROP TABLE IF EXISTS {table};
             CREATE TABLE {table} (id {of} PRIMARY KEY, next {of},
                FOREIGN KEY (next) REFERENCES {table} (id) ON DELETE {action});
             INSERT INTO {table} VALUES {};
             {refer}",
            records.join(", ")
        ))
        .await;
}

async fn circles_go_as_by_one_statement(database: TestDatabase) {
    let links = links();
    let selected: Vec<_> = links.iter().map(|(id, _)| *id).filter(|id| *id != 200).collect();
    // The statement would be refused as a whole.
    let goes = |id: &&u32| !(70..=71).contains(*id);
    for (action, of) in [("NO ACTION", "integer"), ("RESTRICT", "integer"), ("NO ACTION", "varchar(20)")] {
        for table in ["ring", "plain", "other"] {
            make(&database, table, of, action, &links).await;
        }
        let going: Vec<_> = selected.iter().filter(goes).map(|id| format!("'{id}'")).collect();
        let plain = format!("DELETE FROM plain WHERE id IN ({})", going.join(", "));
        let goes_by_statement = database.connection().execute_unprepared(&plain).await.is_ok();
        let app = in_chunks(&database, "ring", 7).await;
        let before = rows(&database, "ring", &["id", "next"]).await;
        let request = || in_background(delete("ring", keys(selected.iter())));
        let seen = plan(&app, request()).await.expect("a plan").preview().await.expect("a preview");
        let task = queue(&app, request()).await;
        // Another task's selection is frozen right behind it.
        let other = queue(&app, in_background(update("other", Selection::All, [("next", None)]))).await;
        let task = work(&app, &task).await;
        work(&app, &other).await;
        let errors = store::errors(&app, &User::operator(), task.id, 0, 3).await.expect("errors");
        assert_eq!(
            counts(&task),
            (seen.changing_records, seen.failing_records, 0),
            "{action} {of}: {seen:?} {errors:?}"
        );
        assert_eq!(seen.unknown, [""; 0], "{action} {of}");
        if goes_by_statement {
            assert_eq!(counts(&task), (going.len() as u64, 2, 0), "{action} {of}: {errors:?}");
            assert_eq!(rows(&database, "ring", &["id", "next"]).await, rows(&database, "plain", &["id", "next"]).await);
        } else {
            // The chain at the ring goes, and so does what refers to itself where it may.
            assert_eq!(
                task.succeeded_records,
                if database.kind == Kind::Mysql { 2 } else { 3 },
                "{action} {of}: {errors:?}"
            );
        }
        let reverted = revert(&app, &task).await;
        let errors = store::errors(&app, &User::operator(), reverted.id, 0, 3).await.expect("errors");
        assert_eq!(counts(&reverted), (task.succeeded_records, 0, 0), "{action} {of}: {errors:?}");
        assert_eq!(rows(&database, "ring", &["id", "next"]).await, before, "{action} {of}");
    }
    assert_no_locks(&database).await;
}

async fn circles_that_empty_or_take_along_come_back(database: TestDatabase) {
    let links: Vec<_> = links().into_iter().filter(|(id, _)| *id != 200).collect();
    for (action, of) in [("SET NULL", "integer"), ("CASCADE", "integer"), ("SET NULL", "varchar(20)")] {
        // InnoDB follows no more than 15 cascades.
        let too_deep = database.kind == Kind::Mysql && action == "CASCADE";
        let is_in_pair = |(id, _): &&(u32, u32)| !too_deep || (41..=120).contains(id) && !(81..=82).contains(id);
        let links: Vec<_> = links.iter().filter(is_in_pair).copied().collect();
        make(&database, "ring", of, action, &links).await;
        let app = in_chunks(&database, "ring", 7).await;
        let before = rows(&database, "ring", &["id", "next"]).await;
        let task = carry_out(&app, in_background(delete("ring", Selection::All))).await;
        assert_eq!((task.status, task.failed_records), (Status::Success, 0), "{action} {of}: {}", task.error_message);
        assert!(rows(&database, "ring", &["id"]).await.is_empty(), "{action} {of}");
        let reverted = revert(&app, &task).await;
        let errors = store::errors(&app, &User::operator(), reverted.id, 0, 3).await.expect("errors");
        assert_eq!(counts(&reverted), (links.len() as u64, 0, 0), "{action} {of}: {errors:?}");
        assert_eq!(rows(&database, "ring", &["id", "next"]).await, before, "{action} {of}");
    }
    assert_no_locks(&database).await;
}

/// One record's parent is gone for good; what does not hang on it comes back.
async fn a_circle_comes_back_without_what_leans_on_nothing(database: TestDatabase) {
    // 3 and then 7 lean on 4, which goes; 5 and 6 lean on each other, as 8 to 11 do in a ring, and 12 on that.
    let links = [(1, 2), (2, 1), (4, 4), (3, 4), (5, 6), (6, 5), (7, 3), (8, 9), (9, 10), (10, 11), (11, 8), (12, 9)];
    for size in [2, 5, 100] {
        make(&database, "ring", "integer", "CASCADE", &links).await;
        let app = in_chunks(&database, "ring", size).await;
        let selected = links.iter().map(|(id, _)| *id).filter(|id| *id != 4);
        let task = queue(&app, in_background(delete("ring", keys(selected)))).await;
        let task = work(&app, &task).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (11, 0, 0)), "{}", task.error_message);
        database.execute("DELETE FROM ring WHERE id = 4;").await;
        let reverted = revert(&app, &task).await;
        assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (9, 2, 0)), "chunks of {size}");
        let failed = store::errors(&app, &User::operator(), reverted.id, 0, 10).await.expect("errors");
        let failed: Vec<_> = failed.iter().map(|error| error.record_key.as_str()).collect();
        assert_eq!(failed, ["3", "7"], "chunks of {size}");
    }
}
