//! A database that stumbles over a value quotes it. Where that is the value of a column that nobody is to see, it is left out; what a
//! request has sent itself may be quoted.

use axum::http::Method;
use powercrud::{PowerCrud, Resource, Selection};

use super::send;
use crate::{
    shop::{carry_out, count, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [postgres mysql] hidden_values_are_not_quoted, what_was_sent_is_quoted }

const SECRET: &str = "s3cret-9";

async fn open(database: &TestDatabase) -> PowerCrud {
    let rule = match database.kind {
        Kind::Mysql => "ALTER TABLE leak ADD n INT AS (IF(city = 'go', CAST(hush AS INT), 0)) PERSISTENT;",
        _ => "CREATE INDEX ON leak ((hush::int)) WHERE city = 'go';",
    };
    database
        .execute(&format!(
            "CREATE TABLE leak (id INT NOT NULL PRIMARY KEY, city VARCHAR(40), hush VARCHAR(40));
             INSERT INTO leak (id, city, hush) VALUES (1, 'stay', '{SECRET}'), (2, 'stay', '{SECRET}');
             {rule}"
        ))
        .await;
    let leak = Resource::table("leak").fields(["id", "city"]);
    PowerCrud::builder(database.clone()).resource(leak).build().await.expect("a resource")
}

async fn hidden_values_are_not_quoted(database: TestDatabase) {
    let app = open(&database).await;
    let router = app.router();
    let json = [("content-type", "application/json")];
    let mut told = Vec::new();
    for (method, path, headers, body) in [
        (Method::PATCH, "/api/v1/resources/leak/records/1", &json[..], r#"{"city": "go"}"#),
        (Method::POST, "/resources/leak/records/1/edit", &[], "city=go"),
        (Method::POST, "/api/v1/resources/leak/bulk-update", &json, r#"{"ids": [1], "changes": {"city": "go"}}"#),
        (
            Method::POST,
            "/api/v1/resources/leak/bulk-update",
            &json,
            r#"{"all": true, "changes": {"city": "go"}, "validate_only": true}"#,
        ),
    ] {
        told.push(send(&router, None, method, path, headers, body).await.text);
    }
    assert!(told[0].contains("INVALID_VALUE") || told[0].contains("22P02"), "{}", told[0]);
    let task = carry_out(&app, update("leak", Selection::All, [("city", Some("go"))])).await;
    assert_eq!((task.succeeded_records, task.failed_records), (0, 2));
    for path in [format!("/tasks/{}", task.id), format!("/tasks/{}/results/failed.csv", task.id)] {
        told.push(send(&router, None, Method::GET, &path, &[], "").await.expect(200).text);
    }
    for text in told {
        assert!(!text.contains(SECRET), "{text}");
    }
    let kept = format!("powercrud_bulk_task_error WHERE message LIKE '%{SECRET}%'");
    assert_eq!(count(&database, &kept).await, 0);
}

async fn what_was_sent_is_quoted(database: TestDatabase) {
    let kind = if database.kind == Kind::Mysql { "INET6" } else { "MACADDR" };
    database
        .execute(&format!(
            "CREATE TABLE device (id INT NOT NULL PRIMARY KEY, address {kind}); INSERT INTO device (id) VALUES (1);"
        ))
        .await;
    let app = PowerCrud::builder(database).discover(true).build().await.expect("a resource");
    let json = [("content-type", "application/json")];
    let path = "/api/v1/resources/device/records/1";
    let answer =
        send(&app.router(), None, Method::PATCH, path, &json, r#"{"address": "no-address"}"#).await.expect(422);
    assert!(answer.text.contains("no-address"), "{}", answer.text);
}
