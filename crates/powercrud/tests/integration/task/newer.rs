//! Rows that a newer version of the program has written are shown as that, and break no list.

use powercrud::{
    Selection, User,
    audit::{self, Action, AuditFilter},
    task::{Happening, Status, store, timeline},
};

use crate::{
    shop::{carry_out, discovered, in_background, items, queue, update},
    support::{TestDatabase, each_database},
};

each_database! { unknown_words_are_shown_as_unknown }

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
    assert_eq!(listed[0].to_json(&[])["status"], "UNKNOWN");
    let entries = audit::list(&app, &operator, &AuditFilter::default()).await.expect("a trail");
    assert!(entries.iter().all(|entry| entry.action == Action::Unknown), "{entries:?}");
    let events = timeline(&app, task.id).await.expect("its life");
    assert_eq!((events[0].happening, events[0].status), (Happening::Unknown, Status::Unknown));
    let refused = store::cancel(&app, &operator, task.id).await.expect_err("left alone").to_string();
    assert!(refused.contains("newer version"), "{refused}");
}
