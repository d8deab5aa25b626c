//! Who may revert what, and when no longer.

use powercrud::{
    Error, Resource, Selection, User,
    bulk::{self, Answer, BulkRequest},
    task::Status,
};

use super::{refusal, revert, revertible};
use crate::{
    shop::{carry_out, count, delete, discovered, in_background, items, keys, queue, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! { it_says_why_not, once_at_a_time, only_by_who_may_see_it, kept_for_so_many_days }

async fn it_says_why_not(database: TestDatabase) {
    items(&database, 60).await;
    let operator = User::operator();
    let off = discovered(&database).await;
    let kept_nothing = carry_out(&off, update("item", keys([1, 2]), [("stock", Some("1"))])).await;
    assert!(refusal(&off, &operator, &kept_nothing).await.contains("switched off for item; the setting bulk_revert"));
    let app = revertible(&database, ["item"]).await;
    assert!(refusal(&app, &operator, &kept_nothing).await.contains("kept no former values"));

    let running = queue(&app, update("item", Selection::All, [("stock", Some("-1"))])).await;
    assert!(refusal(&app, &operator, &running).await.contains("is PENDING; it can be reverted once it has ended"));
    let done = work(&app, &running).await;
    // Switched off since.
    assert!(refusal(&off, &operator, &done).await.contains("switched off"));
    let narrowed = Resource::table("item").bulk_revert(true).bulk_fields(["note"]);
    let narrowed = powercrud::PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(narrowed)
        .build()
        .await
        .expect("a configuration");
    let error = refusal(&narrowed, &operator, &done).await;
    assert!(error.contains("stock can't be changed in bulk any more; allowed are: note"), "{error}");

    let same = carry_out(&app, update("item", Selection::All, [("stock", Some("-1"))])).await;
    assert_eq!((same.status, same.unchanged_records), (Status::Success, 60));
    assert!(refusal(&app, &operator, &same).await.contains("changed no record, so there is nothing to restore"));

    let reverted = revert(&app, &done).await;
    assert_eq!(reverted.status, Status::Success);
    let error = refusal(&app, &operator, &done).await;
    assert!(error.contains("was reverted before") && error.contains(&reverted.id.to_string()), "{error}");
    assert!(refusal(&app, &operator, &reverted).await.contains("is a revert itself"));

    let nothing = carry_out(&app, in_background(update("item", keys([99]), [("stock", Some("1"))]))).await;
    assert_eq!(nothing.status, Status::Failure);
    assert!(refusal(&app, &operator, &nothing).await.contains("changed no record"));
}

async fn once_at_a_time(database: TestDatabase) {
    items(&database, 60).await;
    let app = revertible(&database, ["item"]).await;
    let task = carry_out(&app, delete("item", Selection::All)).await;
    let answers = futures_of(&app, &task, 6).await;
    let mut ids: Vec<_> = answers.iter().map(|answer| answer.task().id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::Queued { .. })).count(), 1);
    // Somebody who may not see the revert only learns that there is one.
    let first = answers[0].task();
    assert_eq!(work(&app, first).await.succeeded_records, 60);
}

async fn futures_of(app: &powercrud::PowerCrud, task: &powercrud::task::BulkTask, count: usize) -> Vec<Answer> {
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (app, id) = (app.clone(), task.id);
        asked.spawn(async move { bulk::revert(&app, &User::operator(), id).await.expect("an answer") });
    }
    asked.join_all().await
}

async fn only_by_who_may_see_it(database: TestDatabase) {
    items(&database, 60).await;
    let app = revertible(&database, ["item"]).await;
    let user = |name: &str, is_staff| User::new(name, name).staff(is_staff);
    let (ann, bob, boss) = (user("ann", false), user("bob", false), user("boss", true));
    let request = BulkRequest { user: ann.clone(), ..update("item", Selection::All, [("stock", Some("-1"))]) };
    let task = carry_out(&app, request).await;
    let error = bulk::revert(&app, &bob, task.id).await.expect_err("a refusal");
    assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    assert!(matches!(bulk::revertible(&app, &bob, task.id).await, Err(Error::TaskNotFound(_))));
    assert_eq!(bulk::revertible(&app, &ann, task.id).await.expect("it can be reverted").records, 60);
    let theirs = bulk::revert(&app, &boss, task.id).await.expect("staff may").task().clone();
    assert_eq!(theirs.user_id.as_deref(), Some("boss"));
    let error = bulk::revert(&app, &ann, task.id).await.expect_err("a conflict");
    let Error::Conflict { holder, .. } = &error else { panic!("{error:?}") };
    assert!(holder.contains("somebody else's revert") && !holder.contains(&theirs.id.to_string()), "{holder}");
    work(&app, &theirs).await;
}

/// How many images there are.
async fn images(database: &TestDatabase) -> usize {
    count(database, "powercrud_bulk_task_image").await
}

async fn kept_for_so_many_days(database: TestDatabase) {
    items(&database, 60).await;
    let short = Resource::table("item").bulk_revert(true).bulk_revert_days(3u64);
    let app = powercrud::PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(short)
        .build()
        .await
        .expect("a configuration");
    let old = carry_out(&app, update("item", Selection::All, [("stock", Some("-1"))])).await;
    let active = carry_out(&app, update("item", Selection::All, [("stock", Some("2"))])).await;
    let young = carry_out(&app, update("item", keys([1, 2]), [("stock", Some("3"))])).await;
    let both = images(&database).await;
    let revert_of_active = bulk::revert(&app, &User::operator(), active.id).await.expect("a revert").task().clone();
    let age = |id: uuid::Uuid, days: i64| {
        let id = match database.kind {
            Kind::Postgres => format!("'{id}'"),
            Kind::Sqlite | Kind::Mysql => format!("x'{}'", id.simple()),
        };
        format!("UPDATE powercrud_bulk_task SET completed_at = completed_at - {} WHERE id = {id};", days * 86_400_000)
    };
    database.execute(&(age(old.id, 3) + &age(active.id, 30) + &age(young.id, 2))).await;
    // What is being reverted stays.
    assert_eq!(bulk::purge(&app).await.expect("a purge"), 1);
    assert_eq!(images(&database).await, both - 61);
    let error = refusal(&app, &User::operator(), &old).await;
    assert!(error.contains("are not kept any more since 20"), "{error}");
    assert_eq!(work(&app, &revert_of_active).await.failed_records, 2);
    assert_eq!(bulk::purge(&app).await.expect("a purge"), 1);
    assert_eq!(images(&database).await, 3);
    assert_eq!(bulk::purge(&app).await.expect("a purge"), 0);
    assert_eq!(revert(&app, &young).await.status, Status::Success);
    let long = Resource::table("item").bulk_revert_days(4000u64);
    let error = powercrud::PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(long)
        .build()
        .await
        .err()
        .expect("a mistake");
    assert!(
        error.to_string().contains("bulk_revert_days: 4000 is not allowed; allowed is a whole number from 1 to 3650")
    );
}
