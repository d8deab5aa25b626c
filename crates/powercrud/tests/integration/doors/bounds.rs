//! One request asks for no more than a statement can be made of: else the stack of the thread that writes it would overflow, which ends
//! the process.

use std::time::{Duration, Instant};

use axum::http::Method;
use powercrud::{
    Error, PowerCrud, Resource,
    query::{self, Filter, ListParams, Operator},
};
use serde_json::json;

use super::send;
use crate::{
    support::{TestDatabase, each_database},
    web::shop,
};

each_database! { a_flood_is_refused_with_the_bound, what_is_within_the_bounds_is_answered, keys_of_a_body_are_bounded }

async fn open(database: TestDatabase) -> PowerCrud {
    shop(&database).await;
    PowerCrud::builder(database)
        .open_to_everybody()
        .discover(true)
        .resource(Resource::table("book"))
        .build()
        .await
        .expect("a shop")
}

async fn a_flood_is_refused_with_the_bound(database: TestDatabase) {
    let app = open(database).await;
    let router = app.router();
    let words = format!("q={}", "a+".repeat(16_000));
    let filters = "id=1&".repeat(12_000);
    let values = format!("id__in={}1", "1,".repeat(6_000));
    let orders = format!("ordering={}", "title,".repeat(9_000));
    let long = format!("title__contains={}", "x".repeat(10_001));
    for (query, told) in [
        (&words, "32 words at most"),
        (&filters, "100 filters at most"),
        (&values, "5000 values at most"),
        (&orders, "32 fields at most"),
        (&long, "10000 characters at most"),
    ] {
        for path in ["/resources/book?", "/resources/book/count?", "/api/v1/resources/book/records?"] {
            let answer = send(&router, None, Method::GET, &format!("{path}{query}"), &[], "").await.expect(422);
            assert!(answer.text.contains(told), "{path} {told}: {}", answer.text);
            assert!(answer.text.len() < 300_000, "{path} {told}: {} bytes", answer.text.len());
        }
    }
    let choices =
        send(&router, None, Method::GET, &format!("/resources/book/choices/author_id?{words}"), &[], "").await;
    assert!(choices.expect(422).text.contains("32 words at most"));

    let conditions: serde_json::Map<_, _> = (0..25_000).map(|number| (format!("f{number}"), json!("x"))).collect();
    let filter = json!({"filter": conditions, "changes": {"price": "1.00"}, "validate_only": true});
    let body = filter.to_string();
    let json = [("content-type", "application/json")];
    let answer =
        send(&router, None, Method::POST, "/api/v1/resources/book/bulk-update", &json, &body).await.expect(422);
    assert!(answer.text.contains("100 filters at most"), "{}", answer.text);
    // Nested a hundred thousand times.
    let deep = format!("{{\"filter\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = send(&router, None, Method::POST, "/api/v1/resources/book/bulk-update", &json, &deep).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text);

    // Also where a program makes the parameters without parsing any.
    let filter = Filter { field: "id".into(), operator: Operator::Exact, value: "1".into() };
    let params = ListParams { filters: vec![filter; 20_000], page: 1, ..ListParams::default() };
    let book = app.resource("book").expect("books");
    let error = query::list(&app, book, &params).await.expect_err("too many");
    assert!(matches!(&error, Error::Invalid(errors) if errors[0].code == "TOO_MANY"), "{error:?}");
}

async fn what_is_within_the_bounds_is_answered(database: TestDatabase) {
    let router = open(database).await.router();
    let words = format!("q={}", "book+".repeat(32));
    let filters = vec!["title__contains=book"; 100].join("&");
    let values = format!("id__in={}1", "1,".repeat(4_999));
    let orders = format!("ordering={}", "title,".repeat(32));
    let long = format!("title__contains={}", "%F0%9D%95%8F".repeat(5_000));
    for (query, found) in [(&words, true), (&filters, true), (&values, true), (&orders, true), (&long, false)] {
        let answer = send(&router, None, Method::GET, &format!("/resources/book?{query}"), &[], "").await.expect(200);
        assert_eq!(answer.text.contains("Book 01"), found, "{}", &query[..20]);
    }
    let together = format!("{words}&{filters}&{orders}");
    send(&router, None, Method::GET, &format!("/resources/book?{together}"), &[], "").await.expect(200);
}

async fn keys_of_a_body_are_bounded(database: TestDatabase) {
    let app = open(database).await;
    let router = app.router();
    let json = [("content-type", "application/json")];
    let began = Instant::now();
    let twice = format!("{{{}{}\"z\":1}}", "\"a\":1,".repeat(40_000), "\"ids\":1,".repeat(40_000));
    let many: serde_json::Map<_, _> = (0..30_000).map(|number| (format!("f{number}"), json!("x"))).collect();
    let changes = json!({"ids": [1], "changes": many}).to_string();
    let ids = json!({"ids": vec![1; 100_001], "changes": {"price": "1.00"}}).to_string();
    let inputs = format!("{}change=price", "change=nope&null=nope&".repeat(50_000));
    for (method, path, headers, body, told) in [
        (Method::POST, "/api/v1/resources/book/bulk-update", &json[..], &twice, "1,000"),
        (Method::POST, "/api/v1/resources/book/records", &json, &twice, "1,000"),
        (Method::PATCH, "/api/v1/resources/book/records/1", &json, &twice, "1,000"),
        (Method::POST, "/api/v1/resources/book/bulk-update", &json, &changes, "1,000"),
        (Method::POST, "/api/v1/resources/book/bulk-update", &json, &ids, "100,000 at most"),
        (Method::POST, "/resources/book/bulk-edit", &[], &inputs, "10,000 inputs"),
    ] {
        let answer = send(&router, None, method, path, headers, body).await.expect(422);
        assert!(answer.text.contains(told), "{path} {told}: {}", answer.text);
        assert!(answer.text.len() < 100_000, "{path} {told}: {} bytes", answer.text.len());
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // As many as are allowed are read, and each that is strange is named as far as anybody reads.
    let strange: serde_json::Map<_, _> = (0..1_000).map(|number| (format!("f{number}"), json!("x"))).collect();
    let body = serde_json::Value::Object(strange).to_string();
    let answer = send(&router, None, Method::PATCH, "/api/v1/resources/book/records/1", &json, &body).await.expect(422);
    assert!(answer.text.contains("UNKNOWN_FIELD") && answer.text.len() < 100_000, "{}", answer.text.len());
}
