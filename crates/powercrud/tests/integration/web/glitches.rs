//! Small things on pages: links, marks and counts that tell what is so.

use std::time::Duration;

use powercrud::{
    PowerCrud, Resource, Selection, User,
    bulk::BulkRequest,
    db::Database,
    task::{Status, store},
};

use super::{
    browser::Browser,
    live::{Events, address},
    login,
};
use crate::{
    shop::{discovered, items, queue, update},
    support::{Kind, TestDatabase, each_database, run},
};

each_database! {
    an_empty_key_is_a_key, what_is_paused_does_not_run, a_conflict_tells_how_far_the_other_is, streams_end_with_the_right_to_them,
    counts_that_come_later_find_their_places
}

async fn an_empty_key_is_a_key(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE word (word VARCHAR(20) NOT NULL PRIMARY KEY, note VARCHAR(20));
             INSERT INTO word VALUES ('', 'nothing'), ('a', 'letter');",
        )
        .await;
    let app = discovered(&database).await;
    let mut browser = Browser::new(app.router());
    let list = browser.get("/resources/word").await.expect(200).holds(&["href=\"/resources/word/records/~\""]);
    drop(list);
    browser.get("/resources/word/records/~").await.expect(200).holds(&["nothing"]);
}

async fn what_is_paused_does_not_run(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let mut browser = Browser::new(app.router());
    let task = queue(&app, update("item", Selection::All, [("stock", Some("1"))])).await;
    browser.get("/tasks/badge").await.expect(200).holds(&["1 running"]);
    database.execute("UPDATE powercrud_bulk_task SET status = 'PAUSED';").await;
    let task = store::get(&app, &User::operator(), task.id).await.expect("the task");
    assert_eq!(task.status, Status::Paused);
    browser.get("/tasks/badge").await.expect(200).lacks(&["running", "spinner"]);
}

async fn a_conflict_tells_how_far_the_other_is(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone())
        .resource(Resource::table("item"))
        .user(|request| {
            let name = request.headers.get("x-user")?.to_str().ok()?;
            Some(User::new(name, name))
        })
        .build()
        .await
        .expect("no mistakes");
    let request = update("item", Selection::All, [("stock", Some("1"))]);
    queue(&app, BulkRequest { user: User::new("ann", "ann"), ..request }).await;
    let mut bob = Browser::new(app.router()).with("x-user", "bob");
    bob.post("/resources/item/selection", "action=all").await.location();
    let dialog = bob.in_dialog().get("/resources/item/bulk-edit").await.expect(200);
    let form = format!("change=stock&set.stock=2&selection={}", dialog.hidden("selection"));
    let told = bob.in_dialog().post("/resources/item/bulk-edit", &form).await.expect(409);
    told.holds(&["Somebody else", "0 of 30"]).lacks(&["View it", "ann"]);
}

async fn streams_end_with_the_right_to_them(database: TestDatabase) {
    items(&database, 30).await;
    let app =
        PowerCrud::builder(database.clone()).resource(Resource::table("item")).login().build().await.expect("a shop");
    login::add(&database, "ann", false).await;
    let mut ann = login::signed_in(&app, "ann").await;
    let account = powercrud::account::find(&database, "ann").await.expect("ann");
    let request = update("item", Selection::All, [("stock", Some("1"))]);
    let task = queue(&app, BulkRequest { user: account.into(), ..request }).await;
    let path = address(&mut ann, task.id).await;
    let cookie = format!("powercrud_session={}", ann.cookie("powercrud_session").expect("a session"));
    let mut page = Events::open_with(app.router(), &path, &[("cookie", &cookie)]).await;
    let api = format!("/api/v1/tasks/{}/events", task.id);
    let mut program = Events::open_with(app.router(), &api, &[("cookie", &cookie)]).await;
    powercrud::account::set_active(&database, &User::operator(), "ann", false).await.expect("ann is put out");
    for stream in [&mut page, &mut program] {
        let end = async { while stream.next_event().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(15), end).await.expect("the stream ends");
    }
}

async fn counts_that_come_later_find_their_places(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item"))
        .resource(Resource::table("item").suffix("fixed").read_only(true))
        .build()
        .await
        .expect("no mistakes");
    let mut browser = Browser::new(app.router());
    for (resource, ticks) in [("item", true), ("item-fixed", false)] {
        let list = browser.get(&format!("/resources/{resource}")).await.expect(200);
        let count = browser.get(&format!("/resources/{resource}/count")).await.expect(200);
        let parts: Vec<_> = count.text.split('<').filter(|tag| tag.contains("hx-swap-oob")).collect();
        assert_eq!(parts.len(), if ticks { 4 } else { 2 }, "{parts:?}");
        for part in parts {
            let id = part.split_once("id=\"").and_then(|(_, rest)| rest.split_once('"')).expect("an id").0;
            assert!(list.text.contains(&format!("id=\"{id}\"")), "{resource}: {id}");
        }
    }
    // Past the end there is nothing to fill in.
    browser.get("/resources/item/count?page=90").await.expect(200).lacks(&["hx-swap-oob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_only_be_read_shows_its_messages() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 30).await;
        let notified = || Resource::table("item").bulk_async_notification(powercrud::Channel::Messages);
        let app = PowerCrud::builder(database.clone())
            .open_to_everybody()
            .resource(notified())
            .build()
            .await
            .expect("a shop");
        let task = queue(&app, update("item", Selection::All, [("stock", Some("1"))])).await;
        crate::shop::work(&app, &task).await;
        let path = database.url.split('?').next().expect("a path");
        let only = Database::connect(&format!("{path}?mode=ro")).await.expect("a file");
        let app = PowerCrud::builder(only)
            .open_to_everybody()
            .resource(notified())
            .migrate(false)
            .build()
            .await
            .expect("a shop to read");
        let mut browser = Browser::new(app.router());
        for path in ["/", "/resources/item", "/messages", &format!("/tasks/{}", task.id), "/tasks/badge"] {
            browser.get(path).await.expect(200).holds(&["Messages, 1 unseen"]);
        }
    })
    .await;
}
