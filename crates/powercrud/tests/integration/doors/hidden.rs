//! Columns that a resource leaves out are seen nowhere: not in errors, not as the name of another record.

use axum::http::Method;
use powercrud::{PowerCrud, Resource, Selection};

use super::send;
use crate::{
    shop::{carry_out, matching, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { errors_show_no_hidden_value, records_are_not_named_by_hidden_fields, what_is_hidden_later_is_told_no_more }

const SECRET: &str = "s3cret";

/// People whose secret nobody is to see; their names have to be short.
async fn open(database: &TestDatabase) -> PowerCrud {
    let number = if database.kind == Kind::Sqlite { "INTEGER" } else { "INT" };
    database
        .execute(&format!(
            "CREATE TABLE person (
               id {number} NOT NULL PRIMARY KEY, city VARCHAR(40), name VARCHAR(40) NOT NULL,
               secret VARCHAR(40) NOT NULL DEFAULT '{SECRET}-new' UNIQUE,
               CONSTRAINT short CHECK (LENGTH(city) < 12)
             );
             CREATE TABLE ticket (
               id {number} NOT NULL PRIMARY KEY, person_id {number} NOT NULL,
               CONSTRAINT of_person FOREIGN KEY (person_id) REFERENCES person (id)
             );
             INSERT INTO person VALUES (1, 'Berlin', 'Hidden One', '{SECRET}-new'), (2, 'Paris', 'Hidden Two', '{SECRET}-2');
             INSERT INTO ticket VALUES (1, 1), (2, 2);"
        ))
        .await;
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("person").fields(["id", "city"]))
        .resource(Resource::table("ticket"))
        .build()
        .await
        .expect("resources")
}

async fn errors_show_no_hidden_value(database: TestDatabase) {
    let app = open(&database).await;
    let router = app.router();
    let json = [("content-type", "application/json")];
    let mut told = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/resources/person/records/1/edit", "set.city=far+too+long+a+name&city=far+too+long+a+name"),
        (Method::POST, "/resources/person/new", "id=3&city=far+too+long+a+name"),
        // The default of the hidden column is taken.
        (Method::POST, "/resources/person/new", "id=3&city=Rome"),
    ] {
        let answer = send(&router, None, method, path, &[], body).await;
        assert!((400..500).contains(&answer.status), "{path} {body}: {} {}", answer.status, answer.text);
        told.push(answer.text);
    }
    for (method, path, body) in [
        (Method::PATCH, "/api/v1/resources/person/records/1", r#"{"city": "far too long a name"}"#),
        (Method::POST, "/api/v1/resources/person/records", r#"{"id": 3, "city": "Rome"}"#),
        (Method::POST, "/api/v1/resources/person/records", r#"{"id": 3, "city": "far too long a name"}"#),
        (Method::POST, "/api/v1/resources/person/records", r#"{"id": 1, "city": "Rome"}"#),
        (
            Method::POST,
            "/api/v1/resources/person/bulk-update",
            r#"{"all": true, "changes": {"city": "far too long a name"}}"#,
        ),
    ] {
        let answer = send(&router, None, method, path, &json, body).await;
        told.push(answer.text);
    }
    let request = update("person", Selection::All, [("city", Some("far too long a name"))]);
    let task = carry_out(&app, request).await;
    assert_eq!(task.succeeded_records, 0);
    for path in [
        format!("/tasks/{}", task.id),
        format!("/api/v1/tasks/{}/errors", task.id),
        format!("/tasks/{}/results/failed.csv", task.id),
    ] {
        told.push(send(&router, None, Method::GET, &path, &[], "").await.expect(200).text);
    }
    for text in told {
        assert!(!text.contains(SECRET), "{text}");
    }
    let kept = format!("powercrud_bulk_task_error WHERE message LIKE '%{SECRET}%'");
    assert_eq!(crate::shop::count(&database, &kept).await, 0);
}

async fn records_are_not_named_by_hidden_fields(database: TestDatabase) {
    let app = open(&database).await;
    let router = app.router();
    for path in [
        "/resources/ticket",
        "/resources/ticket/records/1",
        "/resources/ticket/records/1/edit",
        "/resources/ticket/choices/person_id",
        "/resources/ticket/choices/person_id?q=Hidden",
        "/resources/ticket/choices/person_id?q=s3cret",
        "/resources/ticket/bulk-edit",
        "/api/v1/resources/ticket/records",
        "/api/v1/resources/ticket/records/1",
    ] {
        let answer = send(&router, None, Method::GET, path, &[], "").await;
        assert!(answer.status == 200 || path.ends_with("bulk-edit"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("Hidden One") && !answer.text.contains(SECRET), "{path}: {}", answer.text);
    }
    // By what is shown there they are named and found.
    let list = send(&router, None, Method::GET, "/resources/ticket", &[], "").await.text;
    assert!(list.contains("Berlin"), "{list}");
    let found = send(&router, None, Method::GET, "/resources/ticket/choices/person_id?q=berl", &[], "").await.text;
    assert!(found.contains("Berlin") && !found.contains("Paris"), "{found}");
    let none = send(&router, None, Method::GET, "/resources/ticket/choices/person_id?q=Hidden", &[], "").await.text;
    assert!(!none.contains("Berlin") && !none.contains("Paris"), "{none}");
}

/// A task keeps what was asked of it; of fields that were hidden since, nobody sees it.
async fn what_is_hidden_later_is_told_no_more(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE worker (id INT NOT NULL PRIMARY KEY, name VARCHAR(40), ssn VARCHAR(40), salary INT);
             INSERT INTO worker VALUES (1, 'Ann', '4711-08', 10), (2, 'Bob', '4711-15', 20);",
        )
        .await;
    let app = |fields: &[&str]| {
        let worker = Resource::table("worker").fields(fields.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        PowerCrud::builder(database.clone()).open_to_everybody().resource(worker).build()
    };
    let open = app(&["id", "name", "ssn", "salary"]).await.expect("a resource");
    let selection = matching(&open, "worker", &["ssn__startswith=4711"]);
    let task = carry_out(&open, update("worker", selection, [("salary", Some("98765")), ("name", Some("Cleo"))])).await;
    let json = [("content-type", "application/json")];
    let path = "/api/v1/resources/worker/records/1";
    send(&open.router(), None, Method::PATCH, path, &json, r#"{"salary": 98765432}"#).await.expect(200);
    let paths = [
        "/tasks".to_owned(),
        format!("/tasks/{}", task.id),
        "/resources/worker".to_owned(),
        "/resources/worker/records/1".to_owned(),
        "/staff".to_owned(),
        "/staff/audit".to_owned(),
        "/api/v1/tasks".to_owned(),
        format!("/api/v1/tasks/{}", task.id),
    ];
    let page = send(&open.router(), None, Method::GET, &paths[1], &[], "").await.expect(200).text;
    assert!(page.contains("98765") && page.contains("4711"), "{page}");
    let closed = app(&["id", "name"]).await.expect("a resource");
    for path in &paths {
        let text = send(&closed.router(), None, Method::GET, path, &[], "").await.expect(200).text;
        assert!(!text.contains("98765") && !text.contains("4711"), "{path}: {text}");
    }
    let text = send(&closed.router(), None, Method::GET, &paths[7], &[], "").await.text;
    assert!(text.contains(r#""name":"Cleo""#) && text.contains(r#""salary":"(hidden)""#), "{text}");
}
