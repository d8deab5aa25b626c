//! List, select, dialog, submit, task page.

use powercrud::{PowerCrud, query};
use tokio_util::sync::CancellationToken;

use super::{
    browser::{Answer, Browser, encode},
    open,
};
use crate::support::{TestDatabase, each_database};

each_database! {
    few_records_change_at_once,
    many_records_change_in_the_background,
    a_conflict_keeps_the_dialog_and_its_input,
    a_delete_says_what_is_in_its_way,
    what_another_tab_selected_is_not_changed,
    what_matches_only_now_is_not_taken,
    the_button_counts_what_will_change,
    a_held_record_keeps_its_form_open,
    a_dialog_that_can_do_nothing_promises_nothing,
    a_selection_that_is_gone_is_told_as_such,
}

/// The dialog of an operation on the records that `list` matches.
async fn dialog(browser: &mut Browser, list: &str, operation: &str) -> Answer {
    browser.post("/resources/book/selection", &format!("action=all&list={}", encode(list))).await.location();
    browser.in_dialog().get(&format!("/resources/book/{operation}")).await.expect(200)
}

async fn count(app: &PowerCrud, conditions: &[&str]) -> u64 {
    let book = app.resource("book").expect("books");
    let params = query::ListParams::from_conditions(book, conditions).expect("conditions");
    query::count(app, book, &params).await.expect("a count")
}

/// Runs the worker until no task is left.
async fn work(app: &PowerCrud) {
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    let mut browser = Browser::new(app.router());
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if !browser.get("/tasks/badge").await.text.contains("running") {
            stop.cancel();
            return worker.await.expect("the worker lives").expect("the worker works");
        }
    }
    panic!("the task did not end");
}

async fn few_records_change_at_once(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let dialog = dialog(&mut browser, "id__lte=12", "bulk-edit")
        .await
        .holds(&["Edit 12 books", "Change 12 books"])
        .lacks(&["<html"]);
    let form =
        format!("change=status&set.status=archived&change=isbn&null=isbn&selection={}", dialog.hidden("selection"));
    let preview = browser.in_dialog().post("/resources/book/bulk-edit/preview", &form).await.expect(200);
    preview.holds(&["12 books will change", "Book 01", "published", "archived", "isbn-1", "empty"]);
    assert_eq!(count(&app, &["status=archived"]).await, 0, "a preview changes nothing");
    let answer = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    assert_eq!(answer.events()["bulkEditSuccess"]["message"], "12 books changed.");
    assert!(answer.events().get("refreshTable").is_some());
    assert_eq!(count(&app, &["status=archived", "isbn__isnull=true", "id__lte=12"]).await, 12);
    assert_eq!(count(&app, &["status=archived"]).await, 12);
    browser.get("/resources/book").await.lacks(&["books selected"]);
}

async fn many_records_change_in_the_background(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    // Somebody without scripts: whole pages.
    browser.post("/resources/book/selection", "action=all").await.location();
    let page = browser.get("/resources/book/bulk-edit").await.expect(200).holds(&[
        "<html",
        "Edit 60 books",
        "in the background",
    ]);
    let form = format!("change=price&set.price=12.50&selection={}", page.hidden("selection"));
    let answer = browser.post("/resources/book/bulk-edit", &form).await.expect(200);
    assert_eq!(answer.events()["bulkEditQueued"]["message"], "Processing 60 books in the background.");
    let task = answer.links().into_iter().find(|link| link.starts_with("/tasks/")).expect("a link to the task");
    let answer = answer.holds(&["Processing 60 books in the background.", "View status", "No worker is running"]);
    assert_eq!(answer.events()["bulkEditQueued"]["taskId"], task.trim_start_matches("/tasks/"));
    browser.get(&task).await.expect(200).holds(&[
        "Queued",
        "0 of 60 records",
        "every 800ms",
        "sse-connect",
        "Price → 12.50 on 60 books",
    ]);
    browser.get("/resources/book").await.holds(&["1 running", "Price → 12.50 on 60 books"]);
    work(&app).await;
    assert_eq!(count(&app, &["price=12.50"]).await, 60);
    let end = browser.with("hx-request", "true").get(&format!("{task}/progress")).await.expect(200);
    assert!(end.events().get("refreshTable").is_some(), "the list is told that the task has ended");
    end.holds(&["100 %", "60 of 60 records", "Done"]).lacks(&["every 800ms", "sse-close", "<html"]);
    browser.get("/tasks").await.holds(&["59 changed, 1 already had this value"]).lacks(&["every 800ms"]);
    browser.post(&format!("{task}/cancel"), "").await.location();
    browser.post(&format!("{task}/retry"), "").await.expect(403);
}

async fn a_conflict_keeps_the_dialog_and_its_input(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let first = dialog(&mut browser, "", "bulk-edit").await;
    let form = format!("change=price&set.price=1&selection={}", first.hidden("selection"));
    browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    let second = dialog(&mut browser, "id__lte=3", "bulk-edit").await;
    let form = format!("change=notes&set.notes=kept%20input&selection={}", second.hidden("selection"));
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(409);
    refused.holds(&["Another bulk operation is running on books", "kept input", "Try again", "0 %"]).lacks(&["<html"]);
    assert_eq!(count(&app, &["notes__isnull=false"]).await, 0);
    // Once the first has ended, the same form goes through.
    work(&app).await;
    browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    assert_eq!(count(&app, &["notes=kept input"]).await, 3);
}

async fn a_delete_says_what_is_in_its_way(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let many = dialog(&mut browser, "", "bulk-delete").await;
    let many = many.holds(&["Delete 60 books?", "3 books can", "3 order lines refer to them", "Yes, delete 57 books"]);
    let selection = many.hidden("selection");
    let unconfirmed =
        browser.in_dialog().post("/resources/book/bulk-delete", &format!("selection={selection}")).await.expect(422);
    unconfirmed.holds(&["Tick this to confirm", "Delete 57 books"]);
    assert_eq!(count(&app, &[]).await, 60);
    browser
        .in_dialog()
        .post("/resources/book/bulk-delete", &format!("confirm=yes&selection={selection}"))
        .await
        .expect(200);
    work(&app).await;
    assert_eq!(count(&app, &[]).await, 3);
    let tasks = browser.get("/tasks").await.holds(&["57 deleted, 3 failed", "Partly done"]);
    let task = tasks.links().into_iter().find(|link| link.starts_with("/tasks/0")).expect("a task");
    browser.get(&task).await.holds(&["3 records failed", "Retry 3 failed", "/resources/book/records/2"]);
    // Two that go at once, with one that can't: nothing is half done without being told.
    let few = dialog(&mut browser, "", "bulk-delete").await.holds(&["nothing to delete"]).lacks(&["Yes, delete"]);
    few.lacks(&["id=\"dialog-submit\""]);
    // A single one that is tried all the same.
    let kept = browser.post("/resources/book/records/1/delete", "").await.expect(422);
    kept.holds(&["Order lines refer to it (order_line.book_id)"]);
}

async fn what_another_tab_selected_is_not_changed(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let few = dialog(&mut browser, "id__lte=2", "bulk-edit").await.holds(&["Edit 2 books"]);
    browser.post("/resources/book/selection", "action=all").await.location();
    let form = format!("change=notes&set.notes=x&selection={}", few.hidden("selection"));
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    refused.holds(&["The selection has changed", "Edit 60 books"]);
    assert_eq!(count(&app, &["notes=x"]).await, 0);
}

async fn what_matches_only_now_is_not_taken(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let edit = dialog(&mut browser, "title__startswith=Book+0", "bulk-edit").await.holds(&["Edit 9 books"]);
    let delete = browser.in_dialog().get("/resources/book/bulk-delete").await.holds(&["Delete 9 books?"]);
    let form = format!("change=notes&set.notes=x&selection={}", edit.hidden("selection"));
    // Somebody else makes one more of them, and later two fewer.
    browser.post("/resources/book/records/10/edit", "title=Book+0x").await.location();
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    let again = refused.holds(&["The selection has 10 books now, not 9", "Edit 10 books", "Change 10 books"]);
    assert_eq!(count(&app, &["notes=x"]).await, 0);
    let form = format!("selection={}", delete.hidden("selection"));
    let refused = browser.in_dialog().post("/resources/book/bulk-delete", &form).await.expect(422);
    refused.holds(&["The selection has 10 books now, not 9", "Delete 10 books?"]);
    for key in [10, 9] {
        browser.post(&format!("/resources/book/records/{key}/edit"), "title=Other").await.location();
    }
    let form = format!("change=notes&set.notes=x&selection={}", again.hidden("selection"));
    let refused = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    let again = refused.holds(&["The selection has 8 books now, not 10", "Edit 8 books"]);
    assert_eq!((count(&app, &["notes=x"]).await, count(&app, &[]).await), (0, 60));
    let form = format!("change=notes&set.notes=x&selection={}", again.hidden("selection"));
    browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    assert_eq!(count(&app, &["notes=x"]).await, 8);
}

async fn the_button_counts_what_will_change(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let edit = dialog(&mut browser, "id__lte=12", "bulk-edit").await.holds(&["Change 12 books"]);
    let selection = edit.hidden("selection");
    let mut preview = browser.in_dialog();
    let path = "/resources/book/bulk-edit/preview";
    let waiting = preview.post(path, &format!("selection={selection}")).await.expect(200);
    waiting.holds(&["data-submit-label=\"Change 12 books\""]);
    let form = format!("change=status&set.status=draft&selection={selection}");
    let some = preview.post(path, &form).await.expect(200);
    some.holds(&["6 books will change, 6 already have this value.", "data-submit-label=\"Change 6 books\""]);
    browser.post("/resources/book/selection", &format!("action=all&list={}", encode("status=draft"))).await.location();
    let none = preview.post(path, &form).await.expect(200);
    none.holds(&["0 books will change, 30 already have this value.", "data-submit-label=\"\""]);
    let page = browser.post(path, &form).await.expect(200);
    page.holds(&["<html", "0 books will change"]).lacks(&["Change 30 books", "Change 0"]);
}

async fn a_dialog_that_can_do_nothing_promises_nothing(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    browser.post("/resources/author/selection", "action=add&key=1&key=2").await.location();
    let dialog = browser.in_dialog().get("/resources/author/bulk-delete").await.expect(200);
    dialog.holds(&["So there is nothing to delete"]).lacks(&["be undone", "in the background", "id=\"dialog-submit\""]);
    let wrong = dialog_form(&mut browser, "change=price&set.price=abc").await;
    wrong.holds(&["a decimal number", "data-submit-label=\"\"", "data-wrong"]);
}

async fn dialog_form(browser: &mut Browser, form: &str) -> super::browser::Answer {
    browser.post("/resources/book/selection", "action=all").await.location();
    browser.in_dialog().post("/resources/book/bulk-edit/preview", form).await.expect(200)
}

/// Who has lost the session or the cookies learns that the selection is gone, and nothing false about the records.
async fn a_selection_that_is_gone_is_told_as_such(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let all = dialog(&mut browser, "", "bulk-edit").await;
    let form = format!("change=price&set.price=1&selection={}", all.hidden("selection"));
    let other = Browser::new(app.router());
    for path in ["bulk-edit", "bulk-edit/preview", "bulk-delete"] {
        let answer = other.in_dialog().post(&format!("/resources/book/{path}"), &form).await.expect(422);
        answer.holds(&["selection of 60 books", "is gone"]).lacks(&["matches the selection"]);
    }
}

async fn a_held_record_keeps_its_form_open(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    let all = dialog(&mut browser, "", "bulk-edit").await;
    let form = format!("change=price&set.price=1&selection={}", all.hidden("selection"));
    browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    browser
        .get("/resources/book/records/5")
        .await
        .expect(200)
        .holds(&["A bulk task holds this record", "Price → 1 on 60 books"]);
    let refused = browser.post("/resources/book/records/5/edit", "title=Typed+by+hand").await.expect(409);
    refused.holds(&["held by a bulk task", "Typed by hand", "Save"]);
    browser.post("/resources/book/records/5/delete", "").await.expect(409).holds(&["held by a bulk task"]);
    work(&app).await;
    browser.get("/resources/book/records/5").await.expect(200).lacks(&["A bulk task holds"]);
    browser.post("/resources/book/records/5/edit", "title=Typed+by+hand").await.location();
    assert_eq!(count(&app, &["title=Typed by hand", "price=1"]).await, 1);
}
