//! Tasks whose worker is dead, and tasks that ended long ago.

use serde_json::json;

use crate::{
    program::{Run, number, on},
    support::{TestDatabase, each_database},
};

each_database!(a_dead_workers_task_is_queued_again_or_ended, who_cancels_a_users_task_says_why, old_tasks_are_deleted);

async fn items(database: &TestDatabase) {
    database
        .execute("CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER NOT NULL); INSERT INTO item VALUES (1, 1), (2, 1);")
        .await;
}

fn submit(database: &TestDatabase) -> String {
    let task = on(database, &["bulk", "update", "item", "--set", "price=7", "--all", "--no-wait", "--format", "json"]);
    task.exits(0).json()["id"].as_str().expect("an id").to_owned()
}

fn action(database: &TestDatabase, action: &str, id: &str, reason: &str) -> Run {
    on(database, &["task", action, id, "--reason", reason, "--format", "json"])
}

fn refused(database: &TestDatabase, action: &str, id: &str, reason: &str) -> Run {
    on(database, &["task", action, id, "--reason", reason])
}

async fn started(database: &TestDatabase, lease_expires_at: &str) {
    let sql = "UPDATE powercrud_bulk_task SET status = 'STARTED', attempt = 1, lease_expires_at =";
    database.execute(&format!("{sql} {lease_expires_at} WHERE completed_at IS NULL;")).await;
}

async fn a_dead_workers_task_is_queued_again_or_ended(database: TestDatabase) {
    items(&database).await;
    let id = submit(&database);
    started(&database, "99999999999999").await;
    for word in ["requeue", "release"] {
        refused(&database, word, &id, "the machine burnt").exits(1).complains(&["renews its lease"]);
        on(&database, &["task", word, &id]).exits(64).complains(&["--reason"]);
        refused(&database, word, &id, " ").exits(64).complains(&["say why"]);
        refused(&database, word, "7", "why").exits(64).complains(&["no task id"]);
    }
    started(&database, "1").await;
    let task = action(&database, "requeue", &id, "the machine burnt").exits(0).json();
    assert_eq!(task["status"], json!("PENDING"));
    started(&database, "1").await;
    let task = action(&database, "release", &id, "nobody needs it").exits(0).json();
    assert_eq!(task["status"], json!("FAILURE"));
    let kept = "SELECT COUNT(*) FROM powercrud_audit WHERE reason IN ('the machine burnt', 'nobody needs it')";
    assert_eq!(number(&database, kept).await, 2);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM powercrud_lock").await, 0);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 7").await, 0);
}

async fn who_cancels_a_users_task_says_why(database: TestDatabase) {
    items(&database).await;
    let id = submit(&database);
    database.execute("UPDATE powercrud_bulk_task SET user_id = 'ann', user_name = 'ann';").await;
    on(&database, &["task", "cancel", &id]).exits(64).complains(&["reason: say why"]);
    refused(&database, "cancel", &id, " ").exits(64).complains(&["say why"]);
    assert_eq!(action(&database, "cancel", &id, "a wrong price").exits(0).json()["status"], json!("CANCELLED"));
    let kept = "SELECT COUNT(*) FROM powercrud_audit WHERE reason = 'a wrong price'";
    assert_eq!(number(&database, kept).await, 1);
    on(&database, &["task", "cancel", &id]).exits(1).complains(&["this task has ended (CANCELLED)"]);
}

async fn old_tasks_are_deleted(database: TestDatabase) {
    items(&database).await;
    let id = submit(&database);
    on(&database, &["task", "cancel", &id]).exits(0);
    let active = submit(&database);
    database.execute("UPDATE powercrud_bulk_task SET completed_at = 1 WHERE completed_at IS NOT NULL;").await;
    on(&database, &["task", "purge", "--older-than", "0", "--reason", "x"]).exits(64).complains(&["1..=36525"]);
    on(&database, &["task", "purge", "--older-than", "30"]).exits(64).complains(&["--reason"]);
    let purge = ["task", "purge", "--older-than", "30", "--reason", "spring cleaning", "--format", "json"];
    assert_eq!(on(&database, &purge).exits(0).json(), json!({ "deleted_tasks": 1 }));
    assert_eq!(on(&database, &purge[..6]).exits(0).stdout, "0 tasks deleted\n");
    on(&database, &["task", "show", &id]).exits(1);
    on(&database, &["task", "show", &active]).exits(0);
}
