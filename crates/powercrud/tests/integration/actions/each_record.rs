//! Actions that run code for each record.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use powercrud::{
    Action, ActionField, AppError, Selection, User,
    bulk::{self, Answer},
    task::{BulkTask, Status, store},
};
use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, ConnectionTrait as _, IntoActiveModel as _};
use tokio::sync::Notify;

use super::with_actions;
use crate::{
    shop::{
        action, assert_no_locks, carry_out, count, counts, failures, in_background, items, keys, queue, rows,
        touched_once, work,
    },
    support::{TestDatabase, each_database},
};

each_database! {
    some_fail_and_the_others_are_done, everything_or_nothing, it_is_cancelled_between_chunks, models_of_sea_orm, a_retry_has_the_same_keys
}

/// `item`, as an application has it.
mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub name: String,
        pub stock: i32,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Ships what is in stock; 13 makes it panic, and 17 meets the table's own rule.
fn ship() -> Action {
    Action::for_each("ship", |record| {
        Box::pin(async move {
            let id = record.integer("id").ok_or_else(|| AppError::failed("has no number"))?;
            if id % 10 == 0 {
                // Undone with the rest of what was done for the record.
                record.transaction().execute(record.update().value("note", "lost")).await?;
                return Err(AppError::new("OUT_OF_STOCK", "is out of stock").field("stock"));
            }
            assert_ne!(id, 13, "not that one");
            let status = if id == 17 { "shipped" } else { "gone" };
            let carrier = record.values().text("carrier").unwrap_or_default().to_owned();
            let mut update = record.update();
            update.value("status", status).value("note", carrier);
            record.transaction().execute(&update).await?;
            Ok(())
        })
    })
    .field(ActionField::choice("carrier", [("post", "Post"), ("dhl", "DHL")]).default("post"))
}

async fn some_fail_and_the_others_are_done(database: TestDatabase) {
    items(&database, 140).await;
    let app = with_actions(&database, [ship()]).await;
    let before = rows(&database, "item", &["id", "note"]).await;
    let task = carry_out(&app, action("item", "ship", Selection::All, [("carrier", "dhl")])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (124, 16, 0)), "{}", task.error_message);
    let mut expected: Vec<_> = (1..=14).map(|ten| (ten * 10, "OUT_OF_STOCK")).collect();
    expected.extend([(13, "ACTION_PANICKED"), (17, "CHECK")]);
    expected.sort_unstable();
    let expected: Vec<_> = expected.iter().map(|(id, code)| (id.to_string(), (*code).to_owned())).collect();
    assert_eq!(failures(&app, &task).await, expected);
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 1).await.expect("errors");
    assert_eq!((errors[0].field.as_deref(), errors[0].message.as_str()), (Some("stock"), "is out of stock"));
    let notes = rows(&database, "item", &["id", "note"]).await;
    assert_eq!(notes["10"], before["10"], "what was done for a record that failed is undone");
    assert_eq!(notes["11"][0].as_deref(), Some("dhl"));
    assert_eq!(touched_once(&database).await, 124);
    assert_no_locks(&database).await;
}

async fn everything_or_nothing(database: TestDatabase) {
    items(&database, 30).await;
    let app = with_actions(&database, [ship()]).await;
    let task = carry_out(&app, action("item", "ship", keys([9, 10, 11]), [])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 2)), "{}", task.error_message);
    assert_eq!(touched_once(&database).await, 0);
    let task = carry_out(&app, action("item", "ship", keys([8, 9, 99]), [])).await;
    // One that is gone leaves nothing to undo.
    assert_eq!((task.status, counts(&task)), (Status::Partial, (2, 1, 0)), "{}", task.error_message);
    assert_eq!(rows(&database, "item", &["id", "note"]).await["9"][0].as_deref(), Some("post"), "the default");
}

async fn it_is_cancelled_between_chunks(database: TestDatabase) {
    items(&database, 400).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let waits = {
        let (begun, go_on, seen) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::new(AtomicU64::new(0)));
        Action::for_each("wait", move |record| {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            // In the second chunk.
            let waits = seen.fetch_add(1, Ordering::Relaxed) == 60;
            Box::pin(async move {
                if waits {
                    begun.notify_one();
                    go_on.notified().await;
                }
                record.transaction().execute(record.update().value("note", "x")).await?;
                Ok(())
            })
        })
    };
    let app = with_actions(&database, [waits]).await;
    let task = queue(&app, in_background(action("item", "wait", Selection::All, []))).await;
    let worker = tokio::spawn({
        let (app, task) = (app.clone(), task.clone());
        async move { work(&app, &task).await }
    });
    begun.notified().await;
    // On SQLite nobody else writes while a chunk is under way: the request is written in its turn.
    let asked = tokio::spawn({
        let (app, id) = (app.clone(), task.id);
        async move { store::cancel(&app, &User::operator(), id).await }
    });
    go_on.notify_one();
    asked.await.expect("no panic").expect("a request to cancel");
    let task = worker.await.expect("no panic");
    assert!(matches!(task.status, Status::Cancelled | Status::Success), "{task:?}");
    assert!(task.processed_records >= 50, "the first chunk stands: {task:?}");
    assert_eq!(touched_once(&database).await, task.succeeded_records, "what is counted is done, and no more");
    assert_no_locks(&database).await;
}

async fn models_of_sea_orm(database: TestDatabase) {
    items(&database, 40).await;
    let halve = Action::for_each("halve", |record| {
        Box::pin(async move {
            let item = record.model::<item::Entity>().await?;
            let stock = item.stock / 2;
            let mut item = item.into_active_model();
            item.stock = Set(stock);
            item.update(record.transaction()).await?;
            Ok(())
        })
    });
    let app = with_actions(&database, [halve]).await;
    let task = carry_out(&app, action("item", "halve", Selection::All, [])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (40, 0, 0)), "{}", task.error_message);
    let stocks = rows(&database, "item", &["id", "stock"]).await;
    assert_eq!((stocks["40"][0].as_deref(), stocks["7"][0].as_deref()), (Some("20"), Some("3")));
}

async fn a_retry_has_the_same_keys(database: TestDatabase) {
    items(&database, 30).await;
    let (calls, works) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let charge = {
        let (calls, works) = (Arc::clone(&calls), Arc::clone(&works));
        Action::for_each("charge", move |record| {
            calls.lock().unwrap().push((record.key().to_owned(), record.idempotency_key(), record.task_id()));
            let works = works.load(Ordering::Relaxed);
            Box::pin(
                async move { if works || record.key() != "7" { Ok(()) } else { Err(AppError::failed("declined")) } },
            )
        })
        .field(ActionField::integer("cents").default(100))
    };
    let app = with_actions(&database, [charge]).await;
    let task = carry_out(&app, in_background(action("item", "charge", keys([6, 7]), [("cents", "")]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (1, 1, 0)));
    assert_eq!(failures(&app, &task).await, [("7".to_owned(), "ACTION_FAILED".to_owned())]);
    let again = retry(&app, &task).await;
    assert_eq!(again.status, Status::Failure);
    works.store(true, Ordering::Relaxed);
    let again = retry(&app, &again).await;
    assert_eq!((again.status, counts(&again)), (Status::Success, (1, 0, 0)));
    assert!(again.values.is_empty(), "what was left empty has no default in a retry: {:?}", again.values);
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 4);
    let of_7: Vec<_> = calls.iter().filter(|(key, ..)| key == "7").collect();
    assert!(of_7.iter().all(|(_, idempotency, _)| *idempotency == of_7[0].1), "{of_7:?}");
    assert_ne!(of_7[0].2, of_7[1].2, "each of them is a task of its own");
    assert_ne!(calls[0].1, of_7[0].1);
    // The same records in another request are another matter.
    let other = carry_out(&app, in_background(action("item", "charge", keys([7]), []))).await;
    assert_eq!(other.status, Status::Success);
    assert_eq!(count(&database, "powercrud_bulk_task").await, 4);
}

async fn retry(app: &powercrud::PowerCrud, task: &BulkTask) -> BulkTask {
    match bulk::retry(app, &User::operator(), task.id).await.expect("a retry") {
        Answer::Done(task) => task,
        Answer::Queued { task, .. } => work(app, &task).await,
        Answer::Duplicate(task) => panic!("{task:?} is running already"),
    }
}
