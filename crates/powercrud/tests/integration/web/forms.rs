//! What is typed into a form is what is saved, or is still there to be mended: nothing is emptied or lost by a slip.

use powercrud::{PowerCrud, Resource};

use super::{browser::Browser, open};
use crate::{
    shop::{count, items},
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    a_reference_that_names_nothing_says_so,
    a_mistyped_number_is_told, browsers_fill_in_nothing, what_was_typed_outlives_the_record,
    a_form_that_is_sent_by_script_stays_on_its_page, what_can_never_be_made_is_not_offered,
}
each_database! { [postgres mysql] what_a_trigger_fills_is_not_starred }
each_database! { [sqlite] what_a_trigger_leaves_undone_keeps_the_form }

async fn what_a_trigger_leaves_undone_keeps_the_form(database: TestDatabase) {
    items(&database, 3).await;
    database
        .execute("CREATE TRIGGER keeps BEFORE UPDATE ON item WHEN NEW.stock > 9 BEGIN SELECT RAISE(IGNORE); END;")
        .await;
    let (_, mut browser) = open(database).await;
    let again = browser.post("/resources/item/records/1/edit", "stock=777&name=Typed+name").await.expect(403);
    again.holds(&["kept the record as it was", "value=\"777\"", "value=\"Typed name\"", "name=\"stock\""]);
}

/// A new record would lack a value that it must have, and that no form shows.
async fn what_can_never_be_made_is_not_offered(database: TestDatabase) {
    database
        .execute("CREATE TABLE thing (id integer PRIMARY KEY, shown varchar(20), hidden varchar(20) NOT NULL);")
        .await;
    let fields = Resource::table("thing").fields(["id", "shown"]);
    let app = PowerCrud::builder(database.clone()).open_to_everybody().resource(fields).build().await.expect("an app");
    let mut browser = Browser::new(app.router());
    browser.get("/resources/thing").await.expect(200).lacks(&["/resources/thing/new"]);
    browser.get("/resources/thing/new").await.expect(403).holds(&["hidden", "must have a value", "fields"]);
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("thing"))
        .build()
        .await
        .expect("an app");
    let form = Browser::new(app.router()).get("/resources/thing/new").await.expect(200);
    // Nor does an input cut what is pasted into it; the database says what is too long.
    form.lacks(&["maxlength"]);
}

async fn a_mistyped_number_is_told(database: TestDatabase) {
    items(&database, 3).await;
    let (_, mut browser) = open(database).await;
    let edit = "/resources/item/records/1/edit";
    let form = browser.get(edit).await.expect(200).lacks(&["type=\"number\""]);
    // Of a number input the browser would send nothing for these.
    form.holds(&["inputmode=\"numeric\"", "inputmode=\"decimal\""]);
    for typed in ["1-2", "--", "1e"] {
        let page = browser.post(edit, &format!("stock={typed}")).await.expect(422);
        page.holds(&["is not allowed: a whole number", &format!("value=\"{typed}\"")]);
    }
    // In the dialog what was typed comes back as well, whatever its input would take.
    browser.post("/resources/book/selection", "action=all").await.location();
    let dialog = browser.in_dialog().get("/resources/book/bulk-edit").await.expect(200);
    let form = format!("change=published&set.published=31.1.26&selection={}", dialog.hidden("selection"));
    let again = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(422);
    let input = again.text.split("<input").find(|input| input.contains("name=\"set.published\"")).expect("an input");
    assert!(input.contains("type=\"text\"") && input.contains("value=\"31.1.26\""), "{input}");
}

/// What a browser puts back after Back is the old text beside the new record of what was seen.
async fn browsers_fill_in_nothing(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    browser.post("/resources/book/selection", "action=all").await.location();
    for path in ["/resources/book/records/1/edit", "/resources/book/new", "/resources/book/bulk-edit"] {
        let page = browser.get(path).await.expect(200);
        let form = page.text.split("<form").find(|form| form.contains("novalidate")).expect("a form");
        let tag = form.split_once('>').expect("an end").0;
        assert!(tag.contains("autocomplete=\"off\""), "{path}: {tag}");
        page.holds(&["js/form.js"]);
    }
}

async fn what_was_typed_outlives_the_record(database: TestDatabase) {
    let (_, mut browser) = open(database.clone()).await;
    let edit = "/resources/book/records/7/edit";
    let seen = browser.get(edit).await.expect(200).hidden("powercrud_seen");
    browser.post("/resources/book/records/7/delete", "").await.location();
    let form =
        format!("powercrud_seen={}&title=Long+thought+about&author_id=2&price=7.5", super::browser::encode(&seen));
    let page = browser.post(edit, &form).await.expect(404);
    let page = page.holds(&[
        "Nothing was saved",
        "somebody has deleted it",
        "value=\"Long thought about\"",
        "value=\"7.5\"",
        // A reference by the name of what it leads to.
        "data-text=\"&lt;b&gt;Bob",
        "Create book",
        "action=\"/resources/book/new\"",
    ]);
    drop(page);
    assert_eq!(count(&database, "book WHERE title = 'Long thought about'").await, 0);
    browser.post("/resources/book/new", "id=777&title=Long+thought+about&author_id=2&price=7.5").await.location();
    assert_eq!(count(&database, "book WHERE title = 'Long thought about'").await, 1);
    // Who has typed nothing is told that there is no such record.
    browser.get(edit).await.expect(404).holds(&["There is no book with key"]);
}

/// Who chooses an author types no number.
async fn a_reference_that_names_nothing_says_so(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let form = browser.post("/resources/book/records/1/edit", "author_id=nonsense+zzz").await.expect(422);
    form.holds(&["nonsense zzz&quot; names no author: choose one, or give its id"]).lacks(&["a whole number"]);
}

/// So that nothing is lost where no answer comes.
async fn a_form_that_is_sent_by_script_stays_on_its_page(database: TestDatabase) {
    let (_, mut browser) = open(database).await;
    let edit = "/resources/book/records/1/edit";
    browser.get(edit).await.expect(200).holds(&["hx-post=\"/resources/book/records/1/edit\"", "data-record-form"]);
    let mut script = browser.with("hx-request", "true").with("hx-target", "content");
    let again = script.post(edit, "title=Typed&price=much").await.expect(422);
    again.holds(&["value=\"Typed\"", "value=\"much\"", "aria-invalid"]).lacks(&["<html"]);
    let saved = script.post(edit, "title=Typed").await.expect(200);
    let there = saved.header("hx-redirect").to_owned();
    assert!(there.starts_with("/resources/book/records/1?notice=saved."), "{there}");
    browser.get(&there).await.expect(200).holds(&["Saved."]);
    // A link that is kept, or made up, tells nothing.
    for notice in ["saved", "saved.1700000000000", "created.1"] {
        let page = browser.get(&format!("/resources/book/records/1?notice={notice}")).await.expect(200);
        page.lacks(&["Saved.", "was created"]);
    }
}

async fn what_a_trigger_fills_is_not_starred(database: TestDatabase) {
    database.execute("CREATE TABLE memo (id INT NOT NULL PRIMARY KEY, stamp INT NOT NULL);").await;
    let app = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("it starts");
    let starred = |page: &str| page.matches("title=\"required\"").count();
    assert_eq!(starred(&Browser::new(app.router()).get("/resources/memo/new").await.expect(200).text), 2);
    let trigger = match database.kind {
        Kind::Mysql => "CREATE TRIGGER fill BEFORE INSERT ON memo FOR EACH ROW SET NEW.stamp = 7;",
        _ => {
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.stamp = 7; RETURN NEW; END';
             CREATE TRIGGER fill BEFORE INSERT ON memo FOR EACH ROW EXECUTE FUNCTION fill();"
        }
    };
    database.execute(trigger).await;
    let app = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("it starts");
    let mut browser = Browser::new(app.router());
    assert_eq!(starred(&browser.get("/resources/memo/new").await.expect(200).text), 0);
    browser.post("/resources/memo/new", "id=1&stamp=").await.location();
    assert_eq!(count(&database, "memo WHERE stamp = 7").await, 1);
}
