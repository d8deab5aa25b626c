//! Reverts on the pages.

use powercrud::{PowerCrud, Selection, User};

use super::{revert, revertible};
use crate::{
    shop::{carry_out, count, delete, discovered, items, keys, rows, update, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { a_task_is_reverted_from_its_page, a_delete_says_what_stays_away, no_button_where_there_is_nothing_to_revert }

async fn a_task_is_reverted_from_its_page(database: TestDatabase) {
    items(&database, 60).await;
    let app = revertible(&database, ["item"]).await;
    let mut browser = Browser::new(app.router());
    let before = rows(&database, "item", &["id", "stock", "note"]).await;
    let task = carry_out(&app, update("item", Selection::All, [("stock", Some("7")), ("note", None)])).await;
    let page = format!("/tasks/{}", task.id);
    let confirm = format!("{page}/revert");
    let shown = browser.get(&page).await.expect(200).holds(&["Revert…", "Former values", "kept until 20"]);
    assert!(shown.links().contains(&confirm), "{:?}", shown.links());
    let words = [
        "60 items get back what they held before in: Stock, Note.",
        "Restore 60 items",
        "This runs in the background. No worker is running at the moment",
        "changed since",
    ];
    browser
        .get(&confirm)
        .await
        .expect(200)
        .holds(&words)
        .holds(&["<html", "Revert “Note → empty, Stock → 7 on 60 items”?"]);
    browser.in_dialog().get(&confirm).await.expect(200).holds(&words).lacks(&["<html"]);
    let location = browser.post(&confirm, "").await.location();
    let title = "Revert of “Note → empty, Stock → 7” on 60 items";
    browser.get(&location).await.expect(200).holds(&[title, "Queued", "Revert of"]);
    browser.get(&page).await.holds(&["Being reverted"]).lacks(&["Revert…"]);
    // Twice is once.
    assert_eq!(browser.post(&confirm, "").await.location(), location);
    let id = location.rsplit('/').next().expect("an id").parse().expect("an id");
    let child = powercrud::task::store::get(&app, &User::operator(), id).await.expect("the revert");
    work(&app, &child).await;
    assert_eq!(rows(&database, "item", &["id", "stock", "note"]).await, before);
    browser.get(&location).await.holds(&[title, "Restored", "60 restored"]).lacks(&["Revert…", "Former values"]);
    browser.get(&page).await.holds(&["Reverted", &location]).lacks(&["Revert…"]);
    browser.get(&confirm).await.expect(403).holds(&["was reverted before"]);
    browser.post(&confirm, "").await.expect(403).holds(&["was reverted before"]);
    browser.get("/tasks").await.holds(&[title]);
}

async fn a_delete_says_what_stays_away(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE author (id integer PRIMARY KEY, name varchar(20) NOT NULL);
            CREATE TABLE book (id integer PRIMARY KEY, author_id integer NOT NULL, FOREIGN KEY (author_id) REFERENCES author (id) ON DELETE CASCADE);
            CREATE TABLE prize (id integer PRIMARY KEY, winner_id integer, FOREIGN KEY (winner_id) REFERENCES author (id) ON DELETE SET NULL);
            INSERT INTO author VALUES (1, 'Ann'), (2, 'Bob'); INSERT INTO book VALUES (1, 1), (2, 2); INSERT INTO prize VALUES (1, 1);",
        )
        .await;
    let app = revertible(&database, ["author"]).await;
    let mut browser = Browser::new(app.router());
    let task = carry_out(&app, delete("author", keys([1]))).await;
    assert_eq!((count(&database, "book").await, count(&database, "author").await), (1, 1));
    let confirm = format!("/tasks/{}/revert", task.id);
    browser.get(&confirm).await.expect(200).holds(&[
        "1 author is inserted again, with the same keys.",
        "Books that were deleted along with them stay deleted.",
        "Prizes whose winner became empty keep it empty.",
        "Restore 1 author",
    ]);
    // While another task is on the table, the confirmation stays open.
    let other = crate::shop::queue(&app, crate::shop::in_background(delete("author", keys([2])))).await;
    browser
        .post(&confirm, "")
        .await
        .expect(409)
        .holds(&["Another bulk operation is running on authors", "Restore 1 author"]);
    powercrud::task::store::cancel(&app, &User::operator(), other.id).await.expect("it can be cancelled");
    let location = browser.post(&confirm, "").await.location();
    browser.get(&location).await.expect(200).holds(&["Restore 1 deleted author", "1 restored"]);
    assert_eq!((count(&database, "book").await, count(&database, "author").await), (1, 2));
}

async fn no_button_where_there_is_nothing_to_revert(database: TestDatabase) {
    items(&database, 30).await;
    let off: PowerCrud = discovered(&database).await;
    let mut browser = Browser::new(off.router());
    let task = carry_out(&off, update("item", Selection::All, [("stock", Some("7"))])).await;
    browser.get(&format!("/tasks/{}", task.id)).await.expect(200).lacks(&["Revert", "Former values"]);
    let confirm = format!("/tasks/{}/revert", task.id);
    browser.get(&confirm).await.expect(403).holds(&["switched off for item"]);
    let app = revertible(&database, ["item"]).await;
    let mut browser = Browser::new(app.router());
    browser.get(&confirm).await.expect(403).holds(&["kept no former values"]);
    browser.get("/tasks/018f3f9e-7b1a-7c00-8000-000000000000/revert").await.expect(404);
    let running = crate::shop::queue(&app, update("item", Selection::All, [("stock", Some("8"))])).await;
    browser.get(&format!("/tasks/{}", running.id)).await.expect(200).lacks(&["Revert…"]);
    browser
        .post(&format!("/tasks/{}/revert", running.id), "")
        .await
        .expect(403)
        .holds(&["can be reverted once it has ended"]);
    let task = work(&app, &running).await;
    assert_eq!(revert(&app, &task).await.succeeded_records, 30);
}
