//! The pages, by requests to the router as a browser sends them.

mod agreement;
mod bad_input;
mod bidi;
pub(crate) mod browser;
mod bulk;
mod follow;
mod forms;
mod frame;
mod freshness;
mod glitches;
mod history;
mod links;
pub(crate) mod live;
pub(crate) mod login;
mod look_back;
mod mistyped;
mod own_pages;
mod parts;
mod queueing;
mod reach;
mod receipts;
mod records;
mod selected;
mod selection;
mod sign_ins;
mod staff;
mod tables_change;
mod versions;

use powercrud::{PowerCrud, Resource};

use crate::support::{Kind, TestDatabase};
use browser::Browser;

/// A shop: 60 books of two authors, three of them on orders.
pub(crate) async fn shop(database: &TestDatabase) {
    let number = if database.kind == Kind::Sqlite { "INTEGER" } else { "INT" };
    database
        .execute(&format!(
            "CREATE TABLE author (id {number} NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL);
             CREATE TABLE book (
               id {number} NOT NULL PRIMARY KEY, title VARCHAR(80) NOT NULL, author_id {number} NOT NULL,
               isbn VARCHAR(20) UNIQUE, price DECIMAL(8, 2) NOT NULL, status VARCHAR(20) NOT NULL DEFAULT 'draft',
               published DATE, notes TEXT,
               CONSTRAINT status_known CHECK (status IN ('draft', 'published', 'archived')),
               CONSTRAINT book_author FOREIGN KEY (author_id) REFERENCES author (id)
             );
             CREATE TABLE order_line (
               id {number} NOT NULL PRIMARY KEY, book_id {number} NOT NULL,
               CONSTRAINT line_book FOREIGN KEY (book_id) REFERENCES book (id)
             );
             INSERT INTO author VALUES (1, 'Ann Adler'), (2, '<b>Bob</b> & \"Co\"');"
        ))
        .await;
    let books: Vec<_> = (1..=60)
        .map(|id| {
            let status = if id % 2 == 0 { "draft" } else { "published" };
            format!("({id}, 'Book {id:02}', {}, 'isbn-{id}', {id}.50, '{status}', '2026-01-31', NULL)", id % 2 + 1)
        })
        .collect();
    database.execute(&format!("INSERT INTO book VALUES {};", books.join(", "))).await;
    database.execute("INSERT INTO order_line VALUES (1, 1), (2, 2), (3, 3);").await;
}

/// The shop's pages for somebody who has just opened a browser.
async fn open(database: TestDatabase) -> (PowerCrud, Browser) {
    shop(&database).await;
    let app = PowerCrud::builder(database)
        .open_to_everybody()
        .discover(true)
        .resource(Resource::table("book"))
        .build()
        .await
        .expect("a shop");
    let browser = Browser::new(app.router());
    (app, browser)
}
