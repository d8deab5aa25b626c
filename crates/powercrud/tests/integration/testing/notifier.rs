//! The suite of notifiers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use powercrud::{
    Channel, Engine, PowerCrud, Resource, Selection,
    notify::{Address, Failure, Notice, Notifier, Summary},
    testing,
};
use sea_orm::ConnectionTrait as _;

use super::assert_broken;
use crate::{
    shop::{carry_out, in_background, items, update},
    support::{TestDatabase, each_database},
};

each_database! { ours_and_a_chat }

async fn ours_and_a_chat(database: TestDatabase) {
    items(&database, 30).await;
    let called = Arc::new(AtomicUsize::new(0));
    let (counts, chat) = (Arc::clone(&called), Chat::default());
    let app = PowerCrud::builder(database.clone())
        .resource(Resource::table("item").bulk_async_notification([Channel::Callback]))
        .notifier(chat.clone())
        .on_task_end(move |_| {
            counts.fetch_add(1, Ordering::Relaxed);
            async {}
        })
        .build()
        .await
        .expect("no mistakes");
    let task = carry_out(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    let all = testing::notifiers(&app);
    assert_eq!(all.len(), 2);
    for notifier in all {
        let is_chat = notifier.address() == Address::callback("chat");
        let received = || if is_chat { chat.lines.load(Ordering::Relaxed) } else { called.load(Ordering::Relaxed) };
        let away = Chat { is_away: true, ..Chat::default() };
        let silent = Chat { is_silent: true, ..Chat::default() };
        let suite = testing::notifier(&app, task.id, &**notifier).received(received);
        let suite = if is_chat { suite.unreachable(&away).silent(&silent).secret("hunter2") } else { suite };
        suite.check().await.unwrap();
    }
}

#[derive(Clone)]
struct Chat {
    lines: Arc<AtomicUsize>,
    name: &'static str,
    is_away: bool,
    is_silent: bool,
    loses: bool,
    only_once: Arc<AtomicUsize>,
    is_once: bool,
    holds_a_connection: bool,
    tells: bool,
    gives_up: bool,
    panics: bool,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            lines: Arc::default(),
            name: "chat",
            is_away: false,
            is_silent: false,
            loses: false,
            only_once: Arc::default(),
            is_once: false,
            holds_a_connection: false,
            tells: false,
            gives_up: false,
            panics: false,
        }
    }
}

impl Notifier for Chat {
    fn address(&self) -> Address {
        Address::callback(self.name)
    }

    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let summary = Summary::of(engine, notice.task_id).await;
            assert!(!self.panics || summary.is_ok(), "there is no task");
            let _held = match self.holds_a_connection {
                true => {
                    let transaction =
                        engine.database().begin().await.map_err(|error| Failure::passing(error.to_string()))?;
                    transaction
                        .execute_unprepared("SELECT 1")
                        .await
                        .map_err(|error| Failure::passing(error.to_string()))?;
                    Some(transaction)
                }
                false => None,
            };
            if self.is_silent {
                std::future::pending::<()>().await;
            }
            if self.is_away {
                let reason = if self.tells { "https://chat/?key=hunter2 is away" } else { "the chat is away" };
                return Err(Failure { reason: reason.to_owned(), may_pass: !self.gives_up });
            }
            if self.is_once && self.only_once.fetch_add(1, Ordering::Relaxed) > 0 && notice.attempt > 1 {
                return Err(Failure::lasting("it was there already"));
            }
            summary?;
            if !self.loses {
                self.lines.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
    }

    fn endpoint(&self) -> Option<String> {
        Some("chat.example.org".to_owned())
    }

    fn health_check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { if self.is_away && !self.gives_up { Err("it is away".to_owned()) } else { Ok(()) } })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_is_found() {
    let schema = "CREATE TABLE book (id integer PRIMARY KEY, n integer); INSERT INTO book VALUES (1, 1);";
    let app = testing::app(schema, |builder| builder).await.expect("no mistakes");
    let answer = powercrud::bulk::update(&app, "book").set("n", 2).all().run().await.expect("no mistakes");
    let task_id = answer.task().id;
    let check = async |chat: Chat| {
        let (away, silent) = (Chat { is_away: true, ..chat.clone() }, Chat { is_silent: true, ..chat.clone() });
        let suite = testing::notifier(&app, task_id, &chat).received(|| chat.lines.load(Ordering::Relaxed));
        suite.unreachable(&away).silent(&silent).secret("hunter2").within(Duration::from_millis(500)).check().await
    };
    check(Chat::default()).await.unwrap();
    assert_broken(check(Chat { name: "A chat", ..Chat::default() }).await, &["its address"]);
    let lost = check(Chat { loses: true, ..Chat::default() }).await;
    assert_broken(lost, &["has arrived"]);
    let once = check(Chat { is_once: true, ..Chat::default() }).await;
    assert_broken(once, &["delivered again"]);
    let holds = check(Chat { holds_a_connection: true, ..Chat::default() }).await;
    assert_broken(holds, &["holds no connection"]);
    let tells = check(Chat { tells: true, ..Chat::default() }).await;
    assert_broken(tells, &["tells a secret"]);
    let gives_up = check(Chat { gives_up: true, ..Chat::default() }).await;
    assert_broken(gives_up, &["can't be reached is told"]);
    let panics = check(Chat { panics: true, ..Chat::default() }).await;
    assert_broken(panics, &["a task that is no more"]);
}
