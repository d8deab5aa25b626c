//! Pages agree with each other: a number, a name, a count of records reads the same wherever it stands.

use powercrud::{PowerCrud, Selection, User, audit, task::store};

use super::{browser::Browser, open};
use crate::{
    shop::{carry_out, delete, discovered, in_background, items, keys, queue, update},
    support::{TestDatabase, each_database},
};

each_database! {
    a_form_shows_the_number_of_the_page, the_audit_trail_names_a_task_by_one_name, a_revert_quotes_what_was_done,
    one_record_is_not_they, a_filter_is_chosen_on_a_page_that_says_of_what,
}

async fn a_form_shows_the_number_of_the_page(database: TestDatabase) {
    let (_, mut browser) = open(database.clone()).await;
    database.execute("UPDATE book SET price = 12 WHERE id = 7;").await;
    browser.get("/resources/book/records/7").await.expect(200).holds(&[">12.00<"]);
    let edit = "/resources/book/records/7/edit";
    let form = browser.get(edit).await.expect(200).holds(&["value=\"12.00\""]);
    // Nothing was touched, so nothing is written.
    let seen = form.hidden("powercrud_seen");
    browser.post(edit, &format!("powercrud_seen={seen}&price=12.00")).await.location();
    browser.get("/resources/book/records/7").await.expect(200).lacks(&["Price: "]);
}

async fn the_audit_trail_names_a_task_by_one_name(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let task = queue(&app, in_background(update("item", Selection::All, [("stock", Some("7"))]))).await;
    store::cancel_because(&app, &User::operator(), task.id, "a mistake").await.expect("it can be cancelled");
    let entries = audit::list(&app, &User::operator(), &audit::AuditFilter { limit: 10, ..Default::default() }).await;
    let subjects: Vec<_> = entries.expect("a trail").into_iter().map(|entry| entry.subject).collect();
    assert_eq!(subjects, ["update of 30 items", "update of 30 items"]);
}

/// One of the items had the value already, so that the revert is of fewer.
async fn a_revert_quotes_what_was_done(database: TestDatabase) {
    items(&database, 30).await;
    let app = crate::revert::revertible(&database, ["item"]).await;
    let mut browser = Browser::new(app.router());
    let task = carry_out(&app, update("item", Selection::All, [("stock", Some("7"))])).await;
    let revert = browser.post(&format!("/tasks/{}/revert", task.id), "").await.location();
    let title = "Revert of “Stock → 7” on 29 items";
    browser.get(&revert).await.expect(200).holds(&[title, "Stock → 7 on 30 items"]).lacks(&["Stock → 7 on 29 items"]);
    browser.get("/tasks").await.expect(200).holds(&[title]);
}

async fn one_record_is_not_they(database: TestDatabase) {
    items(&database, 3).await;
    let app: PowerCrud = crate::revert::revertible(&database, ["item"]).await;
    let mut browser = Browser::new(app.router());
    for (keys, whose) in [("key=1", "Its task"), ("key=1&key=2", "Their task")] {
        browser.post("/resources/item/selection", &format!("action=add&{keys}")).await.location();
        browser.get("/resources/item/bulk-delete").await.expect(200).holds(&[whose]);
    }
    let task = carry_out(&app, delete("item", keys([1]))).await;
    let revert = browser.post(&format!("/tasks/{}/revert", task.id), "").await.location();
    browser.get(&revert).await.expect(200).holds(&["Restore 1 deleted item<"]);
}

async fn a_filter_is_chosen_on_a_page_that_says_of_what(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let asked = "/resources/book/filter?list=status%3Ddraft&field=price&operator=gte&value=12.50&choose=1";
    let form = browser.get(asked).await.location();
    let page = browser.get(&form).await.expect(200);
    page.holds(&["<h1", "Add a filter to books", "Back to the list", "href=\"/resources/book?status=draft\""])
        .holds(&["href=\"/resources/book\">Books</a>", "value=\"price\" selected"])
        .holds(&["name=\"value\" value=\"12.50\""]);
    let part = browser.with("hx-request", "true").with("hx-target", "filter-form").get(&form).await.expect(200);
    part.lacks(&["<h1", "Back to the list"]);
    // What was typed stays where it fits.
    let form = form.replace("field=price", "field=status");
    browser.get(&form).await.expect(200).holds(&["value=\"status\" selected"]).lacks(&["12.50"]);
}
