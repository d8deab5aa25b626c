//! Many-to-many fields on the pages: the bulk dialog, its preview, the task's words, and the record.

use powercrud::PowerCrud;

use super::browser::{Answer, Browser, encode};
use crate::support::{TestDatabase, each_database};

each_database! { in_the_dialog, what_hangs_on_links, without_scripts, a_mistake_keeps_what_was_chosen, two_of_one_name_are_told_apart }

/// The shop with labels that books can have.
async fn labelled(database: TestDatabase) -> Browser {
    super::shop(&database).await;
    database
        .execute(
            "CREATE TABLE label (id integer PRIMARY KEY, name varchar(40) NOT NULL);
             CREATE TABLE book_label (book_id integer NOT NULL, label_id integer NOT NULL, PRIMARY KEY (book_id, label_id),
               FOREIGN KEY (book_id) REFERENCES book (id) ON DELETE CASCADE,
               FOREIGN KEY (label_id) REFERENCES label (id));
             INSERT INTO label VALUES (1, 'Sale'), (2, 'New & <b>old</b>'), (3, 'Three');
             INSERT INTO book_label VALUES (1, 3), (2, 1), (2, 3);",
        )
        .await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("a shop");
    Browser::new(app.router())
}

async fn dialog(browser: &mut Browser, list: &str) -> Answer {
    browser.post("/resources/book/selection", &format!("action=all&list={}", encode(list))).await.location();
    browser.in_dialog().get("/resources/book/bulk-edit").await.expect(200)
}

async fn in_the_dialog(database: TestDatabase) {
    let mut browser = labelled(database).await;
    let choices = browser.with("hx-request", "true").get("/resources/book/choices/labels?q=sal&id=c").await.expect(200);
    choices.holds(&["data-value=\"1\" data-text=\"Sale\""]).lacks(&["Three"]);
    let dialog = dialog(&mut browser, "id__lte=4").await;
    let dialog = dialog.holds(&["What to do with Labels", "Replace all by", "/resources/book/choices/labels"]);
    let form = format!(
        "change=labels&links.labels=add&set.labels=1&set.labels=2&keys.labels=half+typed&selection={}",
        dialog.hidden("selection")
    );
    let preview = browser.in_dialog().post("/resources/book/bulk-edit/preview", &form).await.expect(200);
    preview.holds(&["4 books will change", "Book 01", "Labels", "Three", "Sale"]).lacks(&["<b>old</b>"]);
    let form = form.replace("half+typed", "");
    let answer = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    assert_eq!(answer.events()["bulkEditSuccess"]["message"], "4 books changed.");
    browser.get("/tasks").await.holds(&["Labels: add Sale, New &amp; &lt;b&gt;old"]);
    let record = browser.get("/resources/book/records/1").await.expect(200);
    record.holds(&["/resources/label/records/1", "/resources/label/records/2", "/resources/label/records/3"]);
    browser.get("/resources/label/records/1").await.expect(200).holds(&[
        "Books",
        "Book 04",
        "/resources/book/records/2",
    ]);
}

/// A preview tells what becomes of it.
async fn what_hangs_on_links(database: TestDatabase) {
    super::shop(&database).await;
    database
        .execute(
            "CREATE TABLE label (id integer PRIMARY KEY, name varchar(40) NOT NULL);
             CREATE TABLE book_label (book_id integer NOT NULL, label_id integer NOT NULL, PRIMARY KEY (book_id, label_id),
               FOREIGN KEY (book_id) REFERENCES book (id) ON DELETE CASCADE,
               FOREIGN KEY (label_id) REFERENCES label (id));
             CREATE TABLE remark (id integer PRIMARY KEY, book integer, label integer,
               FOREIGN KEY (book, label) REFERENCES book_label (book_id, label_id) ON DELETE CASCADE);
             CREATE TABLE proof (id integer PRIMARY KEY, book integer, label integer,
               FOREIGN KEY (book, label) REFERENCES book_label (book_id, label_id));
             INSERT INTO label VALUES (1, 'Sale'), (2, 'Two');
             INSERT INTO book_label VALUES (1, 1), (2, 1), (3, 1);
             INSERT INTO remark VALUES (1, 1, 1), (2, 1, 1), (3, 2, 1);
             INSERT INTO proof VALUES (1, 2, 1);",
        )
        .await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("a shop");
    let mut browser = Browser::new(app.router());
    let selection = dialog(&mut browser, "id__lte=4").await.hidden("selection");
    let form = format!("change=labels&links.labels=clear&selection={selection}");
    let preview = browser.in_dialog().post("/resources/book/bulk-edit/preview", &form).await.expect(200);
    preview.holds(&[
        "2 books could change, 1 will fail because other records refer to links that would go",
        "This also concerns other records",
        "2 remarks are deleted too, with",
        "1 proof refers to",
        "which would be deleted as book, label",
    ]);
}

/// Whole pages, keys typed with commas, and "remove all" whatever else is chosen.
async fn without_scripts(database: TestDatabase) {
    let mut browser = labelled(database).await;
    let selection = dialog(&mut browser, "id__lte=3").await.hidden("selection");
    let form = format!("change=labels&links.labels=replace&keys.labels=1,+2&selection={selection}");
    let preview = browser.post("/resources/book/bulk-edit/preview", &form).await.expect(200);
    preview.holds(&["<html", "3 books will change", "keys.labels"]);
    browser.post("/resources/book/bulk-edit", &form).await.expect(200).holds(&["3 books changed."]);
    browser.get("/resources/book/records/2").await.holds(&["Sale"]).lacks(&["Three"]);
    let selection = dialog(&mut browser, "id__lte=3").await.hidden("selection");
    let form = format!("change=labels&links.labels=clear&set.labels=1&selection={selection}");
    browser.post("/resources/book/bulk-edit", &form).await.expect(200);
    // Its history still tells of what was there.
    browser.get("/resources/book/records/2").await.holds(&["only Sale, New"]).lacks(&["/resources/label/records"]);
    browser.get("/tasks").await.holds(&["Labels: only Sale, New", "Labels: remove all on 3 books"]);
}

async fn a_mistake_keeps_what_was_chosen(database: TestDatabase) {
    let mut browser = labelled(database).await;
    let selection = dialog(&mut browser, "id__lte=3").await.hidden("selection");
    let form = format!("change=labels&links.labels=remove&set.labels=3&keys.labels=Sale&selection={selection}");
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    refused.holds(&[
        "is no key of label",
        "value=\"remove\" selected",
        "value=\"3\" checked",
        "Three",
        "value=\"Sale\"",
    ]);
    let form = format!("change=labels&links.labels=add&selection={selection}");
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    refused.holds(&["Choose at least one"]);
    let form = format!("change=labels&links.labels=add&set.labels=9&selection={selection}");
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    refused.holds(&["There is no label with id 9"]);
    browser.get("/resources/book/records/1").await.holds(&["Three"]).lacks(&["Sale"]);
}

async fn two_of_one_name_are_told_apart(database: TestDatabase) {
    let mut browser = labelled(database.clone()).await;
    database.execute("INSERT INTO label VALUES (8, 'Sale');").await;
    let selection = dialog(&mut browser, "id__lte=4").await.hidden("selection");
    let chosen = format!("change=labels&links.labels=add&set.labels=1&set.labels=8&set.labels=3&selection={selection}");
    let again = browser.in_dialog().post("/resources/book/bulk-edit", &format!("{chosen}&keys.labels=no")).await;
    again.expect(422).holds(&["Sale (1)", "Sale (8)", ">Three<"]);
    browser.in_dialog().post("/resources/book/bulk-edit", &chosen).await.expect(200);
    browser.get("/tasks").await.holds(&["Labels: add Sale (1), Sale (8), Three"]);
    browser.get("/resources/book/records/4").await.holds(&["Sale (1), Sale (8), Three"]);
}
