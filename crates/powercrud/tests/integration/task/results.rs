//! A task's records by outcome, as files; how long they are kept.

use std::collections::BTreeSet;

use powercrud::{
    Error, PowerCrud, Resource, Selection, User,
    bulk::retry,
    task::{
        BulkTask, keeping,
        results::{Outcome, Results},
        store,
    },
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    shop::{carry_out, count, delete, discovered, items, matching, queue, update, when},
    support::{TestDatabase, each_database},
    web::browser::{Answer, Browser},
};

each_database! { each_outcome_is_a_file, no_cell_is_a_formula, what_is_left_is_a_file, results_are_kept_for_so_long }

async fn file(app: &PowerCrud, task: &BulkTask, name: &str) -> Answer {
    Browser::new(app.router()).get(&format!("/tasks/{}/results/{name}", task.id)).await
}

fn json_lines(answer: &Answer) -> Vec<serde_json::Value> {
    answer.text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

async fn each_outcome_is_a_file(database: TestDatabase) {
    items(&database, 2_500).await;
    database
        .execute(
            "CREATE TABLE line (id integer PRIMARY KEY, item_id integer NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
             INSERT INTO line SELECT id, id FROM item WHERE id % 100 = 7;",
        )
        .await;
    let app = discovered(&database).await;
    let task = carry_out(&app, delete("item", Selection::All)).await;
    assert_eq!((task.succeeded_records, task.failed_records), (2_475, 25));
    let failed = file(&app, &task, "failed.csv").await.expect(200);
    assert!(failed.header("content-disposition").contains("item-failed-"), "{:?}", failed.headers);
    assert!(failed.header("content-type").starts_with("text/csv"), "{:?}", failed.headers);
    let lines: Vec<_> = failed.text.lines().collect();
    assert_eq!(lines.len(), 26, "{}", failed.text);
    assert_eq!(lines[0], "record_key,error_field,error_code,error_message,id,name,price,stock,status,note,touched");
    assert!(
        lines[1].starts_with("7,,FOREIGN_KEY,") && lines[1].contains(",7,item 7,7.25,7,used,note 7,0"),
        "{}",
        lines[1]
    );
    let failed = json_lines(&file(&app, &task, "failed.jsonl").await.expect(200));
    assert_eq!(
        (failed.len(), &failed[24]["record_key"], &failed[24]["values"]["stock"]),
        (25, &"2407".into(), &"2407".into())
    );
    let succeeded = json_lines(&file(&app, &task, "succeeded.jsonl").await.expect(200));
    let keys: BTreeSet<i64> =
        succeeded.iter().map(|line| line["record_key"].as_str().expect("a key").parse().expect("a number")).collect();
    assert_eq!(keys, (1..=2_500).filter(|id| id % 100 != 7).collect());
    assert!(succeeded.iter().all(|line| line["values"].is_null()), "they are gone");
    assert_eq!(file(&app, &task, "unprocessed.csv").await.expect(200).text.lines().count(), 1);
    for name in ["failed.xls", "lost.csv", "failed"] {
        file(&app, &task, name).await.expect(404).holds(&["succeeded, failed and unprocessed"]);
    }
}

async fn no_cell_is_a_formula(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let formula = "=HYPERLINK(\"http://x\",\"a, b\")";
    let task = carry_out(&app, update("item", matching(&app, "item", &["id__lte=2"]), [("note", Some(formula))])).await;
    let csv = file(&app, &task, "succeeded.csv").await.expect(200);
    assert_eq!(
        csv.text.lines().nth(1),
        Some("1,,,,1,item 1,1.25,1,used,\"'=HYPERLINK(\"\"http://x\"\",\"\"a, b\"\")\",1")
    );
    let json = json_lines(&file(&app, &task, "succeeded.jsonl").await);
    assert_eq!((json.len(), &json[1]["values"]["note"]), (2, &formula.into()));
}

async fn what_is_left_is_a_file(database: TestDatabase) {
    items(&database, 60).await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", matching(&app, "item", &["id__gt=20"]), [("stock", Some("5"))])).await;
    let task = store::cancel(&app, &User::operator(), task.id).await.expect("cancelled");
    let left = json_lines(&file(&app, &task, "unprocessed.jsonl").await.expect(200));
    assert_eq!(
        (left.len(), &left[0]["record_key"], &left[39]["values"]["name"]),
        (40, &"21".into(), &"item 60".into())
    );
    // As a program that goes on where it stopped.
    let mut rest = Results::new(&app, task.clone(), Outcome::Unprocessed)
        .expect("results")
        .after(task_place(&app, &task, 37).await);
    let page = rest.next_page().await.expect("a page").expect("records");
    assert_eq!(page.iter().map(|record| record.record_key.as_str()).collect::<Vec<_>>(), ["59", "60"]);
    assert_eq!(rest.next_page().await.expect("the end"), None);
}

/// The place of a task's record, counted from 0.
async fn task_place(app: &PowerCrud, task: &BulkTask, index: usize) -> i64 {
    let mut results = Results::new(app, task.clone(), Outcome::Unprocessed).expect("results");
    results.next_page().await.expect("a page").expect("records")[index].place
}

async fn results_are_kept_for_so_long(database: TestDatabase) {
    items(&database, 30).await;
    database.execute("CREATE TABLE other (id integer PRIMARY KEY, n integer); INSERT INTO other VALUES (1, 1);").await;
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").bulk_results_days(2u64))
        .resource(Resource::table("other").bulk_results_days(0u64))
        .build()
        .await
        .expect("no mistakes");
    let request = || update("item", Selection::All, [("status", Some("gone"))]);
    let (old, young) = (carry_out(&app, request()).await, carry_out(&app, request()).await);
    let kept = carry_out(&app, update("other", Selection::All, [("n", Some("2"))])).await;
    let waiting = queue(&app, update("item", Selection::All, [("note", None)])).await;
    let cancelled = store::cancel(&app, &User::operator(), waiting.id).await.expect("cancelled");
    for (task, days) in [(&old, 3), (&young, 1), (&kept, 4_000), (&cancelled, 3)] {
        // Found by when it was submitted, which no two share here: the three databases write ids differently.
        let sql = format!(
            "UPDATE powercrud_bulk_task SET completed_at = completed_at - {} WHERE created_at = {} AND model_name = '{}';",
            i64::from(days) * 86_400_000,
            task.created_at,
            task.resource
        );
        database.execute(&sql).await;
    }
    let stop = CancellationToken::new();
    let worker = tokio::spawn(app.worker().run(stop.clone()));
    for task in [&old, &cancelled] {
        when(&app, task, |task| task.results_purged_at.is_some()).await;
    }
    stop.cancel();
    worker.await.expect("no panic").expect("a worker");
    assert_eq!(keeping::purge_results(&app).await.expect("nothing to do"), 0);
    for (task, rows) in [(&young, 30), (&kept, 1)] {
        assert!(reload(&app, task.id).await.results_purged_at.is_none());
        assert_eq!(file(&app, task, "succeeded.jsonl").await.expect(200).text.lines().count(), rows);
    }
    // The account stays, the records don't.
    let task = reload(&app, old.id).await;
    assert_eq!((task.status, task.succeeded_records), (old.status, 30));
    file(&app, &old, "succeeded.csv").await.expect(403).holds(&["were purged on"]);
    let page = Browser::new(app.router()).get(&format!("/tasks/{}", cancelled.id)).await.expect(200);
    page.holds(&["purged"]).lacks(&["Go on with"]);
    let error = retry(&app, &User::operator(), cancelled.id).await.expect_err("nothing is known of its records");
    assert!(matches!(&error, Error::NotAllowed(why) if why.contains("purged on")), "{error}");
    assert_eq!(count(&database, "powercrud_bulk_task_selected_id WHERE run_length < 0").await, 0);
}

async fn reload(app: &PowerCrud, id: Uuid) -> BulkTask {
    store::get(app, &User::operator(), id).await.expect("the task")
}
