//! Two who change the same record: neither overwrites what it has not seen.

use powercrud::{Error, User, record, record::Expected};
use serde_json::json;

use super::{one, open, page::Form};
use crate::support::{TestDatabase, each_database};

each_database! { two_tabs, an_etag_that_is_late, expected_values, line_ends_stay }

async fn books(database: &TestDatabase) {
    database
        .execute(
            "CREATE TABLE book (id integer PRIMARY KEY, title varchar(40) NOT NULL, stock integer, pages integer, blurb varchar(200));
             INSERT INTO book VALUES (7, 'Seven', 10, 100, NULL), (8, 'Eight', 10, 100, NULL);",
        )
        .await;
}

const EDIT: &str = "/resources/book/records/7/edit";

async fn two_tabs(database: TestDatabase) {
    books(&database).await;
    let mut shown = open(&database).await;
    let a = Form::read(&shown.browser.get(EDIT).await.expect(200).text, EDIT);
    let b = a.clone();
    // B touches another field than A: both are kept.
    shown.browser.post(EDIT, &a.with("stock", "11").body()).await.location();
    shown.browser.post(EDIT, &b.with("pages", "120").body()).await.location();
    let held = "SELECT concat(stock, ' ', pages, ' ', title) FROM book WHERE id = 7";
    let held = if database.kind == crate::support::Kind::Sqlite {
        "SELECT stock || ' ' || pages || ' ' || title FROM book WHERE id = 7"
    } else {
        held
    };
    assert_eq!(one(&database, held).await, "11 120 Seven");
    // B touches the same field too: both values are shown, and nothing of the form is written.
    let late = shown.browser.post(EDIT, &b.with("stock", "12").with("title", "Sieben").body()).await.expect(409);
    let again = Form::read(&late.text, EDIT);
    late.holds(&["Somebody has changed it since you opened it", "It is “11” now", "Keep theirs: “11”"]);
    assert_eq!(one(&database, held).await, "11 120 Seven");
    // What was not touched is what is saved now.
    assert_eq!((again.get("stock"), again.get("pages"), again.get("title")), ("12", "120", "Sieben"));
    // Theirs stays, mine goes with the rest.
    let theirs = again.choosing("powercrud_choice.stock", "theirs");
    shown.browser.post(EDIT, &theirs.body()).await.location();
    assert_eq!(one(&database, held).await, "11 120 Sieben");
    // Mine: what was seen is overwritten, what was changed after that is not.
    let late = shown.browser.post(EDIT, &b.with("stock", "13").body()).await.expect(409);
    let again = Form::read(&late.text, EDIT);
    database.execute("UPDATE book SET stock = 14 WHERE id = 7;").await;
    let late = shown.browser.post(EDIT, &again.body()).await.expect(409).holds(&["Keep theirs: “14”"]);
    // Whoever has not chosen is asked again.
    let again = Form::read(&late.text, EDIT);
    let late = shown.browser.post(EDIT, &again.body()).await.expect(409).lacks(&["checked"]);
    assert_eq!(one(&database, held).await, "14 120 Sieben");
    let mine = Form::read(&late.text, EDIT).choosing("powercrud_choice.stock", "mine");
    shown.browser.post(EDIT, &mine.body()).await.location();
    assert_eq!(one(&database, held).await, "13 120 Sieben");
    // Somebody else typed the same: nothing to ask.
    let c = Form::read(&shown.browser.get(EDIT).await.text, EDIT);
    database.execute("UPDATE book SET stock = 15 WHERE id = 7;").await;
    shown.browser.post(EDIT, &c.with("stock", "15").with("pages", "130").body()).await.location();
    assert_eq!(one(&database, held).await, "15 130 Sieben");
    // A mistake elsewhere in the form does not lose what it was opened with.
    let d = Form::read(&shown.browser.get(EDIT).await.text, EDIT);
    database.execute("UPDATE book SET stock = 16 WHERE id = 7;").await;
    let bad = shown.browser.post(EDIT, &d.with("stock", "17").with("pages", "many").body()).await.expect(422);
    let bad = Form::read(&bad.text, EDIT);
    assert_eq!(bad.get("pages"), "many");
    shown.browser.post(EDIT, &bad.with("pages", "140").body()).await.expect(409).holds(&["Keep theirs: “16”"]);
}

async fn an_etag_that_is_late(database: TestDatabase) {
    books(&database).await;
    let shown = open(&database).await;
    let path = "/api/v1/resources/book/records/7";
    let read = shown.api.get(path).await.expect(200);
    let etag = read.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 10, "{etag}");
    let changed = shown.api.with("if-match", &etag).patch(path, json!({"stock": 11})).await.expect(200);
    let next = changed.header("etag").to_owned();
    assert_ne!(etag, next);
    assert_eq!(shown.api.get(path).await.header("etag"), next);
    let late = shown.api.with("if-match", &etag);
    late.patch(path, json!({"pages": 1})).await.expect_problem(412, "STALE_RECORD", &["ook 7"]);
    late.delete(path).await.expect_problem(412, "STALE_RECORD", &[]);
    assert_eq!(shown.api.get(path).await.json["fields"]["pages"], 100);
    for (header, status, code) in
        [("oops", 400, "INVALID_HEADER"), ("", 412, "STALE_RECORD"), (" , ", 412, "STALE_RECORD")]
    {
        let client = shown.api.with("if-match", header);
        client.patch(path, json!({"pages": 1})).await.expect_problem(status, code, &[]);
        client.delete(path).await.expect_problem(status, code, &[]);
    }
    let several = format!("\"other\", {next}");
    shown.api.with("if-match", &several).patch(path, json!({"pages": 2})).await.expect(200);
    shown.api.with("if-match", "*").patch(path, json!({"pages": 3})).await.expect(200);
    let etag = shown.api.get(path).await.header("etag").to_owned();
    shown.api.with("if-match", &etag).delete(path).await.expect(204);
    let document = shown.api.get("/api/openapi.json").await.expect(200).json;
    let operations = &document["paths"]["/api/v1/resources/{resource}/records/{key}"];
    for operation in ["patch", "delete"] {
        let operation = &operations[operation];
        assert!(operation["responses"]["412"].is_object(), "{operation}");
        assert!(operation["parameters"].to_string().contains("If-Match"), "{operation}");
    }
    assert!(operations["get"]["responses"]["200"]["headers"]["ETag"].is_object());
}

async fn expected_values(database: TestDatabase) {
    books(&database).await;
    let shown = open(&database).await;
    let book = shown.app.resource("book").expect("a resource");
    let update = |stock: &str, expected: Expected| {
        let inputs = [("stock".to_owned(), Some(stock.to_owned())), ("blurb".to_owned(), Some(stock.to_owned()))];
        let app = shown.app.clone();
        async move { record::update_expecting(&app, &User::operator(), book, "8", &inputs, &expected).await }
    };
    update("11", Expected::default().value("stock", Some("10")).value("blurb", None)).await.expect("as expected");
    let late = update("12", Expected::default().value("stock", Some("10"))).await;
    assert!(matches!(&late, Err(Error::FieldsChanged { fields, .. }) if fields == &["stock"]), "{late:?}");
    // A value that is not to be changed is nobody's business.
    update("12", Expected::default().value("pages", Some("1"))).await.expect("a change");
    let row = record::get(&shown.app, book, "8").await.expect("the book");
    update("13", Expected::default().etag([record::etag(book, &row)])).await.expect("a change");
    let late = update("14", Expected::default().etag([record::etag(book, &row)])).await;
    assert!(matches!(late, Err(Error::StaleRecord { .. })), "{late:?}");
}

/// A text of several lines keeps its line ends where somebody writes on it.
async fn line_ends_stay(database: TestDatabase) {
    books(&database).await;
    let mut shown = open(&database).await;
    for (text, end) in [("a\nb", "\n"), ("a\r\nb", "\r\n"), ("a\rb", "\r")] {
        let book = shown.app.resource("book").expect("a resource");
        let input = [("blurb".to_owned(), Some(text.to_owned()))];
        record::update(&shown.app, &User::operator(), book, "7", &input).await.expect("a change");
        let form = Form::read(&shown.browser.get(EDIT).await.text, EDIT);
        assert_eq!(form.get("blurb"), "a\nb");
        shown.browser.post(EDIT, &form.with("blurb", "a\nb\nc").body()).await.location();
        let row = record::get(&shown.app, book, "7").await.expect("the book");
        assert_eq!(row.cells[4].value.to_text(), format!("a{end}b{end}c"));
    }
}
