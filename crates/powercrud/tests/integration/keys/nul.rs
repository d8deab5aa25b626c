//! Keys that hold the character NUL, which MariaDB keeps: a record is found by its key as the API has listed it.

use powercrud::{PowerCrud, Selection, task::Status};
use serde_json::json;

use crate::{
    api::Client,
    shop::{carry_out, counts, discovered, in_background, update},
    support::{TestDatabase, each_database},
};

each_database! { [mysql] records_are_found_by_them }

async fn records_are_found_by_them(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE item (code varchar(20) PRIMARY KEY, title varchar(20));
             CREATE TABLE pair (a varchar(20), b integer, title varchar(20), PRIMARY KEY (a, b));
             INSERT INTO item VALUES (CONCAT('a', CHAR(0), 'b'), 'x'), ('ab', 'x'), ('c', 'x');
             INSERT INTO pair VALUES (CONCAT('a', CHAR(0), 'b'), 1, 'x'), ('ab', 1, 'x');",
        )
        .await;
    let app: PowerCrud = discovered(&database).await;
    let client = Client::nobody(app.router());
    for table in ["item", "pair"] {
        let records = format!("/api/v1/resources/{table}/records");
        let list = client.get(&records).await.expect(200);
        let keys: Vec<String> = list.keys().into_iter().map(str::to_owned).collect();
        for key in &keys {
            let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let record = client.get(&format!("{records}/{encoded}")).await.expect(200);
            assert_eq!(record.json["key"], *key);
            let changed = client.patch(&format!("{records}/{encoded}"), json!({"title": key.len().to_string()})).await;
            assert_eq!(changed.expect(200).json["fields"]["title"], key.len().to_string());
        }
        let ids: Vec<_> = keys.iter().map(|key| serde_json::from_str(key).unwrap_or(json!(key))).collect();
        let bulk = format!("/api/v1/resources/{table}/bulk-update");
        let task = client.post(&bulk, json!({"ids": ids, "changes": {"title": "all"}})).await.expect(200);
        assert_eq!(
            (&task.json["status"], &task.json["succeeded_records"]),
            (&json!("SUCCESS"), &json!(keys.len())),
            "{}",
            task.json
        );
        let background = in_background(update(table, Selection::Keys(keys.clone()), [("title", Some("later"))]));
        let task = carry_out(&app, background).await;
        assert_eq!(
            (task.status, counts(&task)),
            (Status::Success, (keys.len() as u64, 0, 0)),
            "{}",
            task.error_message
        );
        let encoded: String = keys[0].bytes().map(|byte| format!("%{byte:02X}")).collect();
        client.delete(&format!("{records}/{encoded}")).await.expect(204);
        client.get(&format!("{records}/{encoded}")).await.expect(404);
    }
}
