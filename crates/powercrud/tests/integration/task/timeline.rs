//! What a task's timeline says of its life.

use powercrud::{
    PowerCrud, Resource, Selection, User,
    bulk::BulkRequest,
    task::{BulkTask, Status, TaskEvent, TaskEventKind, store, timeline},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{carry_out, items, keys, queue, update, when},
    support::{TestDatabase, each_database},
};

each_database! { a_life_with_rests, a_wait_and_a_takeover, done_in_the_request }

async fn lines(app: &PowerCrud, task: &BulkTask) -> Vec<(TaskEventKind, Status, i64)> {
    let events = timeline(app, task.id).await.expect("a timeline");
    assert!(events.is_sorted_by_key(|event| event.at), "{events:?}");
    assert!(events.is_sorted_by_key(|event| event.processed_records), "{events:?}");
    events.iter().map(|event| (event.kind, event.status, event.attempt)).collect()
}

async fn a_life_with_rests(database: TestDatabase) {
    items(&database, 3_000).await;
    let resource = Resource::table("item").bulk_chunk_size(1u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let ann = User::new("ann", "Ann");
    let request = update("item", Selection::All, [("note", Some("x"))]);
    let task = queue(&app, BulkRequest { user: ann.clone(), ..request }).await;
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    let worker = tokio::spawn(app.worker().concurrency(1).run(first.clone()));
    when(&app, &task, |task| task.processed_records > 2).await;
    store::pause(&app, &ann, task.id).await.expect("it runs");
    when(&app, &task, |task| task.status == Status::Paused).await;
    store::resume(&app, &User::operator(), task.id).await.expect("it rests");
    when(&app, &task, |task| task.status == Status::Started).await;
    first.cancel();
    worker.await.expect("no panic").expect("a worker");
    let worker = tokio::spawn(app.worker().concurrency(1).run(second.clone()));
    when(&app, &task, |task| task.attempt == 3).await;
    store::cancel(&app, &ann, task.id).await.expect("it runs");
    let task = when(&app, &task, |task| task.status.is_final()).await;
    second.cancel();
    worker.await.expect("no panic").expect("a worker");
    use Status as S;
    use TaskEventKind::*;
    assert_eq!(
        lines(&app, &task).await,
        [
            (Submitted, S::Pending, 0),
            (Claimed, S::Started, 1),
            (PauseAsked, S::Pausing, 1),
            (Paused, S::Paused, 1),
            (Resumed, S::Pending, 1),
            (Claimed, S::Started, 2),
            (GivenBack, S::Started, 2),
            (Claimed, S::Started, 3),
            (CancelAsked, S::Cancelling, 3),
            (Ended, S::Cancelled, 3),
        ]
    );
    let events = timeline(&app, task.id).await.expect("a timeline");
    let who = |kind| events.iter().find(|event: &&TaskEvent| event.kind == kind).expect("one").user_id.clone();
    assert_eq!((who(Submitted), who(PauseAsked), who(Resumed)), (Some("ann".into()), Some("ann".into()), None));
    assert_eq!(events.last().expect("an end").processed_records, task.processed_records);
}

async fn a_wait_and_a_takeover(database: TestDatabase) {
    items(&database, 30).await;
    let resource = Resource::table("item").bulk_async_on_conflict(powercrud::OnConflict::Queue);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource).build().await.expect("no mistakes");
    let first = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let second = queue(&app, update("item", Selection::All, [("note", Some("y"))])).await;
    // A worker took it and was never heard of again.
    database
        .execute(&format!(
            "UPDATE powercrud_bulk_task SET status = 'STARTED', attempt = 1, lease_expires_at = 1 WHERE created_at = {} AND status = 'PENDING';",
            first.created_at
        ))
        .await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    let second = when(&app, &second, |task| task.status.is_final()).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker");
    use TaskEventKind::*;
    assert_eq!(
        lines(&app, &first).await,
        [(Submitted, Status::Pending, 0), (Claimed, Status::Started, 2), (Ended, Status::Success, 2)]
    );
    assert_eq!(
        lines(&app, &second).await,
        [
            (Submitted, Status::Waiting, 0),
            (Unblocked, Status::Pending, 0),
            (Claimed, Status::Started, 1),
            (Ended, Status::Success, 1)
        ]
    );
}

async fn done_in_the_request(database: TestDatabase) {
    items(&database, 5).await;
    let app = crate::shop::discovered(&database).await;
    let task = carry_out(&app, update("item", keys([1, 2]), [("note", None)])).await;
    assert_eq!(
        lines(&app, &task).await,
        [(TaskEventKind::Submitted, Status::Started, 1), (TaskEventKind::Ended, Status::Success, 1)]
    );
}
