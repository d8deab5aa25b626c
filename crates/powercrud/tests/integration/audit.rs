//! The audit trail: each deed has its entry, with who, what and why; what was refused has none.

use powercrud::{
    PowerCrud, Settings, User,
    audit::{self, Action, AuditEntry, AuditFilter, FieldChange},
    record,
    task::store,
    token::{self, NewToken, Scope},
};

use crate::{
    shop::{carry_out, count, discovered, items, keys, queue, update},
    support::{TestDatabase, each_database},
    web::login,
};

each_database! {
    single_changes_are_kept_from_and_to, what_was_refused_leaves_no_trace, tasks_and_their_control_are_kept, tokens_and_users_are_kept,
    the_trail_is_filtered_and_for_staff_only, it_is_kept_for_so_many_days
}

fn ann() -> User {
    User::new("7", "Ann").staff(true)
}

async fn trail(app: &PowerCrud, filter: &AuditFilter) -> Vec<AuditEntry> {
    let entries = audit::list(app, &User::operator(), filter).await.expect("the trail");
    assert_eq!(audit::count(app, &User::operator(), filter).await.expect("a count"), entries.len() as u64);
    entries
}

async fn actions(app: &PowerCrud) -> Vec<Action> {
    trail(app, &AuditFilter::default()).await.into_iter().rev().map(|entry| entry.action).collect()
}

fn change(from: Option<Option<&str>>, to: Option<Option<&str>>) -> FieldChange {
    let owned = |side: Option<Option<&str>>| side.map(|value| value.map(str::to_owned));
    FieldChange { from: owned(from), to: owned(to) }
}

async fn single_changes_are_kept_from_and_to(database: TestDatabase) {
    items(&database, 5).await;
    let app = discovered(&database).await;
    let item = app.resource("item").expect("items");
    let text = |field: &str, value: &str| (field.to_owned(), Some(value.to_owned()));
    let inputs = [text("stock", "9"), text("name", "item 5"), ("note".to_owned(), Some("by hand".to_owned()))];
    record::update(&app, &ann(), item, "5", &inputs).await.expect("a change");
    let [entry] = &trail(&app, &AuditFilter::default()).await[..] else { panic!("one entry") };
    assert_eq!((entry.user_id.as_deref(), entry.user_name.as_deref()), (Some("7"), Some("Ann")));
    assert_eq!((entry.action, entry.resource.as_deref()), (Action::RecordUpdated, Some("item")));
    assert_eq!(entry.record_key.as_deref(), Some("5"));
    // What was sent and is the same did not change; NULL is told from what is not known.
    let expected = [
        ("note".to_owned(), change(Some(None), Some(Some("by hand")))),
        ("stock".to_owned(), change(Some(Some("5")), Some(Some("9")))),
    ];
    assert_eq!(entry.changes.clone().into_iter().collect::<Vec<_>>(), expected);
    // Nothing that differs is nothing that was done.
    record::update(&app, &ann(), item, "5", &[text("stock", "9")]).await.expect("no change");
    assert_eq!(actions(&app).await, [Action::RecordUpdated]);
    let mut new = vec![text("name", "new one"), text("stock", "1"), text("status", "new"), text("touched", "0")];
    // Where the database gives keys itself, they can't be given.
    if item.field("id").is_some_and(|field| field.editable) {
        new.push(text("id", "77"));
    }
    let key = record::create(&app, &User::operator(), item, &new).await.expect("a record");
    record::delete(&app, &ann(), item, &key).await.expect("it can be deleted");
    let [deleted, created, _] = &trail(&app, &AuditFilter::default()).await[..] else { panic!("three entries") };
    assert_eq!((created.action, created.user_name.as_deref()), (Action::RecordCreated, None));
    assert_eq!((created.record_key.as_deref(), deleted.record_key.as_deref()), (Some(&*key), Some(&*key)));
    assert_eq!(created.changes["name"], change(None, Some(Some("new one"))));
    assert_eq!(deleted.action, Action::RecordDeleted);
    assert_eq!(deleted.changes["name"], change(Some(Some("new one")), None));
    assert!(!created.changes.contains_key("note"), "NULL was not given: {created:?}");
}

async fn what_was_refused_leaves_no_trace(database: TestDatabase) {
    items(&database, 40).await;
    let app = discovered(&database).await;
    let item = app.resource("item").expect("items");
    let task = queue(&app, update("item", keys(1..=30), [("note", None)])).await;
    let stock = [("stock".to_owned(), Some("1".to_owned()))];
    record::update(&app, &ann(), item, "31", &stock).await.expect_err("it is held");
    store::cancel(&app, &User::operator(), task.id).await.expect("it can be cancelled");
    record::update(&app, &ann(), item, "99", &stock).await.expect_err("there is none");
    record::delete(&app, &ann(), item, "99").await.expect_err("there is none");
    let bad = [("status".to_owned(), Some("odd".to_owned()))];
    record::update(&app, &ann(), item, "1", &bad).await.expect_err("no such status");
    record::create(&app, &ann(), item, &bad).await.expect_err("too little");
    store::cancel(&app, &User::operator(), task.id).await.expect_err("it has ended");
    assert_eq!(actions(&app).await, [Action::TaskSubmitted, Action::TaskCancelled]);
}

async fn tasks_and_their_control_are_kept(database: TestDatabase) {
    items(&database, 40).await;
    let app = discovered(&database).await;
    let done = carry_out(&app, update("item", keys([1, 2]), [("stock", Some("5")), ("note", None)])).await;
    let task = queue(&app, update("item", keys(1..=30), [("note", Some("x"))])).await;
    // The same request while its task is active is no second one.
    let again = powercrud::bulk::run(&app, update("item", keys(1..=30), [("note", Some("x"))])).await;
    assert_eq!(again.expect("the same task").task().id, task.id);
    store::cancel_because(&app, &ann(), task.id, "a mistake").await.expect("cancelled");
    let retried = powercrud::bulk::retry(&app, &ann(), task.id).await.expect("a retry").task().id;
    let entries = trail(&app, &AuditFilter::default()).await;
    let found: Vec<_> = entries.iter().rev().map(|entry| (entry.action, entry.task_id)).collect();
    assert_eq!(
        found,
        [
            (Action::TaskSubmitted, Some(done.id)),
            (Action::TaskSubmitted, Some(task.id)),
            (Action::TaskCancelled, Some(task.id)),
            (Action::TaskRetried, Some(retried)),
        ]
    );
    let first = entries.last().expect("an entry");
    assert_eq!((first.subject.as_str(), first.resource.as_deref()), ("update of 2 items", Some("item")));
    assert_eq!(first.changes["stock"], change(None, Some(Some("5"))));
    assert_eq!(first.changes["note"], change(None, Some(None)));
    assert_eq!(entries[1].user_name.as_deref(), Some("Ann"));
}

async fn tokens_and_users_are_kept(database: TestDatabase) {
    items(&database, 1).await;
    let app = PowerCrud::builder(database.clone()).discover(true).login().build().await.expect("an application");
    login::add(&database, "bob", false).await;
    let bob = powercrud::account::find(&database, "bob").await.expect("bob");
    let new = NewToken { name: "import".into(), scopes: vec![Scope::Write], user: bob.into(), lasts: None };
    let (made, secret) = token::create(&app, &ann(), new).await.expect("a token");
    for _ in 0..2 {
        token::revoke(&app, &ann(), made.id).await.expect("revoked");
        powercrud::account::set_active(&database, &User::operator(), "bob", false).await.expect("deactivated");
    }
    powercrud::account::remove(&database, &User::operator(), "bob").await.expect("removed");
    let entries = trail(&app, &AuditFilter::default()).await;
    let found: Vec<_> = entries.iter().rev().map(|entry| (entry.action, entry.user_id.as_deref())).collect();
    assert_eq!(
        found,
        [
            (Action::UserAdded, None),
            (Action::TokenMade, Some("7")),
            (Action::TokenRevoked, Some("7")),
            (Action::UserDeactivated, None),
            (Action::UserRemoved, None),
        ]
    );
    assert!(entries[3].subject.contains("\"import\" (read, write), which acts as bob"), "{}", entries[3].subject);
    let shown = format!("{entries:?}");
    assert!(!shown.contains(&secret) && !shown.contains("argon2"), "no secret is kept: {shown}");
}

async fn the_trail_is_filtered_and_for_staff_only(database: TestDatabase) {
    items(&database, 3).await;
    let app = discovered(&database).await;
    let item = app.resource("item").expect("items");
    for (by, key) in [(ann(), "1"), (User::operator(), "2"), (ann(), "2")] {
        record::update(&app, &by, item, key, &[("stock".into(), Some(format!("4{key}{}", by.name.len())))])
            .await
            .expect("a change");
    }
    record::delete(&app, &ann(), item, "3").await.expect("deleted");
    let found = async |filter: AuditFilter| trail(&app, &filter).await.len();
    let base = AuditFilter::default;
    assert_eq!(found(base()).await, 4);
    assert_eq!(found(AuditFilter { user: Some("7".into()), ..base() }).await, 3);
    assert_eq!(found(AuditFilter { user: Some(String::new()), ..base() }).await, 1);
    assert_eq!(found(AuditFilter { action: Some(Action::RecordDeleted), ..base() }).await, 1);
    assert_eq!(found(AuditFilter { resource: Some("other".into()), ..base() }).await, 0);
    let second = AuditFilter { resource: Some("item".into()), record_key: Some("2".into()), ..base() };
    assert_eq!(found(second).await, 2);
    let now = trail(&app, &base()).await[0].at;
    assert_eq!(found(AuditFilter { from: Some(now + 1), ..base() }).await, 0);
    assert_eq!(found(AuditFilter { before: Some(now + 1), ..base() }).await, 4);
    let people = audit::people(&app, &ann()).await.expect("people");
    assert_eq!(people, [(Some("7".into()), "Ann".into()), (None, "operator".into())]);
    let bob = User::new("8", "Bob");
    for refused in [
        audit::list(&app, &bob, &base()).await.map(|_| ()),
        audit::count(&app, &bob, &base()).await.map(|_| ()),
        audit::people(&app, &bob).await.map(|_| ()),
    ] {
        assert_eq!(refused.expect_err("bob is not staff").code(), "NOT_ALLOWED");
    }
}

async fn it_is_kept_for_so_many_days(database: TestDatabase) {
    items(&database, 3).await;
    let settings = |audit_days| Settings { discover: true, audit_days, ..Settings::default() };
    let app = |days| PowerCrud::builder(database.clone()).all_settings(settings(days)).build();
    let (for_ever, for_two_days) = (app(0).await.expect("an application"), app(2).await.expect("an application"));
    let item = for_ever.resource("item").expect("items");
    for key in ["1", "2", "3"] {
        record::delete(&for_ever, &ann(), item, key).await.expect("deleted");
    }
    // Of two entries and a half a day, one is old enough.
    database.execute("UPDATE powercrud_audit SET at = at - 180000000 WHERE record_key = '1';").await;
    database.execute("UPDATE powercrud_audit SET at = at - 100000000 WHERE record_key = '2';").await;
    assert_eq!(audit::purge(&for_ever).await.expect("nothing to do"), 0);
    assert_eq!(audit::purge(&for_two_days).await.expect("one goes"), 1);
    assert_eq!(count(&database, "powercrud_audit WHERE record_key = '1'").await, 0);
    assert_eq!(count(&database, "powercrud_audit").await, 2);
}
