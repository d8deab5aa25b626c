//! The form of a record that somebody else changes while it is open.

use powercrud::{PowerCrud, Resource};

use super::browser::Browser;
use crate::support::{TestDatabase, each_database};

each_database! { a_form_that_is_late }

async fn a_form_that_is_late(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE document (id integer PRIMARY KEY, title varchar(40), note varchar(40), version integer NOT NULL);
             INSERT INTO document VALUES (1, 'first', 'a note', 1);",
        )
        .await;
    let document = Resource::table("document").version_field("version");
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(document)
        .build()
        .await
        .expect("a configuration");
    let mut browser = Browser::new(app.router());
    let opened = browser.get("/resources/document/records/1/edit").await.expect(200);
    assert_eq!(opened.hidden("powercrud_version"), "1");
    opened.lacks(&["name=\"version\""]).holds(&["Not to be edited here: Id, Version."]);
    let save = |title: &str, version: &str| {
        format!("powercrud_version={version}&title={title}&note=a+note").replace("+note&", "%20note&")
    };
    browser.post("/resources/document/records/1/edit", &save("second", "1")).await.location();
    let late = browser.post("/resources/document/records/1/edit", &save("third", "1")).await.expect(409);
    assert_eq!(late.hidden("powercrud_version"), "2");
    late.holds(&["Somebody has changed it since you opened it", "value=\"third\"", "It is “second” now"]);
    let record = browser.get("/resources/document/records/1").await;
    record.holds(&["second"]).lacks(&["third"]);
    // Who has seen that may go on.
    browser.post("/resources/document/records/1/edit", &save("third", "2")).await.location();
    browser.get("/resources/document/records/1").await.holds(&["third"]);
}
