//! Numbers that are closer to 0 than their column can tell apart.

use serde_json::json;

use super::{one, open};
use crate::{
    support::{Kind, TestDatabase, each_database},
    web::browser::encode,
};

each_database! { what_would_become_0_is_refused }

async fn what_would_become_0_is_refused(database: TestDatabase) {
    let single = if database.kind == Kind::Mysql { "float" } else { "real" };
    database
        .execute(&format!(
            "CREATE TABLE thing (id integer PRIMARY KEY, s {single}, d double precision); INSERT INTO thing VALUES (1, 1, 1);"
        ))
        .await;
    let mut shown = open(&database).await;
    let path = "/api/v1/resources/thing/records/1";
    // SQLite has no other numbers than long ones.
    let too_small = if database.kind == Kind::Sqlite { "1e-400" } else { "1e-50" };
    for (field, value) in [("s", too_small), ("d", "1e-400"), ("d", "-0.1e-400")] {
        shown.api.patch(path, json!({ field: value })).await.expect_problem(422, "INVALID", &["OUT_OF_RANGE", field]);
        let edit = shown.browser.get("/resources/thing/records/1/edit").await.expect(200);
        let form = format!("{field}={}&powercrud_seen={}", encode(value), edit.hidden("powercrud_seen"));
        let answer = shown.browser.post("/resources/thing/records/1/edit", &form).await;
        answer.expect(422).holds(&["0, or a number no closer to it than", value]);
    }
    assert_eq!(one(&database, "SELECT CAST(COUNT(*) AS char(1)) FROM thing WHERE s = 1 AND d = 1").await, "1");
    for (field, value) in [("d", "1e-50"), ("s", "1e-30"), ("s", "0.0"), ("d", "0e-400")] {
        shown.api.patch(path, json!({ field: value })).await.expect(200);
    }
    assert_eq!(one(&database, "SELECT CAST(COUNT(*) AS char(1)) FROM thing WHERE s = 0 AND d = 0").await, "1");
}
