//! Applications that share a database, each with PowerCRUD's own tables under names of their own.

use powercrud::{
    Error, PowerCrud, Resource, Selection, User, account,
    bulk::{self, Answer},
    db,
    task::{Status, store},
    worker::alive,
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{carry_out, count, counts, delete, discovered, in_background, items, queue, update, work},
    support::{Kind, TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { neither_sees_the_others_tasks, workers_take_their_own_tasks, bad_names_are_told }

async fn named(database: &TestDatabase, namespace: &str) -> PowerCrud {
    let item = Resource::table("item").bulk_revert(true).bulk_chunk_size(7u64);
    let builder = PowerCrud::builder(database).open_to_everybody().resource(item).discover(true);
    builder.namespace(namespace).build().await.expect("it is made")
}

/// How many tables there are whose names begin so.
async fn tables(database: &TestDatabase, begins: &str) -> usize {
    let like = format!("LIKE '{}%'", begins.replace('_', "!_"));
    let from = match database.kind {
        Kind::Sqlite => format!("sqlite_schema WHERE type = 'table' AND name {like} ESCAPE '!'"),
        Kind::Postgres => {
            format!("information_schema.tables WHERE table_schema = current_schema() AND table_name {like} ESCAPE '!'")
        }
        Kind::Mysql => {
            format!("information_schema.tables WHERE table_schema = DATABASE() AND table_name {like} ESCAPE '!'")
        }
    };
    count(database, &from).await
}

async fn neither_sees_the_others_tasks(database: TestDatabase) {
    items(&database, 60).await;
    let plain = discovered(&database).await;
    let own = tables(&database, "powercrud_").await;
    let shop = named(&database, "shop").await;
    let desk = named(&database, "desk").await;
    assert_eq!(tables(&database, "powercrud_").await, 3 * own);
    for app in [&plain, &shop, &desk] {
        assert_eq!(db::pending_migrations(app.database()).await.expect("they are read"), 0);
        let names: Vec<_> = app.resources().iter().map(|resource| resource.name.as_str()).collect();
        assert_eq!(names, ["item"]);
    }
    // All that a task needs goes by their names: keys, kept values, errors, notices, the audit trail.
    let task = carry_out(&shop, in_background(update("item", Selection::All, [("status", Some("gone"))]))).await;
    assert_eq!(counts(&task), (60, 0, 0), "{}", task.error_message);
    let reverted = bulk::revert(&shop, &User::operator(), task.id).await.expect("it was kept");
    assert_eq!(counts(&work(&shop, reverted.task()).await), (40, 0, 0));
    let (name, password) = ("ann".to_owned(), "correct horse".to_owned());
    let ann = account::NewAccount { name, email: None, password, is_staff: false };
    account::create(shop.database(), &User::operator(), ann).await.expect("a user");
    let mut browser = Browser::new(shop.router());
    for page in
        ["/resources/item", "/resources/item/records/1", "/tasks", "/staff", "/staff/audit", "/readyz", "/metrics"]
    {
        browser.get(page).await.expect(200);
    }
    browser.get(&format!("/tasks/{}", task.id)).await.expect(200);
    for other in [&plain, &desk] {
        assert!(store::list(other, &User::operator(), &Default::default()).await.expect("tasks").is_empty());
        assert!(matches!(store::get(other, &User::operator(), task.id).await, Err(Error::TaskNotFound(_))));
        Browser::new(other.router()).get(&format!("/tasks/{}", task.id)).await.expect(404);
    }
    assert_eq!(count(&database, "powercrud_shop_bulk_task").await, 2);
    for nothing in
        ["powercrud_bulk_task", "powercrud_desk_bulk_task", "powercrud_user", "powercrud_desk_user", "powercrud_audit"]
    {
        assert_eq!(count(&database, nothing).await, 0, "{nothing}");
    }
    // What one removes are its own tables.
    let removed = db::uninstall(shop.database(), false, false).await.expect("it may go").tables;
    assert!(removed.len() == own && removed.contains(&"powercrud_shop_lock".to_owned()), "{removed:?}");
    assert_eq!((tables(&database, "powercrud_").await, tables(&database, "powercrud_shop_").await), (2 * own, 0));
    let task = carry_out(&desk, in_background(delete("item", Selection::All))).await;
    assert_eq!(counts(&task), (60, 0, 0), "{}", task.error_message);
}

async fn workers_take_their_own_tasks(database: TestDatabase) {
    items(&database, 30).await;
    let (shop, desk) = (named(&database, "shop").await, named(&database, "desk").await);
    let of_shop = queue(&shop, in_background(update("item", Selection::All, [("note", Some("shop"))]))).await;
    // Its lock is its own as well: who shares a table and not its tasks is not waited for.
    let of_desk = queue(&desk, in_background(update("item", Selection::All, [("stock", Some("7"))]))).await;
    assert_eq!((of_shop.status, of_desk.status), (Status::Pending, Status::Pending));
    let stop = CancellationToken::new();
    let worker = tokio::spawn(desk.worker().run(stop.clone()));
    let ended = Answer::Queued { task: of_desk, worker_alive: true }.wait(&desk).await.expect("a worker is there");
    assert_eq!(counts(&ended), (30, 0, 0));
    assert_eq!((alive(&desk).await.expect("workers").len(), alive(&shop).await.expect("workers").len()), (1, 0));
    let waiting = store::get(&shop, &User::operator(), of_shop.id).await.expect("a task");
    assert_eq!((waiting.status, waiting.attempt), (Status::Pending, 0));
    stop.cancel();
    worker.await.expect("no panic").expect("it stops");
    assert_eq!(counts(&work(&shop, &waiting).await), (30, 0, 0));
    assert_eq!(count(&database, "item WHERE note = 'shop' AND stock = 7").await, 30);
}

async fn bad_names_are_told(database: TestDatabase) {
    for namespace in ["", "Shop", "a b", "1st", "a-b", "a\"b", "more_than_twenty_signs"] {
        let build = PowerCrud::builder(&database).open_to_everybody().namespace(namespace).build();
        let error = build.await.map(drop).expect_err(namespace).to_string();
        assert!(error.contains(&format!("namespace: {namespace:?} is not allowed")), "{error}");
    }
}
