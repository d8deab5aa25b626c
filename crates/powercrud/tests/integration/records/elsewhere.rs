//! Errors that come of another table, into which a trigger writes.

use powercrud::{
    Selection,
    task::{Status, store},
};
use serde_json::json;

use crate::{
    api::Client,
    shop::{carry_out, discovered, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { a_key_of_another_table_is_no_fields_fault }

async fn a_key_of_another_table_is_no_fields_fault(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO lg VALUES (1, 1); RETURN NEW; END $$;
             CREATE TRIGGER logs BEFORE UPDATE ON tr FOR EACH ROW EXECUTE FUNCTION logs();"
        }
        Kind::Mysql => "\nCREATE TRIGGER logs BEFORE UPDATE ON tr FOR EACH ROW INSERT INTO lg VALUES (1, 1);",
        Kind::Sqlite => "CREATE TRIGGER logs BEFORE UPDATE ON tr BEGIN INSERT INTO lg VALUES (1, 1); END;",
    };
    database
        .execute(&format!(
            "CREATE TABLE tr (id integer PRIMARY KEY, v integer, w integer UNIQUE);
             CREATE TABLE lg (id integer PRIMARY KEY, v integer);
             INSERT INTO tr VALUES (1, 1, 1), (2, 2, 2);
             INSERT INTO lg VALUES (1, 1);{trigger}"
        ))
        .await;
    let app = discovered(&database).await;
    let client = Client::nobody(app.router());
    for body in [json!({"v": 5}), json!({"v": 5, "w": 6})] {
        let answer = client.patch("/api/v1/resources/tr/records/1", body).await;
        let answer = answer.expect_problem(422, "INVALID", &["perhaps in another table"]);
        let error = &answer.json["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!(null), &json!("UNIQUE")), "{error:#}");
    }
    let task = carry_out(&app, update("tr", Selection::All, [("v", Some("5"))])).await;
    assert_eq!(task.status, Status::Failure, "{}", task.error_message);
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("its errors");
    assert!(!errors.is_empty());
    for error in errors {
        assert_eq!((error.field.as_deref(), error.code.as_str()), (None, "UNIQUE"), "{error:?}");
        assert!(!error.message.contains("another record already has"), "{error:?}");
    }
}
