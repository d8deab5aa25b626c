//! Somebody makes a table anew under a running process, with a key or values of another kind: no other record is written than was meant.

use std::time::{Duration, Instant};

use axum::http::Method;
use powercrud::{
    Error, PowerCrud, Selection, User, bulk,
    task::{BulkTask, Status},
    token::Scope,
};
use serde_json::{Value, json};

use crate::{
    api::{Client, token_of},
    shop::{delete, discovered, in_background, keys, queue, rows, update, work},
    support::{Kind, TestDatabase, each_database, with_role},
};
use powercrud::db::Database;

each_database! {
    no_door_writes_another_record, records_of_odd_keys_are_left_alone, a_stale_worker_does_what_was_meant,
    a_task_of_other_keys_ends_with_the_reason, values_are_those_of_the_column_that_is_there, wider_keys_are_the_same_keys,
    a_resource_comes_back,
}
each_database! { [postgres mysql] lost_rights_are_told }

const RECORDS: &str = "/api/v1/resources/part/records";

/// The table with numbers for keys and prices.
async fn with_numbers(database: &TestDatabase) {
    database
        .execute(
            "DROP TABLE IF EXISTS part;
             CREATE TABLE part (id integer NOT NULL PRIMARY KEY, name varchar(20), price numeric(10, 2));
             INSERT INTO part VALUES (1, 'one', 10), (2, 'two', 20);",
        )
        .await;
}

/// The table with texts for both.
async fn with_texts(database: &TestDatabase, keys: &[&str]) {
    let values: Vec<_> = keys.iter().map(|key| format!("('{key}', 'is {key}', '010')")).collect();
    database
        .execute(&format!(
            "DROP TABLE part;
             CREATE TABLE part (id varchar(10) NOT NULL PRIMARY KEY, name varchar(20), price varchar(20));
             INSERT INTO part VALUES {};",
            values.join(", ")
        ))
        .await;
}

/// A process that has read the table as it is now.
async fn served(database: &TestDatabase) -> (PowerCrud, Client) {
    let app = discovered(database).await;
    let token = token_of(&app, User::operator(), &[Scope::Admin]).await;
    let api = Client::new(app.router(), &token);
    (app, api)
}

async fn names(database: &TestDatabase) -> Vec<(String, Option<String>)> {
    let rows = rows(database, "part", &["id", "name"]).await;
    rows.into_iter().map(|(key, mut cells)| (key, cells.remove(0))).collect()
}

fn named(rows: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    rows.iter().map(|(key, name)| ((*key).to_owned(), Some((*name).to_owned()))).collect()
}

async fn no_door_writes_another_record(database: TestDatabase) {
    let of = |path: &str| format!("/api/v1/resources/part/{path}");
    let changed = named(&[("01", "new"), ("1", "is 1")]);
    let deleted = named(&[("1", "is 1")]);
    let doors = [
        (Method::PATCH, of("records/01"), Some(json!({"name": "new"})), &changed),
        (Method::DELETE, of("records/01"), None, &deleted),
        (Method::POST, of("bulk-update"), Some(json!({"ids": ["01"], "changes": {"name": "new"}})), &changed),
        (Method::POST, of("bulk-delete"), Some(json!({"ids": ["01"]})), &deleted),
    ];
    for (method, path, body, expected) in doors {
        with_numbers(&database).await;
        let (_, api) = served(&database).await;
        with_texts(&database, &["1", "01"]).await;
        let before = names(&database).await;
        let body = body.map(|body: Value| body.to_string());
        api.send(method.clone(), &path, body.clone()).await.expect_problem(409, "TABLES_CHANGED", &[]);
        assert_eq!(names(&database).await, before, "{method} {path}");
        let again = api.send(method.clone(), &path, body).await;
        assert!((200..300).contains(&again.status), "{method} {path}: {} {:#}", again.status, again.json);
        assert_eq!(names(&database).await, *expected, "{method} {path}");
    }
}

/// MariaDB finds '1abc' by the number 1, and no runs of numbers among texts.
async fn records_of_odd_keys_are_left_alone(database: TestDatabase) {
    with_numbers(&database).await;
    let (_, api) = served(&database).await;
    with_texts(&database, &["1abc", "01", "2"]).await;
    let before = names(&database).await;
    let delete = |body: Value| api.post("/api/v1/resources/part/bulk-delete", body);
    delete(json!({"ids": ["1"]})).await.expect_problem(409, "TABLES_CHANGED", &[]);
    assert_eq!(names(&database).await, before);
    with_numbers(&database).await;
    let (_, api) = served(&database).await;
    with_texts(&database, &["1abc", "01", "2"]).await;
    let update = |body: Value| api.post("/api/v1/resources/part/bulk-update", body);
    let all = json!({"all": true, "changes": {"name": "new"}});
    update(all.clone()).await.expect_problem(409, "TABLES_CHANGED", &[]);
    assert_eq!(names(&database).await, before);
    update(all).await.expect(200);
}

/// Two processes, of which one has read the catalog before the table was made anew.
async fn a_stale_worker_does_what_was_meant(database: TestDatabase) {
    for request in [
        in_background(update("part", keys(["01"]), [("name", Some("new"))])),
        in_background(delete("part", keys(["01"]))),
        in_background(update("part", Selection::All, [("name", Some("new"))])),
    ] {
        with_numbers(&database).await;
        let stale = discovered(&database).await;
        with_texts(&database, &["1", "01"]).await;
        let task = queue(&discovered(&database).await, request).await;
        let task = work(&stale, &task).await;
        assert_eq!(task.status, Status::Success, "{}", task.error_message);
        let one = names(&database).await.into_iter().find(|(key, _)| key == "1");
        let name = if task.total_records == 2 { "new" } else { "is 1" };
        assert_eq!(one, named(&[("1", name)]).pop(), "{}", task.operation);
        assert_eq!(task.succeeded_records, task.total_records);
    }
}

async fn a_task_of_other_keys_ends_with_the_reason(database: TestDatabase) {
    with_numbers(&database).await;
    let old = discovered(&database).await;
    let request = || in_background(update("part", Selection::All, [("name", Some("new"))]));
    let said = |task: &BulkTask| {
        assert_eq!((task.status, task.succeeded_records), (Status::Failure, 0), "{task:?}");
        let reason = "the key of part was id (whole number) when task";
        assert!(task.error_message.contains(reason), "{}", task.error_message);
    };
    let task = queue(&old, request()).await;
    with_texts(&database, &["1", "01"]).await;
    let before = names(&database).await;
    let task = work(&old, &task).await;
    said(&task);
    assert_eq!(names(&database).await, before);
    // Nor are they done by a retry.
    let fresh = discovered(&database).await;
    let retried = bulk::retry(&fresh, &User::operator(), task.id).await;
    assert!(matches!(&retried, Err(Error::NotAllowed(why)) if why.contains("submit it again")), "{retried:?}");
    assert_eq!(work(&fresh, &queue(&fresh, request()).await).await.status, Status::Success);
}

/// A text is stored as it was typed, and found by what it is.
async fn values_are_those_of_the_column_that_is_there(database: TestDatabase) {
    with_numbers(&database).await;
    let (_, api) = served(&database).await;
    with_texts(&database, &["1"]).await;
    if database.kind == Kind::Sqlite {
        assert_eq!(api.get(&format!("{RECORDS}?price=10")).await.expect(200).keys(), [""; 0]);
        with_numbers(&database).await;
        assert_eq!(api.get(&format!("{RECORDS}?price=10")).await.expect(200).keys(), ["1"]);
        with_texts(&database, &["1"]).await;
    }
    let one = format!("{RECORDS}/1");
    api.patch(&one, json!({"price": "007"})).await.expect_problem(409, "TABLES_CHANGED", &[]);
    assert_eq!(api.patch(&one, json!({"price": "007"})).await.expect(200).json["fields"]["price"], "007");
    with_numbers(&database).await;
    let (_, api) = served(&database).await;
    with_texts(&database, &["1"]).await;
    let new = json!({"id": "3", "price": "008"});
    api.post(RECORDS, new.clone()).await.expect_problem(409, "TABLES_CHANGED", &[]);
    assert_eq!(names(&database).await.len(), 1);
    assert_eq!(api.post(RECORDS, new).await.expect(201).json["fields"]["price"], "008");
}

/// Whole numbers find the same records when there is room for larger ones.
async fn wider_keys_are_the_same_keys(database: TestDatabase) {
    with_numbers(&database).await;
    let old = discovered(&database).await;
    let task = queue(&old, in_background(update("part", Selection::All, [("name", Some("new"))]))).await;
    let wider = match database.kind {
        Kind::Sqlite => "ALTER TABLE part ADD COLUMN place varchar(20);",
        Kind::Postgres => "ALTER TABLE part ALTER id TYPE bigint;",
        Kind::Mysql => "ALTER TABLE part MODIFY id bigint NOT NULL;",
    };
    database.execute(wider).await;
    let task = work(&old, &task).await;
    assert_eq!((task.status, task.succeeded_records), (Status::Success, 2), "{}", task.error_message);
    assert_eq!(names(&database).await, named(&[("1", "new"), ("2", "new")]));
}

async fn a_resource_comes_back(database: TestDatabase) {
    with_numbers(&database).await;
    let (_, api) = served(&database).await;
    database.execute("DROP TABLE part;").await;
    for _ in 0..3 {
        api.get(RECORDS).await.expect_problem(404, "UNKNOWN_RESOURCE", &[]);
    }
    with_numbers(&database).await;
    // Whoever asks for what is not there does not have the catalog read each time.
    let found = async || {
        for _ in 0..30 {
            if api.get(RECORDS).await.status == 200 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    };
    assert!(found().await, "the table is there again");
    database.execute("DROP TABLE part;").await;
    api.patch(&format!("{RECORDS}/1"), json!({"name": "new"})).await.expect(409);
    api.patch(&format!("{RECORDS}/1"), json!({"name": "new"})).await.expect_problem(404, "UNKNOWN_RESOURCE", &[]);
    with_numbers(&database).await;
    assert!(found().await, "the table is there again");
}

async fn lost_rights_are_told(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        with_numbers(&database).await;
        powercrud::db::migrate(&database).await.expect("the owner makes the tables");
        let (_, owner) = served(&database).await;
        owner.get(RECORDS).await.expect(200);
        database.execute(&format!("GRANT SELECT, INSERT, UPDATE ON part TO {};", role.name)).await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let app = loop {
            match PowerCrud::builder(few.clone()).open_to_everybody().discover(true).build().await {
                Ok(app) => break app,
                Err(Error::MissingRights { grants, .. }) => database.execute(&grants.join("\n")).await,
                Err(error) => panic!("{error}"),
            }
        };
        let api = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Admin]).await);
        api.get(RECORDS).await.expect(200);
        database.execute(&format!("REVOKE SELECT ON part FROM {};", role.name)).await;
        for _ in 0..2 {
            api.get(RECORDS).await.expect_problem(403, "UNREADABLE", &["part", "may not read"]);
        }
        let all = api.get("/api/v1/resources").await.expect(200).json;
        assert!(!all.to_string().contains("\"part\""), "{all:#}");
        database.execute(&format!("GRANT SELECT ON part TO {};", role.name)).await;
        // The tables are read again once a second at most.
        let deadline = Instant::now() + Duration::from_secs(30);
        while api.get(RECORDS).await.status == 403 {
            assert!(Instant::now() < deadline, "the right that was given back is not seen");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        api.get(RECORDS).await.expect(200);
    })
    .await;
}
