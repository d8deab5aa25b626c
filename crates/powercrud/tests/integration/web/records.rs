//! One record: shown, created, edited, deleted.

use powercrud::{db::Dialect, record};

use super::open;
use crate::support::{TestDatabase, each_database};

each_database! { records_are_created_edited_and_deleted, markup_stays_text }

async fn records_are_created_edited_and_deleted(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let refused = browser.post("/resources/book/new", "id=99&title=&author_id=&price=abc").await.expect(422);
    refused.holds(&["is not allowed: a decimal number", "value=\"abc\"", "Must have a value", "Create book"]);
    let page = browser
        .post("/resources/book/new", "id=99&title=New+one&author_id=1&price=1.50&status=&published=2026-02-03")
        .await
        .location();
    browser.get(&page).await.expect(200).holds(&[
        "Book New one",
        "The book was created",
        "draft",
        "2026-02-03",
        "Ann Adler",
    ]);
    // Where the database gives keys itself, it did.
    let record_page = page.split('?').next().expect("a path").to_owned();
    let key = record_page.rsplit('/').next().expect("a key").to_owned();
    let edit = format!("{record_page}/edit");
    browser.get(&edit).await.expect(200).holds(&["value=\"New one\"", "data-text=\"Ann Adler\""]);
    browser.post(&edit, "title=New+one&author_id=&price=1.50").await.expect(422).holds(&["Must have a value"]);
    let unique = browser.post(&edit, "title=Newer&isbn=isbn-1").await.expect(422);
    unique.holds(&["nother record already has this value", "isbn-1", "Newer"]);
    // What the form shows and nobody touches is not written.
    browser.post(&edit, "title=Newer&author_id=2&price=1.50&status=draft").await.location();
    let book = app.resource("book").expect("books");
    let row = record::get(&app, book, &key).await.expect("the book");
    let texts: Vec<_> = row.cells.iter().map(|cell| cell.value.to_text()).collect();
    // SQLite keeps decimals as floating point.
    let price = if app.database().dialect() == Dialect::Sqlite { "1.5" } else { "1.50" };
    assert_eq!(texts, [&key, "Newer", "2", "", price, "draft", "2026-02-03", ""]);
    browser.get("/resources/book/records/1/delete").await.expect(200).holds(&["This book can", "1 order line refers"]);
    browser.post("/resources/book/records/1/delete", "").await.expect(422).holds(&["Nothing was deleted"]);
    browser.get(&format!("{record_page}/delete")).await.expect(200).holds(&["Delete the book Newer?"]);
    assert_eq!(browser.post(&format!("{record_page}/delete"), "").await.location(), "/resources/book");
    browser.get(&record_page).await.expect(404).holds(&["There is no book with key"]);
}

async fn markup_stays_text(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let escaped = "&lt;b&gt;Bob&lt;/b&gt; &amp; &quot;Co&quot;";
    for path in [
        "/resources/author",
        "/resources/author/records/2",
        "/resources/author/records/2/edit",
        "/resources/book",
        "/resources/book/choices/author_id?q=Bob",
    ] {
        browser.get(path).await.expect(200).holds(&[escaped]).lacks(&["<b>Bob"]);
    }
    browser.get("/resources/book?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await.expect(200).lacks(&["<script>alert"]);
    browser.get("/resources/%3Cscript%3E").await.expect(404).lacks(&["<script>\""]);
}
