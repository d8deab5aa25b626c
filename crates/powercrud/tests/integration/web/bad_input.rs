//! Bad input gets a clear answer.

use powercrud::{PowerCrud, Resource, Settings};

use super::{browser::Browser, open, shop};
use crate::support::{Kind, TestDatabase, each_database, run};

each_database! { every_mistake_is_named }

async fn every_mistake_is_named(database: TestDatabase) {
    // MariaDB's texts may hold a NUL, and so its keys.
    let (status, text) = if database.kind == Kind::Mysql { (404, "There is no book") } else { (400, "NUL") };
    let nul_in_key = ("/resources/book/records/%00", status, text);
    let (_, mut browser) = open(database).await;
    for (path, status, text) in [
        ("/resources/nope", 404, "There is no resource"),
        ("/resources/book/records/999", 404, "There is no book with key 999"),
        ("/resources/book/records/abc", 404, "There is no book with key abc"),
        ("/resources/book/records/~", 404, "There is no book with key"),
        ("/tasks/abc", 404, "There is no bulk task abc"),
        ("/tasks/018f3f9e-7b1a-7c00-8000-000000000000", 404, "There is no bulk task"),
        ("/resources/book?nope=1", 422, "has no such field; there are: id, title"),
        ("/resources/book?price__almost=1", 422, "is not an operator for this field"),
        ("/resources/book?price__gte=cheap", 422, "a decimal number such as 12.50"),
        ("/resources/book?price__ne=cheap", 422, "a decimal number such as 12.50"),
        ("/resources/book?price=cheap", 422, "a decimal number such as 12.50"),
        ("/resources/book?id=99999999999999999999999", 422, "a whole number from"),
        ("/resources/book?published__gte=2026-02-30", 422, "a date such as"),
        ("/resources/book?page=0", 422, "is not a page number"),
        ("/resources/book?page_size=100000", 422, "is not a number from 1 to 1000"),
        ("/resources/book?q=nobody", 200, "No books match"),
        ("/resources/book?page=99", 200, "past the end"),
        ("/resources/book?title='%20OR%201=1%20--", 200, "No books match"),
        ("/resources/book/choices/price", 422, "is not a reference"),
        ("/resources/book/bulk-edit", 422, "matches the selection"),
        ("/resources/book?title=%00", 400, "NUL"),
        nul_in_key,
        ("/nope", 404, "There is no such page"),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        answer.holds(&[text]);
    }
    browser.post("/resources/book/selection", "action=add&key=5&key=6").await.location();
    let dialog = browser.in_dialog().get("/resources/book/bulk-edit").await.expect(200);
    let selection = dialog.hidden("selection");
    for (form, text) in [
        ("", "Choose at least one field"),
        ("change=price&set.price=", "Needs a value"),
        ("change=title&set.title=a%00b", "NUL (U+0000) is not allowed"),
        ("change=price&set.price=cheap", "a decimal number such as 12.50"),
        ("change=price&set.price=12345678.00", "at most 6 digits before the point"),
        ("change=price&null=price", "Must have a value"),
        ("change=title&set.title=", "Set to empty"),
        ("change=status&set.status=sold", "is not one of: "),
        ("change=author_id&set.author_id=77", "There is no author with id 77"),
        ("change=isbn&set.isbn=same", "Must be unique"),
        ("change=id&set.id=5", "can"),
        ("change=nope&set.nope=5", "has no such field"),
    ] {
        let answer =
            browser.in_dialog().post("/resources/book/bulk-edit", &format!("{form}&selection={selection}")).await;
        assert_eq!(answer.status, 422, "{form}: {}", answer.text);
        answer.holds(&[text, "Edit 2 books", "data-bulk-form"]);
    }
    browser
        .get("/resources/book?price=5.50&title=Book%2005&status=published")
        .await
        .expect(200)
        .holds(&["1 book matches"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_forms_and_floods_are_refused() {
    run(Kind::Sqlite, |database| async {
        shop(&database).await;
        let settings = Settings { discover: true, body_limit: 10_000, ..Settings::default() };
        let app =
            PowerCrud::builder(database).open_to_everybody().all_settings(settings).build().await.expect("a shop");
        let mut browser = Browser::new(app.router());
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let mut evil = browser.with(name, value);
            evil.post("/resources/book/records/5/delete", "").await.expect(403).holds(&["sent from another site"]);
        }
        browser.with("origin", "http://shop.example").post("/resources/book/records/5/delete", "").await.location();
        let flood = format!("title={}", "x".repeat(20_000));
        browser.post("/resources/book/new", &flood).await.expect(413).holds(&["larger than this server accepts"]);
        let toast = browser.with("hx-request", "true").get("/resources/nope").await.expect(404).lacks(&["<html"]);
        assert_eq!((toast.header("hx-retarget"), toast.header("hx-reswap")), ("#toasts", "beforeend"));
        browser.post("/tasks", "").await.expect(405).holds(&["does not take that kind of request"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_only_stays_as_it_is() {
    run(Kind::Sqlite, |database| async {
        shop(&database).await;
        let app = PowerCrud::builder(database)
            .open_to_everybody()
            .resource(Resource::table("book").read_only(true))
            .build()
            .await
            .expect("a shop");
        let mut browser = Browser::new(app.router());
        browser.get("/resources/book").await.expect(200).holds(&["Read-only"]).lacks(&["New book", "row-check"]);
        browser.get("/resources/book/records/5").await.expect(200).lacks(&["/edit", "/delete"]);
        for path in ["/resources/book/new", "/resources/book/records/5/edit", "/resources/book/records/5/delete"] {
            browser.post(path, "title=x").await.expect(403).holds(&["read-only"]);
        }
        browser.post("/resources/book/selection", "action=add&key=5").await.expect(404);
    })
    .await;
}
