//! Keys in runs and with gaps: however a selection is frozen, exactly its records change, each once.

use powercrud::{
    PowerCrud, Resource, Selection,
    bulk::{Answer, retry},
    task::Status,
};

use crate::{
    shop::{
        ITEM, assert_no_locks, carry_out, counts, delete, discovered, failures, in_background, items, keys, matching,
        queue, rows, touched_once, update, with_changes, work,
    },
    support::{TestDatabase, each_database},
};

each_database! {
    gaps_stay_gaps, more_runs_than_betweens, what_comes_into_a_gap_is_left_alone, records_kept_by_others_inside_a_run,
    a_record_gone_inside_a_run, a_retry_goes_on_inside_a_run, keys_in_any_order
}

async fn chunks_of(database: &TestDatabase, size: u64) -> PowerCrud {
    let item = Resource::table("item").bulk_chunk_size(size);
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item)
        .discover(true)
        .build()
        .await
        .expect("a configuration")
}

async fn gaps_stay_gaps(database: TestDatabase) {
    items(&database, 1_000).await;
    database.execute("DELETE FROM item WHERE id BETWEEN 100 AND 150 OR id IN (1, 400, 402, 1000);").await;
    for size in [7, 64, 1_000] {
        let app = chunks_of(&database, size).await;
        let before = rows(&database, "item", &ITEM).await;
        let stock = size.to_string();
        let selection = matching(&app, "item", &["id__gte=50", "id__lte=900"]);
        let task = carry_out(&app, in_background(update("item", selection, [("stock", Some(&stock))]))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (851 - 51 - 2, 0, 0)));
        let expected = with_changes(&before, |id| (50..=900).contains(&id), |row| row[2] = Some(stock.clone()));
        assert_eq!(rows(&database, "item", &ITEM).await, expected, "chunks of {size}");
    }
    assert_no_locks(&database).await;
}

async fn more_runs_than_betweens(database: TestDatabase) {
    items(&database, 2_000).await;
    // Two of every three: runs of two.
    database.execute("DELETE FROM item WHERE id % 3 = 0;").await;
    for size in [301, 5_000] {
        let app = chunks_of(&database, size).await;
        let before = rows(&database, "item", &ITEM).await;
        let note = format!("chunks of {size}");
        let selection = matching(&app, "item", &["id__gte=11"]);
        let task = carry_out(&app, in_background(update("item", selection, [("note", Some(&note))]))).await;
        assert_eq!(task.status, Status::Success, "{task:?}");
        let expected = with_changes(&before, |id| id >= 11, |row| row[4] = Some(note.clone()));
        assert_eq!(rows(&database, "item", &ITEM).await, expected);
    }
}

async fn what_comes_into_a_gap_is_left_alone(database: TestDatabase) {
    items(&database, 300).await;
    database.execute("DELETE FROM item WHERE id IN (77, 200, 201);").await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", Selection::All, [("stock", Some("0"))])).await;
    database
        .execute("INSERT INTO item VALUES (77, 'late', 1, 77, 'new', NULL, 0), (301, 'later', 1, 301, 'new', NULL, 0);")
        .await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (297, 0, 0)));
    assert_eq!(touched_once(&database).await, 297);
    let after = rows(&database, "item", &ITEM).await;
    assert_eq!((after["77"][2].as_deref(), after["301"][2].as_deref()), (Some("77"), Some("301")));
}

async fn records_kept_by_others_inside_a_run(database: TestDatabase) {
    items(&database, 500).await;
    database
        .execute(
            "CREATE TABLE part (id integer PRIMARY KEY, item_id integer NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
            INSERT INTO part SELECT id, id FROM item WHERE id IN (3, 4, 5, 250, 499);",
        )
        .await;
    let app = chunks_of(&database, 90).await;
    let task = carry_out(&app, in_background(delete("item", Selection::All))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (495, 5, 0)));
    let kept: Vec<_> = failures(&app, &task).await;
    let expected = ["3", "4", "5", "250", "499"].map(|key| (key.to_owned(), "FOREIGN_KEY".to_owned()));
    assert_eq!(kept, expected);
    assert_eq!(rows(&database, "item", &ITEM).await.len(), 5);
    // Once nothing refers to them, a retry deletes what is left.
    database.execute("DELETE FROM part WHERE id <> 250;").await;
    let Answer::Done(task) = retry(&app, &powercrud::User::operator(), task.id).await.expect("a retry") else {
        panic!("five records are done at once")
    };
    assert_eq!((task.status, task.total_records), (Status::Failure, 5), "all or nothing in the request");
}

async fn a_record_gone_inside_a_run(database: TestDatabase) {
    items(&database, 200).await;
    let app = chunks_of(&database, 33).await;
    let task = queue(&app, update("item", Selection::All, [("stock", Some("0"))])).await;
    database.execute("DELETE FROM item WHERE id IN (50, 51, 120);").await;
    let task = work(&app, &task).await;
    assert_eq!(counts(&task), (197, 3, 0));
    let gone = ["50", "51", "120"].map(|key| (key.to_owned(), "NOT_FOUND".to_owned()));
    assert_eq!(failures(&app, &task).await, gone);
    assert_eq!(touched_once(&database).await, 197);
}

async fn a_retry_goes_on_inside_a_run(database: TestDatabase) {
    items(&database, 400).await;
    database
        .execute("UPDATE item SET note = 'odd', touched = 0 WHERE id IN (20, 30); UPDATE item SET touched = 0;")
        .await;
    database.execute(&refuse(database.kind)).await;
    let item = Resource::table("item").bulk_chunk_size(70u64).bulk_max_errors(1u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("a configuration");
    let task = carry_out(&app, in_background(update("item", Selection::All, [("stock", Some("0"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (68, 2, 330)));
    database
        .execute(if database.kind == crate::support::Kind::Postgres {
            "DROP TRIGGER refuse_item ON item;"
        } else {
            "DROP TRIGGER refuse_item;"
        })
        .await;
    let Answer::Queued { task, .. } = retry(&app, &powercrud::User::operator(), task.id).await.expect("a retry") else {
        panic!("332 records are queued")
    };
    assert_eq!(task.total_records, 332);
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (332, 0, 0)));
    assert!(rows(&database, "item", &ITEM).await.values().all(|row| row[2].as_deref() == Some("0")));
    assert_no_locks(&database).await;
}

async fn keys_in_any_order(database: TestDatabase) {
    items(&database, 120).await;
    let app = chunks_of(&database, 20).await;
    let order: Vec<i64> = (1..=100).map(|n| n * 37 % 101).collect();
    let task = carry_out(&app, in_background(update("item", keys(order), [("stock", Some("0"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (100, 0, 0)));
    assert_eq!(touched_once(&database).await, 100);
}

/// A trigger that refuses to change the rows whose note is `odd`.
fn refuse(kind: crate::support::Kind) -> String {
    use crate::support::Kind;
    match kind {
        Kind::Sqlite => "CREATE TRIGGER refuse_item BEFORE UPDATE OF stock ON item WHEN OLD.note = 'odd'
            BEGIN SELECT RAISE(ABORT, 'odd'); END;"
            .into(),
        Kind::Postgres => "CREATE FUNCTION refuse_item() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF OLD.note = 'odd' THEN RAISE EXCEPTION 'odd'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse_item BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION refuse_item();"
            .into(),
        Kind::Mysql => "CREATE TRIGGER refuse_item BEFORE UPDATE ON item FOR EACH ROW
            IF OLD.note = 'odd' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'odd'; END IF;"
            .into(),
    }
}
