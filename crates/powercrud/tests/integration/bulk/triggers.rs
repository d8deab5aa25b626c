//! Triggers that do something else than the statement says, or more: what a task says of a record is its outcome.

use powercrud::{
    Error, Selection, User, record,
    task::{Status, store},
};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, failures, in_background, keys, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { what_a_trigger_keeps_has_failed, a_field_that_a_trigger_keeps_has_failed }
each_database! { [sqlite postgres] what_goes_by_a_neighbours_trigger_was_there, what_a_trigger_puts_back_has_failed }

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

/// What a trigger keeps as it was does not hold what was set, so it has failed; another value that a trigger wrote is a change.
async fn what_a_trigger_keeps_has_failed(database: TestDatabase) {
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
    assert_eq!((task.status, counts(&task), task.unchanged_records), (Status::Partial, (38, 2, 0), 1));
    let kept = ["7", "30"].map(|key| (key.to_owned(), "NOT_CHANGED".to_owned()));
    assert_eq!(failures(&app, &task).await, kept);
    let found = rows(&database, "kept WHERE v <> 9", &["id", "v"]).await;
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["30", "7", "8"]);
    // In the request, and one by one.
    let task = carry_out(&app, update("kept", keys([7]), [("v", Some("9"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 0)));
    let kept = app.resource("kept").expect("a resource");
    let set = |value: &str| [("v".to_owned(), Some(value.to_owned()))];
    match record::update(&app, &User::operator(), kept, "7", &set("9")).await {
        Err(Error::Invalid(errors)) => {
            assert_eq!((errors[0].code.as_str(), errors[0].field.as_deref()), ("NOT_CHANGED", Some("v")));
        }
        other => panic!("it was kept as it was: {other:?}"),
    }
    record::update(&app, &User::operator(), kept, "7", &set("5")).await.expect("nothing keeps it");
}

/// A record of which a trigger lets only some of the new values through has failed at the field that was kept, and nothing of it is changed.
async fn a_field_that_a_trigger_keeps_has_failed(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF NEW.id IN (3, 5) THEN NEW.price := OLD.price; END IF;
               IF NEW.id = 4 THEN NEW.price := 8; END IF; RETURN NEW; END $$;
             CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep();"
        }
        Kind::Mysql => {
            "DELIMITER //
             CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW BEGIN
               IF NEW.id IN (3, 5) THEN SET NEW.price = OLD.price; END IF;
               IF NEW.id = 4 THEN SET NEW.price = 8; END IF;
             END//
DELIMITER ;"
        }
        Kind::Sqlite => {
            "CREATE TRIGGER keep AFTER UPDATE OF price ON kept WHEN NEW.id IN (3, 4, 5) BEGIN
               UPDATE kept SET price = CASE NEW.id WHEN 4 THEN 8 ELSE OLD.price END WHERE id = NEW.id; END;"
        }
    };
    database
        .execute(&format!(
            "CREATE TABLE kept (id integer PRIMARY KEY, price integer, state varchar(9) NOT NULL);
             INSERT INTO kept VALUES (1, 1, 'old'), (2, 9, 'old'), (3, 1, 'old'), (4, 1, 'old'), (5, 9, 'old'), (6, 9, 'new'), (7, NULL, 'old');
             \n{trigger}"
        ))
        .await;
    let app = discovered(&database).await;
    let set = [("price", Some("9")), ("state", Some("new"))];
    let task = carry_out(&app, in_background(update("kept", Selection::All, set))).await;
    assert_eq!((task.status, counts(&task), task.unchanged_records), (Status::Partial, (6, 1, 0), 1));
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("its errors");
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].record_key.as_str(), errors[0].field.as_deref()), ("3", Some("price")), "{errors:?}");
    assert_eq!(errors[0].code, "NOT_CHANGED");
    let old = rows(&database, "kept WHERE state = 'old'", &["id", "price"]).await;
    assert_eq!(old, [("3".to_owned(), vec![Some("1".to_owned())])].into());
}

/// What a trigger puts back was not deleted.
async fn what_a_trigger_puts_back_has_failed(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO back VALUES (OLD.id); RETURN OLD; END $$;
             CREATE TRIGGER back AFTER DELETE ON back FOR EACH ROW WHEN (OLD.id IN (3, 30)) EXECUTE FUNCTION back();"
        }
        _ => {
            "CREATE TRIGGER back AFTER DELETE ON back WHEN OLD.id IN (3, 30) BEGIN INSERT INTO back VALUES (OLD.id); END;"
        }
    };
    let values: Vec<_> = (1..=40).map(|id| format!("({id})")).collect();
    database
        .execute(&format!(
            "CREATE TABLE back (id integer PRIMARY KEY);
             INSERT INTO back VALUES {};
             {trigger}",
            values.join(", ")
        ))
        .await;
    let app = discovered(&database).await;
    let resource = app.resource("back").expect("a resource");
    let deleted = record::delete(&app, &User::operator(), resource, "3").await;
    assert!(matches!(deleted, Err(Error::NotAllowed(_))), "it is still there: {deleted:?}");
    let task = carry_out(&app, in_background(delete("back", Selection::All))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (38, 2, 0)));
    let failed: Vec<_> = failures(&app, &task).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(failed, ["3", "30"]);
    assert_eq!(count(&database, "back").await, 2);
}
