//! Mail and webhooks, put to the suite that an application puts its own notifiers to.

use std::sync::Arc;

use powercrud::{
    Channel, PowerCrud, Resource, Selection,
    notify::{Address, Notifier},
    testing,
};
use tokio::net::TcpListener;

use super::{receiver::Receiver, sink::Sink, webhook::SECRET};
use crate::{
    shop::{carry_out, in_background, items, update},
    support::{TestDatabase, each_database},
};

each_database! { mail_and_webhooks_keep_what_notifiers_promise }

/// A PowerCRUD that sends mail to one address and posts to another.
async fn app(database: &TestDatabase, email_url: &str, webhook_url: &str) -> PowerCrud {
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").bulk_async_notification([Channel::Email, Channel::Callback]))
        .base_url("https://shop.example.org/admin")
        .email_url(email_url)
        .email_from("Shop robot <robot@example.org>")
        .webhook_url(webhook_url)
        .webhook_secret(SECRET)
        .webhook_allow_private(true)
        .build()
        .await
        .expect("a configuration without mistakes")
}

fn by(app: &PowerCrud, address: Address) -> Arc<dyn Notifier> {
    let found = testing::notifiers(app).iter().find(|notifier| notifier.address() == address);
    Arc::clone(found.expect("it is configured"))
}

async fn mail_and_webhooks_keep_what_notifiers_promise(database: TestDatabase) {
    items(&database, 30).await;
    let (sink, receiver) = (Sink::start([]).await, Receiver::start([]).await);
    let there = app(&database, &sink.url(), &receiver.url()).await;
    let task = carry_out(&there, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    // Nobody listens at the port of a listener that is gone; one that is there accepts, and nobody answers.
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let listening = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mute = listening.local_addr().expect("an address");
    let away = app(&database, &format!("smtp://{gone}?tls=none"), &format!("http://{gone}/hooks/t0ken")).await;
    let silent = app(&database, &format!("smtp://{mute}?tls=none"), &format!("http://{mute}/hooks/t0ken")).await;
    for address in [Address::EMAIL, Address::WEBHOOK] {
        let received = || if address == Address::EMAIL { sink.mails().len() } else { receiver.received().len() };
        let (notifier, away, silent) = (by(&there, address), by(&away, address), by(&silent, address));
        testing::notifier(&there, task.id, &*notifier)
            .received(received)
            .unreachable(&*away)
            .silent(&*silent)
            .secret("t0ken")
            .secret(SECRET)
            .check()
            .await
            .unwrap_or_else(|broken| panic!("{address:?}: {broken}"));
    }
}
