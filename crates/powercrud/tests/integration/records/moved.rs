//! A trigger that gives a record another key: what was written is told to be, and where the record is as far as the database says.

use serde_json::json;

use crate::{
    api::Client,
    shop::{discovered, rows},
    support::{Kind, TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { a_key_that_a_trigger_changes }

async fn a_key_that_a_trigger_changes(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF NEW.id < 100 THEN NEW.id := NEW.id + 100; END IF; RETURN NEW; END $$;
             CREATE TRIGGER moves BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION moves();"
        }
        Kind::Mysql => {
            "\nCREATE TRIGGER moves BEFORE UPDATE ON note FOR EACH ROW SET NEW.id = NEW.id + IF(NEW.id < 100, 100, 0);"
        }
        Kind::Sqlite => {
            "CREATE TRIGGER moves AFTER UPDATE ON note WHEN NEW.id < 100 BEGIN
               UPDATE note SET id = id + 100 WHERE id = NEW.id; END;"
        }
    };
    database
        .execute(&format!(
            "CREATE TABLE note (id integer PRIMARY KEY, body varchar(20));
             INSERT INTO note VALUES (1, NULL), (2, 'b'), (3, 'c');{trigger}"
        ))
        .await;
    let app = discovered(&database).await;
    let (client, mut browser) = (Client::nobody(app.router()), Browser::new(app.router()));
    let path = "/api/v1/resources/note/records";
    let answer = client.patch(&format!("{path}/1"), json!({"body": "new"})).await;
    let form = browser.post("/resources/note/records/2/edit", "body=newer").await;
    if database.kind == Kind::Postgres {
        let answer = answer.expect(200);
        assert_eq!((&answer.json["key"], &answer.json["fields"]["body"]), (&json!("101"), &json!("new")));
        assert!(form.location().starts_with("/resources/note/records/102"));
    } else {
        answer.expect(204);
        form.expect(200).holds(&["Saved.", "there is no note 2 any more", "href=\"/resources/note\""]);
    }
    let note = |id: &str, body: &str| (id.to_owned(), vec![Some(body.to_owned())]);
    let notes = [note("101", "new"), note("102", "newer"), note("3", "c")];
    assert_eq!(rows(&database, "note", &["id", "body"]).await, notes.into());
    client.patch(&format!("{path}/1"), json!({"body": "x"})).await.expect_problem(404, "RECORD_NOT_FOUND", &[]);
    // What is asked for and is there already moves nothing.
    client.patch(&format!("{path}/3"), json!({"body": "c"})).await.expect(200);
}
