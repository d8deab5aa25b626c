//! Actions on the pages: in the selection bar, and on a record's page.

use powercrud::{Action, ActionField, AppError, PowerCrud, Resource};
use sea_orm::ConnectionTrait as _;

use crate::{
    support::{TestDatabase, each_database},
    web::{
        browser::{Browser, encode},
        shop,
    },
};

each_database! {
    it_is_in_the_bar_and_told_before_it_is_done, a_form_is_filled_in, on_a_records_page, what_was_selected_elsewhere_is_not_touched
}

async fn open(database: TestDatabase) -> (PowerCrud, Browser) {
    shop(&database).await;
    let archive =
        Action::set("archive", [("status", Some("archived"))]).label("Archive").confirm("Archived books are not sold.");
    let note = Action::for_each("note", |book| {
        Box::pin(async move {
            let Some(text) = book.values().text("text") else { return Err(AppError::failed("has no text")) };
            if book.key() == "5" {
                return Err(AppError::new("FULL", "has no room").field("notes"));
            }
            let mut update = book.update();
            update.value("notes", text);
            book.transaction().execute(&update).await?;
            Ok(())
        })
    })
    .label("Write a note")
    .field(ActionField::text("text").required().label("The note").help("Seen by all"))
    .field(ActionField::boolean("loud"))
    .field(ActionField::choice("colour", [("red", "Red"), ("blue", "Blue")]).default("blue"));
    let book = Resource::table("book").bulk_fields(["notes"]).action(archive).action(note);
    let app =
        PowerCrud::builder(database).open_to_everybody().discover(true).resource(book).build().await.expect("a shop");
    let browser = Browser::new(app.router());
    (app, browser)
}

async fn select(browser: &mut Browser, list: &str) {
    browser.post("/resources/book/selection", &format!("action=all&list={}", encode(list))).await.location();
}

async fn it_is_in_the_bar_and_told_before_it_is_done(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    select(&mut browser, "id__lte=4").await;
    let list = browser.get("/resources/book").await.expect(200).holds(&["Archive…", "Write a note…"]);
    assert!(list.links().iter().any(|link| link == "/resources/book/actions/archive"), "{:?}", list.links());
    let dialog = browser.in_dialog().get("/resources/book/actions/archive").await.expect(200);
    let dialog = dialog.holds(&[
        "Archive: 4 books",
        ">Archive 4 books</button>",
        "Archived books are not sold.",
        "4 books will change.",
        "Book 01",
        "published",
        "archived",
    ]);
    let dialog = dialog.lacks(&["<html"]);
    let form = format!("selection={}", dialog.hidden("selection"));
    let answer = browser.in_dialog().post("/resources/book/actions/archive", &form).await.expect(200);
    assert!(answer.events()["bulkEditSuccess"].is_object(), "{}", answer.text);
    answer.holds(&["4 books changed."]);
    browser
        .get("/resources/book?status=archived")
        .await
        .expect(200)
        .holds(&["Book 04"])
        .lacks(&["Book 05", "4 books selected"]);
    browser.get("/tasks").await.expect(200).holds(&["Archive on 4 books"]);
    // The ticks have served.
    browser.in_dialog().get("/resources/book/actions/archive").await.expect(422);
    select(&mut browser, "id__lte=4").await;
    browser
        .in_dialog()
        .get("/resources/book/actions/archive")
        .await
        .expect(200)
        .holds(&["4 already have this value"])
        .lacks(&["id=\"dialog-submit\""]);
    browser.in_dialog().get("/resources/book/actions/burn").await.expect(404);
}

async fn a_form_is_filled_in(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    select(&mut browser, "id__lte=6").await;
    let path = "/resources/book/actions/note";
    let dialog = browser.in_dialog().get(path).await.expect(200);
    let dialog = dialog.holds(&[
        "Write a note: 6 books",
        "The note",
        "Seen by all",
        "value.text",
        "<option value=\"blue\" selected>",
    ]);
    let selection = format!("selection={}", dialog.hidden("selection"));
    let form = format!("{selection}&value.text=&value.loud=false&value.colour=green");
    let refused = browser.in_dialog().post(path, &form).await.expect(422);
    refused.holds(&["Must have a value", "is not allowed: one of red, blue"]);
    // One of six fails, so that none is done; the form keeps what was typed.
    let form = format!("{selection}&value.text=read+me&value.loud=true&value.colour=red");
    let failed = browser.in_dialog().post(path, &form).await.expect(422);
    failed.holds(&["1 of 6 books failed", "Has no room", "read me"]);
    select(&mut browser, "id__lte=4").await;
    let dialog = browser.in_dialog().get(path).await.expect(200);
    let form = format!("selection={}&value.text=read+me&value.loud=true&value.colour=red", dialog.hidden("selection"));
    browser.in_dialog().post(path, &form).await.expect(200).holds(&["4 books done."]);
    browser.get("/resources/book/records/4").await.expect(200).holds(&["read me"]);
    let tasks = browser.get("/tasks").await.expect(200).holds(&["Write a note on 4 books"]);
    let task = tasks.links().into_iter().find(|link| link.starts_with("/tasks/0")).expect("a task");
    browser.get(&task).await.expect(200).holds(&["Filled in", "The note: read me"]);
}

async fn on_a_records_page(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let page = browser.get("/resources/book/records/3").await.expect(200).holds(&["Archive…"]);
    let path = "/resources/book/records/3/actions/archive";
    assert!(page.links().iter().any(|link| link == path), "{:?}", page.links());
    browser.get(path).await.expect(200).holds(&["Archive: the book Book 03", "1 book will change."]);
    let there = browser.post(path, "").await.location();
    assert!(there.starts_with("/resources/book/records/3?notice=done."), "{there}");
    browser.get(&there).await.expect(200).holds(&["Done.", "archived", "Changed in bulk"]);
    let refused = browser.in_dialog().post("/resources/book/records/5/actions/note", "value.text=x").await.expect(422);
    refused.holds(&["Has no room"]);
    let done = browser.in_dialog().post("/resources/book/records/6/actions/note", "value.text=x").await.expect(200);
    assert!(done.header("hx-redirect").starts_with("/resources/book/records/6?notice=done."));
    browser.get("/resources/book/records/99/actions/archive").await.expect(404);
}

async fn what_was_selected_elsewhere_is_not_touched(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    select(&mut browser, "id__lte=4").await;
    let dialog = browser.in_dialog().get("/resources/book/actions/archive").await.expect(200);
    select(&mut browser, "id__lte=9").await;
    let form = format!("selection={}", dialog.hidden("selection"));
    let refused = browser.in_dialog().post("/resources/book/actions/archive", &form).await.expect(422);
    refused.holds(&["The selection has changed", "Archive: 9 books"]);
    browser.get("/resources/book?status=archived").await.expect(200).lacks(&["Book 0"]);
}
