//! A task's page tells who was told of its end, and who is still to be.

use powercrud::{Channel, PowerCrud, Resource, Selection, User, bulk::BulkRequest};

use super::{
    due_now,
    receiver::{Answer, Receiver},
    sink::Sink,
    webhook,
};
use crate::{
    shop::{items, queue, update, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { the_page_tells_how_notices_stand }

async fn the_page_tells_how_notices_stand(database: TestDatabase) {
    items(&database, 30).await;
    let sink = Sink::start([]).await;
    let receiver = Receiver::start([Answer::Status(500)]).await;
    let item = Resource::table("item").bulk_async_notification([Channel::Messages, Channel::Email, Channel::Callback]);
    let app = PowerCrud::builder(database.clone())
        .resource(item)
        .user(|parts| {
            let name = parts.headers.get("x-user")?.to_str().ok()?;
            Some(User::new(name, name))
        })
        .base_url("https://shop.example.org")
        .email_url(sink.url())
        .email_from("robot@example.org")
        .webhook_url(receiver.url())
        .webhook_secret(webhook::SECRET)
        .webhook_allow_private(true);
    let app = app.build().await.expect("a configuration without mistakes");
    let request = update("item", Selection::All, [("note", Some("x"))]);
    let user = User::new("ann", "Ann").email("ann@example.org");
    let task = queue(&app, BulkRequest { user, ..request }).await;
    let (page, notices) = (format!("/tasks/{}", task.id), format!("/tasks/{}/notices", task.id));
    let mut ann = Browser::new(app.router()).with("x-user", "ann");
    ann.get(&page).await.expect(200).lacks(&["Email to", &notices]);
    work(&app, &task).await;
    // They are under way, so the page asks again.
    let waiting = ["Message under the bell", "Email to ann@example.org", "Webhook", "waiting to be sent", &notices];
    ann.get(&page).await.expect(200).holds(&waiting);
    let htmx = ann.with("hx-request", "true");
    htmx.clone().get(&notices).await.expect(200).holds(&waiting).lacks(&["<html"]);
    app.deliver_notices().await.expect("tries");
    let after = ["sent", "waiting, 2nd try of 8", "500 Internal Server Error"];
    htmx.clone().get(&notices).await.expect(200).holds(&after).lacks(&["t0ken", "waiting to be sent"]);
    ann.get(&page).await.expect(200).holds(&after);
    due_now(&database).await;
    app.deliver_notices().await.expect("a try");
    ann.get(&page).await.expect(200).lacks(&["waiting", "500 Internal", &notices]);
    Browser::new(app.router()).with("x-user", "bob").get(&notices).await.expect(404);
}
