//! Values of megabytes: what lists many records reads no more of each than there is room for, and nothing is lost by that.

use axum::{
    body::Body,
    http::{Method, Request},
};
use powercrud::{PowerCrud, Selection, Settings};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Answer, send};
use crate::{
    shop::{carry_out, discovered, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    lists_read_the_beginnings, a_record_gives_the_whole, what_is_too_long_is_not_edited, results_come_in_pages_that_fit,
    fields_of_many_kinds_are_bounded, answers_together_are_bounded
}
each_database! { [sqlite] any_column_may_hold_a_long_text }

const MEGABYTE: usize = 1024 * 1024;

/// SQL for a text of that many letters.
fn letters(kind: Kind, number: usize) -> String {
    match kind {
        Kind::Sqlite => format!("replace(hex(zeroblob({})), '00', 'ab')", number / 2),
        _ => format!("REPEAT('ab', {})", number / 2),
    }
}

/// Notes, each with a body of so many letters.
async fn notes(database: &TestDatabase, number: usize, length: usize) -> PowerCrud {
    let (integer, text) = match database.kind {
        Kind::Sqlite => ("INTEGER", "TEXT"),
        Kind::Postgres => ("INT", "TEXT"),
        Kind::Mysql => ("INT", "LONGTEXT"),
    };
    database
        .execute(&format!("CREATE TABLE note (id {integer} NOT NULL PRIMARY KEY, title VARCHAR(40), body {text});"))
        .await;
    for id in 1..=number {
        let body = letters(database.kind, length);
        database.execute(&format!("INSERT INTO note VALUES ({id}, 'note {id}', {body});")).await;
    }
    discovered(database).await
}

async fn get(app: &PowerCrud, path: &str) -> Answer {
    send(&app.router(), None, Method::GET, path, &[], "").await
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).expect("JSON")
}

async fn lists_read_the_beginnings(database: TestDatabase) {
    let app = notes(&database, 30, MEGABYTE / 2).await;
    for path in ["/resources/note?page_size=100", "/resources/note?q=note"] {
        let list = get(&app, path).await.expect(200);
        assert!(list.text.len() < 200_000, "{path}: {} bytes", list.text.len());
        assert!(list.text.contains("ababab") && list.text.contains("524,288 bytes"), "{}", list.text);
    }
    let list = get(&app, "/api/v1/resources/note/records?page_size=1000").await.expect(200);
    assert!(list.text.len() < 100_000, "{} bytes", list.text.len());
    let list = json(&list);
    assert_eq!(list["records"].as_array().map(Vec::len), Some(30));
    let record = &list["records"][0];
    // Left out, so that nobody sends it back as the value.
    assert_eq!((&record["fields"]["title"], &record["fields"]["body"]), (&"note 1".into(), &Value::Null));
    assert!(record["fields"].get("body").is_none(), "{record}");
    assert_eq!(record["long_fields"]["body"]["bytes"], MEGABYTE / 2);
    assert!(record["long_fields"]["body"]["beginning"].as_str().is_some_and(|text| text.starts_with("abab")));
    // What is short is given as ever.
    database.execute("UPDATE note SET body = 'short' WHERE id = 2;").await;
    let list = json(&get(&app, "/api/v1/resources/note/records?page_size=1000").await.expect(200));
    assert_eq!(list["records"][1]["fields"]["body"], "short");
    assert!(list["records"][1].get("long_fields").is_none(), "{}", list["records"][1]);
}

async fn a_record_gives_the_whole(database: TestDatabase) {
    let app = notes(&database, 1, 3 * MEGABYTE).await;
    let path = "/api/v1/resources/note/records/1";
    let answer = get(&app, path).await.expect(200);
    assert_eq!(json(&answer)["fields"]["body"].as_str().map(str::len), Some(3 * MEGABYTE));
    // Its ETag holds for a change of another field.
    let etag = answer.headers["etag"].to_str().expect("text").to_owned();
    let headers = [("content-type", "application/json"), ("if-match", etag.as_str())];
    let body = json!({"title": "changed"}).to_string();
    let changed = send(&app.router(), None, Method::PATCH, path, &headers, &body).await.expect(200);
    assert_eq!(json(&changed)["fields"]["body"].as_str().map(str::len), Some(3 * MEGABYTE));
    send(&app.router(), None, Method::PATCH, path, &headers, &body).await.expect(412);
    // MariaDB has no longer ones than its packets, which are of 16 MB.
    if database.kind == Kind::Mysql {
        return;
    }
    // More than that is nobody's to read at once.
    let larger = letters(database.kind, 24 * MEGABYTE);
    database.execute(&format!("UPDATE note SET body = {larger};")).await;
    let answer = get(&app, path).await.expect(200);
    assert!(answer.text.len() < 10_000, "{} bytes", answer.text.len());
    assert_eq!(json(&answer)["long_fields"]["body"]["bytes"], 24 * MEGABYTE);
    let etag = answer.headers["etag"].to_str().expect("text").to_owned();
    let headers = [("content-type", "application/json"), ("if-match", etag.as_str())];
    send(&app.router(), None, Method::PATCH, path, &headers, r#"{"title": "again"}"#).await.expect(200);
    send(&app.router(), None, Method::DELETE, path, &[], "").await.expect(204);
}

/// An answer that nobody takes keeps its room, and who finds none is told so.
async fn answers_together_are_bounded(database: TestDatabase) {
    notes(&database, 30, 30_000).await;
    let settings = Settings { discover: true, request_memory: MEGABYTE as u64, ..Settings::default() };
    let app = PowerCrud::builder(database).open_to_everybody().all_settings(settings).build().await.expect("it builds");
    let list = "/api/v1/resources/note/records?page_size=1000";
    let request = Request::get(list).body(Body::empty()).expect("a request");
    let untaken = app.router().oneshot(request).await.expect("an answer");
    assert_eq!(untaken.status(), 200);
    let (refused, page, small) =
        tokio::join!(get(&app, list), get(&app, "/resources/note?page_size=1000"), get(&app, "/healthz"));
    let refused = refused.expect(503);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(json(&refused)["code"], "SERVER_BUSY");
    assert!(refused.text.contains("1 MiB"), "{}", refused.text);
    let page = page.expect(503);
    assert!(page.headers.contains_key("retry-after") && page.text.contains("The server is busy"), "{}", page.text);
    small.expect(200);
    drop(untaken);
    let list = get(&app, list).await.expect(200);
    assert_eq!(json(&list)["records"].as_array().map(Vec::len), Some(30));
    // What is larger than all there is takes all of it.
    let body = json!({"title": "new", "body": "x".repeat(MEGABYTE)}).to_string();
    let path = "/api/v1/resources/note/records/1";
    send(&app.router(), None, Method::PATCH, path, &[("content-type", "application/json")], &body).await.expect(200);
}

async fn what_is_too_long_is_not_edited(database: TestDatabase) {
    let app = notes(&database, 1, 2 * MEGABYTE).await;
    let page = get(&app, "/resources/note/records/1").await.expect(200);
    assert!(page.text.len() < 50_000, "{} bytes", page.text.len());
    assert!(page.text.contains("2,097,152 bytes"), "{}", page.text);
    let form = get(&app, "/resources/note/records/1/edit").await.expect(200);
    assert!(form.text.len() < 50_000, "{} bytes", form.text.len());
    assert!(
        form.text.contains("Not to be edited here: ") && form.text.contains("Body (2,097,152 bytes)"),
        "{}",
        form.text
    );
    assert!(!form.text.contains("name=\"body\""), "{}", form.text);
    // Saving leaves it alone, also where somebody sends it.
    for sent in ["title=other", "title=third&body=gone"] {
        send(&app.router(), None, Method::POST, "/resources/note/records/1/edit", &[], sent).await.expect(303);
    }
    let row = database.connection().query_one_raw(statement(&database, "SELECT title, length(body) FROM note")).await;
    let row = row.expect("a query").expect("a row");
    let length = row.try_get_by_index::<i64>(1).or_else(|_| row.try_get_by_index::<i32>(1).map(i64::from));
    assert_eq!(row.try_get_by_index::<String>(0).expect("a title"), "third");
    assert_eq!(length.expect("a length"), 2 * MEGABYTE as i64);
    // What has become too long while somebody edited it is not overwritten.
    database.execute("UPDATE note SET body = 'short' WHERE id = 1;").await;
    let form = get(&app, "/resources/note/records/1/edit").await.expect(200).text;
    let seen = form.split_once("name=\"powercrud_seen\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let seen = seen.expect("what was seen").0.replace("&amp;", "%26").replace('=', "%3D");
    let long = letters(database.kind, 2 * MEGABYTE);
    database.execute(&format!("UPDATE note SET body = {long};")).await;
    let sent = format!("powercrud_seen={seen}&title=third&body=mine");
    let told = send(&app.router(), None, Method::POST, "/resources/note/records/1/edit", &[], &sent).await.expect(409);
    assert!(told.text.contains("omebody has changed it") && told.text.len() < 50_000, "{} bytes", told.text.len());
    // Neither the dialog's preview nor a record's history is longer.
    let task = carry_out(&app, update("note", Selection::All, [("body", Some("new"))])).await;
    assert_eq!(task.succeeded_records, 1);
    for path in ["/resources/note/records/1".to_owned(), format!("/tasks/{}", task.id)] {
        let page = get(&app, &path).await.expect(200);
        assert!(page.text.len() < 100_000, "{path}: {} bytes", page.text.len());
    }
}

fn statement(database: &TestDatabase, sql: &str) -> sea_orm::Statement {
    sea_orm::Statement::from_string(database.connection().get_database_backend(), sql)
}

async fn results_come_in_pages_that_fit(database: TestDatabase) {
    use powercrud::task::results::{Outcome, Results};

    let app = notes(&database, 100, MEGABYTE / 2).await;
    let task = carry_out(&app, update("note", Selection::All, [("title", Some("done"))])).await;
    let mut results = Results::new(&app, task.clone(), Outcome::Succeeded).expect("results");
    let mut sizes = Vec::new();
    while let Some(records) = results.next_page().await.expect("a page") {
        let bytes: usize =
            records.iter().flat_map(|record| record.values.iter().flatten().flatten()).map(String::len).sum();
        assert!(bytes <= 33 * MEGABYTE, "{bytes}");
        sizes.push(records.len());
    }
    assert_eq!((sizes.iter().sum::<usize>(), sizes.len()), (100, 2), "{sizes:?}");
    let file = get(&app, &format!("/tasks/{}/results/succeeded.jsonl", task.id)).await.expect(200);
    assert_eq!(file.text.lines().count(), 100);
    assert!(file.text.len() > 50 * MEGABYTE, "they are whole: {}", file.text.len());
    let page = get(&app, &format!("/tasks/{}?outcome=succeeded", task.id)).await.expect(200);
    assert!(page.text.len() < 200_000, "{}", page.text.len());
}

/// JSON, and a table with more long fields than its page has room for.
async fn fields_of_many_kinds_are_bounded(database: TestDatabase) {
    let (integer, document, text) = match database.kind {
        Kind::Sqlite => ("INTEGER", "JSON", "TEXT"),
        Kind::Postgres => ("INT", "JSONB", "TEXT"),
        Kind::Mysql => ("INT", "JSON", "LONGTEXT"),
    };
    let columns: Vec<_> = (0..20).map(|number| format!("c{number} {text}")).collect();
    database
        .execute(&format!(
            "CREATE TABLE wide (id {integer} NOT NULL PRIMARY KEY, doc {document}, {});",
            columns.join(", ")
        ))
        .await;
    let letters = letters(database.kind, 30_000);
    let doc = match database.kind {
        Kind::Postgres => format!("to_jsonb({letters})"),
        Kind::Mysql => format!("CONCAT('\"', {letters}, '\"')"),
        Kind::Sqlite => format!("'\"' || {letters} || '\"'"),
    };
    for id in 1..=100 {
        let values = vec![letters.as_str(); 20].join(", ");
        database.execute(&format!("INSERT INTO wide VALUES ({id}, {doc}, {values});")).await;
    }
    let app = discovered(&database).await;
    let list = get(&app, "/api/v1/resources/wide/records?page_size=100").await.expect(200);
    assert!(list.text.len() < 40 * MEGABYTE, "{} bytes", list.text.len());
    let few = json(&get(&app, "/api/v1/resources/wide/records?page_size=10").await.expect(200));
    assert_eq!(few["records"][0]["fields"]["doc"].as_str().map(str::len), Some(30_000), "there is room for few");
    let page = get(&app, "/resources/wide?page_size=100").await.expect(200);
    assert!(page.text.len() < 5 * MEGABYTE, "{} bytes", page.text.len());
}

async fn any_column_may_hold_a_long_text(database: TestDatabase) {
    let long = letters(Kind::Sqlite, 2 * MEGABYTE);
    database
        .execute(&format!(
            "CREATE TABLE odd (id INTEGER PRIMARY KEY, number INT, day DATE, size BLOB, name VARCHAR(10));
             INSERT INTO odd VALUES (1, {long}, {long}, {long}, {long});
             INSERT INTO odd VALUES (2, CAST({long} AS BLOB), CAST({long} AS BLOB), CAST({long} AS BLOB), CAST({long} AS BLOB));
             INSERT INTO odd VALUES (3, zeroblob(4000000), zeroblob(4000000), zeroblob(4000000), zeroblob(4000000));
             INSERT INTO odd VALUES (4, 7, '2026-01-31', x'0102', 'short');"
        ))
        .await;
    let app = discovered(&database).await;
    for path in
        ["/resources/odd", "/resources/odd/records/1", "/resources/odd/records/2", "/resources/odd/records/3/edit"]
    {
        let page = get(&app, path).await.expect(200);
        assert!(page.text.len() < 100_000, "{path}: {} bytes", page.text.len());
    }
    let list = json(&get(&app, "/api/v1/resources/odd/records").await.expect(200));
    assert!(list.to_string().len() < 50_000, "{}", list.to_string().len());
    assert_eq!(list["records"][0]["long_fields"]["number"]["bytes"], 2 * MEGABYTE);
    assert_eq!(list["records"][1]["fields"]["size"], 2 * MEGABYTE);
    let short = &list["records"][3]["fields"];
    assert_eq!(short, &json!({"id": 4, "number": 7, "day": "2026-01-31", "size": 2, "name": "short"}));
}
