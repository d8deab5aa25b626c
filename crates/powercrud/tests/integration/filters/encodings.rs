//! Databases of PostgreSQL that can't hold every character, or hold what is none.

use super::open;
use crate::{
    support::{TestDatabase, each_database, with_encoding},
    web::browser::Browser,
};

each_database! { [postgres] characters_that_it_lacks_are_refused, bytes_that_are_no_text_are_shown }

async fn characters_that_it_lacks_are_refused(database: TestDatabase) {
    with_encoding(&database, "LATIN1", |database| async move {
        database
            .execute(
                "CREATE TABLE thing (id integer PRIMARY KEY, v text); INSERT INTO thing VALUES (1, 'a'), (2, 'é');",
            )
            .await;
        let (app, api) = open(&database).await;
        let mut browser = Browser::new(app.router());
        for (query, name) in
            [("q=%E2%82%AC", "q"), ("q=a+%E2%82%AC", "q"), ("v=%E2%82%AC", "v"), ("v__contains=%E2%82%AC", "v")]
        {
            let answer = api.get(&format!("/api/v1/resources/thing/records?{query}")).await.expect(422);
            assert_eq!(answer.json["errors"][0]["field"], name, "{query}: {:#}", answer.json);
            assert_eq!(browser.get(&format!("/resources/thing?{query}")).await.status.as_u16(), 422, "{query}");
        }
        for validate_only in [true, false] {
            for (request, name) in [
                (serde_json::json!({"all": true, "changes": {"v": "€"}}), "v"),
                (serde_json::json!({"filter": {"v": "€"}, "changes": {"v": "b"}}), "v"),
                (serde_json::json!({"filter": {"q": "€"}, "changes": {"v": "b"}}), "q"),
            ] {
                let mut request = request;
                request["validate_only"] = validate_only.into();
                let answer = api.post("/api/v1/resources/thing/bulk-update", request.clone()).await.expect(422);
                assert_eq!(answer.json["errors"][0]["field"], name, "{request}: {:#}", answer.json);
            }
        }
        let answer = api.patch("/api/v1/resources/thing/records/1", serde_json::json!({"v": "€"})).await.expect(422);
        assert_eq!(answer.json["errors"][0]["field"], "v", "{:#}", answer.json);
        // What it has it finds and takes.
        assert_eq!(api.get("/api/v1/resources/thing/records?q=%C3%A9").await.expect(200).keys(), ["2"]);
        api.patch("/api/v1/resources/thing/records/1", serde_json::json!({"v": "ü"})).await.expect(200);
    })
    .await;
}

async fn bytes_that_are_no_text_are_shown(database: TestDatabase) {
    with_encoding(&database, "SQL_ASCII", |database| async move {
        database
            .execute(
                r"CREATE TABLE thing (id integer PRIMARY KEY, v text, n integer);
                  INSERT INTO thing VALUES (1, 'plain', 1), (2, E'caf\351', 2), (3, 'café', 3);
                  CREATE TABLE named (name text PRIMARY KEY, n integer);
                  INSERT INTO named VALUES ('plain', 1), (E'caf\351', 2);
                  CREATE TABLE part (id integer PRIMARY KEY, name text REFERENCES named);
                  INSERT INTO part VALUES (1, E'caf\351'), (2, 'plain');",
            )
            .await;
        let (app, api) = open(&database).await;
        let mut browser = Browser::new(app.router());
        let page = api.get("/api/v1/resources/thing/records").await.expect(200);
        assert_eq!(page.keys(), ["1", "2", "3"]);
        assert_eq!(page.json["records"][1]["fields"]["v"], "caf\u{fffd}");
        assert_eq!(page.json["records"][2]["fields"]["v"], "café");
        browser.get("/resources/thing").await.expect(200).holds(&["plain", "caf\u{fffd}", "café"]);
        browser.get("/resources/thing/records/2").await.expect(200).holds(&["caf\u{fffd}"]);
        browser.get("/resources/thing/records/2/edit").await.expect(200);
        api.get("/api/v1/resources/thing/records/2").await.expect(200);
        // The other fields of such a record can be changed, and the bytes stay.
        api.patch("/api/v1/resources/thing/records/2", serde_json::json!({"n": 22})).await.expect(200);
        let held = super::texts(&database, "SELECT encode(CAST(v AS bytea), 'hex') FROM thing WHERE n = 22").await;
        assert_eq!(held, ["636166e9"]);
        for table in ["named", "part"] {
            let page = api.get(&format!("/api/v1/resources/{table}/records")).await.expect(200);
            assert_eq!(page.keys().len(), 2);
            browser.get(&format!("/resources/{table}")).await.expect(200);
        }
    })
    .await;
}
