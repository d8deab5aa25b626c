//! What another version of the program wrote, and this one can't read, is left alone: never run as something else.

use powercrud::{
    Selection, User,
    bulk::retry,
    task::{Status, TaskJson, store},
    token::Scope,
};

use crate::{
    api::{client::Client, token_of},
    shop::{assert_no_locks, carry_out, counts, discovered, in_background, items, queue, rows, update, work},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { unknown_words_are_left_to_others, unreadable_changes_are_refused, an_unreadable_task_is_not_retried }

const NOTES: [&str; 2] = ["id", "note"];

async fn unknown_words_are_left_to_others(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &NOTES).await;
    for (column, word) in [("operation", "anonymize"), ("atomicity", "page"), ("model_name", "elsewhere")] {
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
        database
            .execute(&format!("UPDATE powercrud_bulk_task SET {column} = '{word}' WHERE status = 'PENDING';"))
            .await;
        let task = work(&app, &task).await;
        assert_eq!((task.status, task.attempt, counts(&task)), (Status::Pending, 0, (0, 0, 30)), "{column}");
        // With what a worker would have to know, wherever it is looked at.
        let known = format!("knows the {} \"{word}\"", if column == "model_name" { "resource" } else { column });
        let told = task.as_shown(&app).pending_reason.expect("a reason");
        assert!(told.contains(&known), "{told}");
        let mut browser = Browser::new(app.router());
        let reason = if column == "model_name" { "worker that knows the resource" } else { "read the " };
        browser.get(&format!("/tasks/{}", task.id)).await.expect(200).holds(&[reason]);
        browser.get("/staff").await.expect(200).holds(&["Some queued tasks are taken by nobody", "that knows the"]);
        let api = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Admin]).await);
        let answered = api.get(&format!("/api/v1/tasks/{}", task.id)).await.expect(200);
        assert_eq!(answered.json["pending_reason"], told);
        let shown = store::list(&app, &User::operator(), &store::TaskFilter::default()).await.expect("a list");
        assert_eq!(shown[0].id, task.id);
        if column == "operation" {
            assert_eq!(TaskJson::from(&task).operation, word);
        }
        assert_eq!(rows(&database, "item", &NOTES).await, before);
        let task = store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
        assert_eq!(task.status, Status::Cancelled);
        assert_no_locks(&database).await;
    }
}

async fn unreadable_changes_are_refused(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let before = rows(&database, "item", &NOTES).await;
    for changes in [
        "{}",
        "[]",
        "no json",
        // As it once was kept.
        r#"{"note":"x"}"#,
        r#"{"version":"1","work":{"change":[]},"origin":null}"#,
        r#"{"version":"1","work":{"change":[["note",{"set":7}]]},"origin":null}"#,
        r#"{"version":"1","work":{"change":[["note",{"append":"x"}]]},"origin":null}"#,
        r#"{"version":"1","work":{"change":[["note","upper"]]},"origin":null}"#,
        r#"{"version":"1","work":"delete","origin":null}"#,
        r#"{"version":"2","work":{"change":[["note",{"set":"x"}]]},"origin":null}"#,
        // Known in form, and no field of the resource.
        r#"{"version":"1","work":{"change":[["nothing",{"set":"x"}]]},"origin":null}"#,
    ] {
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
        database
            .execute(&format!("UPDATE powercrud_bulk_task SET changes = '{changes}' WHERE status = 'PENDING';"))
            .await;
        let task = work(&app, &task).await;
        assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 30)), "{changes}");
        assert!(task.error_message.len() > 20, "{changes}: {}", task.error_message);
        assert_eq!(rows(&database, "item", &NOTES).await, before, "{changes}");
        assert_no_locks(&database).await;
    }
}

async fn an_unreadable_task_is_not_retried(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let task = carry_out(&app, in_background(update("item", Selection::All, [("status", Some("used"))]))).await;
    database
        .execute("UPDATE powercrud_bulk_task SET operation = 'anonymize', status = 'FAILURE', failed_records = 1;")
        .await;
    let error = retry(&app, &User::operator(), task.id).await.expect_err("a refusal");
    assert!(error.to_string().contains("anonymize"), "{error}");
}
