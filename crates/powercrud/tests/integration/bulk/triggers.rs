//! Triggers that do something else than the statement says, or more: what a task says of a record is what became of it.

use powercrud::{Selection, task::Status};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, in_background, keys, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { what_a_trigger_keeps_is_unchanged }
each_database! { [sqlite postgres] what_goes_by_a_neighbours_trigger_was_there }

/// MySQL lets no trigger write into its own table.
async fn what_goes_by_a_neighbours_trigger_was_there(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION along() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM pair WHERE id = OLD.p; RETURN OLD; END $$;
             CREATE TRIGGER along AFTER DELETE ON pair FOR EACH ROW EXECUTE FUNCTION along();"
        }
        _ => "CREATE TRIGGER along AFTER DELETE ON pair BEGIN DELETE FROM pair WHERE id = OLD.p; END;",
    };
    let values: Vec<_> = (1..=20).map(|id| format!("({id}, {})", if id % 2 == 1 { id + 1 } else { 0 })).collect();
    database
        .execute(&format!(
            "CREATE TABLE pair (id integer PRIMARY KEY, p integer NOT NULL);
             INSERT INTO pair VALUES {};
             {trigger}",
            values.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("pair", keys([1, 2, 99]))).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (3, 0, 0), 1));
    let task = carry_out(&app, in_background(delete("pair", keys(3..=20)))).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (18, 0, 0), 0));
    assert_eq!(count(&database, "pair").await, 0);
}

/// Succeeded is what the database took without an error. What did not change by it is counted as unchanged; another value that a trigger
/// wrote is a change.
async fn what_a_trigger_keeps_is_unchanged(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF NEW.v = 9 AND NEW.id IN (7, 30) THEN NEW.v := OLD.v; END IF;
               IF NEW.v = 9 AND NEW.id = 8 THEN NEW.v := 8; END IF; RETURN NEW; END $$;
             CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep();"
        }
        Kind::Mysql => {
            "DELIMITER //
             CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW BEGIN
               IF NEW.v = 9 AND NEW.id IN (7, 30) THEN SET NEW.v = OLD.v; END IF;
               IF NEW.v = 9 AND NEW.id = 8 THEN SET NEW.v = 8; END IF;
             END//
DELIMITER ;"
        }
        Kind::Sqlite => {
            "CREATE TRIGGER keep AFTER UPDATE ON kept WHEN NEW.v = 9 AND NEW.id IN (7, 8, 30) BEGIN
               UPDATE kept SET v = CASE NEW.id WHEN 8 THEN 8 ELSE OLD.v END WHERE id = NEW.id; END;"
        }
    };
    let values: Vec<_> = (1..=40).map(|id| format!("({id}, {})", if id == 1 { 9 } else { 0 })).collect();
    database
        .execute(&format!(
            "CREATE TABLE kept (id integer PRIMARY KEY, v integer NOT NULL);
             INSERT INTO kept VALUES {};\n{trigger}",
            values.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, in_background(update("kept", Selection::All, [("v", Some("9"))]))).await;
    assert_eq!((task.status, counts(&task), task.unchanged_records), (Status::Success, (40, 0, 0), 3));
    let found = rows(&database, "kept WHERE v <> 9", &["id", "v"]).await;
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["30", "7", "8"]);
}
