//! Tasks across processes: left to a worker, cancelled, retried, in each other's way.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    program::{Run, command, number, on},
    support::{TestDatabase, each_database},
};

each_database!(
    a_task_left_to_a_worker_is_done_by_it,
    a_task_can_be_cancelled_and_retried,
    a_conflicting_request_is_3,
    failed_records_are_retried_as_a_new_task,
);

/// A table of numbered rows that every database understands; a price of 13 or more is refused for every tenth.
async fn items(database: &TestDatabase, rows: usize) {
    let values: Vec<String> = (1..=rows).map(|id| format!("({id}, 'item {id}', 1)")).collect();
    database
        .execute(&format!(
            "CREATE TABLE item (id INTEGER PRIMARY KEY, title VARCHAR(40) NOT NULL, price INTEGER NOT NULL, \
             CHECK (price < 13 OR id % 10 <> 0));\nINSERT INTO item (id, title, price) VALUES {};",
            values.join(", ")
        ))
        .await;
}

/// A program that runs until it is dropped.
struct Running(Child);

impl Running {
    fn start(database: &TestDatabase, arguments: &[&str]) -> Self {
        let mut command = command(&[arguments, &["--database", &database.url]].concat());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn show(database: &TestDatabase, task: &Value) -> Value {
    on(database, &["task", "show", task["id"].as_str().unwrap(), "--format", "json"]).exits(0).json()
}

fn submit(database: &TestDatabase, price: &str) -> Run {
    let set = format!("price={price}");
    on(database, &["bulk", "update", "item", "--set", &set, "--all", "--no-wait", "--format", "json"])
}

async fn a_task_left_to_a_worker_is_done_by_it(database: TestDatabase) {
    items(&database, 500).await;
    let task = submit(&database, "7").exits(0).complains(&["No worker is alive"]).json();
    assert_eq!((&task["status"], &task["processed_records"]), (&json!("PENDING"), &json!(0)), "{task:#}");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 7").await, 0);
    let _worker = Running::start(&database, &["worker"]);
    let start = Instant::now();
    while show(&database, &task)["status"] != "SUCCESS" {
        assert!(start.elapsed() < Duration::from_secs(30), "{:#}", show(&database, &task));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 7").await, 500);
    // Now somebody is there: the next one is waited for, and this process need not work.
    let check = on(&database, &["check"]).exits(0).stdout;
    assert!(check.contains("1 worker"), "{check}");
    on(&database, &["bulk", "update", "item", "--set", "price=8", "--all"]).exits(0);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 8").await, 500);
}

async fn a_task_can_be_cancelled_and_retried(database: TestDatabase) {
    items(&database, 100).await;
    let task = submit(&database, "7").exits(0).json();
    let id = task["id"].as_str().unwrap();
    let cancelled = on(&database, &["task", "cancel", id, "--format", "json"]).exits(0).json();
    assert_eq!(
        (&cancelled["status"], &cancelled["processed_records"]),
        (&json!("CANCELLED"), &json!(0)),
        "{cancelled:#}"
    );
    on(&database, &["task", "cancel", id]).exits(1).complains(&["CANCELLED"]);
    let retried = on(&database, &["task", "retry", id, "--format", "json"]).exits(0).json();
    assert_eq!((&retried["status"], &retried["parent_id"]), (&json!("SUCCESS"), &json!(id)), "{retried:#}");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 7").await, 100);
    let list = on(&database, &["task", "list", "--format", "json"]).exits(0).json();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|task| &task["id"]).collect();
    assert_eq!(ids, [&retried["id"], &task["id"]]);
    let text = on(&database, &["task", "list"]).exits(0).stdout;
    assert!(text.contains("CANCELLED") && text.contains("item: price → 7"), "{text}");
}

async fn a_conflicting_request_is_3(database: TestDatabase) {
    items(&database, 100).await;
    let task = submit(&database, "7").exits(0).json();
    let id = task["id"].as_str().unwrap();
    submit(&database, "8").exits(3);
    let run = on(&database, &["bulk", "delete", "item", "--ids", "1", "--format", "json"]).exits(3);
    assert_eq!(run.json()["error"]["code"], "CONFLICT");
    assert!(run.json()["error"]["message"].as_str().unwrap().contains(id), "{run}");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item").await, 100);
    // The same request is not a conflict: it is that task.
    let same = submit(&database, "7").exits(0).json();
    assert_eq!(same["id"], task["id"]);
    on(&database, &["task", "cancel", id]).exits(0);
    submit(&database, "8").exits(0);
}

async fn failed_records_are_retried_as_a_new_task(database: TestDatabase) {
    items(&database, 300).await;
    let arguments = ["bulk", "update", "item", "--set", "price=13", "--all", "--format", "json"];
    let task = on(&database, &arguments).exits(2).json();
    assert_eq!((&task["status"], &task["failed_records"]), (&json!("PARTIAL"), &json!(30)), "{task:#}");
    let errors = task["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 30);
    assert!(
        errors.iter().all(|error| error["record_key"].as_str().unwrap().ends_with('0') && error["code"] == "CHECK")
    );
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 13").await, 270);
    let id = task["id"].as_str().unwrap();
    let retried = on(&database, &["task", "retry", id, "--format", "json"]).exits(2).json();
    assert_eq!((&retried["status"], &retried["total_records"]), (&json!("FAILURE"), &json!(30)), "{retried:#}");
    let text = on(&database, &["task", "show", id]).exits(0).stdout;
    assert!(
        text.contains("PARTIAL") && text.contains("270 of 300 done, 30 failed") && text.contains("CHECK"),
        "{text}"
    );
}
