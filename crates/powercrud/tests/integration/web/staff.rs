//! Pages for staff: nobody else reaches them, and what is done there needs a reason, is fenced, and is kept.

use std::time::Duration;

use powercrud::{
    PowerCrud, Resource, Selection, Settings, User,
    audit::{self, Action, AuditFilter},
    bulk::BulkRequest,
    staff,
    task::{BulkTask, Status, TaskEventKind, store, timeline},
};
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;

use super::browser::Browser;
use crate::{
    shop::{assert_no_locks, carry_out, count, items, keys, queue, touched_once, update, when, work},
    support::{TestDatabase, each_database},
};

each_database! {
    nobody_else_gets_there, what_is_at_work_is_shown, a_reason_is_needed_and_kept, a_dead_workers_task_is_queued_again,
    a_living_worker_keeps_its_task, a_silent_workers_long_lease_is_taken, a_dead_task_is_ended_and_its_lock_goes,
    old_tasks_are_deleted_and_no_others, the_trail_has_a_page
}

fn user(name: &str) -> User {
    User::new(name, name).staff(name == "ann")
}

/// The table `item` for ann, who is staff, and bob.
async fn open(
    database: &TestDatabase,
    settings: Settings,
    resource: impl Fn() -> powercrud::ResourceBuilder,
) -> PowerCrud {
    PowerCrud::builder(database.clone())
        .all_settings(settings)
        .resource(resource())
        .user(|parts| Some(user(parts.headers.get("x-user")?.to_str().ok()?)))
        .build()
        .await
        .expect("no mistakes")
}

async fn opened(database: &TestDatabase) -> (PowerCrud, Browser, Browser) {
    items(database, 60).await;
    let app = open(database, Settings::default(), || Resource::table("item").bulk_chunk_size(1u64)).await;
    let browser = |name| Browser::new(app.router()).with("x-user", name);
    let (ann, bob) = (browser("ann"), browser("bob"));
    (app, ann, bob)
}

async fn bobs_task(app: &PowerCrud) -> BulkTask {
    queue(app, BulkRequest { user: user("bob"), ..update("item", Selection::All, [("note", Some("x"))]) }).await
}

async fn reload(app: &PowerCrud, task: &BulkTask) -> BulkTask {
    store::get(app, &User::operator(), task.id).await.expect("the task")
}

/// The row of a task whose worker, of that lease, died after some records.
async fn orphan(database: &TestDatabase, lease_expires_at: &str) {
    database
        .execute(&format!(
            "UPDATE powercrud_bulk_task SET status = 'STARTED', attempt = 1, started_at = created_at, lease_expires_at = {lease_expires_at};"
        ))
        .await;
}

async fn last_deed(app: &PowerCrud) -> audit::AuditEntry {
    let entries = audit::list(app, &User::operator(), &AuditFilter::default()).await.expect("the trail");
    entries.into_iter().next().expect("an entry")
}

async fn nobody_else_gets_there(database: TestDatabase) {
    let (app, mut ann, mut bob) = opened(&database).await;
    let task = bobs_task(&app).await;
    orphan(&database, "1").await;
    let before = reload(&app, &task).await;
    let actions = ["cancel", "requeue", "release"].map(|action| format!("/staff/tasks/{}/{action}", task.id));
    let pages = ["/staff", "/staff/audit", "/staff/audit?user=operator", "/staff/purge", "/staff/purge?days=1"];
    for page in pages.into_iter().chain(actions.iter().map(String::as_str)) {
        ann.get(page).await.expect(200);
        let answer = bob.get(page).await.expect(403).holds(&["for staff only"]);
        answer.lacks(&["Audit trail", "Queue again"]);
        bob.in_dialog().get(page).await.expect(403);
    }
    for action in &actions {
        bob.post(action, "reason=because").await.expect(403);
    }
    bob.post("/staff/purge", "days=1&reason=because").await.expect(403);
    // Nor by the library.
    let bob_himself = user("bob");
    for refused in [
        staff::workers(&app, &bob_himself).await.err(),
        staff::locks(&app, &bob_himself, true).await.err(),
        staff::queues(&app, &bob_himself).await.err(),
        staff::owners(&app, &bob_himself).await.err(),
        staff::at_work(&app, &bob_himself).await.err(),
        staff::cancel(&app, &bob_himself, task.id, "x").await.err(),
        staff::requeue(&app, &bob_himself, task.id, "x").await.err(),
        staff::release(&app, &bob_himself, task.id, "x").await.err(),
        staff::count_old(&app, &bob_himself, 1).await.err(),
        staff::delete_old(&app, &bob_himself, 1, "x").await.err(),
    ] {
        assert_eq!(refused.expect("bob is not staff").code(), "NOT_ALLOWED");
    }
    assert_eq!(reload(&app, &task).await, before);
    // No page of bob's leads there, and naming a user shows him nothing more.
    for page in ["/", "/tasks", "/resources/item", "/resources/item/records/1", &format!("/tasks/{}", task.id)] {
        assert!(bob.get(page).await.expect(200).links().iter().all(|link| !link.starts_with("/staff")), "{page}");
    }
    for who in ["operator", "id:ann"] {
        bob.get(&format!("/tasks?user={who}")).await.expect(200).lacks(&["on 60 items"]);
    }
    ann.get("/").await.expect(200).holds(&["href=\"/staff\""]);
    // Who is nobody gets nowhere.
    Browser::new(app.router()).get("/staff").await.expect(401);
}

async fn what_is_at_work_is_shown(database: TestDatabase) {
    let (app, mut ann, _) = opened(&database).await;
    ann.get("/staff").await.expect(200).holds(&["Nothing is locked.", "No worker has registered.", "database"]);
    let task = bobs_task(&app).await;
    let page = ann.get("/staff").await.expect(200);
    page.holds(&[
        "No worker is alive",
        "All items",
        "held by",
        "Queued",
        "oldest",
        "bob",
        &format!("/staff/tasks/{}/cancel", task.id),
    ]);
    orphan(&database, "1").await;
    database
        .execute(
            "INSERT INTO powercrud_worker (id, host, pid, backend, started_at, last_seen_at)
             SELECT id, 'old-host', 4711, 'database', 1, 1 FROM powercrud_bulk_task;
             UPDATE powercrud_bulk_task SET worker_id = id;",
        )
        .await;
    let page = ann.get("/staff").await.expect(200);
    page.holds(&["No living worker has it", "old-host, process 4711", "Silent", "Queue again…", "End it…"]);
    ann.get(&format!("/tasks/{}", task.id))
        .await
        .expect(200)
        .holds(&["No living worker has this task", "Queue again…"]);
    ann.get("/tasks?user=id:bob").await.expect(200).holds(&["on 60 items", "selected>bob"]);
    ann.get("/tasks?user=operator").await.expect(200).lacks(&["on 60 items"]);
    ann.get("/tasks?user=bob").await.expect(422).holds(&["allowed are operator, and id: with a user"]);
}

async fn a_reason_is_needed_and_kept(database: TestDatabase) {
    let (app, mut ann, _) = opened(&database).await;
    let task = bobs_task(&app).await;
    let cancel = format!("/staff/tasks/{}/cancel", task.id);
    ann.get(&cancel).await.expect(200).holds(&["It was submitted by bob", "Why", "<html"]);
    ann.in_dialog().get(&cancel).await.expect(200).holds(&["Why"]).lacks(&["<html"]);
    // Whoever asks by the owner's address is asked for a reason as well.
    let plain = format!("/tasks/{}/cancel", task.id);
    assert_eq!(ann.post(&plain, "").await.location(), cancel);
    let answer = ann.with("hx-request", "true").with("hx-target", "task").post(&plain, "").await.expect(200);
    assert_eq!(answer.header("hx-redirect"), cancel);
    assert_eq!(reload(&app, &task).await.status, Status::Pending);
    for (form, why) in
        [("", "Say why"), ("reason=+%0A", "Say why"), (&*format!("reason={}", "x".repeat(501)), "at most 500")]
    {
        ann.post(&cancel, form).await.expect(422).holds(&[why]);
        assert_eq!(reload(&app, &task).await.status, Status::Pending);
    }
    let page = ann.post(&cancel, "reason=+Wrong+price%2C+%3Cb%3E+says+bob+").await.location();
    ann.get(&page).await.expect(200).holds(&["Cancelled", "ann asked to cancel it"]);
    let action = last_deed(&app).await;
    assert_eq!((action.action, action.task_id), (Action::TaskCancelled, Some(task.id)));
    assert_eq!((action.reason.as_str(), action.user_name.as_deref()), ("Wrong price, <b> says bob", Some("ann")));
    ann.post(&cancel, "reason=again")
        .await
        .expect(409)
        .holds(&["Nothing was done", "This task has ended (CANCELLED), so it can&#39;t be cancelled."]);
    // What has ended is shown as it is.
    assert_eq!(ann.post(&plain, "").await.location(), format!("/tasks/{}", task.id));
    ann.get(&format!("/staff/tasks/{}/explode", task.id)).await.expect(404);
    ann.get("/staff/tasks/7/cancel").await.expect(404);
}

/// The worker is only frozen, and wakes up later.
async fn a_dead_workers_task_is_queued_again(database: TestDatabase) {
    items(&database, 3_000).await;
    let app = open(&database, Settings::default(), || Resource::table("item").bulk_chunk_size(1u64)).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let first = tokio::spawn({
        let (app, id) = (app.clone(), task.id);
        async move { app.worker().run_task(id, &CancellationToken::new()).await }
    });
    when(&app, &task, |task| task.processed_records >= 3).await;
    // The lease lapses between two chunks; a chunk that commits in between renews it, and then the worker lives.
    let ann = user("ann");
    let requeued = loop {
        let lapse = "UPDATE powercrud_bulk_task SET lease_expires_at = 1";
        database.connection().execute_unprepared(lapse).await.expect("a lapsed lease");
        match staff::requeue(&app, &ann, task.id, "it hangs").await {
            Ok(requeued) => break requeued,
            Err(error) => assert_eq!(error.code(), "NOT_ALLOWED", "{error}"),
        }
    };
    assert_eq!((requeued.status, requeued.worker_id), (Status::Pending, None));
    let error = first.await.expect("no panic").expect_err("the lease is lost");
    assert!(error.to_string().contains("lease"), "{error}");
    // The old worker writes nothing after.
    let stopped = reload(&app, &task).await;
    assert_eq!((stopped.status, stopped.processed_records), (Status::Pending, requeued.processed_records));
    assert_eq!(touched_once(&database).await, stopped.succeeded_records);
    let action = last_deed(&app).await;
    assert_eq!((action.action, action.reason.as_str()), (Action::TaskRequeued, "it hangs"));
    let faster = open(&database, Settings::default(), || Resource::table("item")).await;
    let done = work(&faster, &stopped).await;
    assert_eq!((done.status, done.succeeded_records, done.attempt), (Status::Success, 3_000, 2));
    assert_eq!(touched_once(&database).await, 3_000);
    let life: Vec<_> = timeline(&app, task.id).await.expect("a life").into_iter().map(|event| event.kind).collect();
    let expected = [
        TaskEventKind::Submitted,
        TaskEventKind::Claimed,
        TaskEventKind::Requeued,
        TaskEventKind::Claimed,
        TaskEventKind::Ended,
    ];
    assert_eq!(life, expected);
    Browser::new(app.router())
        .with("x-user", "ann")
        .get(&format!("/tasks/{}", task.id))
        .await
        .expect(200)
        .holds(&["ann took it from a worker that was dead", "A worker went on"]);
    assert_no_locks(&database).await;
}

async fn a_living_worker_keeps_its_task(database: TestDatabase) {
    let (app, mut ann, _) = opened(&database).await;
    let task = bobs_task(&app).await;
    for action in ["requeue", "release"] {
        let path = format!("/staff/tasks/{}/{action}", task.id);
        orphan(&database, "99999999999999").await;
        ann.post(&path, "reason=hm").await.expect(409).holds(&["whoever has it renews its lease"]);
        // So does one that has registered and shows heartbeats.
        database
            .execute(
                "DELETE FROM powercrud_worker; UPDATE powercrud_bulk_task SET worker_id = id;
                 INSERT INTO powercrud_worker (id, host, pid, backend, started_at, last_seen_at)
                 SELECT id, 'host', 4711, 'database', 1, 99999999999999 FROM powercrud_bulk_task;",
            )
            .await;
        ann.post(&path, "reason=hm").await.expect(409).holds(&["the worker 4711 on host lives"]);
        database.execute("UPDATE powercrud_bulk_task SET worker_id = NULL;").await;
    }
    assert_eq!(reload(&app, &task).await.status, Status::Started);
    assert_eq!(last_deed(&app).await.action, Action::TaskSubmitted);
    // What nobody has taken is not queued again, and what is to be cancelled does not forget it.
    for status in ["PENDING", "CANCELLING", "PAUSED"] {
        database.execute(&format!("UPDATE powercrud_bulk_task SET status = '{status}', lease_expires_at = 1;")).await;
        ann.post(&format!("/staff/tasks/{}/requeue", task.id), "reason=hm").await.expect(409).holds(&[status]);
    }
}

/// A lease of an hour, and a worker that registered and fell silent.
async fn a_silent_workers_long_lease_is_taken(database: TestDatabase) {
    let (app, mut ann, _) = opened(&database).await;
    let task = bobs_task(&app).await;
    orphan(&database, "99999999999999").await;
    database
        .execute(
            "INSERT INTO powercrud_worker (id, host, pid, backend, started_at, last_seen_at)
             SELECT id, 'host', 4711, 'database', 1, 1 FROM powercrud_bulk_task;
             UPDATE powercrud_bulk_task SET worker_id = id;",
        )
        .await;
    let page = ann.post(&format!("/staff/tasks/{}/requeue", task.id), "reason=the+machine+burnt").await.location();
    ann.get(&page).await.expect(200).holds(&["Queued"]);
    assert_eq!(work(&app, &task).await.succeeded_records, 60);
    assert_eq!(touched_once(&database).await, 60);
}

async fn a_dead_task_is_ended_and_its_lock_goes(database: TestDatabase) {
    items(&database, 60).await;
    let queueing =
        || Resource::table("item").bulk_chunk_size(1u64).bulk_async_on_conflict(powercrud::OnConflict::Queue);
    let app = open(&database, Settings { lease: Duration::from_secs(3600), ..Settings::default() }, queueing).await;
    let mut ann = Browser::new(app.router()).with("x-user", "ann");
    for (status, succeeded, expected) in
        [("STARTED", 0, Status::Failure), ("PAUSING", 2, Status::Partial), ("CANCELLING", 2, Status::Cancelled)]
    {
        let task = bobs_task(&app).await;
        let waiting = queue(&app, update("item", keys(1..=30), [("stock", Some("1"))])).await;
        assert_eq!(waiting.status, Status::Waiting);
        ann.get("/staff").await.expect(200).holds(&["1 waiting:"]);
        database
            .execute(&format!(
                "UPDATE powercrud_bulk_task SET status = '{status}', attempt = 1, lease_expires_at = 1, started_at = created_at,
                 processed_records = {succeeded}, succeeded_records = {succeeded}, {} = {succeeded}
                 WHERE status = 'PENDING';",
                if database.kind == crate::support::Kind::Mysql { "`cursor`" } else { "\"cursor\"" }
            ))
            .await;
        let release = format!("/staff/tasks/{}/release", task.id);
        ann.get(&release).await.expect(200).holds(&["its locks go"]);
        let page = ann.post(&release, "reason=power+cut").await.location();
        ann.get(&page).await.expect(200).holds(&["ended by ann, because no living worker had it: power cut"]);
        let ended = reload(&app, &task).await;
        assert_eq!((ended.status, ended.succeeded_records, ended.worker_id), (expected, succeeded, None));
        assert!(ended.completed_at.is_some());
        let action = last_deed(&app).await;
        assert_eq!((action.action, action.reason.as_str()), (Action::TaskReleased, "power cut"));
        let life: Vec<_> = timeline(&app, task.id).await.expect("a life").into_iter().map(|one| one.kind).collect();
        assert_eq!(life[life.len() - 2..], [TaskEventKind::Released, TaskEventKind::Ended]);
        // The one that waited has the lock now, and when it ends there is none.
        assert_eq!(count(&database, "powercrud_lock WHERE lock_key = 'model:item'").await, 1);
        assert_eq!(work(&app, &waiting).await.status, Status::Success);
        assert_no_locks(&database).await;
        // Bob hears of it.
        assert!(count(&database, "powercrud_message WHERE user_id = 'bob'").await > 0);
        ann.post(&release, "reason=again").await.expect(409);
    }
}

async fn old_tasks_are_deleted_and_no_others(database: TestDatabase) {
    items(&database, 60).await;
    let app = open(&database, Settings::default(), || Resource::table("item").bulk_revert(true)).await;
    let mut ann = Browser::new(app.router()).with("x-user", "ann");
    let old = carry_out(&app, update("item", Selection::All, [("stock", Some("3"))])).await;
    let young = carry_out(&app, update("item", keys(1..=30), [("stock", Some("4"))])).await;
    let active = bobs_task(&app).await;
    let long_ago = "completed_at - 864000000";
    database
        .execute(&format!(
            "UPDATE powercrud_bulk_task SET completed_at = {long_ago} WHERE total_records = 60 AND status = 'SUCCESS';
             UPDATE powercrud_bulk_task SET created_at = 1 WHERE status = 'PENDING';"
        ))
        .await;
    ann.get("/staff/purge?days=9").await.expect(200).holds(&["1 task ended more than 9 days ago."]);
    for (form, why) in [
        ("days=9", "Say why"),
        ("days=0&reason=x", "from 1 to 36525"),
        ("days=soon&reason=x", "not a whole number of days"),
        ("reason=x", "not a whole number of days"),
    ] {
        ann.post("/staff/purge", form).await.expect(422).holds(&[why]);
    }
    assert_eq!(count(&database, "powercrud_bulk_task").await, 3);
    let page = ann.post("/staff/purge", "days=9&reason=spring+cleaning").await.location();
    ann.get(&page).await.expect(200).holds(&["1 task was deleted.", "0 tasks ended more than 9 days ago."]);
    assert!(store::get(&app, &User::operator(), old.id).await.is_err());
    for table in [
        "bulk_task",
        "bulk_task_image",
        "bulk_task_key_range",
        "task_event",
        "notice",
        "message",
        "bulk_task_selected_id",
    ] {
        let column = if table == "bulk_task" { "id" } else { "task_id" };
        let orphans = format!("powercrud_{table} WHERE {column} NOT IN (SELECT id FROM powercrud_bulk_task)");
        assert_eq!(count(&database, &orphans).await, 0, "{table}");
    }
    assert!(count(&database, "powercrud_bulk_task_image").await > 0, "the younger task keeps what it kept");
    let action = last_deed(&app).await;
    assert_eq!((action.action, action.task_id), (Action::TaskDeleted, Some(old.id)));
    assert_eq!((action.reason.as_str(), action.subject.as_str()), ("spring cleaning", "update of 60 items"));
    // The others are whole.
    assert_eq!(reload(&app, &young).await.status, Status::Success);
    assert_eq!(work(&app, &active).await.succeeded_records, 60);
    // A task that is being reverted is left alone.
    let revert = powercrud::bulk::revert(&app, &User::operator(), young.id).await.expect("a revert").task().clone();
    database
        .execute(&format!(
            "UPDATE powercrud_bulk_task SET completed_at = {long_ago} WHERE total_records = 30 AND status = 'SUCCESS';"
        ))
        .await;
    assert_eq!(staff::delete_old(&app, &user("ann"), 9, "again").await.expect("nothing can go"), 0);
    assert_eq!(work(&app, &revert).await.succeeded_records, 30);
    database.execute("UPDATE powercrud_bulk_task SET completed_at = 1;").await;
    assert_eq!(staff::delete_old(&app, &user("ann"), 9, "all").await.expect("all go"), 3);
    for table in
        ["bulk_task", "bulk_task_selected_id", "bulk_task_image", "bulk_task_key_range", "task_event", "message"]
    {
        assert_eq!(count(&database, &format!("powercrud_{table}")).await, 0, "{table}");
    }
    assert_no_locks(&database).await;
}

async fn the_trail_has_a_page(database: TestDatabase) {
    let (app, mut ann, mut bob) = opened(&database).await;
    bob.post("/resources/item/records/5/edit", "name=item+5&stock=77&status=gone").await.location();
    bob.post("/resources/item/records/6/delete", "").await.location();
    carry_out(&app, BulkRequest { user: user("ann"), ..update("item", keys([1, 2]), [("note", None)]) }).await;
    let page = ann.get("/staff/audit").await.expect(200);
    page.holds(&[
        "1–3 of 3",
        "Stock: 5 → 77",
        "Changed a record",
        "Deleted a record",
        "Update of 2 items",
        "Note → empty",
        "bob",
    ]);
    for (query, holds, lacks) in [
        ("user=id:bob", "1–2 of 2", "Update of 2 items"),
        ("action=record_deleted", "1–1 of 1", "5 → 77"),
        ("resource=item&key=5", "1–1 of 1", "Update of 2 items"),
        ("user=operator", "Nothing fits.", "5 → 77"),
        ("from=2020-01-01&to=2020-01-02", "Nothing fits.", "5 → 77"),
    ] {
        ann.get(&format!("/staff/audit?{query}")).await.expect(200).holds(&[holds]).lacks(&[lacks]);
    }
    for (query, allowed) in [
        ("user=bob", "id: with a user"),
        ("action=hm", "record_updated"),
        ("resource=items2", "item"),
        ("key=5", "say of which resource"),
        ("from=yesterday", "2026-01-31"),
    ] {
        ann.get(&format!("/staff/audit?{query}")).await.expect(422).holds(&[allowed]).lacks(&["5 → 77"]);
    }
}
