//! What is selected on a list, for pages of an application's own.

use axum::{Router, response::Response, routing};
use powercrud::{
    PowerCrud, Resource, User, bulk,
    page::{Frame, Page, PageError, Selected},
    policy::{Permission, Policy, Rows},
    task::Status,
};

use super::{browser::Browser, shop};
use crate::{
    shop::count,
    support::{TestDatabase, each_database},
};

each_database! { what_is_selected_reaches_handlers }

mod book {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub status: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Ann has everything, Bob the first thirty books and no authors.
struct FirstBooks;

impl Policy for FirstBooks {
    fn may(&self, user: &User, _permission: Permission<'_>, resource: &Resource) -> bool {
        user.name == "ann" || resource.name != "author"
    }

    fn rows(&self, user: &User, resource: &Resource) -> Rows {
        let is_part = user.name != "ann" && resource.name == "book";
        if is_part { Rows::equal("author_id", "2") } else { Rows::All }
    }
}

async fn ask(frame: Frame, selected: Selected<book::Entity>) -> Result<Response, PageError> {
    let books = selected.find().await?.all(frame.powercrud().database().connection()).await?;
    let mut titles: Vec<_> = books.into_iter().map(|book| book.title).collect();
    titles.sort();
    let action = selected.href(&frame.href("/pages/print/now"));
    let text =
        format!("<p>{} of {}: {}</p><form action=\"{action}\">", titles.len(), selected.records(), titles.join(", "));
    Ok(frame.html("Print", text).await)
}

async fn print(frame: Frame) -> Result<String, PageError> {
    let selection = frame.selection("book").await?;
    let keys = selection.keys(2).await?.join(" ");
    let print = bulk::update(frame.powercrud(), "book").set("notes", "printed").selection(&selection).by(frame.user());
    let task = print.run().await?.wait().await?;
    assert_eq!(task.status, Status::Success, "{}", task.error_message);
    Ok(format!("{keys} first of {}", task.succeeded_records))
}

async fn what_is_selected_reaches_handlers(database: TestDatabase) {
    shop(&database).await;
    let pages = Router::new().route("/", routing::get(ask)).route("/now", routing::post(print));
    let authors = Router::new().route("/", routing::get(async |_: Selected<book::Entity>| "unseen"));
    let user = |head: &axum::http::request::Parts| {
        let name = head.headers.get("x-user")?.to_str().ok()?;
        Some(User::new(name, name))
    };
    let app = PowerCrud::builder(database.clone()).discover(true).user(user).policy(FirstBooks);
    // More than are selected, so that tasks run in the request.
    let app = app.resource(Resource::table("book").bulk_min_async_records(1_000u64));
    let app = app.page(Page::new("print", pages).label("Print them").selection("book"));
    let app = app.page(Page::new("invite", authors).selection("author")).build().await.expect("a shop");
    let mut ann = Browser::new(app.router()).with("x-user", "ann");
    // It is offered where something is selected, and stands in no menu.
    ann.get("/resources/author").await.expect(200).lacks(&["/pages/print"]);
    ann.get("/pages/print").await.expect(422).holds(&["selected"]);
    ann.post("/resources/book/selection", "action=add&key=3&key=7&key=12").await.location();
    ann.get("/resources/book").await.expect(200).holds(&["href=\"/pages/print\"", "Print them…"]);
    ann.get("/resources/author").await.expect(200).lacks(&["/pages/print"]);
    ann.get("/pages/print").await.expect(200).holds(&["<p>3 of 3: Book 03, Book 07, Book 12</p>"]);
    // As a dialog over the list.
    ann.in_dialog().get("/pages/print").await.expect(200).holds(&["<p>3 of 3"]).lacks(&["<html"]);
    // Each tab has its own.
    ann.get("/pages/print?tab=a1").await.expect(422);
    ann.post("/resources/book/selection?tab=a1", "action=add&key=5").await.location();
    let page = ann.get("/pages/print?tab=a1").await.expect(200);
    page.holds(&["<p>1 of 1: Book 05</p>", "action=\"/pages/print/now?tab=a1\""]);
    assert_eq!(ann.post("/pages/print/now?tab=a1", "").await.expect(200).text, "5 first of 1");

    // All that match, save one.
    ann.post("/resources/book/selection", "action=all&list=status%3Ddraft").await.location();
    ann.post("/resources/book/selection", "action=remove&key=2").await.location();
    ann.get("/pages/print").await.expect(200).holds(&["<p>29 of 29: Book 04, Book 06,"]);
    assert_eq!(ann.post("/pages/print/now", "").await.expect(200).text, "4 6 first of 29");
    assert_eq!(count(&database, "book WHERE notes = 'printed' AND id <> 2 AND (status = 'draft' OR id = 5)").await, 30);
    assert_eq!(count(&database, "book WHERE notes IS NOT NULL").await, 30);

    // Of what somebody may not see nothing is read; and the page is for those who see the resource.
    let mut bob = Browser::new(app.router()).with("x-user", "bob");
    bob.post("/resources/book/selection", "action=all&list=").await.location();
    let page = bob.get("/pages/print").await.expect(200);
    page.holds(&["<p>30 of 30: Book 01, Book 03"]).lacks(&["Book 02"]);
    bob.get("/pages/invite").await.expect(403);
    ann.get("/pages/invite").await.expect(200);
}
