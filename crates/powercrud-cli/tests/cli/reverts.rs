//! Reverts from the command line.

use serde_json::json;

use crate::{
    program::{Run, command, finish, number, on},
    support::{TestDatabase, each_database},
};

each_database! { a_task_is_reverted, it_says_why_it_can_not }

/// The program, where bulk tasks on `item` can be reverted.
fn with_revert(database: &TestDatabase, arguments: &[&str]) -> Run {
    let mut command = command(&[arguments, &["--database", &database.url]].concat());
    command.env("POWERCRUD_RESOURCES__item__bulk_revert", "true");
    finish(command)
}

async fn items(database: &TestDatabase) {
    let values: Vec<String> = (1..=100).map(|id| format!("({id}, {id})")).collect();
    let table = "CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER NOT NULL)";
    database.execute(&format!("{table};\nINSERT INTO item VALUES {};", values.join(", "))).await;
}

async fn a_task_is_reverted(database: TestDatabase) {
    items(&database).await;
    let update = ["bulk", "update", "item", "--set", "price=777", "--all", "--format", "json"];
    let task = with_revert(&database, &update).exits(0).json();
    let id = task["id"].as_str().expect("an id");
    database.execute("UPDATE item SET price = 1000 WHERE id = 50;").await;
    let queued = with_revert(&database, &["task", "revert", id, "--no-wait", "--format", "json"]).exits(0).json();
    assert_eq!(
        (&queued["status"], &queued["reverts"], &queued["parent_id"]),
        (&json!("PENDING"), &json!(id), &json!(id))
    );
    // The same once more is the same task, and this time its end is waited for.
    let run = with_revert(&database, &["task", "revert", id, "--format", "json"]);
    let ended = run.exits(2).complains(&["is running already"]).json();
    assert_eq!((&ended["id"], &ended["status"]), (&queued["id"], &json!("PARTIAL")));
    assert_eq!((&ended["succeeded_records"], &ended["failed_records"]), (&json!(99), &json!(1)));
    assert_eq!((&ended["errors"][0]["code"], &ended["errors"][0]["field"]), (&json!("CHANGED_SINCE"), &json!("price")));
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = id").await, 99);
    let list = on(&database, &["task", "list"]).exits(0).stdout;
    assert!(list.contains("item: revert of price → 777"), "{list}");

    let task = with_revert(&database, &["bulk", "delete", "item", "--all", "--format", "json"]).exits(0).json();
    let text = with_revert(&database, &["task", "revert", task["id"].as_str().expect("an id")]).exits(0).stdout;
    assert!(text.starts_with("SUCCESS  item: revert of delete: 100 of 100 done"), "{text}");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = id").await, 99);
}

async fn it_says_why_it_can_not(database: TestDatabase) {
    items(&database).await;
    let task =
        on(&database, &["bulk", "update", "item", "--set", "price=7", "--all", "--format", "json"]).exits(0).json();
    let id = task["id"].as_str().expect("an id");
    on(&database, &["task", "revert", id]).exits(1).complains(&["switched off for item", "bulk_revert"]);
    with_revert(&database, &["task", "revert", id]).exits(1).complains(&["kept no former values"]);
    with_revert(&database, &["task", "revert", "12"]).exits(64).complains(&["is no task id"]);
    let mut wrong = command(&["check", "--database", &database.url]);
    wrong
        .env("POWERCRUD_RESOURCES__item__bulk_revert", "perhaps")
        .env("POWERCRUD_RESOURCES__item__bulk_revert_days", "0");
    finish(wrong)
        .exits(1)
        .complains(&["POWERCRUD_RESOURCES__item__BULK_REVERT: \"perhaps\" is not allowed; allowed is true or false"]);
}
