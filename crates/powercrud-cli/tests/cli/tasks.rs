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
    a_delete_names_which_records_went_with_which,
    a_request_that_queues_is_waited_for_with_what_is_before_it,
    a_command_that_is_stopped_leaves_a_task_that_a_worker_ends,
    a_queued_task_that_no_worker_takes_says_why,
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

async fn a_request_that_queues_is_waited_for_with_what_is_before_it(database: TestDatabase) {
    items(&database, 100).await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("queue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("powercrud.toml").display().to_string();
    std::fs::write(&file, "[resources.item]\nbulk_async_on_conflict = \"queue\"").unwrap();
    let first = submit(&database, "7").exits(0).json();
    // No worker is there: this process does the first one, and then its own.
    let arguments = ["bulk", "update", "item", "--set", "price=9", "--all", "--format", "json", "--config", &file];
    let second = on(&database, &arguments).exits(0).json();
    assert_eq!(second["status"], "SUCCESS", "{second:#}");
    assert_eq!(show(&database, &first)["status"], "SUCCESS");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 9").await, 100);
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn a_command_that_is_stopped_leaves_a_task_that_a_worker_ends(database: TestDatabase) {
    items(&database, 20_000).await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stop-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("powercrud.toml").display().to_string();
    std::fs::write(&file, "[resources.item]\nbulk_chunk_size = 1").unwrap();
    let arguments =
        ["bulk", "update", "item", "--set", "price=7", "--all", "--config", &file, "--database", &database.url];
    let child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let list = || on(&database, &["task", "list", "--format", "json"]).exits(0).json();
    let start = Instant::now();
    while list()[0]["processed_records"].as_u64().unwrap_or_default() == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "{:#}", list());
    }
    let told = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("stopped waiting"), "{said}");
    let left = list()[0].clone();
    let done = left["processed_records"].as_u64().unwrap();
    assert!(left["status"] == "STARTED" && done > 0 && done < 20_000, "{left:#}");
    let changed = number(&database, "SELECT COUNT(*) FROM item WHERE price = 7").await;
    assert_eq!(u64::try_from(changed).unwrap(), done, "counts and rows are one transaction");

    // It was given back, so nobody has to wait for a lease to lapse.
    let _worker = Running::start(&database, &["worker"]);
    let start = Instant::now();
    while show(&database, &left)["status"] != "SUCCESS" {
        assert!(start.elapsed() < Duration::from_secs(60), "{:#}", show(&database, &left));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = show(&database, &left);
    assert_eq!((&ended["succeeded_records"], &ended["failed_records"]), (&json!(20_000), &json!(0)), "{ended:#}");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 7").await, 20_000);
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn a_delete_names_which_records_went_with_which(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE node (id INTEGER PRIMARY KEY, parent_id INTEGER, FOREIGN KEY (parent_id) REFERENCES node (id) ON DELETE CASCADE);
             INSERT INTO node VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);",
        )
        .await;
    let task = on(&database, &["bulk", "delete", "node", "--all", "--format", "json"]).exits(0).json();
    let along = json!([{ "record_key": "2", "deleted_with": "1" }, { "record_key": "3", "deleted_with": "1" }]);
    assert_eq!(show(&database, &task)["taken_along"], along);
    let text = on(&database, &["task", "show", task["id"].as_str().unwrap()]).exits(0).stdout;
    assert!(text.contains("4 of 4 done") && text.contains("deleted with") && !text.contains("gone already"), "{text}");
}

/// Its table is gone, or it was written by a version that knows more.
async fn a_queued_task_that_no_worker_takes_says_why(database: TestDatabase) {
    items(&database, 30).await;
    on(&database, &["bulk", "update", "item", "--all", "--set", "price=2", "--no-wait"]).exits(0);
    let listed = on(&database, &["task", "list", "--format", "json"]).exits(0).json();
    let id = listed[0]["id"].as_str().expect("an id");
    assert_eq!(listed[0]["pending_reason"], Value::Null, "a worker is all that it waits for");
    database.execute("UPDATE powercrud_bulk_task SET operation = 'frobnicate';").await;
    let told = on(&database, &["task", "show", id]).exits(0);
    assert!(told.stdout.contains("the operation \"frobnicate\"; this version of PowerCRUD"), "{told}");
    database.execute("UPDATE powercrud_bulk_task SET operation = 'update'; DROP TABLE item;").await;
    let told = on(&database, &["task", "show", id]).exits(0);
    assert!(told.stdout.contains("knows the resource \"item\", the table"), "{told}");
    let told = on(&database, &["task", "show", id, "--format", "json"]).exits(0).json();
    assert!(told["pending_reason"].as_str().is_some_and(|reason| reason.contains("cancel it")), "{told:#}");
    on(&database, &["task", "cancel", id]).exits(0);
    let told = on(&database, &["task", "show", id, "--format", "json"]).exits(0).json();
    assert_eq!((&told["status"], &told["pending_reason"]), (&json!("CANCELLED"), &Value::Null));
}
