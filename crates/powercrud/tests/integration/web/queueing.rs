//! What becomes of a bulk operation that goes to the background: what the dialog says, where it leads, who hears of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use powercrud::{AfterQueueing, ConflictScope, Error, PowerCrud, Resource, User, bulk::BulkRequest, task::Status};

use super::browser::Browser;
use crate::{
    shop::{items, keys, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! {
    a_request_can_wait_behind_another, the_task_page_can_follow_at_once, held_rows_are_marked,
    all_rows_are_marked_where_the_model_is_held
}

/// The form of a bulk edit of everything.
async fn form(browser: &mut Browser, stock: u32) -> String {
    browser.post("/resources/item/selection", "action=all").await.location();
    let dialog = browser.in_dialog().get("/resources/item/bulk-edit").await.expect(200);
    format!("change=stock&set.stock={stock}&selection={}", dialog.hidden("selection"))
}

async fn a_request_can_wait_behind_another(database: TestDatabase) {
    items(&database, 30).await;
    let (queued, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item"))
        .async_queue_success({
            let queued = Arc::clone(&queued);
            move |task| {
                assert_eq!((task.resource.as_str(), task.total_records), ("item", 30));
                queued.fetch_add(1, Ordering::SeqCst);
            }
        })
        .async_queue_failure({
            let refused = Arc::clone(&refused);
            move |resource, user, error| {
                assert_eq!((resource.name.as_str(), user.name.as_str()), ("item", "operator"));
                assert!(matches!(error, Error::Conflict { .. }), "{error}");
                refused.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build()
        .await
        .expect("no mistakes");
    let heard = || (queued.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
    let mut browser = Browser::new(app.router());
    let first = form(&mut browser, 1).await;
    browser.in_dialog().post("/resources/item/bulk-edit", &first).await.expect(200);
    assert_eq!(heard(), (1, 0));
    let second = form(&mut browser, 2).await;
    let answer = browser.in_dialog().post("/resources/item/bulk-edit", &second).await.expect(409);
    assert_eq!(heard(), (1, 1));
    let message = answer.events()["bulkEditFailed"]["message"].clone();
    assert!(message.as_str().expect("a message").contains("Another bulk operation is running"), "{message}");
    answer.holds(&[
        "View it",
        "Try again",
        "Queue mine behind it",
        "name=\"on_conflict\" value=\"queue\"",
        "value=\"2\"",
    ]);
    let wrong = format!("{second}&on_conflict=shove");
    browser
        .in_dialog()
        .post("/resources/item/bulk-edit", &wrong)
        .await
        .expect(422)
        .holds(&["allowed are reject and queue"]);
    let answer =
        browser.in_dialog().post("/resources/item/bulk-edit", &format!("{second}&on_conflict=queue")).await.expect(200);
    assert_eq!(heard(), (2, 1));
    let events = answer.events();
    answer.holds(&["It waits for another bulk task"]);
    let id = events["bulkEditQueued"]["taskId"].as_str().expect("a task").parse().expect("an id");
    let task = powercrud::task::store::get(&app, &powercrud::User::operator(), id).await.expect("the task");
    assert_eq!(task.status, Status::Waiting);
    // A delete has the same choice.
    let third = form(&mut browser, 0).await;
    let selection = third.rsplit('&').next().expect("a selection");
    let delete = format!("confirm=yes&{selection}");
    browser.in_dialog().post("/resources/item/bulk-delete", &delete).await.expect(409).holds(&["Queue mine behind it"]);
    let delete = format!("{delete}&on_conflict=queue");
    browser.in_dialog().post("/resources/item/bulk-delete", &delete).await.expect(200).holds(&["It waits"]);
}

async fn the_task_page_can_follow_at_once(database: TestDatabase) {
    items(&database, 30).await;
    let item = Resource::table("item").bulk_async_after_queueing(AfterQueueing::StatusPage);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let mut browser = Browser::new(app.router());
    let first = form(&mut browser, 1).await;
    let answer = browser.in_dialog().post("/resources/item/bulk-edit", &first).await.expect(200);
    let task = answer.events()["bulkEditQueued"]["taskId"].as_str().expect("a task").to_owned();
    assert_eq!(answer.header("hx-redirect"), format!("/tasks/{task}"));
    // The very same request again, from a browser without scripts, leads to the same task.
    let again = form(&mut browser, 1).await;
    assert_eq!(browser.post("/resources/item/bulk-edit", &again).await.location(), format!("/tasks/{task}"));
}

async fn held_rows_are_marked(database: TestDatabase) {
    items(&database, 30).await;
    let item = Resource::table("item").bulk_async_conflict_scope(ConflictScope::Record).bulk_min_async_records(2u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let mut browser = Browser::new(app.router());
    browser.get("/resources/item").await.expect(200).lacks(&["Held by"]);
    queue(&app, update("item", keys([3, 4, 9]), [("note", Some("x"))])).await;
    let page = browser.get("/resources/item").await.expect(200);
    let reason = "title=\"Held by a bulk task: Note → x on 3 items\"";
    assert_eq!(page.text.matches(reason).count(), 3, "{}", page.text);
    page.lacks(&["It holds all items"]);
    let all = form(&mut browser, 1).await;
    let refused = browser.in_dialog().post("/resources/item/bulk-edit", &all).await.expect(409);
    refused.holds(&["running on some of these items. Nothing was changed", "Note → x on 3 items: 0 %"]);
}

async fn all_rows_are_marked_where_the_model_is_held(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone())
        .resource(Resource::table("item").bulk_min_async_records(2u64))
        .user(|parts| Some(User::new(parts.headers.get("x-user")?.to_str().ok()?, "Somebody")))
        .build()
        .await
        .expect("no mistakes");
    let request = BulkRequest { user: User::new("ann", "Ann"), ..update("item", keys([3, 4]), [("note", Some("x"))]) };
    let task = queue(&app, request).await;
    let marks = |page: &str, reason: &str| page.matches(&format!("title=\"{reason}\"")).count();
    let page = Browser::new(app.router()).with("x-user", "ann").get("/resources/item").await.expect(200);
    let page = page.holds(&["It holds all items: other changes of them are refused until it has ended"]);
    assert_eq!(marks(&page.text, "Held by a bulk task: Note → x on 2 items"), 25, "{}", page.text);
    // Who does not see the task sees at least what can't be changed now.
    let mut bob = Browser::new(app.router()).with("x-user", "bob");
    let page = bob.get("/resources/item").await.expect(200);
    let page = page.lacks(&["It holds all items", "Note → x", "Ann"]);
    assert_eq!(marks(&page.text, "Held by somebody&#39;s bulk task"), 25, "{}", page.text);
    // How far it is stands over the list, where it is told anew; other pages would tell what was.
    let strip = page.holds(&["Somebody&#39;s bulk task holds all items", "0 of 2 records, 0%"]);
    for path in ["/resources/item/records/20", "/resources/item/records/20/edit"] {
        let page = bob.get(path).await.expect(200);
        page.holds(&["Somebody's bulk task holds this record"]).lacks(&["Note → x", "0 of 2 records"]);
    }
    let (_, asks_again) = strip.text.split_once("data-poll hx-get=\"").expect("a strip that asks again");
    let (href, _) = asks_again.split_once('"').expect("an address");
    let mut bob = bob.with("hx-request", "true");
    assert!(bob.get(href).await.expect(200).events().get("refreshTable").is_none(), "while it runs");
    work(&app, &task).await;
    let ended = bob.get(href).await.expect(200).lacks(&["Somebody", "hx-get"]);
    assert!(ended.events().get("refreshTable").is_some(), "what it has done is to be seen");
}
