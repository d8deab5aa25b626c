//! Errors that nobody foresaw are their record's, whatever they do to the transaction, and its neighbours are done; where no record would
//! fare better, the task ends soon and says so.

use std::collections::BTreeMap;

use powercrud::{
    Atomicity, PowerCrud, Resource, Selection, User, record,
    task::{Status, store},
};
use sea_orm::TransactionTrait as _;

use crate::{
    shop::{
        assert_no_locks, carry_out, counts, discovered, failures, in_background, items, keys, queue, rows, update, work,
    },
    support::{Kind, TestDatabase, each_database},
};

each_database! { each_is_its_records, all_or_nothing_names_the_record, no_record_would_fare_better, the_field_is_gone, a_few_are_all_tried }
each_database! { [sqlite] constraints_that_end_the_transaction, the_pool_stays_whole }
each_database! { [postgres] statements_that_take_too_long }

/// Tables whose rows raise an error when they are changed, by the word in `cause`: cause and the code that is named.
fn risky(kind: Kind) -> (String, &'static [(&'static str, &'static str)]) {
    const TABLE: &str =
        "CREATE TABLE risky (id integer NOT NULL PRIMARY KEY, cause varchar(20) NOT NULL, value integer);\n";
    let (trigger, causes): (_, &[_]) = match kind {
        Kind::Sqlite => (
            "CREATE TRIGGER risk BEFORE UPDATE ON risky BEGIN
               SELECT RAISE(ROLLBACK, 'no: rollback') WHERE OLD.cause = 'rollback';
               SELECT RAISE(FAIL, 'no: fail') WHERE OLD.cause = 'fail';
               SELECT RAISE(ABORT, 'no: abort') WHERE OLD.cause = 'abort';
               SELECT abs(-9223372036854775807 - 1) WHERE OLD.cause = 'overflow';
             END;",
            &[("rollback", "TRIGGER"), ("fail", "TRIGGER"), ("abort", "TRIGGER"), ("overflow", "DATABASE")],
        ),
        Kind::Postgres => (
            "CREATE FUNCTION risk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.cause = '' THEN RETURN NEW; END IF;
               IF OLD.cause = 'missing' THEN PERFORM 1 FROM nowhere; END IF;
               RAISE EXCEPTION 'no: %', OLD.cause USING ERRCODE = OLD.cause;
             END $$;
             CREATE TRIGGER risk BEFORE UPDATE ON risky FOR EACH ROW EXECUTE FUNCTION risk();",
            &[
                ("42501", "NOT_PERMITTED"),
                ("23000", "CHECK"),
                ("P0002", "TRIGGER"),
                ("54000", "TOO_LONG"),
                ("XX000", "DATABASE"),
                ("57014", "INTERRUPTED"),
                ("0A000", "DATABASE"),
                ("missing", "DATABASE"),
                ("KEEP1", "TRIGGER"),
            ],
        ),
        Kind::Mysql => (
            "DELIMITER //
             CREATE TRIGGER risk BEFORE UPDATE ON risky FOR EACH ROW BEGIN
               IF OLD.cause = 'no data' THEN SIGNAL SQLSTATE '02000'; END IF;
               IF OLD.cause = 'state' THEN SIGNAL SQLSTATE '42000' SET MESSAGE_TEXT = 'no: state'; END IF;
               IF OLD.cause = 'table' THEN SIGNAL SQLSTATE '42S02' SET MYSQL_ERRNO = 1146, MESSAGE_TEXT = 'no: table'; END IF;
               IF OLD.cause = 'time' THEN SIGNAL SQLSTATE '70100' SET MYSQL_ERRNO = 1969, MESSAGE_TEXT = 'no: time'; END IF;
               IF OLD.cause = 'zero' THEN SET NEW.value = 1 / (OLD.id - OLD.id); END IF;
             END//
DELIMITER ;",
            &[
                ("no data", "TRIGGER"),
                ("state", "TRIGGER"),
                ("table", "DATABASE"),
                ("time", "INTERRUPTED"),
                ("zero", "CHECK"),
            ],
        ),
    };
    (format!("{TABLE}@rows@\n{trigger}"), causes)
}

/// Five rows for each cause, the third of them bad. Returns code by key.
async fn risk(database: &TestDatabase) -> BTreeMap<String, String> {
    let (script, causes) = risky(database.kind);
    let (mut values, mut bad) = (Vec::new(), BTreeMap::new());
    for (index, (cause, code)) in causes.iter().enumerate() {
        for number in 1..=5 {
            let id = index * 5 + number;
            let is_bad = number == 3;
            values.push(format!("({id}, '{}', 0)", if is_bad { *cause } else { "" }));
            if is_bad {
                bad.insert(id.to_string(), (*code).to_owned());
            }
        }
    }
    let rows = format!("INSERT INTO risky VALUES {};", values.join(", "));
    database.execute(&script.replace("@rows@", &rows)).await;
    bad
}

async fn changed(database: &TestDatabase, table: &str) -> Vec<String> {
    let rows = rows(database, table, &["id", "value"]).await;
    rows.into_iter().filter(|(_, row)| row[0].as_deref() == Some("1")).map(|(key, _)| key).collect()
}

async fn each_is_its_records(database: TestDatabase) {
    let bad = risk(&database).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, in_background(update("risky", Selection::All, [("value", Some("1"))]))).await;
    let named: BTreeMap<_, _> = failures(&app, &task).await.into_iter().collect();
    assert_eq!(named, bad, "{}", task.error_message);
    assert_eq!((task.status, counts(&task)), (Status::Partial, (bad.len() as u64 * 4, bad.len() as u64, 0)));
    let changed = changed(&database, "risky").await;
    assert_eq!(changed.len(), bad.len() * 4);
    assert!(changed.iter().all(|key| !bad.contains_key(key)), "{changed:?}");
    for error in store::errors(&app, &powercrud::User::operator(), task.id, 0, 100).await.expect("errors") {
        assert!(error.message.len() > 15, "{error:?}");
    }
    assert_no_locks(&database).await;
}

async fn whole(database: &TestDatabase, table: &str) -> PowerCrud {
    let resource = Resource::table(table).bulk_atomicity(Atomicity::All);
    PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes")
}

async fn all_or_nothing_names_the_record(database: TestDatabase) {
    let bad = risk(&database).await;
    let app = whole(&database, "risky").await;
    for (key, code) in &bad {
        let number: i64 = key.parse().expect("a number");
        let task = carry_out(&app, update("risky", keys(number - 2..=number + 2), [("value", Some("1"))])).await;
        assert_eq!(task.status, Status::Failure);
        assert_eq!(failures(&app, &task).await, [(key.clone(), code.clone())], "{}", task.error_message);
        assert!(changed(&database, "risky").await.is_empty(), "{code}");
    }
    let task = carry_out(&app, update("risky", keys([1, 2, 4, 5]), [("value", Some("1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (4, 0, 0)));
    assert_no_locks(&database).await;
}

async fn no_record_would_fare_better(database: TestDatabase) {
    let (script, causes) = risky(database.kind);
    let cause = causes.iter().find(|(_, code)| ["DATABASE", "NOT_PERMITTED"].contains(code)).expect("a cause").0;
    let values: Vec<_> = (1..=1_500).map(|id| format!("({id}, '{cause}', 0)")).collect();
    database.execute(&script.replace("@rows@", &format!("INSERT INTO risky VALUES {};", values.join(", ")))).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("risky", Selection::All, [("value", Some("1"))])).await;
    let (succeeded, failed, unattempted) = counts(&task);
    assert_eq!((task.status, succeeded), (Status::Failure, 0));
    assert!(failed >= 50 && unattempted > 1_000, "it gives up soon, but not at once: {failed} of 1,500");
    assert_eq!(failures(&app, &task).await.len() as u64, failed, "each that was tried is named");
    assert!(task.error_message.contains("in a row failed alike"), "{}", task.error_message);
    assert_no_locks(&database).await;
}

/// What the whole task is about is gone, which is no record's fault.
async fn the_field_is_gone(database: TestDatabase) {
    items(&database, 1_500).await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    database.execute("ALTER TABLE item RENAME COLUMN note TO remark;").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 1_500)), "{}", task.error_message);
    assert!(task.error_message.contains("note"), "{}", task.error_message);
    assert_no_locks(&database).await;
}

/// The first ones fail alike, and the others are done.
async fn a_few_are_all_tried(database: TestDatabase) {
    let (script, causes) = risky(database.kind);
    let cause = causes.iter().find(|(_, code)| ["DATABASE", "NOT_PERMITTED"].contains(code)).expect("a cause").0;
    let values: Vec<_> = (1..=1_500).map(|id| format!("({id}, '{}', 0)", if id <= 120 { cause } else { "" })).collect();
    database.execute(&script.replace("@rows@", &format!("INSERT INTO risky VALUES {};", values.join(", ")))).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, update("risky", Selection::All, [("value", Some("1"))])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (1_380, 120, 0)), "{}", task.error_message);
    assert_eq!(changed(&database, "risky").await.len(), 1_380);
}

/// Constraints that say what becomes of the statement, or of the whole transaction.
async fn constraints_that_end_the_transaction(database: TestDatabase) {
    const CONSTRAINTS: [(&str, &str); 5] = [
        ("rolled", "ROLLBACK"),
        ("failed", "FAIL"),
        ("ignored", "IGNORE"),
        ("aborted", "ABORT"),
        ("replaced", "REPLACE"),
    ];
    for (table, conflict) in CONSTRAINTS {
        let values: Vec<_> =
            (1..=30).map(|id| format!("({id}, {}, {id})", if id % 10 == 3 { 9 } else { id })).collect();
        database
            .execute(&format!(
                "CREATE TABLE {table} (id integer PRIMARY KEY, grp integer NOT NULL, value integer NOT NULL,
                   UNIQUE (grp, value) ON CONFLICT {conflict});
                 INSERT INTO {table} VALUES {}, (99, 9, 1);",
                values.join(", ")
            ))
            .await;
    }
    let app = discovered(&database).await;
    for (table, _) in CONSTRAINTS {
        let task = carry_out(&app, in_background(update(table, keys(1..=30), [("value", Some("1"))]))).await;
        let named: Vec<_> = failures(&app, &task).await.into_iter().map(|(key, _)| key).collect();
        assert_eq!(named, ["3", "9", "13", "23"], "{table}: {}", task.error_message);
        assert_eq!(counts(&task), (26, 4, 0), "{table}");
        assert_eq!(crate::shop::count(&database, table).await, 31, "{table}: no row went");
        assert_eq!(changed(&database, &format!("(SELECT * FROM {table} WHERE id < 99) AS t")).await.len(), 26);
    }
}

/// Neither an edit nor a task whose trigger ends the transaction leaves a connection that others trip over.
async fn the_pool_stays_whole(database: TestDatabase) {
    risk(&database).await;
    let app = discovered(&database).await;
    let risky = app.resource("risky").expect("a resource");
    let inputs = [("value".to_owned(), Some("1".to_owned()))];
    for round in 0..20 {
        record::update(&app, &User::operator(), risky, "3", &inputs).await.expect_err("a refusal");
        let task = carry_out(&app, update("risky", keys([2, 3]), [("value", Some("1"))])).await;
        assert_eq!(task.status, Status::Failure, "{round}");
        record::update(&app, &User::operator(), risky, "1", &inputs).await.expect("an edit that stands");
        let other = Selection::Keys(vec!["1".into()]);
        let task = carry_out(&app, update("risky", other, [("value", Some("0"))])).await;
        assert_eq!(task.status, Status::Success, "{round}");
    }
    // What an application writes afterwards stands only once it has committed.
    for _ in 0..16 {
        let transaction = database.connection().begin().await.expect("a transaction");
        sea_orm::ConnectionTrait::execute_unprepared(&transaction, "UPDATE risky SET value = 5 WHERE id = 1")
            .await
            .expect("an update");
        transaction.rollback().await.expect("a rollback");
    }
    assert_eq!(rows(&database, "risky", &["id", "value"]).await["1"], [Some("0".to_owned())]);
}

/// The database ends a statement that takes too long: smaller chunks are done, and a record that takes too long by itself is named.
async fn statements_that_take_too_long(database: TestDatabase) {
    let values: Vec<_> = (1..=40).map(|id| format!("({id}, {}, 0)", if id == 7 { 5.0 } else { 0.03 })).collect();
    database
        .execute(&format!(
            "CREATE TABLE slow (id integer PRIMARY KEY, seconds float NOT NULL, value integer NOT NULL);
             INSERT INTO slow VALUES {};
             CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(OLD.seconds); RETURN NEW; END $$;
             CREATE TRIGGER wait BEFORE UPDATE ON slow FOR EACH ROW EXECUTE FUNCTION wait();",
            values.join(", ")
        ))
        .await;
    let hasty = format!("{}&options=-c%20statement_timeout%3D600", database.url);
    let hasty = TestDatabase::on(Kind::Postgres, &hasty).await;
    let app = discovered(&hasty).await;
    let task = carry_out(&app, in_background(update("slow", Selection::All, [("value", Some("1"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (39, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("7".to_owned(), "INTERRUPTED".to_owned())]);
    let app = whole(&hasty, "slow").await;
    let task = carry_out(&app, update("slow", keys(3..=9), [("value", Some("2"))])).await;
    assert_eq!(task.status, Status::Failure);
    assert_eq!(failures(&app, &task).await, [("7".to_owned(), "INTERRUPTED".to_owned())], "{}", task.error_message);
}
