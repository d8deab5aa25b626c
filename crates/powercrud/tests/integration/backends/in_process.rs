//! Tasks that the process which serves the pages carries out itself.

use std::time::Duration;

use powercrud::{
    PowerCrud, Resource, Selection, Settings,
    backend::{InProcess, status},
    db::Database,
    task::Status,
    testing, worker,
};

use crate::{
    shop::{in_background, items, queue, update, when},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { it_keeps_its_promises, it_starts_at_once_and_leaves_others_alone, the_next_start_goes_on }
each_database! { [sqlite] operators_are_told }

/// As a process of its own, which nobody wakes but itself.
async fn process(database: &TestDatabase) -> PowerCrud {
    let database = Database::connect(&database.url).await.expect("a database");
    let settings = Settings { discover: true, poll_interval: Duration::from_secs(3600), ..Settings::default() };
    let item = Resource::table("item").bulk_async_backend("in_process").bulk_chunk_size(10u64);
    let builder = PowerCrud::builder(database).open_to_everybody().all_settings(settings).resource(item);
    builder.build().await.expect("no mistakes")
}

async fn it_keeps_its_promises(database: TestDatabase) {
    let app = PowerCrud::builder(database.clone()).build().await.expect("no mistakes");
    testing::backend(&app, || InProcess).check().await.unwrap();
}

async fn it_starts_at_once_and_leaves_others_alone(database: TestDatabase) {
    items(&database, 40).await;
    database
        .execute("CREATE TABLE other (id integer PRIMARY KEY, name varchar(9)); INSERT INTO other VALUES (1, 'x');")
        .await;
    let app = process(&database).await;
    let (_router, _again) = (app.router::<()>(), app.router::<()>());
    for note in ["x", "y"] {
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some(note))]))).await;
        let task = when(&app, &task, |task| task.status.is_final()).await;
        assert_eq!((task.status, task.attempt), (Status::Success, 1));
    }
    let workers = worker::alive(&app).await.expect("workers");
    assert_eq!(workers.iter().map(|worker| worker.backend.as_str()).collect::<Vec<_>>(), ["in_process"]);
    // The backend of this one is the database: workers of its own are to take it.
    let other = queue(&app, in_background(update("other", Selection::All, [("name", Some("y"))]))).await;
    let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("z"))]))).await;
    when(&app, &task, |task| task.status.is_final()).await;
    let other = powercrud::task::store::get(&app, &powercrud::User::operator(), other.id).await.expect("a task");
    assert_eq!(other.status, Status::Pending);
    app.end_in_process().await;
    assert!(worker::alive(&app).await.expect("workers").is_empty(), "it signs off");
}

async fn the_next_start_goes_on(database: TestDatabase) {
    items(&database, 40).await;
    let first = process(&database).await;
    let left = queue(&first, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!(left.status, Status::Pending, "no router was made");
    first.start_in_process();
    when(&first, &left, |task| task.status.is_final()).await;
    first.end_in_process().await;
    // It is not started again.
    first.start_in_process();
    let left = queue(&first, in_background(update("item", Selection::All, [("note", Some("y"))]))).await;
    drop(first);
    let next = process(&database).await;
    let _router = next.router::<()>();
    let task = when(&next, &left, |task| task.status.is_final()).await;
    assert_eq!((task.status, task.succeeded_records), (Status::Success, 40));
    next.end_in_process().await;
}

async fn operators_are_told(database: TestDatabase) {
    items(&database, 3).await;
    let nowhere = "redis://:hunter2@127.0.0.1:1/0";
    let settings = Settings { discover: true, redis_url: Some(nowhere.into()), ..Settings::default() };
    let item = Resource::table("item").bulk_async_backend("redis");
    let builder = PowerCrud::builder(database.clone()).open_to_everybody().all_settings(settings).resource(item);
    let app = builder.build().await.expect("no mistakes");
    let told = status(&app).await;
    let reached: Vec<_> = told.iter().map(|status| (status.name, status.unreachable.is_none())).collect();
    assert_eq!(reached, [("redis", false)], "no other is in use: {told:?}");
    assert_eq!(told[0].resources, ["item"]);
    let mut browser = Browser::new(app.router());
    let ready = browser.get("/readyz").await.expect(200).text;
    assert!(ready.contains("\nbackend redis: can't be reached"), "{ready}");
    let staff = browser.get("/staff").await.expect(200).text;
    assert!(staff.contains("Can't be reached: Redis"), "{staff}");
    assert!(!ready.contains("hunter2") && !staff.contains("hunter2"));
    // It is found by looking; nobody waits for the broker.
    let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!(task.status, Status::Pending);
}
