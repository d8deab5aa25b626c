//! A record's page says who changed it, when, and from what to what: one by one and in bulk.

use powercrud::{
    PowerCrud, Resource, ResourceBuilder, Selection, User,
    bulk::{self, BulkRequest},
    history::{Done, HistoryEntry, history},
    task::store,
};

use super::browser::Browser;
use crate::{
    shop::{carry_out, count, delete, discovered, items, keys, matching, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! {
    single_and_bulk_changes_from_and_to, what_was_set_where_nothing_is_kept, however_they_were_selected, keys_of_any_kind,
    another_users_task_stays_hidden, a_resource_tells_of_its_own_fields_only
}

async fn app(database: &TestDatabase, resources: impl IntoIterator<Item = ResourceBuilder>) -> PowerCrud {
    let builder = PowerCrud::builder(database.clone())
        .user(|parts| Some(user(parts.headers.get("x-user").map_or("ann", |name| name.to_str().unwrap_or_default()))));
    resources.into_iter().fold(builder, powercrud::Builder::resource).build().await.expect("no mistakes")
}

fn user(name: &str) -> User {
    User::new(name, name).staff(name == "ann")
}

async fn entries(app: &PowerCrud, resource: &str, key: &str) -> Vec<HistoryEntry> {
    let resource = app.resource(resource).expect("a resource");
    history(app, &User::operator(), resource, key, 50).await.expect("a history").0
}

/// "stock: 5 → 9", by field.
fn words(entry: &HistoryEntry) -> Vec<String> {
    let side = |cell: &Option<powercrud::query::Cell>| match cell {
        None => "?".to_owned(),
        Some(cell) if cell.value.is_null() => "NULL".to_owned(),
        Some(cell) => cell.value.to_text(),
    };
    let changes = entry.changes.iter();
    changes.map(|change| format!("{}: {} → {}", change.field, side(&change.from), side(&change.to))).collect()
}

/// How many bulk tasks are in the record's history.
async fn in_bulk(app: &PowerCrud, resource: &str, key: &str) -> usize {
    let entries = entries(app, resource, key).await;
    entries.iter().filter(|entry| matches!(entry.what, Done::InBulk(_))).count()
}

async fn single_and_bulk_changes_from_and_to(database: TestDatabase) {
    items(&database, 60).await;
    let app = app(&database, [Resource::table("item").bulk_revert(true)]).await;
    let mut ann = Browser::new(app.router());
    let record = "/resources/item/records/7";
    ann.get(record).await.expect(200).holds(&["History", "No changes of this record are recorded."]);
    ann.post(&format!("{record}/edit"), "name=Seven&stock=8").await.location();
    let request = update("item", Selection::All, [("stock", Some("20")), ("note", None)]);
    let task = carry_out(&app, BulkRequest { user: user("bob"), ..request }).await;
    // The trigger counts by itself, which no one asked for.
    let found = entries(&app, "item", "7").await;
    let [of_task, of_form] = &found[..] else { panic!("{found:?}") };
    assert_eq!(words(of_form), ["name: item 7 → Seven", "stock: 7 → 8"]);
    assert_eq!((of_form.who.as_deref(), of_task.who.as_deref()), (Some("ann"), Some("bob")));
    assert_eq!(words(of_task), ["stock: 8 → 20", "note: note 7 → NULL"]);
    assert!(of_form.at <= of_task.at && of_task.at == task.completed_at.expect("an end"));
    // Where it held NULL already, only the other field differs.
    assert_eq!(words(&entries(&app, "item", "5").await[0]), ["stock: 5 → 20"]);
    let page = ann.get(record).await.expect(200);
    let page = page.holds(&[
        "Changed in bulk",
        "by bob",
        "Changed</span> by ann",
        "Seven",
        "/staff/audit?resource=item&amp;key=7",
    ]);
    assert!(page.links().contains(&format!("/tasks/{}", task.id)), "{:?}", page.links());
    // A revert goes the other way.
    let revert = bulk::revert(&app, &User::operator(), task.id).await.expect("a revert").task().clone();
    work(&app, &revert).await;
    let found = entries(&app, "item", "7").await;
    assert_eq!((found.len(), words(&found[0])), (3, vec!["stock: 20 → 8".into(), "note: NULL → note 7".into()]));
    ann.get(record).await.holds(&["Restored in bulk"]);
    // Deleted and restored, with all that it had.
    let gone = carry_out(&app, delete("item", keys([9]))).await;
    ann.get("/resources/item/records/9").await.expect(404);
    bulk::revert(&app, &User::operator(), gone.id).await.expect("a revert");
    let found = entries(&app, "item", "9").await;
    assert_eq!(found.len(), 4);
    assert!(words(&found[0]).contains(&"name: ? → item 9".to_owned()), "{:?}", words(&found[0]));
    assert!(words(&found[1]).contains(&"name: item 9 → ?".to_owned()), "{:?}", words(&found[1]));
    // Once what was kept is thrown away, what the task set is still known.
    database.execute("UPDATE powercrud_bulk_task SET images_purged_at = 1;").await;
    let found = entries(&app, "item", "7").await;
    assert_eq!(words(&found[1]), ["stock: ? → 20", "note: ? → NULL"]);
}

async fn what_was_set_where_nothing_is_kept(database: TestDatabase) {
    items(&database, 60).await;
    database
        .execute(
            "CREATE TABLE tag (id integer PRIMARY KEY, name varchar(20) NOT NULL);
             INSERT INTO tag VALUES (1, 'Sale'), (2, 'New');
             CREATE TABLE item_tag (item_id integer NOT NULL, tag_id integer NOT NULL, PRIMARY KEY (item_id, tag_id),
               FOREIGN KEY (item_id) REFERENCES item (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
             CREATE TABLE line (id integer PRIMARY KEY, item_id integer NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
             INSERT INTO line VALUES (1, 30);",
        )
        .await;
    let app = discovered(&database).await;
    let tags = app.resource("item").expect("items").many_to_many[0].name.clone();
    carry_out(&app, update("item", Selection::All, [("stock", Some("20")), (&format!("{tags}__add"), Some("1,2"))]))
        .await;
    let found = entries(&app, "item", "7").await;
    assert_eq!((found.len(), words(&found[0])), (1, vec!["stock: ? → 20".to_owned()]));
    assert!(found[0].links[0].ends_with(": add Sale, New"), "{:?}", found[0].links);
    carry_out(&app, update("line", Selection::All, [("item_id", Some("31"))])).await;
    let line = &entries(&app, "line", "1").await[0];
    assert_eq!(line.changes[0].to.as_ref().and_then(|cell| cell.display.as_deref()), Some("item 31"), "by its name");
    // A task that failed on a record did not change it, and one that was cancelled before it did not either.
    database.execute("DELETE FROM item_tag;").await;
    let task = carry_out(&app, delete("item", keys(25..=45))).await;
    assert_eq!(task.failed_records, 1);
    assert_eq!(in_bulk(&app, "item", "31").await, 1);
    let cancelled = queue(&app, update("item", keys(1..=24), [("note", None)])).await;
    store::cancel(&app, &User::operator(), cancelled.id).await.expect("cancelled");
    assert_eq!(in_bulk(&app, "item", "7").await, 1);
    // Nor is one that has yet to begin.
    queue(&app, update("item", keys(1..=24), [("note", Some("y"))])).await;
    assert_eq!(in_bulk(&app, "item", "7").await, 1);
}

async fn however_they_were_selected(database: TestDatabase) {
    items(&database, 5_000).await;
    let app = app(&database, [Resource::table("item")]).await;
    let changed = async |selection: Selection| {
        carry_out(&app, update("item", selection, [("stock", Some("20"))])).await;
    };
    // One long run, many short ones, single keys in the order of their texts.
    changed(matching(&app, "item", &["id__gt=20"])).await;
    changed(matching(&app, "item", &["status__ne=new"])).await;
    changed(keys((1..=5_000).rev().filter(|key| key % 2 == 0))).await;
    // By status, of which every third is new (0, 3, 6 …).
    for (key, expected) in [(20, 2), (21, 1), (22, 3), (23, 2), (4_999, 2), (5_000, 3), (3, 0), (1, 1), (3_000, 2)] {
        assert_eq!(in_bulk(&app, "item", &key.to_string()).await, expected, "{key}");
    }
    assert_eq!(in_bulk(&app, "item", "99999").await, 0);
    assert_eq!(in_bulk(&app, "item", "odd").await, 0);
    let blocks = count(&database, "powercrud_bulk_task_key_range").await;
    assert!((3..=15).contains(&blocks), "{blocks} blocks");
    // What a worker could not note is made up for.
    database.execute("DELETE FROM powercrud_bulk_task_key_range;").await;
    assert_eq!(in_bulk(&app, "item", "22").await, 3);
    assert_eq!(count(&database, "powercrud_bulk_task_key_range").await, blocks);
}

async fn keys_of_any_kind(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE word (name varchar(20) NOT NULL PRIMARY KEY, n integer);
             INSERT INTO word VALUES ('a', 1), ('B', 2), ('10', 3), ('9', 4), ('a\"b', 5), ('é', 6);
             CREATE TABLE pair (a integer NOT NULL, b varchar(20) NOT NULL, n integer, PRIMARY KEY (a, b));
             INSERT INTO pair VALUES (1, 'x', 1), (1, 'y', 2), (10, 'x', 3);",
        )
        .await;
    let app = app(&database, ["word", "pair"].map(|name| Resource::table(name).bulk_revert(true))).await;
    for resource in ["word", "pair"] {
        carry_out(&app, update(resource, Selection::All, [("n", Some("7"))])).await;
        let page = powercrud::query::list(&app, app.resource(resource).expect("it"), &Default::default()).await;
        let rows = page.expect("a list").rows;
        assert!(rows.len() >= 3);
        let mut before: Vec<String> = Vec::new();
        for row in rows {
            let found = entries(&app, resource, &row.key).await;
            assert_eq!(found.len(), 1, "{resource} {}", row.key);
            before.extend(words(&found[0]));
        }
        before.sort_unstable();
        let expected: Vec<_> = (1..=before.len()).map(|n| format!("n: {n} → 7")).collect();
        assert_eq!(before, expected);
    }
    powercrud::record::update(
        &app,
        &user("bob"),
        app.resource("pair").expect("it"),
        r#"["1", "y"]"#,
        &[("n".into(), None)],
    )
    .await
    .expect("a change");
    let found = entries(&app, "pair", r#"["1","y"]"#).await;
    assert_eq!((found.len(), words(&found[0])), (2, vec!["n: 7 → NULL".to_owned()]));
}

async fn another_users_task_stays_hidden(database: TestDatabase) {
    items(&database, 60).await;
    let app = app(&database, [Resource::table("item").bulk_revert(true)]).await;
    let (mut bob, mut cid) =
        (Browser::new(app.router()).with("x-user", "bob"), Browser::new(app.router()).with("x-user", "cid"));
    let request = update("item", Selection::All, [("note", Some("by bobs task"))]);
    let task = carry_out(&app, BulkRequest { user: user("bob"), ..request }).await;
    bob.post("/resources/item/records/7/edit", "note=since+then").await.location();
    let id = task.id.to_string();
    let page = cid.get("/resources/item/records/7").await.expect(200);
    page.holds(&["Changed in bulk", "since then", "Changed</span> by bob"]).lacks(&[
        &id,
        "Changed in bulk</span> by",
        "on 60 items",
        "/staff",
    ]);
    // Record 8 holds what the task set, and its history tells nothing of what was there before.
    cid.get("/resources/item/records/8")
        .await
        .expect(200)
        .holds(&["Changed in bulk"])
        .lacks(&[&id, "note 8", "by bob<"]);
    bob.get("/resources/item/records/8")
        .await
        .expect(200)
        .holds(&["Changed in bulk", "by bob", &id, "note 8"])
        .lacks(&["/staff"]);
    let item = app.resource("item").expect("items");
    let (entries, _) = history(&app, &user("cid"), item, "8", 10).await.expect("a history");
    assert!(matches!(entries[0].what, Done::InHiddenBulk));
    assert!(entries[0].who.is_none() && entries[0].changes.is_empty() && entries[0].links.is_empty());
    assert_eq!(entries[0].at, task.completed_at.expect("an end"));
}

async fn a_resource_tells_of_its_own_fields_only(database: TestDatabase) {
    items(&database, 60).await;
    let shown = Resource::table("item").suffix("public").fields(["id", "name", "stock"]);
    let app = app(&database, [Resource::table("item").bulk_revert(true), shown]).await;
    let mut ann = Browser::new(app.router());
    ann.post("/resources/item/records/7/edit", "stock=8&note=secret+one").await.location();
    carry_out(&app, update("item", keys([7, 8]), [("stock", Some("9")), ("note", Some("secret two"))])).await;
    let public = app.resources().iter().find(|resource| resource.name != "item").expect("the other").name.clone();
    let found = entries(&app, &public, "7").await;
    assert_eq!(found.iter().map(words).collect::<Vec<_>>(), [["stock: 8 → 9"], ["stock: 7 → 8"]]);
    let mut whole = entries(&app, "item", "7").await;
    assert_eq!(words(&whole.remove(0)), ["stock: 8 → 9", "note: secret one → secret two"]);
}
