//! Notices wait in the outbox, are delivered by one process at a time, and again after a failure or a crash.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use powercrud::{Channel, PowerCrud, Resource, Selection, db::Database, task::BulkTask};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    due_now, outbox,
    receiver::{Answer, Receiver},
    webhook_app,
};
use crate::{
    shop::{count, in_background, items, keys, queue, update, when, work},
    support::{TestDatabase, each_database},
};

each_database! {
    two_workers_deliver_once,
    a_failure_is_tried_again_later,
    it_gives_up_after_eight_tries,
    a_crash_is_tried_again,
    whoever_was_frozen_changes_nothing,
    tasks_do_not_wait_for_deliveries,
}

/// A task of one record in the background, carried out, so that its notice waits.
async fn ended(app: &PowerCrud, id: usize) -> BulkTask {
    let task = queue(app, in_background(update("item", keys([id]), [("note", Some("x"))]))).await;
    work(app, &task).await
}

async fn two_workers_deliver_once(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([]).await;
    let first = webhook_app(&database, &receiver).await;
    let elsewhere = Database::connect(&database.url).await.expect("a second pool");
    let second = webhook_app(elsewhere, &receiver).await;
    for id in 1..=20 {
        ended(&first, id).await;
    }
    assert_eq!(receiver.received().len(), 0, "nobody has delivered yet");
    let stop = CancellationToken::new();
    let delivering = [&first, &second].map(|app| {
        let (app, stop) = (app.clone(), stop.clone());
        tokio::spawn(async move { app.keep_delivering_notices(stop).await })
    });
    receiver.when(20).await;
    super::until_settled(&database).await;
    stop.cancel();
    for one in delivering {
        one.await.expect("it ends");
    }
    assert!(outbox(&database).await.iter().all(|notice| (notice.status.as_str(), notice.attempts) == ("sent", 1)));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for request in receiver.received() {
        *times.entry(request.header("webhook-id").to_owned()).or_default() += 1;
    }
    assert_eq!(times.len(), 20);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

async fn a_failure_is_tried_again_later(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([Answer::Status(503), Answer::Status(302)]).await;
    let app = webhook_app(&database, &receiver).await;
    ended(&app, 1).await;
    for (attempt, reason, pause) in [(1, "503 Service Unavailable", 15_000), (2, "redirects are not followed", 60_000)]
    {
        assert_eq!(app.deliver_notices().await.expect("a try"), 1);
        let notice = outbox(&database).await.remove(0);
        assert_eq!((notice.status.as_str(), notice.attempts), ("waiting", attempt));
        assert!(notice.last_error.contains(reason), "{}", notice.last_error);
        // Give or take a fifth, and the time that went by since.
        assert!((pause * 7 / 10..=pause * 12 / 10).contains(&notice.due_in), "due in {} ms", notice.due_in);
        assert_eq!(app.deliver_notices().await.expect("a look"), 0, "it is not due yet");
        due_now(&database).await;
    }
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts, notice.last_error.as_str()), ("sent", 3, ""));
    due_now(&database).await;
    assert_eq!(app.deliver_notices().await.expect("a look"), 0, "what is sent is sent");
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.header("webhook-id") == received[0].header("webhook-id")));
}

async fn it_gives_up_after_eight_tries(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start((0..20).map(|_| Answer::Status(500))).await;
    let app = webhook_app(&database, &receiver).await;
    ended(&app, 1).await;
    let mut last_pause = 0;
    for attempt in 1..8 {
        assert_eq!(app.deliver_notices().await.expect("a try"), 1);
        let notice = outbox(&database).await.remove(0);
        assert_eq!((notice.status.as_str(), notice.attempts), ("waiting", attempt));
        assert!(notice.due_in > 2 * last_pause, "{} ms after {last_pause} ms", notice.due_in);
        last_pause = notice.due_in;
        due_now(&database).await;
    }
    assert_eq!(app.deliver_notices().await.expect("the last try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts), ("failed", 8));
    assert!(notice.last_error.contains("500"), "{}", notice.last_error);
    due_now(&database).await;
    assert_eq!(app.deliver_notices().await.expect("a look"), 0);
    assert_eq!(receiver.received().len(), 8);
}

async fn a_crash_is_tried_again(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([Answer::Later(204, Arc::new(Notify::new()))]).await;
    let dying = webhook_app(&database, &receiver).await;
    ended(&dying, 1).await;
    let delivering = {
        let app = dying.clone();
        tokio::spawn(async move { app.deliver_notices().await })
    };
    receiver.when(1).await;
    // It has taken the notice, and dies before it can note its outcome.
    delivering.abort();
    assert!(delivering.await.expect_err("it is dead").is_cancelled());
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts), ("sending", 1));
    let other = webhook_app(&database, &receiver).await;
    assert_eq!(other.deliver_notices().await.expect("a look"), 0, "the dead one's lease still holds");
    assert!(notice.due_in > 30_000, "the lease is longer than a delivery may take: {} ms", notice.due_in);
    due_now(&database).await;
    assert_eq!(other.deliver_notices().await.expect("a try"), 1);
    assert_eq!(outbox(&database).await.remove(0).status, "sent");
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"), "it can be known as the same");
    // Had every one of its tries died so, there would have been an end too.
    database.execute("UPDATE powercrud_notice SET status = 'sending', attempts = 8, next_attempt_at = 0;").await;
    assert_eq!(other.deliver_notices().await.expect("a look"), 0);
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts), ("failed", 8));
}

async fn whoever_was_frozen_changes_nothing(database: TestDatabase) {
    items(&database, 30).await;
    let thaw = Arc::new(Notify::new());
    let receiver = Receiver::start([Answer::Later(500, Arc::clone(&thaw))]).await;
    let frozen = webhook_app(&database, &receiver).await;
    ended(&frozen, 1).await;
    let delivering = tokio::spawn(async move { frozen.deliver_notices().await });
    receiver.when(1).await;
    due_now(&database).await;
    let other = webhook_app(&database, &receiver).await;
    assert_eq!(other.deliver_notices().await.expect("a try"), 1);
    thaw.notify_one();
    assert_eq!(delivering.await.expect("it ends").expect("its try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts, notice.last_error.as_str()), ("sent", 2, ""));
}

async fn tasks_do_not_wait_for_deliveries(database: TestDatabase) {
    items(&database, 30).await;
    let answer = Arc::new(Notify::new());
    let receiver = Receiver::start((0..9).map(|_| Answer::Later(204, Arc::clone(&answer)))).await;
    let app = webhook_app(&database, &receiver).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    for round in 1..=6 {
        let note = round.to_string();
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some(note.as_str()))]))).await;
        when(&app, &task, |task| task.status.is_final()).await;
    }
    // Four at a time; the others wait for these, and six tasks have ended all the same.
    assert_eq!(receiver.when(4).await.len(), 4);
    assert_eq!(count(&database, "powercrud_notice").await, 6);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), worker)
        .await
        .expect("no delivery holds it")
        .expect("it ends")
        .expect("well");
}

each_database! { [sqlite] a_process_delivers_what_it_has_the_means_for, what_nobody_can_deliver_is_given_up }

async fn a_process_delivers_what_it_has_the_means_for(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([]).await;
    let app = webhook_app(&database, &receiver).await;
    ended(&app, 1).await;
    let without = super::app(&database, Resource::table("item").bulk_async_notification(Channel::Messages)).await;
    assert_eq!(without.deliver_notices().await.expect("a look"), 0);
    assert_eq!(outbox(&database).await.remove(0).status, "waiting");
    // A worker without the means ends a task that was submitted by who had them.
    let task = queue(&app, in_background(update("item", keys([2]), [("note", Some("y"))]))).await;
    work(&without, &task).await;
    assert_eq!(app.deliver_notices().await.expect("tries"), 2);
    assert_eq!(receiver.received().len(), 2);
}

async fn what_nobody_can_deliver_is_given_up(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([]).await;
    let app = webhook_app(&database, &receiver).await;
    ended(&app, 1).await;
    database.execute("UPDATE powercrud_notice SET next_attempt_at = next_attempt_at - 300000000;").await;
    let without = super::app(&database, Resource::table("item")).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(without.worker().run(stop.clone()));
    super::until_settled(&database).await;
    stop.cancel();
    worker.await.expect("it ends").expect("well");
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts), ("failed", 0));
    assert!(notice.last_error.contains("no process that could deliver it"), "{}", notice.last_error);
}
