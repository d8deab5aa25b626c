//! Rights that go while a task waits or runs: the rest of its records is not touched.

use powercrud::{
    PowerCrud, Resource, Selection, Settings, User, bulk,
    task::{Status, store},
};

use super::{books, settings, shared, user};
use crate::{
    shop::{count, counts, delete, in_background, update, work},
    support::{TestDatabase, each_database},
};

each_database! { [sqlite] rules_over_fields_that_are_hidden_since }
each_database! {
    a_task_is_carried_out_with_the_rights_of_today, records_that_left_the_scope_fail_by_name,
    records_that_are_gone_beside_those_that_left_the_scope
}

/// A shop whose user is who `today` says.
async fn open(database: &TestDatabase, today: std::sync::Arc<std::sync::Mutex<Option<User>>>) -> PowerCrud {
    books(database).await;
    let settings = Settings { ..settings() };
    PowerCrud::builder(database.clone())
        .all_settings(settings)
        .resource(Resource::table("book").bulk_chunk_size(2u64))
        .user(|_| None)
        .token_user(move |_| {
            let user = today.lock().expect("nobody panics").clone();
            async move { user }
        })
        .build()
        .await
        .expect("no mistakes")
}

async fn a_task_is_carried_out_with_the_rights_of_today(database: TestDatabase) {
    let today = shared(Some(user("clerk:1")));
    let app = open(&database, today.clone()).await;
    let submit = async |status: &str| {
        let mut request = in_background(update("book", Selection::All, [("status", Some(status))]));
        request.user = user("clerk:1");
        bulk::run(&app, request).await.expect("it is queued").task().clone()
    };
    for (status, now, told) in [
        ("a", Some(user("reader:1")), "who started it may not edit books in bulk any more"),
        ("b", Some(user("stranger")), "who started it may not see book any more"),
        ("c", None, "who started it is no user here any more"),
    ] {
        let task = submit(status).await;
        *today.lock().expect("nobody panics") = now;
        let ended = work(&app, &task).await;
        assert_eq!((ended.status, counts(&ended)), (Status::Failure, (0, 0, 6)), "{ended:?}");
        assert!(ended.error_message.contains(told), "{}", ended.error_message);
        assert_eq!(count(&database, &format!("book WHERE status = '{status}'")).await, 0);
        *today.lock().expect("nobody panics") = Some(user("clerk:1"));
    }
    let task = submit("d").await;
    // Another publisher's clerk by now: those records are not theirs any more, and fail by name.
    *today.lock().expect("nobody panics") = Some(user("clerk:2"));
    let ended = work(&app, &task).await;
    assert_eq!(counts(&ended), (0, 6, 0), "{ended:?}");
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    assert!(errors.iter().all(|error| error.code == "FORBIDDEN" && error.message.contains("may change")), "{errors:?}");
    assert_eq!(count(&database, "book WHERE status = 'd'").await, 0);
    // They are not shown to the one who may not see them any more.
    let theirs = app.for_user(&user("clerk:2"));
    assert!(store::errors(&theirs, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors").is_empty());
}

async fn records_that_left_the_scope_fail_by_name(database: TestDatabase) {
    let today = shared(Some(user("clerk:1")));
    let app = open(&database, today).await;
    let mut request = in_background(update("book", Selection::All, [("status", Some("x"))]));
    request.user = user("clerk:1");
    let task = bulk::run(&app, request).await.expect("it is queued").task().clone();
    database.execute("UPDATE book SET publisher_id = 2 WHERE id IN (2, 5);").await;
    let ended = work(&app, &task).await;
    assert_eq!(counts(&ended), (4, 2, 0), "{ended:?}");
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    let told: Vec<_> = errors.iter().map(|error| (error.record_key.as_str(), error.code.as_str())).collect();
    assert_eq!(told, [("2", "FORBIDDEN"), ("5", "FORBIDDEN")]);
    assert_eq!(count(&database, "book WHERE status = 'x'").await, 4);
    // A delete as well.
    database.execute("DELETE FROM review; UPDATE book SET publisher_id = 1 WHERE id = 2;").await;
    let mut request = in_background(delete("book", Selection::All));
    request.user = user("clerk:1");
    let task = bulk::run(&app, request).await.expect("it is queued").task().clone();
    database.execute("UPDATE book SET publisher_id = 2 WHERE id = 4;").await;
    let ended = work(&app, &task).await;
    assert_eq!(counts(&ended), (4, 1, 0), "{ended:?}");
    assert_eq!(count(&database, "book WHERE id IN (4, 5)").await, 2);
}

async fn records_that_are_gone_beside_those_that_left_the_scope(database: TestDatabase) {
    books(&database).await;
    let whole = Resource::table("book").bulk_chunk_size(100u64);
    let app = PowerCrud::builder(database.clone()).all_settings(settings()).resource(whole).user(|_| None);
    let app = app.token_user(move |_| async move { Some(user("clerk:1")) }).build().await.expect("no mistakes");
    let mut request = in_background(update("book", Selection::All, [("status", Some("x"))]));
    request.user = user("clerk:1");
    let task = bulk::run(&app, request).await.expect("it is queued").task().clone();
    database.execute("DELETE FROM review; DELETE FROM book_tag; UPDATE book SET publisher_id = 2 WHERE id = 2;").await;
    database.execute("DELETE FROM book WHERE id = 1;").await;
    let ended = work(&app, &task).await;
    assert_eq!((ended.status, counts(&ended)), (Status::Partial, (4, 2, 0)), "{}", ended.error_message);
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("errors");
    let told: Vec<_> = errors.iter().map(|error| (error.record_key.as_str(), error.code.as_str())).collect();
    assert_eq!(told, [("1", "NOT_FOUND"), ("2", "FORBIDDEN")]);
    assert_eq!(count(&database, "book WHERE status = 'x'").await, 4);
}

/// Errors that were stored when all fields were shown don't tell the rule to somebody who is not shown one of them now.
async fn rules_over_fields_that_are_hidden_since(database: TestDatabase) {
    books(&database).await;
    database
        .execute("CREATE TABLE offer (id integer PRIMARY KEY, price integer, cost integer, CHECK (price >= cost)); INSERT INTO offer VALUES (1, 9, 5);")
        .await;
    let mut settings = settings();
    let offer = powercrud::RoleResource { allow: ["all"].into(), hide: ["cost"].into(), ..Default::default() };
    settings.roles.get_mut("clerk").expect("a role").resources.insert("offer".to_owned(), offer);
    let app =
        PowerCrud::builder(database.clone()).all_settings(settings).user(|_| None).build().await.expect("no mistakes");
    let mut request = update("offer", Selection::All, [("price", Some("1"))]);
    request.user = user(":");
    let task = bulk::run(&app, request).await.expect("it runs").task().clone();
    let told = async |word: &str| {
        let user = user(word);
        let errors = store::errors(&app.for_user(&user), &user, task.id, 0, 10).await.expect("errors");
        errors[0].message.clone()
    };
    assert!(told(":").await.contains("price >= cost"), "{}", told(":").await);
    assert!(!told("clerk:1").await.contains("cost"), "{}", told("clerk:1").await);
}
