//! What fails says why, in one form.

use axum::http::Method;
use powercrud::{PowerCrud, Settings};
use serde_json::json;

use super::{client::Client, open};
use crate::{
    support::{Kind, run},
    web::shop,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_a_problem() {
    run(Kind::Sqlite, |database| async {
        let (_, api) = open(database).await;
        for path in ["/api/v1/nope", "/api/nope", "/api/v2/resources"] {
            api.get(path).await.expect_problem(404, "NOT_FOUND", &["no such"]);
        }
        let answer = api.delete("/api/v1/resources").await.expect_problem(405, "METHOD_NOT_ALLOWED", &[]);
        assert_eq!(answer.header("allow"), "GET,HEAD");
        let books = "/api/v1/resources/book/records";
        let send = async |api: &Client, body: &str| api.send(Method::POST, books, Some(body.to_owned())).await;
        send(&api, "{\"title\": \"x\",\n\"price\" 5}").await.expect_problem(400, "INVALID_JSON", &["line 2 column 9"]);
        send(&api, "").await.expect_problem(400, "INVALID_JSON", &["line 1 column 0"]);
        send(&api, "[1]").await.expect_problem(422, "INVALID_BODY", &["an object"]);
        send(&api.with("content-type", "text/plain"), "{}").await.expect_problem(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            &["application/json"],
        );
        send(&api.with("content-type", "application/merge-patch+json; charset=utf-8"), "{}").await.expect(422);
        // Another site's page can't use the browser of somebody who is signed in, nor a token that it got hold of.
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            send(&api.with(name, value), "{}").await.expect_problem(403, "CROSS_ORIGIN", &[]);
        }
        send(&api.with("origin", "http://shop.example"), "{}").await.expect(422);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inside_stays_inside() {
    run(Kind::Sqlite, |database| async move {
        let (_, api) = open(database.clone()).await;
        database.execute("ALTER TABLE powercrud_bulk_task RENAME TO elsewhere;").await;
        let answer = api.with("x-request-id", "7").get("/api/v1/tasks").await;
        let answer = answer.expect_problem(500, "DATABASE", &["The log says why"]);
        assert!(!answer.json.to_string().contains("no such table"), "{:#}", answer.json);
        assert_eq!(answer.json["request_id"], answer.header("x-request-id"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_are_refused_and_mistakes_are_limited() {
    run(Kind::Sqlite, |database| async {
        shop(&database).await;
        let settings = Settings { discover: true, body_limit: 10_000, ..Settings::default() };
        let app =
            PowerCrud::builder(database).open_to_everybody().all_settings(settings).build().await.expect("a shop");
        let api = Client::nobody(app.router());
        let books = "/api/v1/resources/book/records";
        api.post(books, json!({"title": "x".repeat(20_000)})).await.expect_problem(413, "TOO_LARGE", &[]);
        let many: Vec<_> = (0..500).map(|number| format!("x{number}")).collect();
        let answer = api.post("/api/v1/resources/book/bulk-delete", json!({"ids": many})).await;
        let answer = answer.expect_problem(422, "INVALID", &["500 mistakes"]);
        assert_eq!(answer.json["errors"].as_array().unwrap().len(), 100);
    })
    .await;
}

/// Wherever the router is nested, addresses lead back to it.
#[tokio::test(flavor = "multi_thread")]
async fn it_works_nested() {
    run(Kind::Sqlite, |database| async {
        let (app, _) = open(database).await;
        let api = Client::nobody(axum::Router::new().nest("/admin", app.router()));
        let document = api.get("/admin/api/openapi.json").await.expect(200).json;
        assert_eq!((&document["openapi"], &document["servers"]), (&json!("3.1.0"), &json!([{"url": "/admin"}])));
        let accepted = api.post("/admin/api/v1/resources/book/bulk-delete", json!({"all": true})).await.expect(202);
        api.get(accepted.header("location")).await.expect(200);
        assert!(accepted.header("location").starts_with("/admin/api/v1/tasks/"));
        api.get("/admin/api/v1/nope").await.expect_problem(404, "NOT_FOUND", &[]);
    })
    .await;
}
