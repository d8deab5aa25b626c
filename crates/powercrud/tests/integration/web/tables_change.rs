//! Somebody changes the tables while they are served.

use powercrud::{PowerCrud, Resource, Selection, task::Status};

use super::{browser::Browser, shop};
use crate::{
    shop::{discovered, in_background, queue, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    changes_are_noticed, what_wants_to_change_is_told, a_worker_knows_what_is_there_now, a_worker_looks_again,
    a_reading_in_vain_hides_nothing
}
each_database! { [postgres mysql] other_types_are_noticed }

async fn served(database: &TestDatabase) -> (PowerCrud, Browser) {
    shop(database).await;
    let app = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("a shop");
    let browser = Browser::new(app.router());
    (app, browser)
}

/// Lists, records, dialogs and the API show what is there now, whatever became of the columns and tables.
async fn changes_are_noticed(database: TestDatabase) {
    let (_, mut browser) = served(&database).await;
    browser.get("/resources/book").await.expect(200).holds(&["Notes"]);
    database.execute("ALTER TABLE book RENAME COLUMN notes TO remarks;").await;
    browser.get("/resources/book").await.expect(200).holds(&["Remarks"]).lacks(&["Notes"]);
    database.execute("ALTER TABLE book RENAME COLUMN remarks TO memo;").await;
    browser.get("/resources/book/records/1").await.expect(200).holds(&["Memo"]);
    database.execute("ALTER TABLE book RENAME COLUMN memo TO notes;").await;
    browser.get("/api/v1/resources/book/records/1").await.expect(200).holds(&["\"notes\""]);
    database.execute("ALTER TABLE book DROP COLUMN notes;").await;
    browser.get("/resources/book/records/1/edit").await.expect(200).lacks(&["notes"]);
    // Another table's dialog asks for what refers to it.
    database.execute("DROP TABLE order_line;").await;
    browser.get("/resources/book/records/1/delete").await.expect(200);
    database.execute("CREATE TABLE shelf (id INTEGER NOT NULL PRIMARY KEY, room VARCHAR(20));").await;
    browser.get("/resources/shelf").await.expect(200).holds(&["Room"]);
    database.execute("ALTER TABLE shelf RENAME TO rack;").await;
    browser.get("/resources/shelf").await.expect(404);
    browser.get("/resources/rack").await.expect(200);
    browser.get("/resources/order_line").await.expect(404);
    // Whoever asks for what never was does not have the catalog read each time.
    browser.get("/resources/no_such_table").await.expect(404);
}

/// A change that meets other tables is not carried out, and says why; the next try is.
async fn what_wants_to_change_is_told(database: TestDatabase) {
    let (_, mut browser) = served(&database).await;
    let edit = browser.get("/resources/author/records/1/edit").await.expect(200);
    let seen = edit.hidden("powercrud_seen");
    database.execute("ALTER TABLE author RENAME COLUMN name TO full_name;").await;
    let form = format!("name=Ann+Other&powercrud_seen={}", seen);
    let again = browser.post("/resources/author/records/1/edit", &form).await.expect(409);
    let gone = "There is no field name any more; you had typed “Ann Other”";
    let edit = again.holds(&["tables have changed", "name=\"full_name\"", gone]);
    // So it is where the tables were read again before the form was sent.
    browser.post("/resources/author/records/1/edit", &form).await.expect(409).holds(&[gone]);
    let form = format!("full_name=Ann+Other&powercrud_seen={}", edit.hidden("powercrud_seen"));
    browser.post("/resources/author/records/1/edit", &form).await.expect(303);
    browser.get("/resources/author/records/1").await.expect(200).holds(&["Ann Other"]);
    // What was typed for other columns is kept, of a new record as well.
    let edit = browser.get("/resources/book/records/5/edit").await.expect(200);
    database.execute("ALTER TABLE book RENAME COLUMN notes TO remarks;").await;
    let form = format!("title=Typed+title&notes=&powercrud_seen={}", edit.hidden("powercrud_seen"));
    let again = browser.post("/resources/book/records/5/edit", &form).await.expect(409);
    let edit = again.holds(&["value=\"Typed title\"", "name=\"remarks\""]).lacks(&["no field notes"]);
    let form = format!("title=Typed+title&remarks=more&powercrud_seen={}", edit.hidden("powercrud_seen"));
    browser.post("/resources/book/records/5/edit", &form).await.expect(303);
    browser.get("/resources/book/records/5").await.expect(200).holds(&["Typed title", "more"]);
    database.execute("ALTER TABLE book RENAME COLUMN remarks TO notes;").await;
    let form = "id=99&title=New+one&author_id=1&price=1.50&remarks=mine";
    let again = browser.post("/resources/book/new", form).await.expect(409);
    again.holds(&["value=\"New one\"", "There is no field remarks any more; you had typed “mine”", "name=\"notes\""]);
    browser.get("/resources/book/records/99").await.expect(404);
}

/// A handle that the application keeps knows the tables as it saw them; its clones, and so each request and task, as they are.
async fn a_worker_knows_what_is_there_now(database: TestDatabase) {
    shop(&database).await;
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("book").list_fields(["id", "title"]));
    let app = builder.build().await.expect("a shop");
    assert!(!app.reload_catalog().await.expect("the catalog"), "nothing has changed");
    let added = if database.kind == Kind::Postgres { "text" } else { "varchar(20)" };
    database.execute(&format!("ALTER TABLE book ADD COLUMN place {added};")).await;
    assert!(app.reload_catalog().await.expect("the catalog"), "a column was added");
    let has_place = |app: &PowerCrud| app.resource("book").expect("it is there").field("place").is_some();
    assert!(!has_place(&app) && has_place(&app.clone()));
    // What the application named is still as it named it.
    assert_eq!(app.clone().resource("book").expect("it is there").list_fields().count(), 2);
    database.execute("ALTER TABLE book DROP COLUMN title;").await;
    assert!(app.clone().reload_catalog().await.expect("the catalog"), "a column is gone");
    assert_eq!(app.clone().resource("book").expect("it is there").list_fields().count(), 1, "the rest is shown");
}

/// What a task is about may be younger than what its worker knows.
async fn a_worker_looks_again(database: TestDatabase) {
    let (stale, _) = served(&database).await;
    database.execute("ALTER TABLE book ADD COLUMN place varchar(20);").await;
    let fresh = discovered(&database).await;
    let task = queue(&fresh, in_background(update("book", Selection::All, [("place", Some("here"))]))).await;
    let task = work(&stale, &task).await;
    assert_eq!(task.status, Status::Success, "{}", task.error_message);
}

/// The catalog was just read, because somebody asked for what never was; then a table does change.
async fn a_reading_in_vain_hides_nothing(database: TestDatabase) {
    let (_, mut browser) = served(&database).await;
    for (from, to) in [("notes", "remarks"), ("remarks", "memo"), ("memo", "notes")] {
        browser.get("/resources/no_such_table").await.expect(404);
        database.execute(&format!("ALTER TABLE book RENAME COLUMN {from} TO {to};")).await;
        browser.get("/resources/book").await.expect(200);
    }
}

/// A value that was none of its column's type may be one by now, in filters and forms.
async fn other_types_are_noticed(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE gauge (id integer PRIMARY KEY, n varchar(20), size integer);
             INSERT INTO gauge VALUES (1, '5', 1), (2, '7', 2);",
        )
        .await;
    let app = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("a table");
    let mut browser = Browser::new(app.router());
    browser.get("/resources/gauge?n=5").await.expect(200);
    let (to_number, to_long) = match database.kind {
        Kind::Postgres => {
            ("ALTER TABLE gauge ALTER n TYPE integer USING n::integer;", "ALTER TABLE gauge ALTER size TYPE bigint;")
        }
        _ => ("ALTER TABLE gauge MODIFY n integer;", "ALTER TABLE gauge MODIFY size bigint;"),
    };
    database.execute(to_number).await;
    browser.get("/resources/gauge?n=5").await.expect(200);
    let (page, long) = ("/resources/gauge/records/1/edit", "size=99999999999");
    let seen = browser.get(page).await.expect(200).hidden("powercrud_seen");
    database.execute(to_long).await;
    browser.post(page, &format!("{long}&powercrud_seen={seen}")).await.expect(409).holds(&["tables have changed"]);
    let seen = browser.get(page).await.expect(200).hidden("powercrud_seen");
    browser.post(page, &format!("{long}&powercrud_seen={seen}")).await.expect(303);
    browser.get("/resources/gauge?size=99999999999").await.expect(200).holds(&["99999999999"]);
}
