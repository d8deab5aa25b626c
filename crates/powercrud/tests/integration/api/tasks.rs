//! Bulk tasks, looked at and controlled.

use powercrud::{
    audit::{self, Action, AuditFilter},
    token::Scope,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{client::Client, open, token_of, user};
use crate::support::{TestDatabase, each_database};

each_database! { tasks_are_listed_and_controlled, nobody_reaches_anothers_task }

async fn queue(api: &Client, resource: &str, body: Value) -> String {
    let answer = api.post(&format!("/api/v1/resources/{resource}/bulk-update"), body).await.expect(202);
    answer.json["id"].as_str().unwrap().to_owned()
}

async fn tasks_are_listed_and_controlled(database: TestDatabase) {
    let (app, api) = open(database).await;
    let first = queue(&api, "book", json!({"all": true, "changes": {"notes": "a"}})).await;
    let second = queue(&api, "author", json!({"all": true, "changes": {"name": "A"}, "background": true})).await;
    let ids = async |query: &str| {
        let page = api.get(&format!("/api/v1/tasks{query}")).await.expect(200).json;
        let tasks = page["tasks"].as_array().unwrap();
        tasks.iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [&*second, &*first]);
    assert_eq!(ids("?resource=book").await, [&*first]);
    assert_eq!(ids("?status=STARTED,SUCCESS").await, [""; 0]);
    assert_eq!(ids("?status=PENDING&page_size=1&page=2").await, [&*first]);
    let page = api.get("/api/v1/tasks?page_size=1").await.expect(200).json;
    assert_eq!((&page["has_next"], &page["count"], page["tasks"][0].get("errors")), (&json!(true), &json!(2), None));
    for (query, code) in [
        ("?status=DONE", "INVALID_CHOICE"),
        ("?page=0", "OUT_OF_RANGE"),
        ("?page_size=x", "OUT_OF_RANGE"),
        ("?nope=1", "UNKNOWN_PARAMETER"),
        ("?resource=nope", "UNKNOWN_RESOURCE"),
        ("?page=1&page=2", "DUPLICATE_FIELD"),
    ] {
        let answer = api.get(&format!("/api/v1/tasks{query}")).await.expect_problem(422, "INVALID", &[]);
        assert_eq!(answer.json["errors"][0]["code"], code, "{query}");
    }

    let act = async |id: &str, act: &str, status: u16| {
        let path = format!("/api/v1/tasks/{id}/{act}");
        api.send(axum::http::Method::POST, &path, None).await.expect(status).json
    };
    assert_eq!(act(&first, "pause", 409).await["code"], "INVALID_TRANSITION");
    assert_eq!(act(&first, "cancel", 200).await["status"], "CANCELLED");
    assert_eq!(act(&first, "cancel", 409).await["code"], "INVALID_TRANSITION");
    assert_eq!(act(&first, "resume", 409).await["code"], "INVALID_TRANSITION");
    assert_eq!(act(&second, "retry", 403).await["code"], "NOT_ALLOWED");
    assert_eq!(act(&second, "revert", 403).await["code"], "NOT_ALLOWED");
    let retried = act(&first, "retry", 202).await;
    assert_eq!((&retried["parent_id"], &retried["total_records"]), (&json!(first), &json!(60)));
    let id = retried["id"].as_str().unwrap().parse().unwrap();
    app.worker().run_task(id, &CancellationToken::new()).await.expect("a worker");
    assert_eq!(api.get(&format!("/api/v1/tasks/{id}")).await.expect(200).json["status"], "SUCCESS");
}

async fn nobody_reaches_anothers_task(database: TestDatabase) {
    let (app, api) = open(database).await;
    let all = [Scope::Admin];
    let ann = api.with_token(&token_of(&app, user("ann", false), &all).await);
    let bob = api.with_token(&token_of(&app, user("bob", false), &all).await);
    let boss = api.with_token(&token_of(&app, user("boss", true), &all).await);
    let id = queue(&ann, "book", json!({"all": true, "changes": {"notes": "a"}})).await;
    let missing = "018f3f9e-7b1a-7c00-8000-000000000000";
    for path in ["", "/errors"] {
        bob.get(&format!("/api/v1/tasks/{id}{path}")).await.expect_problem(404, "TASK_NOT_FOUND", &[]);
        bob.get(&format!("/api/v1/tasks/{missing}{path}")).await.expect_problem(404, "TASK_NOT_FOUND", &[]);
        ann.get(&format!("/api/v1/tasks/{id}{path}")).await.expect(200);
        boss.get(&format!("/api/v1/tasks/{id}{path}")).await.expect(200);
    }
    for act in ["cancel", "pause", "resume", "retry", "revert"] {
        let path = format!("/api/v1/tasks/{id}/{act}");
        bob.send(axum::http::Method::POST, &path, None).await.expect_problem(404, "TASK_NOT_FOUND", &[]);
    }
    for (who, count) in [(&ann, 1), (&bob, 0), (&boss, 1)] {
        assert_eq!(who.get("/api/v1/tasks").await.expect(200).json["count"], count);
    }
    // Staff say why.
    let cancel = format!("/api/v1/tasks/{id}/cancel");
    let post = async |body: Option<Value>| {
        boss.send(axum::http::Method::POST, &cancel, body.map(|body| body.to_string())).await
    };
    let refused = [(None, "NOT_NULL"), (Some(json!({})), "NOT_NULL"), (Some(json!({"reason": null})), "NOT_NULL")];
    let wrong = [(json!({"reason": " "}), "NOT_NULL"), (json!({"reason": 5}), "INVALID_TYPE")];
    let wrong = wrong.map(|(body, code)| (Some(body), code));
    let unknown = [(Some(json!({"why": "x"})), "UNKNOWN_KEY")];
    for (body, code) in refused.into_iter().chain(wrong).chain(unknown) {
        let answer = post(body).await.expect_problem(422, "INVALID", &["reason"]);
        assert_eq!(answer.json["errors"][0]["code"], code, "{:#}", answer.json);
    }
    assert_eq!(ann.get(&format!("/api/v1/tasks/{id}")).await.expect(200).json["status"], "PENDING");
    let cancelled = post(Some(json!({"reason": "a wrong price"}))).await.expect(200).json;
    assert_eq!(cancelled["status"], "CANCELLED");
    let trail = audit::list(&app, &user("boss", true), &AuditFilter::default()).await.expect("the trail");
    assert_eq!((trail[0].action, trail[0].reason.as_str()), (Action::TaskCancelled, "a wrong price"));
    let told = ["This task has ended (CANCELLED), so it can't be cancelled."];
    post(Some(json!({"reason": "x"}))).await.expect_problem(409, "INVALID_TRANSITION", &told);
}
