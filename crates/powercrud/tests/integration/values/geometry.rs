//! A text that is no geometry is refused, and never kept as nothing.

use serde_json::json;

use super::{one, open, page::Form};
use crate::support::{TestDatabase, each_database};

each_database! { [mysql] what_is_no_geometry_is_refused }

async fn what_is_no_geometry_is_refused(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE g (id INT PRIMARY KEY, ge GEOMETRY, po POINT NOT NULL, n VARCHAR(10));
             INSERT INTO g VALUES (1, POINT(1, 1), POINT(1, 1), 'a');",
        )
        .await;
    let mut shown = open(&database).await;
    let action = "/resources/g/records/1/edit";
    let form = Form::read(&shown.browser.get(action).await.expect(200).text, action);
    for (field, value) in [("ge", "hello"), ("ge", "POINT(3"), ("po", "hello")] {
        let refused = shown.browser.post(action, &form.with(field, value).with("n", "new").body()).await.expect(422);
        refused.holds(&[&format!("id=\"field-{field}-error\""), value]);
        for body in [json!({field: value}), json!({field: value, "n": "new"})] {
            let answer = shown.api.patch("/api/v1/resources/g/records/1", body).await.expect(422);
            assert_eq!(answer.json["errors"][0]["field"], field, "{:#}", answer.json);
        }
        let mut created = json!({"id": 2, "po": "POINT(2 2)", "n": "b"});
        created[field] = json!(value);
        let answer = shown.api.post("/api/v1/resources/g/records", created).await.expect(422);
        assert_eq!(answer.json["errors"][0]["field"], field, "{:#}", answer.json);
        let bulk = json!({"all": true, "changes": {field: value}});
        for path in ["bulk-update", "bulk-update/preview"] {
            let answer = shown.api.post(&format!("/api/v1/resources/g/{path}"), bulk.clone()).await;
            if answer.status != 404 {
                let answer = answer.expect(422);
                assert_eq!(answer.json["errors"][0]["field"], field, "{path}: {:#}", answer.json);
            }
        }
    }
    let kept = "SELECT CONCAT_WS(' ', COUNT(*), MIN(ST_AsText(ge)), MIN(ST_AsText(po)), MIN(n)) FROM g";
    assert_eq!(one(&database, kept).await, "1 POINT(1 1) POINT(1 1) a");
    // What is one is kept.
    let polygon = "POLYGON((0 0,10 0,10 10,0 255.75,0 0))";
    shown.browser.post(action, &form.with("ge", polygon).with("po", "POINT(-1.5 2e5)").body()).await.location();
    assert_eq!(one(&database, "SELECT ST_AsText(ge) FROM g").await, polygon);
    assert_eq!(one(&database, "SELECT ST_AsText(po) FROM g").await, "POINT(-1.5 200000)");
    let created = json!({"id": 2, "po": "POINT(2 2)", "ge": polygon});
    shown.api.post("/api/v1/resources/g/records", created).await.expect(201);
    let bulk = json!({"all": true, "changes": {"ge": "POINT(4 5)"}});
    shown.api.post("/api/v1/resources/g/bulk-update", bulk).await.expect(200);
    assert_eq!(
        one(&database, "SELECT CONCAT(COUNT(*), MIN(ST_AsText(ge))) FROM g WHERE ST_X(ge) = 4").await,
        "2POINT(4 5)"
    );
}
