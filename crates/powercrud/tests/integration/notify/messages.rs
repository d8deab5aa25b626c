//! Messages: on whatever page the user is on, under the bell until seen, and nobody else's.

use powercrud::{Resource, Selection, User, bulk::BulkRequest, task::BulkTask};

use crate::{
    shop::{items, queue, update, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { a_message_comes_up_once_and_waits_under_the_bell, looking_at_the_task_is_seeing_it, messages_are_the_users_own }

const TOAST: &str = "data-toast";

/// Ann's task, carried out.
async fn anns_task(app: &powercrud::PowerCrud, note: &str) -> BulkTask {
    let request = update("item", Selection::All, [("note", Some(note))]);
    let task = queue(app, BulkRequest { user: User::new("ann", "Ann"), ..request }).await;
    work(app, &task).await
}

async fn a_message_comes_up_once_and_waits_under_the_bell(database: TestDatabase) {
    items(&database, 30).await;
    let app = super::app(&database, Resource::table("item")).await;
    let mut ann = Browser::new(app.router()).with("x-user", "ann");
    ann.get("/").await.expect(200).holds(&["aria-label=\"Messages\""]).lacks(&[TOAST]);
    let task = anns_task(&app, "a").await;
    let href = format!("/tasks/{}", task.id);
    // What pages ask all the time brings it, until a page says that it came up.
    let told = ["Messages, 1 unseen", TOAST, "30 items changed.", &href];
    for _ in 0..2 {
        ann.get("/tasks/badge").await.expect(200).holds(&told);
    }
    ann.get("/resources/item").await.expect(200).holds(&told);
    ann.get("/resources/item").await.expect(200).holds(&told[..1]).lacks(&[TOAST]);
    ann.get("/tasks/badge").await.expect(200).holds(&told[..1]).lacks(&[TOAST]);

    let page = ann.get("/messages").await.expect(200).holds(&["30 items changed.", &href, "Unseen:", "Mark all seen"]);
    let form = format!("newest={}", page.hidden("newest"));
    // What ends meanwhile was not on that page.
    anns_task(&app, "b").await;
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert_eq!(ann.post("/messages/seen", &form).await.location(), "/messages");
    ann.get("/messages").await.expect(200).holds(&["30 items changed.", "Messages, 1 unseen"]);
    let page = ann.get("/messages").await.expect(200);
    ann.post("/messages/seen", &format!("newest={}", page.hidden("newest"))).await.location();
    ann.get("/messages").await.expect(200).holds(&["30 items changed."]).lacks(&["Unseen:", "unseen", "Mark all seen"]);
    ann.post("/messages/seen", "").await.expect(422).holds(&["newest"]);
}

async fn looking_at_the_task_is_seeing_it(database: TestDatabase) {
    items(&database, 30).await;
    let app = super::app(&database, Resource::table("item")).await;
    let mut ann = Browser::new(app.router()).with("x-user", "ann");
    let task = anns_task(&app, "a").await;
    ann.get(&format!("/tasks/{}", task.id)).await.expect(200).holds(&["aria-label=\"Messages\""]).lacks(&[TOAST]);
    // Staff looking at it is not its owner looking.
    let task = anns_task(&app, "b").await;
    let mut staff = Browser::new(app.router()).with("x-user", "staff");
    staff.get(&format!("/tasks/{}", task.id)).await.expect(200).lacks(&[TOAST]);
    ann.get("/").await.expect(200).holds(&["Messages, 1 unseen", TOAST]);
}

async fn messages_are_the_users_own(database: TestDatabase) {
    items(&database, 30).await;
    let app = super::app(&database, Resource::table("item")).await;
    anns_task(&app, "a").await;
    let nobody = Browser::new(app.router());
    nobody.clone().get("/messages").await.expect(401);
    let mut ann = nobody.with("x-user", "ann");
    let badge = ann.get("/tasks/badge").await.expect(200);
    let address = |end: &str| {
        let (_, rest) = badge.text.split_once("data-seen-href=\"").expect("where to put it away");
        rest.split_once("/seen\"").map(|(start, _)| format!("{start}/{end}")).expect("an address")
    };
    for name in ["bob", "staff"] {
        let mut other = nobody.with("x-user", name);
        for path in ["/", "/messages", "/tasks/badge"] {
            other.get(path).await.expect(200).lacks(&["30 items changed", "unseen", TOAST]);
        }
        // They may ask, but it is not theirs.
        other.post(&address("seen"), "").await.location();
        other.post(&address("shown"), "").await.expect(204);
        other.post("/messages/seen", "newest=99999999999999").await.location();
    }
    ann.get("/tasks/badge").await.expect(200).holds(&["Messages, 1 unseen", TOAST]);
    let away = ann.with("hx-request", "true").post(&address("seen"), "").await.expect(200);
    assert_eq!(away.text, "");
    assert!(away.events().get("messageSeen").is_some());
    ann.get("/tasks/badge").await.expect(200).lacks(&["unseen", TOAST]);
    ann.post("/messages/no-id/seen", "").await.expect(404);
    // The operator's own are those of the command line, not Ann's.
    let operator = powercrud::PowerCrud::builder(database)
        .open_to_everybody()
        .resource(Resource::table("item"))
        .build()
        .await
        .expect("an app");
    Browser::new(operator.router()).get("/messages").await.expect(200).lacks(&["30 items changed"]);
}
