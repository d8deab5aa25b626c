//! A bulk task's records as a file, its progress as a stream, and lists by user and moment.

use powercrud::{PowerCrud, Resource, Selection, bulk::BulkRequest, task::BulkTask, token::Scope};
use serde_json::{Value, json};

use super::{client::Client, token_of, user};
use crate::{
    shop::{items, keys, queue, update, when, work},
    support::{TestDatabase, each_database},
    web::live::Events,
};

each_database! { results_are_a_file, progress_comes_until_the_end, tasks_are_listed_by_user_and_moment }

/// The items, and a program of ann's, of bob's and of the boss', who is staff.
async fn three(database: &TestDatabase) -> (PowerCrud, [(String, Client); 3]) {
    items(database, 60).await;
    let item = Resource::table("item").bulk_chunk_size(5u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let mut programs = Vec::new();
    for name in ["ann", "bob", "boss"] {
        let token = token_of(&app, user(name, name == "boss"), &[Scope::Read]).await;
        programs.push((format!("Bearer {token}"), Client::new(app.router(), &token)));
    }
    (app, programs.try_into().unwrap_or_else(|_| panic!("three")))
}

async fn task_of(app: &PowerCrud, name: &str, selection: Selection, note: &str) -> BulkTask {
    let request = update("item", selection, [("note", Some(note))]);
    queue(app, BulkRequest { user: user(name, false), ..request }).await
}

async fn results_are_a_file(database: TestDatabase) {
    let (app, [(_, ann), (_, bob), (_, boss)]) = three(&database).await;
    let task = task_of(&app, "ann", keys(1..=30), "x").await;
    let path = |query: &str| format!("/api/v1/tasks/{}/results{query}", task.id);
    let lines = async |client: &Client, query: &str| {
        let (status, headers, text) = client.text(&path(query)).await;
        assert_eq!(status, 200, "{query}: {text}");
        let kind = headers["content-type"].to_str().expect("text").to_owned();
        assert!(headers["content-disposition"].to_str().expect("text").starts_with("attachment; filename=\"item-"));
        (kind, text.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(lines(&ann, "?outcome=unprocessed").await.1.len(), 30);
    database.execute("DELETE FROM item WHERE id IN (4, 25);").await;
    work(&app, &task).await;
    let (kind, failed) = lines(&ann, "?outcome=failed").await;
    assert_eq!(kind, "application/x-ndjson");
    let failed: Vec<Value> = failed.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(failed.iter().map(|record| record["record_key"].as_str().unwrap()).collect::<Vec<_>>(), ["4", "25"]);
    assert_eq!(failed[0]["error_code"], "NOT_FOUND", "{failed:?}");
    let (kind, done) = lines(&boss, "?format=csv&outcome=succeeded").await;
    assert!(kind.starts_with("text/csv"), "{kind}");
    assert_eq!(done.len(), 1 + 28);
    assert!(done[0].starts_with("record_key,error_field,error_code,error_message,id,name"), "{}", done[0]);
    assert!(lines(&ann, "?outcome=unprocessed").await.1.is_empty());

    bob.get(&path("?outcome=failed")).await.expect_problem(404, "TASK_NOT_FOUND", &[]);
    for (query, code, says) in [
        ("", "NOT_NULL", "succeeded, failed, unprocessed"),
        ("?outcome=done", "INVALID_CHOICE", "succeeded, failed, unprocessed"),
        ("?outcome=failed&format=xlsx", "INVALID_CHOICE", "csv, jsonl"),
        ("?outcome=failed&page=2", "UNKNOWN_PARAMETER", "outcome, format"),
        ("?outcome=failed&outcome=failed", "DUPLICATE_FIELD", "more than once"),
    ] {
        let answer = ann.get(&path(query)).await.expect_problem(422, "INVALID", &[says]);
        assert_eq!(answer.json["errors"].as_array().map(Vec::len), Some(1), "{:#}", answer.json);
        assert_eq!(answer.json["errors"][0]["code"], code, "{query}");
    }
}

async fn progress_comes_until_the_end(database: TestDatabase) {
    let (app, [(ann_token, _), (_, bob), (boss_token, _)]) = three(&database).await;
    let task = task_of(&app, "ann", Selection::All, "x").await;
    let path = format!("/api/v1/tasks/{}/events", task.id);
    bob.get(&path).await.expect_problem(404, "TASK_NOT_FOUND", &[]);
    let stream = async |token: &str, last: Option<&str>| {
        let headers = [("authorization", token), ("last-event-id", last.unwrap_or_default())];
        Events::open_with(app.router(), &path, &headers[..if last.is_some() { 2 } else { 1 }]).await
    };
    let mut events = stream(&ann_token, None).await;
    let (first, json) = next(&mut events).await.expect("how it stands");
    assert_eq!((&json["status"], &json["processed_records"]), (&json!("PENDING"), &json!(0)), "{json:#}");
    assert_eq!((&json["user_id"], json.get("errors")), (&json!("ann"), None), "{json:#}");

    // Whoever comes back is told only what is new.
    let mut again = stream(&boss_token, Some(&first)).await;
    database.execute("DELETE FROM item WHERE id = 7;").await;
    let ended = work(&app, &task).await;
    assert_eq!(ended.processed_records, 60);
    for events in [&mut events, &mut again] {
        let mut last = 0;
        let mut end = None;
        while let Some((id, json)) = next(events).await {
            assert_ne!(id, first, "this was told before");
            let processed = json["processed_records"].as_u64().expect("a number");
            assert!(processed >= last, "{processed} after {last}");
            last = processed;
            end = Some((id, json["status"].clone(), json["failed_records"].clone()));
        }
        let (id, status, failed) = end.expect("an end");
        assert_eq!((&*id, status, failed), ("PARTIAL.1.60.1", json!("PARTIAL"), json!(1)));
    }
    // Who has not seen the end is told it; who has is told to stay away.
    let mut late = stream(&ann_token, Some(&first)).await;
    assert_eq!(next(&mut late).await.expect("the end").0, "PARTIAL.1.60.1");
    assert!(next(&mut late).await.is_none());
    let client = Client::nobody(app.router()).with("authorization", &ann_token);
    client.with("last-event-id", "PARTIAL.1.60.1").get(&path).await.expect(204);
    client.get(&format!("{path}?page=1")).await.expect_problem(422, "INVALID", &["page"]);
    // A server that stops does not wait for those who watch.
    app.end_streams();
    assert!(next(&mut stream(&ann_token, None).await).await.is_none());
}

/// The next event that is no comment.
async fn next(events: &mut Events) -> Option<(String, Value)> {
    loop {
        let event = events.next_event().await?;
        if event.name == "task" {
            return Some((event.id, serde_json::from_str(&event.data).expect("JSON")));
        }
    }
}

async fn tasks_are_listed_by_user_and_moment(database: TestDatabase) {
    let (app, [(_, ann), (_, bob), (_, boss)]) = three(&database).await;
    let mut tasks = Vec::new();
    for (name, note) in [("ann", "a"), ("bob", "b"), ("ann", "c")] {
        let task = work(&app, &task_of(&app, name, Selection::All, note).await).await;
        // The next one is submitted later, by the database's clock.
        when(&app, &task, |task| task.completed_at > Some(task.created_at)).await;
        tasks.push(task);
    }
    work(&app, &queue(&app, update("item", Selection::All, [("note", None)])).await).await;
    let ids = async |client: &Client, query: &str| {
        let page = client.get(&format!("/api/v1/tasks?{query}")).await.expect(200).json;
        let found = page["tasks"].as_array().expect("tasks").iter().map(|found| {
            let id = found["id"].as_str().expect("an id");
            tasks.iter().position(|task| task.id.to_string() == id).map_or("operator".into(), |place| place.to_string())
        });
        found.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(&boss, "").await, "operator 2 1 0");
    assert_eq!(ids(&boss, "user=ann").await, "2 0");
    assert_eq!(ids(&boss, "user=").await, "operator");
    assert_eq!(ids(&boss, "user=nobody").await, "");
    assert_eq!(ids(&ann, "user=ann").await, "2 0");
    // Nobody sees more than their own by it.
    assert_eq!((ids(&bob, "user=ann").await, ids(&bob, "user=").await), (String::new(), String::new()));

    let timestamp = |task: &BulkTask| {
        let timestamp = chrono::DateTime::from_timestamp_millis(task.created_at).expect("a timestamp");
        timestamp.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    let [first, second] = [timestamp(&tasks[0]), timestamp(&tasks[1])];
    for (query, expected) in [
        (format!("created_at__gte={second}"), "operator 2 1"),
        (format!("created_at__gt={second}"), "operator 2"),
        (format!("created_at__lte={second}"), "1 0"),
        (format!("created_at__lt={second}"), "0"),
        (format!("created_at__gt={first}&created_at__lte={second}"), "1"),
        (format!("created_at__gte={second}&user=ann&resource=item&status=SUCCESS"), "2"),
        ("created_at__gte=2001-01-31&created_at__lt=2001-02-01".to_owned(), ""),
        ("created_at__gte=2001-01-31".to_owned(), "operator 2 1 0"),
    ] {
        assert_eq!(ids(&boss, &query).await, expected, "{query}");
    }
    for timestamp in ["yesterday", "2026-02-30", "2026-01-31T12:00:00", ""] {
        let answer = ann.get(&format!("/api/v1/tasks?created_at__lt={timestamp}")).await;
        answer.expect_problem(422, "INVALID", &["INVALID_VALUE", "created_at__lt", "2026-01-31T12:00:00Z"]);
    }
}
