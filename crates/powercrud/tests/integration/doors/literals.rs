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
each_database! { what_a_trigger_meets_is_not_quoted }

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
    PowerCrud::builder(database.clone()).open_to_everybody().resource(leak).build().await.expect("a resource")
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
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("a resource");
    let json = [("content-type", "application/json")];
    let path = "/api/v1/resources/device/records/1";
    let answer =
        send(&app.router(), None, Method::PATCH, path, &json, r#"{"address": "no-address"}"#).await.expect(422);
    assert!(answer.text.contains("no-address"), "{}", answer.text);
}

/// Whatever a trigger stumbles over; what it says itself passes.
async fn what_a_trigger_meets_is_not_quoted(database: TestDatabase) {
    database
        .execute(&format!(
            "CREATE TABLE leak (id INT NOT NULL PRIMARY KEY, city VARCHAR(40), hush VARCHAR(40));
             INSERT INTO leak (id, city, hush) VALUES (1, 'stay', '{SECRET}');"
        ))
        .await;
    let leak = Resource::table("leak").fields(["id", "city"]);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(leak).build().await.expect("a resource");
    let router = app.router();
    let own = match database.kind {
        Kind::Postgres => "RAISE EXCEPTION 'it is \"not so\"'",
        Kind::Mysql => "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'it is \"not so\"'",
        Kind::Sqlite => "SELECT RAISE(ABORT, 'it is \"not so\"')",
    };
    let stumbles: &[&str] = match database.kind {
        Kind::Postgres => &[
            "PERFORM ('&' || NEW.hush)::tsquery",
            "PERFORM NEW.hush::regconfig",
            "PERFORM nextval(NEW.hush)",
            "PERFORM nextval('\"' || NEW.hush || '\"')",
            "EXECUTE 'SELECT \"' || NEW.hush || '\"'",
        ],
        Kind::Mysql => &["SET @x = ExtractValue('<a/>', CONCAT('\\\\', NEW.hush))"],
        Kind::Sqlite => &["SELECT json_extract('{}', NEW.hush)"],
    };
    for statement in stumbles.iter().chain([&own]) {
        let trigger = match database.kind {
            Kind::Postgres => format!(
                "CREATE OR REPLACE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NEW; END $$;
                 DROP TRIGGER IF EXISTS stumbles ON leak;
                 CREATE TRIGGER stumbles BEFORE UPDATE ON leak FOR EACH ROW EXECUTE FUNCTION stumble();"
            ),
            Kind::Mysql => format!(
                "DROP TRIGGER IF EXISTS stumbles;\nCREATE TRIGGER stumbles BEFORE UPDATE ON leak FOR EACH ROW {statement};"
            ),
            Kind::Sqlite => format!(
                "DROP TRIGGER IF EXISTS stumbles; CREATE TRIGGER stumbles BEFORE UPDATE ON leak BEGIN {statement}; END;"
            ),
        };
        database.execute(&trigger).await;
        let json = [("content-type", "application/json")];
        let path = "/api/v1/resources/leak/records/1";
        let mut told = vec![send(&router, None, Method::PATCH, path, &json, r#"{"city": "go"}"#).await.text];
        told.push(send(&router, None, Method::POST, "/resources/leak/records/1/edit", &[], "city=go").await.text);
        let task = carry_out(&app, update("leak", Selection::All, [("city", Some("go"))])).await;
        assert_eq!(task.failed_records, 1, "{statement}");
        told.push(send(&router, None, Method::GET, &format!("/tasks/{}", task.id), &[], "").await.text);
        told.push(send(&router, None, Method::GET, &format!("/api/v1/tasks/{}", task.id), &[], "").await.text);
        for text in told {
            assert!(!text.contains("s3cret"), "{statement}: {text}");
            assert_eq!(text.contains("not so"), *statement == own, "{statement}: {text}");
        }
        assert_eq!(count(&database, "powercrud_bulk_task_error WHERE message LIKE '%s3cret%'").await, 0, "{statement}");
    }
}
