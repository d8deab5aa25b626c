//! A notifier of an application's own.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use powercrud::{
    Channel, Engine, Error, PowerCrud, Resource, Selection,
    notify::{Address, Failure, Notice, Notifier, Summary},
    task::{NoticeStatus, notices},
};

use super::due_now;
use crate::{
    shop::{in_background, items, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { it_delivers_what_another_process_submitted }
each_database! { [sqlite] names_are_checked }

/// Writes down what it is told, and fails the first time.
struct Chat {
    name: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Notifier for Chat {
    fn address(&self) -> Address {
        Address::callback(self.name)
    }

    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if notice.attempt == 1 {
                return Err(Failure::passing("the chat is away"));
            }
            let summary = Summary::of(engine, notice.task_id).await?;
            self.lines.lock().expect("lines").push(summary.outcome);
            Ok(())
        })
    }

    fn endpoint(&self) -> Option<String> {
        Some("chat.example.org".to_owned())
    }
}

async fn it_delivers_what_another_process_submitted(database: TestDatabase) {
    items(&database, 30).await;
    let lines = Arc::default();
    let item = || Resource::table("item").bulk_async_notification([Channel::Callback]);
    let with_chat = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item())
        .notifier(Chat { name: "chat", lines: Arc::clone(&lines) })
        .build()
        .await
        .expect("no mistakes");
    let without = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item())
        .on_task_end(|_| async {})
        .build()
        .await
        .expect("no mistakes");
    let task = queue(&with_chat, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    // Whoever ends the task knows of no chat; the notice waits for who does.
    let task = work(&without, &task).await;
    without.deliver_notices().await.expect("a look");
    let stands = async || {
        let notices = notices(&with_chat, &task).await.expect("notices");
        let of_chat = notices.into_iter().find(|notice| notice.recipient == "chat").expect("one for the chat");
        (of_chat.status, of_chat.attempts, of_chat.last_error)
    };
    assert_eq!(stands().await, (NoticeStatus::Waiting, 0, String::new()));
    with_chat.deliver_notices().await.expect("a look");
    assert_eq!(stands().await, (NoticeStatus::Waiting, 1, "the chat is away".to_owned()));
    due_now(&database).await;
    with_chat.deliver_notices().await.expect("a look");
    assert_eq!(stands().await, (NoticeStatus::Sent, 2, String::new()));
    let lines = lines.lock().expect("lines").clone();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("30"), "{lines:?}");
    let channels = with_chat.channel_status().await;
    assert_eq!(
        channels.iter().map(|channel| (channel.name, &*channel.endpoint)).collect::<Vec<_>>(),
        [("chat", "chat.example.org")]
    );
}

async fn names_are_checked(database: TestDatabase) {
    items(&database, 3).await;
    let chat = |name| Chat { name, lines: Arc::default() };
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").bulk_async_notification([Channel::Callback]))
        .notifier(chat("chat"))
        .notifier(chat("chat"))
        .notifier(chat("webhook"))
        .notifier(chat("email"))
        .notifier(chat("a,b"));
    let Err(Error::Configuration(mistakes)) = builder.build().await else { panic!("there are mistakes") };
    assert_eq!(mistakes.len(), 4, "{mistakes:#?}");
    for (mistake, part) in
        mistakes.iter().zip(["two of the name \"chat\"", "\"webhook\" is taken", "is a channel", "allowed are"])
    {
        assert!(mistake.starts_with("notifier: ") && mistake.contains(part), "{mistake}");
    }
    let unused = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item"))
        .notifier(chat("chat"));
    let Err(Error::Configuration(mistakes)) = unused.build().await else { panic!("nobody is told by it") };
    assert!(mistakes[0].contains("no resource has the channel"), "{mistakes:?}");
}
