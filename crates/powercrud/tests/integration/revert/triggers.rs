//! Reverts under triggers: what the database keeps, moves or takes away is named, and what triggers deleted comes back.

use powercrud::{Selection, task::Status};

use super::{in_chunks, revert};
use crate::{
    shop::{carry_out, counts, delete, failures, in_background, rows, update},
    support::{Kind, TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { what_a_trigger_keeps_is_not_restored, rows_that_do_not_come_back_are_named }
each_database! { [sqlite postgres] what_a_trigger_took_along_comes_back }

/// Makes `step` with rows 1 to 9 whose `state` is their number.
async fn steps(database: &TestDatabase) {
    let values: Vec<_> = (1..=9).map(|id| format!("({id}, {id})")).collect();
    database
        .execute(&format!(
            "CREATE TABLE step (id integer PRIMARY KEY, state integer NOT NULL);
             INSERT INTO step VALUES {};",
            values.join(", ")
        ))
        .await;
}

/// A trigger on `step` with a body for each database.
async fn trigger(database: &TestDatabase, event: &str, [sqlite, postgres, mysql]: [&str; 3]) {
    let script = match database.kind {
        Kind::Sqlite => format!("CREATE TRIGGER changes {sqlite};"),
        Kind::Postgres => format!(
            "CREATE FUNCTION changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {postgres} END $$;
             CREATE TRIGGER changes BEFORE {event} ON step FOR EACH ROW EXECUTE FUNCTION changes();"
        ),
        Kind::Mysql => format!(
            "DELIMITER //\nCREATE TRIGGER changes BEFORE {event} ON step FOR EACH ROW BEGIN {mysql} END//\nDELIMITER ;"
        ),
    };
    database.execute(&script).await;
}

async fn what_a_trigger_keeps_is_not_restored(database: TestDatabase) {
    steps(&database).await;
    let app = in_chunks(&database, "step", 4).await;
    let task = carry_out(&app, in_background(update("step", Selection::All, [("state", Some("5"))]))).await;
    assert_eq!(counts(&task), (9, 0, 0));
    // A state never goes back; the fifth never changed.
    let never_back = [
        "AFTER UPDATE ON step WHEN NEW.state < OLD.state BEGIN UPDATE step SET state = OLD.state WHERE id = OLD.id; END",
        "NEW.state := GREATEST(OLD.state, NEW.state); RETURN NEW;",
        "SET NEW.state = GREATEST(OLD.state, NEW.state);",
    ];
    trigger(&database, "UPDATE", never_back).await;
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (4, 4, 0)));
    let kept: Vec<_> = ["1", "2", "3", "4"].map(|key| (key.to_owned(), "NOT_CHANGED".to_owned())).into();
    assert_eq!(failures(&app, &reverted).await, kept);
    let steps = rows(&database, "step", &["id", "state"]).await;
    let states: Vec<_> = steps.into_values().map(|cells| cells[0].clone().unwrap_or_default()).collect();
    assert_eq!(states, ["5", "5", "5", "5", "5", "6", "7", "8", "9"]);
}

async fn rows_that_do_not_come_back_are_named(database: TestDatabase) {
    steps(&database).await;
    let app = in_chunks(&database, "step", 4).await;
    let task = carry_out(&app, in_background(delete("step", Selection::All))).await;
    assert_eq!(counts(&task), (9, 0, 0));
    // 3 gets another key, 6 is not taken, or taken away again; 8 gets another state, which is the trigger's.
    let moves = [
        "AFTER INSERT ON step BEGIN UPDATE step SET id = 1003 WHERE id = NEW.id AND id = 3; DELETE FROM step WHERE id = NEW.id AND id = 6;
           UPDATE step SET state = 77 WHERE id = NEW.id AND id = 8; END",
        "IF NEW.id = 3 THEN NEW.id := 1003; END IF; IF NEW.id = 6 THEN RETURN NULL; END IF; IF NEW.id = 8 THEN NEW.state := 77; END IF; RETURN NEW;",
        "IF NEW.id = 3 THEN SET NEW.id = 1003; END IF; IF NEW.id = 6 THEN SET NEW.id = 1006; END IF; IF NEW.id = 8 THEN SET NEW.state = 77; END IF;",
    ];
    trigger(&database, "INSERT", moves).await;
    let dialog = format!("/tasks/{}/revert", task.id);
    Browser::new(app.router()).get(&dialog).await.expect(200).holds(&["triggers of the database set on new rows"]);
    let reverted = revert(&app, &task).await;
    assert_eq!((reverted.status, counts(&reverted)), (Status::Partial, (7, 2, 0)));
    let named: Vec<_> = ["3", "6"].map(|key| (key.to_owned(), "NOT_CHANGED".to_owned())).into();
    assert_eq!(failures(&app, &reverted).await, named);
    let steps = rows(&database, "step", &["id", "state"]).await;
    assert_eq!(steps.into_keys().collect::<Vec<_>>(), ["1", "2", "4", "5", "7", "8", "9"]);
}

/// A cascade made by hand, across chunks.
async fn what_a_trigger_took_along_comes_back(database: TestDatabase) {
    steps(&database).await;
    let by_hand = [
        "AFTER DELETE ON step BEGIN DELETE FROM step WHERE id = OLD.id + 4; END",
        "DELETE FROM step WHERE id = OLD.id + 4; RETURN OLD;",
        "",
    ];
    trigger(&database, "DELETE", by_hand).await;
    let before = rows(&database, "step", &["id", "state"]).await;
    for size in [1, 2, 100] {
        let app = in_chunks(&database, "step", size).await;
        let task = carry_out(&app, in_background(delete("step", Selection::All))).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (9, 0, 0)), "{size}");
        let reverted = revert(&app, &task).await;
        assert_eq!((reverted.status, counts(&reverted)), (Status::Success, (9, 0, 0)), "{size}");
        assert_eq!(rows(&database, "step", &["id", "state"]).await, before, "{size}");
    }
}
