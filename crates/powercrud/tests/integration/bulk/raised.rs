//! Triggers may raise any error, also one by whose code the connection is lost or the disk full: it is their record's, and soon.

use std::time::{Duration, Instant};

use powercrud::{Atomicity, PowerCrud, Resource, Selection, task::Status};
use serde_json::json;

use crate::{
    api::Client,
    shop::{assert_no_locks, carry_out, counts, discovered, failures, in_background, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [postgres mysql] whatever_its_code_says, refusals_end_soon, all_or_nothing }

/// Four rows, of which the third raises `cause` where it is changed.
async fn raising(database: &TestDatabase, cause: &str) {
    let trigger = match database.kind {
        Kind::Postgres => format!(
            "CREATE OR REPLACE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.id = 3 THEN RAISE EXCEPTION 'no: {cause}' USING ERRCODE = '{cause}'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER raises BEFORE UPDATE ON risky FOR EACH ROW EXECUTE FUNCTION raises();"
        ),
        _ => format!(
            "DELIMITER //
             CREATE TRIGGER raises BEFORE UPDATE ON risky FOR EACH ROW BEGIN
               IF OLD.id = 3 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {cause}, MESSAGE_TEXT = 'no: {cause}'; END IF;
             END//
DELIMITER ;"
        ),
    };
    database
        .execute(&format!(
            "DROP TABLE IF EXISTS risky;
             CREATE TABLE risky (id integer PRIMARY KEY, value integer NOT NULL);
             INSERT INTO risky VALUES (1, 0), (2, 0), (3, 0), (4, 0);\n{trigger}"
        ))
        .await;
}

async fn check(database: &TestDatabase, cause: &str, code: &str, most: Duration) {
    raising(database, cause).await;
    let app = discovered(database).await;
    let started = Instant::now();
    let task = carry_out(&app, in_background(update("risky", Selection::All, [("value", Some("1"))]))).await;
    let took = started.elapsed();
    assert_eq!((task.status, counts(&task)), (Status::Partial, (3, 1, 0)), "{cause}: {}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("3".to_owned(), code.to_owned())], "{cause}");
    assert!(took < most, "{cause} took {took:?}");
    // Alone it is its record's error too, and its neighbours' requests go on.
    let client = Client::nobody(app.router());
    let record = |id: u32| format!("/api/v1/resources/risky/records/{id}");
    let refused = client.patch(&record(3), json!({"value": 1})).await.expect(422);
    assert_eq!(refused.json["errors"][0]["code"], code, "{cause}: {}", refused.json);
    for value in [2, 1] {
        client.patch(&record(4), json!({"value": value})).await.expect(200);
    }
    let changed = rows(database, "risky WHERE value = 1", &["id", "value"]).await;
    assert_eq!(changed.into_keys().collect::<Vec<_>>(), ["1", "2", "4"], "{cause}");
    assert_no_locks(database).await;
}

async fn whatever_its_code_says(database: TestDatabase) {
    let causes: &[(&str, &str)] = match database.kind {
        Kind::Postgres => &[
            ("08001", "TRIGGER"),
            ("08006", "TRIGGER"),
            ("08P01", "TRIGGER"),
            ("57P01", "TRIGGER"),
            ("57P02", "TRIGGER"),
            ("57P03", "TRIGGER"),
            ("57P05", "TRIGGER"),
            ("25P03", "TRIGGER"),
            ("53100", "TRIGGER"),
            ("53200", "TRIGGER"),
            ("25006", "TRIGGER"),
        ],
        _ => &[
            ("2006", "TRIGGER"),
            ("2013", "TRIGGER"),
            ("1114", "DATABASE"),
            ("1053", "DATABASE"),
            ("1290", "DATABASE"),
            ("1792", "DATABASE"),
        ],
    };
    for (cause, code) in causes {
        check(&database, cause, code, Duration::from_secs(2)).await;
    }
}

async fn refusals_end_soon(database: TestDatabase) {
    let causes: &[(&str, &str)] = match database.kind {
        Kind::Postgres => &[("40001", "DEADLOCK"), ("40P01", "DEADLOCK"), ("55P03", "BUSY"), ("53300", "BUSY")],
        _ => &[("1213", "DEADLOCK"), ("1205", "BUSY")],
    };
    for (cause, code) in causes {
        check(&database, cause, code, Duration::from_secs(6)).await;
    }
}

async fn all_or_nothing(database: TestDatabase) {
    let causes = match database.kind {
        Kind::Postgres => ["08006", "53100", "40001"],
        _ => ["2006", "1114", "1213"],
    };
    for cause in causes {
        raising(&database, cause).await;
        let resource = Resource::table("risky").bulk_atomicity(Atomicity::All);
        let app = PowerCrud::builder(database.clone())
            .open_to_everybody()
            .resource(resource)
            .build()
            .await
            .expect("no mistakes");
        let task = carry_out(&app, update("risky", Selection::All, [("value", Some("1"))])).await;
        assert_eq!(task.status, Status::Failure, "{cause}");
        let named: Vec<_> = failures(&app, &task).await.into_iter().map(|(key, _)| key).collect();
        assert_eq!(named, ["3"], "{cause}: {}", task.error_message);
        assert!(rows(&database, "risky WHERE value = 1", &["id", "value"]).await.is_empty(), "{cause}");
        assert_no_locks(&database).await;
    }
}
