//! The function of an application that is called at tasks' ends.

use std::sync::{Arc, Mutex};

use powercrud::{
    Channel, PowerCrud, Resource, Selection,
    bulk::run,
    task::{BulkTask, Status},
};
use tokio_util::sync::CancellationToken;

use super::{due_now, eager, outbox, until_settled};
use crate::{
    shop::{items, keys, queue, update, when},
    support::{TestDatabase, each_database},
};

each_database! { a_function_is_called_once }

each_database! { [sqlite] a_panic_is_tried_again, a_function_that_nobody_calls_is_a_mistake }

fn item() -> powercrud::ResourceBuilder {
    Resource::table("item").bulk_async_notification([Channel::Callback, Channel::Messages])
}

async fn a_function_is_called_once(database: TestDatabase) {
    items(&database, 30).await;
    let called = Arc::new(Mutex::new(Vec::<BulkTask>::new()));
    let heard = Arc::clone(&called);
    let builder =
        PowerCrud::builder(database.clone()).open_to_everybody().all_settings(eager()).resource(item()).on_task_end(
            move |task| {
                let heard = Arc::clone(&heard);
                async move { heard.lock().expect("calls").push(task) }
            },
        );
    let app = builder.build().await.expect("a configuration without mistakes");
    let stop = CancellationToken::new();
    let workers = [app.worker(), app.worker()].map(|worker| tokio::spawn(worker.run(stop.clone())));
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    when(&app, &task, |task| task.status.is_final()).await;
    until_settled(&database).await;
    // Who asked in the request has the answer.
    run(&app, update("item", keys([1, 2]), [("note", None)])).await.expect("done");
    stop.cancel();
    for worker in workers {
        worker.await.expect("it ends").expect("well");
    }
    assert_eq!(app.deliver_notices().await.expect("a look"), 0);
    let called = called.lock().expect("calls");
    let told: Vec<_> = called.iter().map(|task| (task.id, task.status, task.succeeded_records)).collect();
    assert_eq!(told, [(task.id, Status::Success, 30)]);
}

async fn a_panic_is_tried_again(database: TestDatabase) {
    items(&database, 30).await;
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let builder = PowerCrud::builder(database.clone()).open_to_everybody().resource(item()).on_task_end(move |_| {
        let call = {
            let mut calls = counted.lock().expect("calls");
            *calls += 1;
            *calls
        };
        assert!(call > 1, "the first call panics before it has even begun");
        async move { assert!(call > 2, "the second one later") }
    });
    let app = builder.build().await.expect("a configuration without mistakes");
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    crate::shop::work(&app, &task).await;
    for _ in 0..2 {
        assert_eq!(app.deliver_notices().await.expect("a try"), 1);
        let notice = outbox(&database).await.remove(0);
        assert_eq!((notice.status.as_str(), notice.last_error.as_str()), ("waiting", "the function panicked"));
        due_now(&database).await;
    }
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    assert_eq!(outbox(&database).await.remove(0).status, "sent");
    assert_eq!(*calls.lock().expect("calls"), 3);
}

async fn a_function_that_nobody_calls_is_a_mistake(database: TestDatabase) {
    items(&database, 3).await;
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item"))
        .on_task_end(|_| async {});
    let mistakes = builder.build().await.err().expect("a mistake").to_string();
    assert!(mistakes.contains("on_task_end: no resource has the channel \"callback\""), "{mistakes}");
}
