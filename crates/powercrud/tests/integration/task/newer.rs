//! Rows that a newer version of the program has written are shown as that, and break no list.

use powercrud::{
    PowerCrud, Selection, User,
    audit::{self, Action, AuditFilter},
    task::{Status, TaskEventKind, TaskJson, store, timeline},
};

use sea_orm::{ConnectOptions, ConnectionTrait as _};

use crate::{
    shop::{carry_out, discovered, in_background, items, queue, update},
    support::{TestDatabase, each_database},
};

each_database! { unknown_words_are_shown_as_unknown }
each_database! { [sqlite] a_column_that_comes_is_read }

async fn unknown_words_are_shown_as_unknown(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let operator = User::operator();
    let known = carry_out(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("y"))]))).await;
    database
        .execute(
            "UPDATE powercrud_bulk_task SET status = 'HALTED' WHERE status = 'PENDING';
             UPDATE powercrud_audit SET action = 'record_archived' WHERE task_id IS NOT NULL;
             UPDATE powercrud_task_event SET event = 'halted', status = 'HALTED' WHERE status = 'PENDING';",
        )
        .await;
    let listed = store::list(&app, &operator, &store::TaskFilter::default()).await.expect("a list");
    assert_eq!(listed.iter().map(|task| task.id).collect::<Vec<_>>(), [task.id, known.id]);
    assert_eq!((listed[0].status, listed[1].status), (Status::Unknown, Status::Success));
    assert_eq!(serde_json::json!(TaskJson::from(&listed[0]))["status"], "UNKNOWN");
    let entries = audit::list(&app, &operator, &AuditFilter::default()).await.expect("a trail");
    assert!(entries.iter().all(|entry| entry.action == Action::Unknown), "{entries:?}");
    let events = timeline(&app, task.id).await.expect("its life");
    assert_eq!((events[0].kind, events[0].status), (TaskEventKind::Unknown, Status::Unknown));
    let refused = store::cancel(&app, &operator, task.id).await.expect_err("left alone").to_string();
    assert!(refused.contains("newer version"), "{refused}");
}

/// A connection that looked at a table before a column came takes the column's quoted name for a text, where nothing says whose it is.
async fn a_column_that_comes_is_read(database: TestDatabase) {
    items(&database, 3).await;
    let mut options = ConnectOptions::new(&database.url);
    options.max_connections(1);
    let own = sea_orm::Database::connect(options).await.expect("a database");
    let app = discovered(&database).await;
    let task = carry_out(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let other = PowerCrud::builder(own.clone()).open_to_everybody().discover(true).build().await.expect("no mistakes");
    database.execute("ALTER TABLE powercrud_bulk_task DROP COLUMN unchanged_records;").await;
    own.execute_unprepared("SELECT id FROM powercrud_bulk_task").await.expect("a look");
    database.execute("ALTER TABLE powercrud_bulk_task ADD COLUMN unchanged_records bigint NOT NULL DEFAULT 0;").await;
    let listed = store::list(&other, &User::operator(), &store::TaskFilter::default()).await.expect("a list");
    assert_eq!(listed.iter().map(|task| task.id).collect::<Vec<_>>(), [task.id]);
}
