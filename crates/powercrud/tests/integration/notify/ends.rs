//! The transaction that ends a task writes its notices, and no other does.

use std::time::Duration;

use powercrud::{
    Channel, Notification, NotifyWhen, PowerCrud, Resource, Selection, User,
    bulk::run,
    task::{Status, store},
};
use tokio_util::sync::CancellationToken;

use super::{notice, notices};
use crate::{
    shop::{assert_no_locks, carry_out, count, delete, in_background, items, keys, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { an_end_is_told_once, no_end_without_its_notice, a_cancel_before_the_start_is_an_end, channels_and_moments_are_chosen }

async fn an_end_is_told_once(database: TestDatabase) {
    items(&database, 30).await;
    let app = super::app(&database, Resource::table("item")).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    assert_eq!(notices(&database).await, [], "nothing has ended yet");
    work(&app, &task).await;
    let told = [notice("messages", "operator", "sent")];
    assert_eq!(notices(&database).await, told);
    assert_eq!(count(&database, "powercrud_message").await, 1);
    // Whoever takes it up again finds nothing to do, and tells nobody.
    work(&app, &task).await;
    assert_eq!(notices(&database).await, told);
    // Who asked in the request has the answer.
    let answer = run(&app, update("item", keys([1, 2]), [("note", None)])).await.expect("done");
    assert_eq!(answer.task().status, Status::Success);
    assert_eq!(notices(&database).await, told);
}

async fn no_end_without_its_notice(database: TestDatabase) {
    items(&database, 30).await;
    let app = super::app(&database, Resource::table("item")).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    database.execute("ALTER TABLE powercrud_message RENAME TO hidden_message;").await;
    let error = app.worker().run_task(task.id, &CancellationToken::new()).await.expect_err("no message can be written");
    assert!(error.to_string().contains("powercrud_message"), "{error}");
    let stuck = store::get(&app, &User::operator(), task.id).await.expect("the task");
    assert_eq!(
        (stuck.status, stuck.succeeded_records),
        (Status::Started, 30),
        "what is done is done, but it has not ended"
    );
    assert_eq!(notices(&database).await, []);
    assert!(count(&database, "powercrud_lock").await > 0);
    // The next attempt ends it, with its notice.
    database.execute("ALTER TABLE hidden_message RENAME TO powercrud_message;").await;
    database.execute("UPDATE powercrud_bulk_task SET lease_expires_at = 0;").await;
    assert_eq!(work(&app, &task).await.status, Status::Success);
    assert_eq!(notices(&database).await, [notice("messages", "operator", "sent")]);
    assert_no_locks(&database).await;
}

async fn a_cancel_before_the_start_is_an_end(database: TestDatabase) {
    items(&database, 30).await;
    let app = super::app(&database, Resource::table("item")).await;
    let task = queue(&app, delete("item", Selection::All)).await;
    store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
    assert_eq!(notices(&database).await, [notice("messages", "operator", "sent")]);
    let text = "(SELECT 1 FROM powercrud_message WHERE text LIKE 'Cancelled: 0 of 30 items deleted, 30 not attempted.' AND level = 'warning') AS told";
    assert_eq!(count(&database, text).await, 1);
    store::cancel(&app, &User::operator(), task.id).await.expect_err("it has ended");
    assert_eq!(notices(&database).await.len(), 1);
}

async fn channels_and_moments_are_chosen(database: TestDatabase) {
    items(&database, 60).await;
    let build = async |notification: Notification, when: NotifyWhen| -> PowerCrud {
        let item = Resource::table("item").bulk_async_notification(notification).bulk_notify_when(when);
        super::app(&database, item).await
    };
    let good = || in_background(update("item", keys(1..=30), [("note", Some("x"))]));
    // A bad record: the CHECK allows three words.
    let bad = |database: &TestDatabase| {
        let sql = match database.kind {
            crate::support::Kind::Mysql => {
                "CREATE TRIGGER no_31 BEFORE DELETE ON item FOR EACH ROW BEGIN IF OLD.id = 31 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not 31'; END IF; END;"
            }
            crate::support::Kind::Postgres => {
                "CREATE FUNCTION no_31() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id = 31 THEN RAISE EXCEPTION 'not 31'; END IF; RETURN OLD; END $$;
                 CREATE TRIGGER no_31 BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION no_31();"
            }
            crate::support::Kind::Sqlite => {
                "CREATE TRIGGER no_31 BEFORE DELETE ON item WHEN OLD.id = 31 BEGIN SELECT RAISE(ABORT, 'not 31'); END;"
            }
        };
        sql.to_owned()
    };
    database.execute(&bad(&database)).await;
    let failing = |first: i64| in_background(delete("item", keys([31, first])));

    let silent = build(Notification::none(), NotifyWhen::Always).await;
    carry_out(&silent, good()).await;
    let page_only = build(Channel::StatusPage.into(), NotifyWhen::Always).await;
    carry_out(&page_only, good()).await;
    let failures = build(Channel::Messages.into(), NotifyWhen::Failure).await;
    carry_out(&failures, good()).await;
    let long = build(Channel::Messages.into(), Duration::from_secs(3_600).into()).await;
    carry_out(&long, good()).await;
    assert_eq!(notices(&database).await, []);

    let short = build(Channel::Messages.into(), Duration::ZERO.into()).await;
    carry_out(&short, good()).await;
    assert_eq!(notices(&database).await.len(), 1);
    let task = carry_out(&failures, failing(32)).await;
    assert_eq!((task.status, task.failed_records), (Status::Partial, 1));
    assert_eq!(notices(&database).await.len(), 2);
    let text = "(SELECT 1 FROM powercrud_message WHERE text LIKE '1 of 2 items deleted, 1 failed.') AS told";
    assert_eq!(count(&database, text).await, 1);
}
