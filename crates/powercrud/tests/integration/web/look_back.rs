//! A task looked back on: its page, its records in the list, what came of it.

use powercrud::{
    PowerCrud, Resource, Selection, User,
    bulk::{BulkRequest, retry},
    query::{self, ListParams},
    task::store,
};

use super::{
    browser::{Browser, encode},
    open,
};
use crate::{
    shop::{carry_out, delete, discovered, items, matching, queue, update},
    support::{TestDatabase, each_database},
};

each_database! {
    failed_records_are_searched_and_lead_to_the_list,
    the_list_shows_each_outcome,
    what_came_of_it_is_linked,
    references_are_shown_by_name,
    the_task_list_is_filtered,
    the_task_list_tells_how_far_each_is,
    another_users_task_is_no_filter,
}

async fn with_lines(database: &TestDatabase, records: usize) -> PowerCrud {
    items(database, records).await;
    database
        .execute(
            "CREATE TABLE line (id integer PRIMARY KEY, item_id integer NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
             INSERT INTO line SELECT id, id FROM item WHERE id % 20 = 7;",
        )
        .await;
    discovered(database).await
}

async fn failed_records_are_searched_and_lead_to_the_list(database: TestDatabase) {
    let app = with_lines(&database, 1_300).await;
    let task = carry_out(&app, delete("item", Selection::All)).await;
    assert_eq!(task.failed_records, 65);
    let mut browser = Browser::new(app.router());
    let path = format!("/tasks/{}", task.id);
    let page = browser.get(&path).await.expect(200);
    let page = page.holds(&[
        "65 records failed",
        "item 7",
        "1–50 of 65",
        "Ended, at 1,300 of 1,300 records",
        "Show in the list",
    ]);
    // Asked for again, they don't take the page to them.
    page.holds(&[&format!("hx-get=\"{path}?outcome=failed\"")]).lacks(&["item 1287"]);
    browser.get(&format!("{path}?outcome=failed&page=2")).await.expect(200).holds(&["51–65 of 65", "item 1287"]);
    let found = browser.get(&format!("{path}?outcome=failed&q=1287%20FOREIGN_KEY")).await.expect(200);
    found.holds(&["1–1 of 1", "item 1287"]).lacks(&["item 7<"]);
    browser
        .get(&format!("{path}?outcome=failed&q=nowhere"))
        .await
        .expect(200)
        .holds(&["No failed record holds “nowhere”."]);
    let part = browser.with("hx-request", "true").with("hx-target", "records").get(&path).await.expect(200);
    part.holds(&["65 records failed"]).lacks(&["<html", "What happened"]);
    browser
        .get(&format!("{path}?outcome=succeeded"))
        .await
        .expect(200)
        .holds(&["1,235 records deleted", "50 of 1,235"]);
    for (query, allowed) in [
        ("outcome=lost", "succeeded, failed, unprocessed"),
        ("page=0", "a whole number from 1"),
        ("after=x", "the place of a record"),
        ("colour=red", "outcome, q, page, after"),
    ] {
        browser.get(&format!("{path}?{query}")).await.expect(422).holds(&[allowed]);
    }
    let list = format!("/resources/item?in_task={}.failed", task.id);
    browser.get(&list).await.expect(200).holds(&["65 items match", "failed on them", "item 7"]);
    // They can be selected like any others.
    database.execute("DELETE FROM line WHERE item_id < 1000;").await;
    let filter = encode(&format!("in_task={}.failed", task.id));
    browser.post("/resources/item/selection", &format!("action=all&list={filter}")).await.location();
    let dialog = browser.in_dialog().get("/resources/item/bulk-delete").await.expect(200);
    let form = format!("confirm=yes&selection={}", dialog.holds(&["Delete 65 items?"]).hidden("selection"));
    let answer = browser.in_dialog().post("/resources/item/bulk-delete", &form).await.expect(200);
    let id = answer.events()["bulkEditQueued"]["taskId"].as_str().expect("a task").parse().expect("an id");
    let second = store::get(&app, &User::operator(), id).await.expect("the task");
    let second = crate::shop::work(&app, &second).await;
    assert_eq!((second.succeeded_records, second.failed_records), (50, 15));
    browser
        .get(&format!("/tasks/{id}"))
        .await
        .expect(200)
        .holds(&["Delete 65 items where an earlier task failed on them"]);
}

async fn found(app: &PowerCrud, browser: &mut Browser, id: uuid::Uuid, outcome: &str) -> u64 {
    let page = browser.get(&format!("/resources/item/count?in_task={id}.{outcome}")).await.expect(200);
    let _ = app;
    let (_, rest) = page.text.split_once("data-announce=\"").unwrap_or_else(|| panic!("no count in {}", page.text));
    rest.split(' ').next().expect("a number").replace(',', "").parse().unwrap_or_else(|_| panic!("{}", page.text))
}

async fn the_list_shows_each_outcome(database: TestDatabase) {
    let app = with_lines(&database, 2_500).await;
    let mut browser = Browser::new(app.router());
    // One long run, many short ones, single keys.
    for (selection, records) in [
        (matching(&app, "item", &["id__gt=20"]), 2_480),
        (matching(&app, "item", &["status__ne=new"]), 1_667),
        (crate::shop::keys([3, 5, 6, 2_000]), 4),
    ] {
        let request = BulkRequest {
            route: powercrud::bulk::Route::Background,
            ..update("item", selection, [("stock", Some("5"))])
        };
        let task = queue(&app, request).await;
        assert_eq!(task.total_records, records);
        assert_eq!(found(&app, &mut browser, task.id, "unprocessed").await, records);
        assert_eq!(found(&app, &mut browser, task.id, "succeeded").await, 0);
        assert_eq!(found(&app, &mut browser, task.id, "selected").await, records);
        let task = crate::shop::work(&app, &task).await;
        assert_eq!(task.succeeded_records, records);
        assert_eq!(found(&app, &mut browser, task.id, "unprocessed").await, 0);
        assert_eq!(found(&app, &mut browser, task.id, "succeeded").await, records);
        assert_eq!(found(&app, &mut browser, task.id, "failed").await, 0);
        assert_eq!(found(&app, &mut browser, task.id, "selected").await, records);
        let list = format!("/resources/item?in_task={}.selected", task.id);
        let page = browser.get(&format!("/tasks/{}", task.id)).await.expect(200).holds(&["Show in the list"]);
        assert!(page.links().contains(&list), "{:?}", page.links());
        browser.get(&list).await.expect(200).holds(&["was about them"]);
    }
    browser.get(&format!("/resources/item?in_task={}.failed", uuid::Uuid::nil())).await.expect(404);
    browser
        .get("/resources/item?in_task=yesterday")
        .await
        .expect(422)
        .holds(&["one of succeeded, failed, unprocessed, selected"]);
    // Who calls the library is not asked who he is, so this is not offered there.
    let item = app.resource("item").expect("items");
    assert!(ListParams::parse(item, &[("in_task", "x")]).is_err());
    let all = query::count(&app, item, &ListParams::default()).await.expect("a count");
    assert_eq!(all, 2_500);
}

async fn what_came_of_it_is_linked(database: TestDatabase) {
    items(&database, 60).await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
    let child = retry(&app, &User::operator(), task.id).await.expect("a retry").task().id;
    let mut browser = Browser::new(app.router());
    let page = browser.get(&format!("/tasks/{}", task.id)).await.expect(200);
    page.holds(&["asked to cancel it", "What was left was tried again by operator", &format!("/tasks/{child}")]);
    let page = browser.get(&format!("/tasks/{child}")).await.expect(200);
    page.holds(&["Comes of", &format!("/tasks/{}", task.id), "those that an earlier task left undone"]);
}

async fn references_are_shown_by_name(database: TestDatabase) {
    let (app, mut browser) = open(database).await;
    browser.post("/resources/book/selection", "action=all&list=status%3Ddraft").await.location();
    let dialog = browser.in_dialog().get("/resources/book/bulk-edit").await.expect(200);
    let form = format!("change=author_id&set.author_id=1&selection={}", dialog.hidden("selection"));
    let preview = browser.in_dialog().post("/resources/book/bulk-edit/preview", &form).await;
    let id = if preview.status == 200 && preview.text.contains("Ann Adler") { "1" } else { "2" };
    // Half the drafts may have that author already; either way the new one is named.
    preview.expect(200);
    let form = format!("change=author_id&set.author_id={id}&selection={}", dialog.hidden("selection"));
    let answer = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(200);
    let task = answer.events()["bulkEditQueued"]["taskId"].as_str().expect("a task").to_owned();
    let author = app.resource("book").expect("books").field("author_id").expect("a field").label.clone();
    let name = if id == "1" { "Ann Adler" } else { "&lt;b&gt;Bob&lt;/b&gt; &amp; &quot;Co&quot;" };
    let page = browser.get(&format!("/tasks/{task}")).await.expect(200);
    page.holds(&[&format!("{author} → {name} on 30 books where Status is draft")]);
    browser.get("/tasks").await.holds(&[name]);
}

async fn the_task_list_is_filtered(database: TestDatabase) {
    items(&database, 30).await;
    database.execute("CREATE TABLE other (id integer PRIMARY KEY, n integer); INSERT INTO other VALUES (1, 1);").await;
    let app = discovered(&database).await;
    carry_out(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let old = carry_out(&app, update("other", Selection::All, [("n", Some("2"))])).await;
    database
        .execute(&format!(
            "UPDATE powercrud_bulk_task SET created_at = 86400000 WHERE created_at = {} AND model_name = 'other';",
            old.created_at
        ))
        .await;
    let mut browser = Browser::new(app.router());
    browser.get("/tasks").await.expect(200).holds(&["1–2 of 2"]);
    for (query, holds, lacks) in [
        ("resource=item", "on 30 items", "on 1 other"),
        ("to=1970-01-02", "on 1 other", "on 30 items"),
        ("from=1970-01-03", "on 30 items", "on 1 other"),
        ("from=1970-01-02&to=1970-01-02&state=done", "on 1 other", "on 30 items"),
        ("state=failed", "No bulk task fits.", "on 30 items"),
    ] {
        browser.get(&format!("/tasks?{query}")).await.expect(200).holds(&[holds]).lacks(&[lacks]);
    }
    for (query, allowed) in [
        ("resource=items2", "item"),
        ("from=yesterday", "allowed is one such as 2026-01-31"),
        ("state=lost", "running, done, failed, cancelled"),
    ] {
        browser.get(&format!("/tasks?{query}")).await.expect(422).holds(&[allowed]).lacks(&["on 30 items"]);
    }
}

async fn the_task_list_tells_how_far_each_is(database: TestDatabase) {
    items(&database, 60).await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let mut browser = Browser::new(app.router());
    browser.get("/tasks").await.expect(200).holds(&["Queued", "0 of 60 records", "operator"]).lacks(&["per second"]);
    // A worker has been on it for ten seconds.
    let began = task.created_at - 10_000;
    let (rows, at) = ("processed_records = 30, succeeded_records = 30", format!("started_at = {began}"));
    database
        .execute(&format!(
            "UPDATE powercrud_bulk_task SET status = 'STARTED', attempt = 1, {at}, {rows}, lease_expires_at = 99999999999999;"
        ))
        .await;
    browser.get("/tasks").await.expect(200).holds(&["Running", "30 of 60 records", "per second", "about 1", " left"]);
    // What rests has neither.
    database.execute("UPDATE powercrud_bulk_task SET status = 'PAUSED', lease_expires_at = NULL;").await;
    browser.get("/tasks").await.expect(200).holds(&["Paused", "30 of 60 records"]).lacks(&["per second", " left"]);
}

async fn another_users_task_is_no_filter(database: TestDatabase) {
    items(&database, 30).await;
    let user = |name: &str| User::new(name, name);
    let app = PowerCrud::builder(database.clone())
        .resource(Resource::table("item"))
        .user(move |parts| Some(user(parts.headers.get("x-user")?.to_str().ok()?)))
        .build()
        .await
        .expect("no mistakes");
    let request = update("item", Selection::All, [("note", None)]);
    let task = queue(&app, BulkRequest { user: user("ann"), ..request }).await;
    let (mut ann, mut bob) =
        (Browser::new(app.router()).with("x-user", "ann"), Browser::new(app.router()).with("x-user", "bob"));
    let filter = format!("in_task={}.unprocessed", task.id);
    ann.get(&format!("/resources/item?{filter}")).await.expect(200).holds(&["30 items match"]);
    for path in [
        format!("/resources/item?{filter}"),
        format!("/resources/item/count?{filter}"),
        format!("/resources/item/filter/form?field=id&list={}", encode(&filter)),
        format!("/tasks/{}", task.id),
        format!("/tasks/{}?outcome=unprocessed", task.id),
        format!("/tasks/{}/progress", task.id),
        format!("/tasks/{}/strip", task.id),
        format!("/tasks/{}/results/unprocessed.csv", task.id),
        format!("/tasks/events?place=page&watch={}.PENDING.0", task.id),
    ] {
        bob.get(&path).await.expect(404);
    }
    for action in ["cancel", "pause", "resume", "retry"] {
        bob.post(&format!("/tasks/{}/{action}", task.id), "").await.expect(404);
    }
    bob.post("/resources/item/selection", &format!("action=all&list={}", encode(&filter))).await.expect(404);
}
