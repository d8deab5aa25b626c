//! What triggers and late constraints do to single records: it stays as the plain statement would leave it, and is told of the record.

use std::time::{Duration, Instant};

use powercrud::{PowerCrud, Selection, task::Status};
use serde_json::json;

use crate::{
    api::Client,
    shop::{carry_out, counts, discovered, failures, in_background, rows, update},
    support::{Kind, TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { [sqlite postgres] a_delete_that_becomes_a_mark, rules_that_are_looked_at_late }
each_database! { [postgres mysql] refusals_that_never_pass, what_takes_too_long_is_its_records_error }
each_database! { [postgres] triggers_that_run_late }

async fn served(database: &TestDatabase) -> (PowerCrud, Client, Browser) {
    let app = discovered(database).await;
    let (client, browser) = (Client::nobody(app.router()), Browser::new(app.router()));
    (app, client, browser)
}

const NOTE: &str = "/api/v1/resources/note/records";

async fn a_delete_that_becomes_a_mark(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF OLD.body <> 'kept' THEN UPDATE note SET gone = 1 WHERE id = OLD.id; END IF; RETURN NULL; END $$;
             CREATE TRIGGER mark BEFORE DELETE ON note FOR EACH ROW EXECUTE FUNCTION mark();"
        }
        _ => {
            "CREATE TRIGGER mark BEFORE DELETE ON note BEGIN
               UPDATE note SET gone = 1 WHERE id = OLD.id AND body <> 'kept'; SELECT RAISE(IGNORE); END;"
        }
    };
    database
        .execute(&format!(
            "CREATE TABLE note (id integer PRIMARY KEY, body varchar(20) NOT NULL, gone integer NOT NULL);
             INSERT INTO note VALUES (1, 'a', 0), (2, 'b', 0), (3, 'kept', 0), (4, 'd', 0);
             {trigger}"
        ))
        .await;
    let (_, client, mut browser) = served(&database).await;
    let changed = "the record is still there: a trigger changed it, or put it back";
    client.delete(&format!("{NOTE}/1")).await.expect_problem(403, "NOT_ALLOWED", &[changed]);
    browser.post("/resources/note/records/2/delete", "").await.expect(403).holds(&[changed]);
    let kept = "the database kept the record as it was";
    client.delete(&format!("{NOTE}/3")).await.expect_problem(403, "NOT_ALLOWED", &[kept]);
    assert_eq!(rows(&database, "note", &["id"]).await.len(), 4);
    let marked = rows(&database, "note WHERE gone = 1", &["id"]).await;
    assert_eq!(marked.into_keys().collect::<Vec<_>>(), ["1", "2"]);
    // The history knows of the mark, and of no deletion.
    let page = browser.get("/resources/note/records/1").await.expect(200);
    assert!(page.text.contains("Gone") && !page.text.contains("deleted"), "{}", page.text);
}

async fn rules_that_are_looked_at_late(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY);
             CREATE TABLE note (id int NOT NULL PRIMARY KEY, body varchar(20) NOT NULL, pages integer,
               shelf_id integer REFERENCES shelf (id) DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO shelf VALUES (1), (2);
             INSERT INTO note VALUES (1, 'a', 1, 1), (2, 'b', 2, NULL);",
        )
        .await;
    let (_, client, mut browser) = served(&database).await;
    let wrong = json!({"body": "x", "pages": 9, "shelf_id": 99});
    for answer in [
        client.patch(&format!("{NOTE}/1"), wrong).await,
        client.patch(&format!("{NOTE}/1"), json!({"shelf_id": 99})).await,
        client.post(NOTE, json!({"id": 3, "body": "x", "shelf_id": 99})).await,
    ] {
        let answer = answer.expect(422);
        let error = &answer.json["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!("shelf_id"), &json!("FOREIGN_KEY")), "{}", answer.json);
    }
    let form = "body=typed&pages=9&shelf_id=99";
    browser.post("/resources/note/records/1/edit", form).await.expect(422).holds(&["does not exist", "typed"]);
    client.delete("/api/v1/resources/shelf/records/1").await.expect_problem(422, "INVALID", &["refer"]);
    // Nothing of it stays, nor does a connection with half of a transaction.
    for pages in 10..30 {
        client.patch(&format!("{NOTE}/2"), json!({"pages": pages})).await.expect(200);
    }
    let notes = rows(&database, "note", &["id", "body", "pages"]).await;
    let note = |body: &str, pages: &str| vec![Some(body.to_owned()), Some(pages.to_owned())];
    assert_eq!(notes, [("1".to_owned(), note("a", "1")), ("2".to_owned(), note("b", "29"))].into());
}

/// SQL by which each change of a note whose body is `bad` raises that error.
fn raising(kind: Kind, cause: &str) -> String {
    match kind {
        Kind::Postgres => format!(
            "DROP TABLE IF EXISTS note;
             CREATE TABLE note (id integer PRIMARY KEY, body varchar(20) NOT NULL, pages integer);
             INSERT INTO note VALUES (1, 'a', 1), (2, 'bad', 2);
             CREATE OR REPLACE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               RAISE EXCEPTION 'not so: {cause}' USING ERRCODE = '{cause}'; END $$;
             CREATE TRIGGER raises BEFORE UPDATE OR INSERT ON note FOR EACH ROW WHEN (NEW.body = 'bad') EXECUTE FUNCTION raises();
             CREATE TRIGGER raises_too BEFORE DELETE ON note FOR EACH ROW WHEN (OLD.body = 'bad') EXECUTE FUNCTION raises();"
        ),
        _ => {
            let trigger = |when: &str, row: &str| {
                format!(
                    "CREATE TRIGGER raises_{when} BEFORE {when} ON note FOR EACH ROW BEGIN
                       IF {row}.body = 'bad' THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {cause}, MESSAGE_TEXT = 'not so: {cause}'; END IF;
                     END//\n"
                )
            };
            format!(
                "DROP TABLE IF EXISTS note;
                 CREATE TABLE note (id integer PRIMARY KEY, body varchar(20) NOT NULL, pages integer);
                 INSERT INTO note VALUES (1, 'a', 1), (2, 'bad', 2);\nDELIMITER //\n{}{}{}DELIMITER ;",
                trigger("UPDATE", "NEW"),
                trigger("INSERT", "NEW"),
                trigger("DELETE", "OLD"),
            )
        }
    }
}

async fn refusals_that_never_pass(database: TestDatabase) {
    let causes: &[&str] = match database.kind {
        Kind::Postgres => &["40001", "40P01", "55P03"],
        _ => &["1213", "1205"],
    };
    for cause in causes {
        database.execute(&raising(database.kind, cause)).await;
        let (_, client, mut browser) = served(&database).await;
        let said = format!("not so: {cause}");
        let begun = Instant::now();
        client.patch(&format!("{NOTE}/2"), json!({"pages": 3})).await.expect_problem(422, "INVALID", &[&said]);
        client.post(NOTE, json!({"id": 3, "body": "bad"})).await.expect_problem(422, "INVALID", &[&said]);
        client.delete(&format!("{NOTE}/2")).await.expect_problem(422, "INVALID", &[&said]);
        let form = "body=bad&pages=7";
        browser.post("/resources/note/records/2/edit", form).await.expect(422).holds(&[&said, "value=\"7\""]);
        browser.post("/resources/note/records/2/delete", "").await.expect(422).holds(&[&said]);
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
        client.patch(&format!("{NOTE}/1"), json!({"pages": 3})).await.expect(200);
        assert_eq!(rows(&database, "note WHERE pages IN (2, 3)", &["id"]).await.len(), 2);
    }
}

/// A statement that the database ends is told of the record: by its clock on PostgreSQL, by a trigger that says so elsewhere.
async fn what_takes_too_long_is_its_records_error(database: TestDatabase) {
    let (causes, hasty): (&[&str], _) = match database.kind {
        Kind::Postgres => {
            database
                .execute(
                    "CREATE TABLE note (id integer PRIMARY KEY, body varchar(20) NOT NULL, pages integer);
                     INSERT INTO note VALUES (1, 'a', 1), (2, 'bad', 2);
                     CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$;
                     CREATE TRIGGER waits BEFORE UPDATE OR INSERT ON note FOR EACH ROW WHEN (NEW.body = 'bad') EXECUTE FUNCTION waits();
                     CREATE TRIGGER waits_too BEFORE DELETE ON note FOR EACH ROW WHEN (OLD.body = 'bad') EXECUTE FUNCTION waits();",
                )
                .await;
            let url = format!("{}&options=-c%20statement_timeout%3D1500", database.url);
            (&["statement timeout"], TestDatabase::on(Kind::Postgres, &url).await)
        }
        _ => (&["1969", "1317"], database.clone()),
    };
    for cause in causes {
        if database.kind == Kind::Mysql {
            database.execute(&raising(database.kind, cause)).await;
        }
        let (_, client, mut browser) = served(&hasty).await;
        let said = ["ook longer than the database allows", cause];
        for answer in [
            client.patch(&format!("{NOTE}/2"), json!({"pages": 3})).await,
            client.post(NOTE, json!({"id": 3, "body": "bad"})).await,
            client.delete(&format!("{NOTE}/2")).await,
        ] {
            let answer = answer.expect_problem(422, "INVALID", &said);
            assert_eq!(answer.json["errors"][0]["code"], "INTERRUPTED", "{}", answer.json);
        }
        let form = "body=bad&pages=7";
        browser.post("/resources/note/records/2/edit", form).await.expect(422).holds(&said).holds(&["value=\"7\""]);
        browser
            .post("/resources/note/new", "id=3&body=bad&pages=7")
            .await
            .expect(422)
            .holds(&said)
            .holds(&["value=\"7\""]);
        browser.post("/resources/note/records/2/delete", "").await.expect(422).holds(&said);
        client.patch(&format!("{NOTE}/1"), json!({"pages": 3})).await.expect(200);
        assert_eq!(rows(&database, "note WHERE pages IN (2, 3)", &["id"]).await.len(), 2);
    }
}

async fn triggers_that_run_late(database: TestDatabase) {
    let values: Vec<_> = (1..=25).map(|id| format!("({id}, 'a', 1)")).collect();
    for (cause, code) in [("P0001", "TRIGGER"), ("40001", "DEADLOCK"), ("23514", "CHECK")] {
        database
            .execute(&format!(
                "DROP TABLE IF EXISTS note;
                 CREATE TABLE note (id integer PRIMARY KEY, body varchar(20) NOT NULL, pages integer);
                 INSERT INTO note VALUES {};
                 CREATE OR REPLACE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   IF NEW.id = 13 AND NEW.body = 'bad' THEN RAISE EXCEPTION 'not so' USING ERRCODE = '{cause}'; END IF;
                   RETURN NEW; END $$;
                 CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON note DEFERRABLE INITIALLY DEFERRED
                   FOR EACH ROW EXECUTE FUNCTION late();",
                values.join(", ")
            ))
            .await;
        let (app, client, _) = served(&database).await;
        let answer = client.patch(&format!("{NOTE}/13"), json!({"pages": 5, "body": "bad"})).await;
        let answer = answer.expect_problem(422, "INVALID", &["not so"]);
        assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.json);
        if code != "DEADLOCK" {
            assert_eq!(answer.json["errors"][0]["field"], "body", "{}", answer.json);
        }
        let task = in_background(update("note", Selection::All, [("body", Some("bad"))]));
        let task = carry_out(&app, task).await;
        assert_eq!((task.status, counts(&task)), (Status::Partial, (24, 1, 0)), "{cause}: {}", task.error_message);
        assert_eq!(failures(&app, &task).await, [("13".to_owned(), code.to_owned())], "{cause}");
        assert_eq!(rows(&database, "note WHERE body = 'bad'", &["id"]).await.len(), 24, "{cause}");
    }
}
