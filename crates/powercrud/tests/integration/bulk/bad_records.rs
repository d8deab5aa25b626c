//! Each bad record is named with its reason, and its neighbours are done.

use std::collections::BTreeMap;

use powercrud::{
    Selection,
    task::{Status, store},
};

use crate::{
    shop::{
        Rows, assert_no_locks, carry_out, count, counts, delete, discovered, failures, in_background, keys, queue,
        rows, update, work,
    },
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    each_cause_is_named, many_bad_records, records_that_are_in_use, records_that_are_gone, a_refused_delete,
    a_reference_that_goes_before_the_work
}

/// Rows of `guarded` that break a rule when `slot`, `price`, `zone` and `value` are set, by the word in `cause`; the others do not.
/// `touched` counts how often a row was changed.
const GUARDED: &str = "
CREATE TABLE zone (region varchar(10) NOT NULL, zone varchar(10) NOT NULL, PRIMARY KEY (region, zone));
INSERT INTO zone VALUES ('north', 'a'), ('north', 'b'), ('south', 'a');
CREATE TABLE guarded (
  id integer PRIMARY KEY, cause varchar(20) NOT NULL, grp integer NOT NULL, slot integer NOT NULL, cost integer NOT NULL,
  price integer NOT NULL, region varchar(10), zone varchar(10), label varchar(10) NOT NULL, small smallint NOT NULL,
  value integer NOT NULL, touched integer NOT NULL,
  UNIQUE (grp, slot), CONSTRAINT no_loss CHECK (price >= cost), FOREIGN KEY (region, zone) REFERENCES zone (region, zone)
);";

/// What the trigger does to a row of each cause; the words of the causes that there are on that database.
fn trigger(kind: Kind) -> (&'static str, &'static [&'static str]) {
    match kind {
        Kind::Sqlite => (
            "CREATE TRIGGER guard BEFORE UPDATE ON guarded BEGIN
               SELECT RAISE(ABORT, 'not this one') WHERE OLD.cause = 'TRIGGER';
               SELECT RAISE(IGNORE) WHERE OLD.cause = 'NOT_CHANGED';
             END;
             CREATE TRIGGER spoil AFTER UPDATE ON guarded BEGIN
               UPDATE guarded SET label = NULL WHERE id = NEW.id AND cause = 'NOT_NULL';
             END;
             CREATE TRIGGER counted AFTER UPDATE OF value ON guarded BEGIN
               UPDATE guarded SET touched = touched + 1 WHERE id = NEW.id;
             END;",
            &["UNIQUE", "CHECK", "FOREIGN_KEY", "NOT_NULL", "TRIGGER", "NOT_CHANGED"],
        ),
        Kind::Postgres => (
            "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               NEW.touched := OLD.touched + 1;
               IF OLD.cause = 'TRIGGER' THEN RAISE EXCEPTION 'not this one'; END IF;
               IF OLD.cause = 'NOT_CHANGED' THEN RETURN NULL; END IF;
               IF OLD.cause = 'NOT_NULL' THEN NEW.label := NULL; END IF;
               IF OLD.cause = 'TOO_LONG' THEN NEW.label := repeat('x', 11); END IF;
               IF OLD.cause = 'OUT_OF_RANGE' THEN NEW.small := 40000; END IF;
               IF OLD.cause = 'INVALID_VALUE' THEN NEW.small := 1 / (NEW.value - NEW.value); END IF;
               RETURN NEW;
             END $$;
             CREATE TRIGGER guard BEFORE UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION guard();",
            &[
                "UNIQUE",
                "CHECK",
                "FOREIGN_KEY",
                "NOT_NULL",
                "TRIGGER",
                "NOT_CHANGED",
                "TOO_LONG",
                "OUT_OF_RANGE",
                "INVALID_VALUE",
            ],
        ),
        Kind::Mysql => (
            "DELIMITER //
             CREATE TRIGGER guard BEFORE UPDATE ON guarded FOR EACH ROW BEGIN
               SET NEW.touched = OLD.touched + 1;
               IF OLD.cause = 'TRIGGER' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF;
               IF OLD.cause = 'NOT_NULL' THEN SET NEW.label = NULL; END IF;
               IF OLD.cause = 'TOO_LONG' THEN SET NEW.label = repeat('x', 11); END IF;
               IF OLD.cause = 'OUT_OF_RANGE' THEN SET NEW.small = 40000; END IF;
               IF OLD.cause = 'INVALID_VALUE' THEN SET NEW.small = 'x'; END IF;
             END//
DELIMITER ;",
            &["UNIQUE", "CHECK", "FOREIGN_KEY", "NOT_NULL", "TRIGGER", "TOO_LONG", "OUT_OF_RANGE", "INVALID_VALUE"],
        ),
    }
}

const COLUMNS: [&str; 12] =
    ["id", "cause", "grp", "slot", "cost", "price", "region", "zone", "label", "small", "value", "touched"];

/// A good row, a bad one, a good one and so on; every cause twice. Returns cause by key.
async fn guarded(database: &TestDatabase, rounds: usize) -> BTreeMap<String, &'static str> {
    let (trigger, causes) = trigger(database.kind);
    let mut bad = BTreeMap::new();
    let mut values = Vec::new();
    for index in 0..causes.len() * rounds * 2 {
        let id = index + 1;
        let cause = if index % 2 == 0 { "" } else { causes[index / 2 % causes.len()] };
        if !cause.is_empty() {
            bad.insert(id.to_string(), cause);
        }
        // The row of another slot in the same group as the good row before it.
        let group = if cause == "UNIQUE" { index - 1 } else { index };
        let cost = if cause == "CHECK" { 8 } else { 1 };
        let region = if cause == "FOREIGN_KEY" { "south" } else { "north" };
        values.push(format!("({id}, '{cause}', {group}, {index}, {cost}, 9, '{region}', 'a', 'x', 0, 0, 0)"));
    }
    database.execute(&format!("{GUARDED}\nINSERT INTO guarded VALUES {};\n{trigger}", values.join(", "))).await;
    bad
}

fn expected(before: &Rows, bad: &BTreeMap<String, &str>) -> Rows {
    let mut expected = before.clone();
    for (_, row) in expected.iter_mut().filter(|(key, _)| !bad.contains_key(*key)) {
        (row[2], row[4], row[6], row[9]) = (Some("-1".into()), Some("5".into()), Some("b".into()), Some("7".into()));
        row[10] = Some("1".into());
    }
    expected
}

async fn each_cause_is_named(database: TestDatabase) {
    let bad = guarded(&database, 2).await;
    let app = discovered(&database).await;
    let before = rows(&database, "guarded", &COLUMNS).await;
    let changes = [("slot", Some("-1")), ("price", Some("5")), ("zone", Some("b")), ("value", Some("7"))];
    let task = carry_out(&app, in_background(update("guarded", Selection::All, changes))).await;
    let good = (before.len() - bad.len()) as u64;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (good, bad.len() as u64, 0)));
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 1_000).await.expect("errors");
    let mut named: BTreeMap<String, &str> = BTreeMap::new();
    for error in &errors {
        let cause = bad.get(&error.record_key).copied().unwrap_or("nothing");
        assert_eq!(error.code, cause, "{error:?}");
        named.insert(error.record_key.clone(), cause);
        // As far as the database says where it was.
        let field = match (cause, database.kind) {
            ("UNIQUE", _) => Some("slot"),
            ("CHECK", _) => Some("price"),
            ("NOT_NULL", _) | ("TOO_LONG", Kind::Mysql) => Some("label"),
            ("FOREIGN_KEY", Kind::Postgres | Kind::Mysql) => Some("zone"),
            ("OUT_OF_RANGE" | "INVALID_VALUE", Kind::Mysql) => Some("small"),
            _ => None,
        };
        assert_eq!(error.field.as_deref(), field, "{error:?}");
        assert!(error.message.len() > 10, "{error:?}");
        if cause == "TRIGGER" {
            assert!(error.message.contains("not this one"), "{error:?}");
        }
    }
    assert_eq!(named, bad, "each bad record is named");
    assert_eq!(errors.len(), bad.len(), "and named once");
    assert_eq!(rows(&database, "guarded", &COLUMNS).await, expected(&before, &bad));
    assert_no_locks(&database).await;
}

/// So many that halving gives way to trying each.
async fn many_bad_records(database: TestDatabase) {
    let bad = guarded(&database, 40).await;
    let app = discovered(&database).await;
    let before = rows(&database, "guarded", &COLUMNS).await;
    let changes = [("slot", Some("-1")), ("price", Some("5")), ("zone", Some("b")), ("value", Some("7"))];
    let task = carry_out(&app, update("guarded", Selection::All, changes)).await;
    let good = (before.len() - bad.len()) as u64;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (good, bad.len() as u64, 0)));
    let named: BTreeMap<String, String> = failures(&app, &task).await.into_iter().collect();
    let named: BTreeMap<String, &str> = named.iter().map(|(key, code)| (key.clone(), code.as_str())).collect();
    assert_eq!(named, bad);
    assert_eq!(rows(&database, "guarded", &COLUMNS).await, expected(&before, &bad));
}

async fn records_that_are_in_use(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY, name varchar(20));
             CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer NOT NULL, FOREIGN KEY (shelf_id) REFERENCES shelf (id));
             CREATE TABLE label (shelf_id integer NOT NULL PRIMARY KEY, FOREIGN KEY (shelf_id) REFERENCES shelf (id) ON DELETE CASCADE);
             CREATE TABLE lamp (id integer PRIMARY KEY, shelf_id integer, FOREIGN KEY (shelf_id) REFERENCES shelf (id) ON DELETE SET NULL);
             CREATE TABLE seal (shelf_id integer NOT NULL PRIMARY KEY, FOREIGN KEY (shelf_id) REFERENCES label (shelf_id));",
        )
        .await;
    let values = |count: i64| (1..=count).map(|id| format!("({id}, 'shelf {id}')")).collect::<Vec<_>>().join(", ");
    database
        .execute(&format!(
            "INSERT INTO shelf VALUES {};
             INSERT INTO book VALUES (1, 3), (2, 3), (3, 10), (4, 29);
             INSERT INTO label VALUES (1), (2), (3), (5);
             INSERT INTO lamp VALUES (1, 1), (2, 3), (3, NULL);
             INSERT INTO seal VALUES (5);",
            values(30)
        ))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("shelf", Selection::All)).await;
    // Shelf 5 is not in use itself, but what goes with it is.
    let in_use = ["3", "5", "10", "29"];
    assert_eq!((task.status, counts(&task)), (Status::Partial, (26, 4, 0)));
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 100).await.expect("errors");
    let named: Vec<_> = errors.iter().map(|error| (error.record_key.as_str(), error.code.as_str())).collect();
    assert_eq!(named, in_use.map(|key| (key, "FOREIGN_KEY")));
    assert!(errors[0].message.contains("book"), "says who: {:?}", errors[0]);
    assert!(rows(&database, "shelf", &["id"]).await.keys().all(|key| in_use.contains(&key.as_str())));
    let labels = rows(&database, "label", &["shelf_id"]).await;
    assert!(labels.keys().eq(["3", "5"]), "{labels:?}");
    let lamps = rows(&database, "lamp", &["id", "shelf_id"]).await;
    assert!(lamps.values().flatten().eq(&[None, Some("3".to_owned()), None]), "{lamps:?}");
    assert_eq!(count(&database, "book").await, 4);
    // All or nothing says the same and changes nothing.
    let task = carry_out(&app, delete("shelf", keys([3, 5]))).await;
    assert_eq!((task.status, task.failed_records, count(&database, "shelf").await), (Status::Failure, 2, 4));
}

async fn records_that_are_gone(database: TestDatabase) {
    crate::shop::items(&database, 60).await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", keys(1..=30), [("note", Some("x"))])).await;
    database.execute("DELETE FROM item WHERE id IN (2, 30);").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (28, 2, 0)));
    let gone = [("2".into(), "NOT_FOUND".into()), ("30".into(), "NOT_FOUND".into())];
    assert_eq!(failures(&app, &task).await, gone);
    let task = queue(&app, delete("item", keys(1..=40))).await;
    database.execute("DELETE FROM item WHERE id IN (3, 4);").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (40, 0, 0), 4));
    assert_eq!(count(&database, "item").await, 20);
    // In the request as well: a record that is gone leaves nothing to undo.
    let task = carry_out(&app, update("item", keys([1, 50, 51]), [("note", Some("y"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("1".into(), "NOT_FOUND".into())]);
    let notes = rows(&database, "item", &["id", "note"]).await;
    assert_eq!((&notes["50"], &notes["51"]), (&vec![Some("y".into())], &vec![Some("y".into())]));
    let task = carry_out(&app, delete("item", keys([1, 50, 51]))).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (3, 0, 0), 1));
    let task = carry_out(&app, update("item", keys([1, 2]), [("note", Some("y"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 2, 0)), "none was done");
    assert_no_locks(&database).await;
}

async fn a_refused_delete(database: TestDatabase) {
    let (refuse, refused): (_, &[(&str, &str)]) = match database.kind {
        Kind::Sqlite => (
            "CREATE TRIGGER refuse BEFORE DELETE ON thing BEGIN
               SELECT RAISE(ABORT, 'keep it') WHERE OLD.id = 4; SELECT RAISE(IGNORE) WHERE OLD.id = 7; END;",
            &[("4", "TRIGGER"), ("7", "NOT_CHANGED")],
        ),
        Kind::Postgres => (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.id = 4 THEN RAISE EXCEPTION 'keep it' USING ERRCODE = 'KEEP1'; END IF;
               IF OLD.id = 7 THEN RETURN NULL; END IF; RETURN OLD; END $$;
             CREATE TRIGGER refuse BEFORE DELETE ON thing FOR EACH ROW EXECUTE FUNCTION refuse();",
            &[("4", "TRIGGER"), ("7", "NOT_CHANGED")],
        ),
        Kind::Mysql => (
            "DELIMITER //
             CREATE TRIGGER refuse BEFORE DELETE ON thing FOR EACH ROW BEGIN
               IF OLD.id = 4 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = 'keep it'; END IF; END//
DELIMITER ;",
            &[("4", "TRIGGER")],
        ),
    };
    let values: Vec<_> = (1..=25).map(|id| format!("({id})")).collect();
    let values = values.join(", ");
    database
        .execute(&format!("CREATE TABLE thing (id integer PRIMARY KEY);\nINSERT INTO thing VALUES {values};\n{refuse}"))
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("thing", Selection::All)).await;
    let named: Vec<_> = refused.iter().map(|(key, code)| ((*key).to_owned(), (*code).to_owned())).collect();
    assert_eq!(failures(&app, &task).await, named, "{}", task.error_message);
    assert_eq!((task.status, task.failed_records), (Status::Partial, refused.len() as u64));
    let left = rows(&database, "thing", &["id"]).await;
    assert!(left.keys().eq(refused.iter().map(|(key, _)| key)), "{left:?}");
}

/// The plan saw the record that is referred to; the work does not.
async fn a_reference_that_goes_before_the_work(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY);
             CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer, FOREIGN KEY (shelf_id) REFERENCES shelf (id));
             INSERT INTO shelf VALUES (1), (2);
             INSERT INTO book VALUES (1, 1), (2, NULL), (3, 1);",
        )
        .await;
    let app = discovered(&database).await;
    let task = queue(&app, in_background(update("book", Selection::All, [("shelf_id", Some("2"))]))).await;
    database.execute("DELETE FROM shelf WHERE id = 2;").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 3, 0)));
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    assert!(errors.iter().all(|error| error.code == "FOREIGN_KEY"), "{errors:?}");
    let books = rows(&database, "book", &["id", "shelf_id"]).await;
    assert!(books.values().flatten().eq(&[Some("1".to_owned()), None, Some("1".to_owned())]), "{books:?}");
}
