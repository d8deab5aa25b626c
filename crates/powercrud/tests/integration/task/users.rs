//! A user sees and controls their own tasks, staff everybody's.

use powercrud::{
    Error, Selection, User,
    bulk::{BulkRequest, retry, run},
    task::{
        Status,
        store::{self, TaskFilter},
    },
};

use crate::{
    shop::{delete, discovered, items, keys, queue, update},
    support::{TestDatabase, each_database},
};

each_database! { tasks_are_their_owners, lists_are_filtered_and_paged }

fn user(name: &str, is_staff: bool) -> User {
    User::new(name, name).staff(is_staff)
}

async fn tasks_are_their_owners(database: TestDatabase) {
    items(&database, 50).await;
    let app = discovered(&database).await;
    let (ann, bob, boss) = (user("ann", false), user("bob", false), user("boss", true));
    let nobody = User { name: "nobody".into(), ..User::default() };
    let request = update("item", Selection::All, [("note", None)]);
    let task = queue(&app, BulkRequest { user: ann.clone(), ..request.clone() }).await;
    assert_eq!(task.user_id.as_deref(), Some("ann"));
    for (who, sees) in [(&ann, true), (&bob, false), (&boss, true), (&nobody, false), (&User::operator(), true)] {
        assert_eq!(store::get(&app, who, task.id).await.is_ok(), sees, "{who:?}");
        let listed = store::list(&app, who, &TaskFilter::default()).await.expect("a list");
        assert_eq!(listed.len(), usize::from(sees), "{who:?}");
        assert_eq!(store::count(&app, who, &TaskFilter::default()).await.expect("a count"), u64::from(sees), "{who:?}");
        // The same changes by somebody else are a conflict, and whose task it is stays with those who may see it.
        if who != &ann {
            let error = run(&app, BulkRequest { user: who.clone(), ..request.clone() }).await.expect_err("a conflict");
            let Error::Conflict { holder, .. } = &error else { panic!("{error:?}") };
            assert_eq!(holder.contains(&task.id.to_string()), sees, "{who:?}: {holder}");
        }
    }
    let error = store::cancel(&app, &bob, task.id).await.expect_err("not his");
    assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    // Staff may, and say why.
    let error = store::cancel(&app, &boss, task.id).await.expect_err("no reason");
    assert!(matches!(&error, Error::Invalid(errors) if errors[0].field.as_deref() == Some("reason")), "{error:?}");
    for reason in ["", " \n", &"x".repeat(501)] {
        store::cancel_because(&app, &boss, task.id, reason).await.expect_err("no reason");
    }
    assert_eq!(store::get(&app, &ann, task.id).await.expect("hers").status, Status::Pending);
    let error = store::cancel_because(&app, &bob, task.id, "mine is more important").await.expect_err("not his");
    assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    let cancelled = store::cancel_because(&app, &boss, task.id, "a wrong price").await.expect("staff may");
    assert_eq!(cancelled.status, Status::Cancelled);
    let error = store::cancel(&app, &boss, task.id).await.expect_err("it has ended");
    assert_eq!(error.to_string(), "this task has ended (CANCELLED), so it can't be cancelled");
    let error = retry(&app, &bob, task.id).await.expect_err("not his");
    assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    let again = retry(&app, &ann, task.id).await.expect("hers");
    assert_eq!(again.task().user_id.as_deref(), Some("ann"));
}

async fn lists_are_filtered_and_paged(database: TestDatabase) {
    items(&database, 50).await;
    database.execute("CREATE TABLE other (id integer PRIMARY KEY); INSERT INTO other VALUES (1), (2);").await;
    let app = discovered(&database).await;
    let operator = User::operator();
    let mut ids = Vec::new();
    for key in 1..=5 {
        let answer = run(&app, update("item", keys([key]), [("note", None)])).await.expect("done");
        ids.push(answer.task().id);
    }
    ids.push(run(&app, delete("other", keys([1]))).await.expect("done").task().id);
    ids.push(queue(&app, update("item", Selection::All, [("note", None)])).await.id);
    ids.reverse();
    let list = async |filter: TaskFilter| {
        let tasks = store::list(&app, &operator, &filter).await.expect("a list");
        let all = store::count(&app, &operator, &filter).await.expect("a count");
        (tasks.into_iter().map(|task| task.id).collect::<Vec<_>>(), all)
    };
    assert_eq!(list(TaskFilter::default()).await, (ids.clone(), 7), "newest first");
    let page = TaskFilter { offset: 2, limit: 3, ..TaskFilter::default() };
    assert_eq!(list(page).await, (ids[2..5].to_vec(), 7));
    let pending = TaskFilter { statuses: vec![Status::Pending, Status::Failure], ..TaskFilter::default() };
    assert_eq!(list(pending).await, (ids[..1].to_vec(), 1));
    let other = TaskFilter { resource: Some("other".into()), ..TaskFilter::default() };
    assert_eq!(list(other).await, (ids[1..2].to_vec(), 1));
}
