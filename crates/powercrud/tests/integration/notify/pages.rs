//! A task's page and its JSON tell who was told of its end, and who is still to be.

use powercrud::{Channel, PowerCrud, Resource, Selection, User, bulk::BulkRequest, task::BulkTask};
use serde_json::{Value, json};

use super::{
    due_now,
    receiver::{Answer, Receiver},
    sink::Sink,
    webhook,
};
use crate::{
    api::{Client, token_of},
    shop::{items, queue, update, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { the_page_tells_how_notices_stand, the_api_tells_how_notices_stand }

/// An application with three channels, a queued task of ann's, and what takes its mail and its posts: those fail the first time.
async fn queued(database: &TestDatabase) -> (PowerCrud, BulkTask, Sink, Receiver) {
    items(database, 30).await;
    let sink = Sink::start([]).await;
    let receiver = Receiver::start([Answer::Status(500)]).await;
    let item = Resource::table("item").bulk_async_notification([Channel::Messages, Channel::Email, Channel::Callback]);
    let app = PowerCrud::builder(database.clone())
        .resource(item)
        .user(|parts| {
            let name = parts.headers.get("x-user")?.to_str().ok()?;
            Some(User::new(name, name))
        })
        .token_user(async |id: String| Some(User::new(&id, &id)))
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
    (app, task, sink, receiver)
}

async fn the_page_tells_how_notices_stand(database: TestDatabase) {
    let (app, task, _sink, _receiver) = queued(&database).await;
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

async fn the_api_tells_how_notices_stand(database: TestDatabase) {
    let (app, task, _sink, receiver) = queued(&database).await;
    let ann = Client::new(app.router(), &token_of(&app, User::new("ann", "Ann"), &[]).await);
    let path = format!("/api/v1/tasks/{}", task.id);
    let notices = async || {
        let json = ann.get(&path).await.expect(200).json;
        json["notices"].as_array().expect("notices").clone()
    };
    let told = |notices: &[Value]| {
        let told = notices.iter().map(|notice| {
            let [channel, recipient, status] = ["channel", "recipient", "status"].map(|key| notice[key].as_str());
            (
                channel.unwrap().to_owned(),
                recipient.unwrap().to_owned(),
                status.unwrap().to_owned(),
                notice["attempts"].as_u64(),
            )
        });
        told.collect::<Vec<_>>()
    };
    let expected = |email: (&str, u64), webhook: (&str, u64)| {
        [("messages", "ann", ("sent", 1)), ("email", "ann@example.org", email), ("callback", "webhook", webhook)]
            .map(|(channel, to, (status, tries))| (channel.to_owned(), to.to_owned(), status.to_owned(), Some(tries)))
    };
    assert_eq!(notices().await, [Value::Null; 0], "it has not ended");
    work(&app, &task).await;
    assert_eq!(told(&notices().await), expected(("waiting", 0), ("waiting", 0)));
    app.deliver_notices().await.expect("tries");
    let after = notices().await;
    assert_eq!(told(&after), expected(("sent", 1), ("waiting", 1)));
    let [message, email, webhook] = &after[..] else { panic!("three notices: {after:?}") };
    assert_eq!((&message["last_error"], &email["next_attempt_at"]), (&json!(""), &Value::Null));
    assert!(webhook["last_error"].as_str().unwrap().contains("500 Internal Server Error"), "{webhook:#}");
    let timestamp = |notice: &Value, key: &str| {
        let text = notice[key].as_str().unwrap_or_else(|| panic!("no {key} in {notice:#}"));
        chrono::DateTime::parse_from_rfc3339(text).expect("a timestamp")
    };
    assert!(timestamp(email, "sent_at") >= timestamp(email, "created_at"));
    assert!(timestamp(webhook, "next_attempt_at") > timestamp(webhook, "created_at"));
    assert_eq!(webhook["sent_at"], Value::Null);
    let told_of_secrets = format!("{after:?}");
    for secret in ["t0ken", webhook::SECRET, &receiver.address.port().to_string()] {
        assert!(!told_of_secrets.contains(secret), "{secret} is told: {after:#?}");
    }
    due_now(&database).await;
    app.deliver_notices().await.expect("a try");
    let ended = notices().await;
    assert_eq!(told(&ended), expected(("sent", 1), ("sent", 2)));
    assert_eq!((&ended[2]["last_error"], &ended[2]["next_attempt_at"]), (&json!(""), &Value::Null));

    // As the document says, and where it says so.
    let document = ann.get("/api/openapi.json").await.expect(200).json;
    let schema = &document["components"]["schemas"]["Notice"];
    let mut names: Vec<_> = schema["properties"].as_object().expect("properties").keys().collect();
    names.sort_unstable();
    let mut keys: Vec<_> = ended[2].as_object().expect("an object").keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, names);
    let list = ann.get("/api/v1/tasks").await.expect(200).json;
    assert_eq!(list["tasks"][0].get("notices"), None);
    let bob = ann.with_token(&token_of(&app, User::new("bob", "Bob"), &[]).await);
    bob.get(&path).await.expect_problem(404, "TASK_NOT_FOUND", &[]);
}
