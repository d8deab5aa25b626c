//! What stands open while a bulk task goes on follows it to its end: the dialog that queued it, the box of one that it is in the way of, and
//! the records on its page.

use powercrud::{
    PowerCrud, User,
    task::{BulkTask, store},
};

use super::browser::{Answer, Browser};
use crate::{
    shop::{discovered, in_background, items, keys, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { the_dialog_tells_the_end, a_conflict_is_told_as_it_is_now, failed_records_are_asked_for_again }

/// The form of a bulk edit of everything.
async fn form(browser: &mut Browser, stock: u32) -> String {
    browser.post("/resources/item/selection", "action=all").await.location();
    let dialog = browser.in_dialog().get("/resources/item/bulk-edit").await.expect(200);
    format!("change=stock&set.stock={stock}&selection={}", dialog.hidden("selection"))
}

/// The task that was just queued.
async fn queued(app: &PowerCrud, answer: &Answer) -> BulkTask {
    let id = answer.events()["bulkEditQueued"]["taskId"].as_str().expect("a task").parse().expect("an id");
    store::get(app, &User::operator(), id).await.expect("the task")
}

async fn the_dialog_tells_the_end(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let mut browser = Browser::new(app.router());
    let form = form(&mut browser, 7).await;
    let answer = browser.in_dialog().post("/resources/item/bulk-edit", &form).await.expect(200);
    let task = queued(&app, &answer).await;
    let part = format!("/tasks/{}/strip", task.id);
    let asks = format!("hx-get=\"{part}\"");
    let answer = answer.holds(&["Processing 30 items in the background.", "id=\"dialog-task\"", &asks]);
    assert_eq!(answer.text.matches("id=\"dialog-title\"").count(), 1);
    let mut dialog = browser.with("hx-request", "true").with("hx-target", "dialog-task");
    dialog.get(&part).await.expect(200).holds(&["Processing 30 items", &asks]).lacks(&["<html"]);
    work(&app, &task).await;
    let end = dialog.get(&part).await.expect(200);
    assert!(end.events().get("refreshTable").is_some(), "the list is told that the task has ended");
    let end = end.holds(&["29 items changed, 1 already had this value.", "Done"]);
    // The title too, in its own place.
    end.holds(&["id=\"dialog-title\"", "hx-swap-oob"]).lacks(&[&asks, "Processing"]);
}

async fn a_conflict_is_told_as_it_is_now(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let mut browser = Browser::new(app.router());
    let first = form(&mut browser, 7).await;
    let answer = browser.in_dialog().post("/resources/item/bulk-edit", &first).await.expect(200);
    let task = queued(&app, &answer).await;
    let second = form(&mut browser, 8).await;
    let part = format!("/tasks/{}/strip", task.id);
    let asks = format!("hx-get=\"{part}\"");
    let conflict = browser.in_dialog().post("/resources/item/bulk-edit", &second).await.expect(409);
    conflict.holds(&["Stock → 7 on 30 items: 0 %", "id=\"conflict-progress\"", &asks, "View it"]);
    work(&app, &task).await;
    let mut dialog = browser.with("hx-request", "true").with("hx-target", "conflict-progress");
    let end = dialog.get(&part).await.expect(200);
    end.holds(&["it has ended, 29 changed", "Try again."]).lacks(&[&asks, "%"]);
}

async fn failed_records_are_asked_for_again(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let mut browser = Browser::new(app.router());
    let task = queue(&app, in_background(update("item", keys(1..=30), [("status", Some("used"))]))).await;
    let page = format!("/tasks/{}", task.id);
    // Before the first has failed there is nothing to see, and it is looked for.
    browser.get(&page).await.expect(200).holds(&["refreshTable from:body, every 3s"]);
    let mut part = browser.with("hx-request", "true").with("hx-target", "records");
    let asks = format!("hx-get=\"{page}\" hx-trigger=\"refreshTable from:body, every 3s\"");
    part.get(&page).await.expect(200).holds(&[&asks]).lacks(&["<html", "so far"]);
    part.get(&format!("{page}?outcome=unprocessed")).await.expect(200).holds(&["Records left</h2>", "every 3s"]);
    work(&app, &task).await;
    let end = part.get(&format!("{page}?outcome=succeeded")).await.expect(200);
    end.holds(&["records changed</h2>"]).lacks(&["every 3s", "so far"]);
}
