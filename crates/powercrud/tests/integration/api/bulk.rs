//! Bulk update and bulk delete.

use powercrud::{PowerCrud, User, task::Status, token::Scope};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{client::Client, open, token_of, user};
use crate::{
    shop::rows,
    support::{Kind, TestDatabase, each_database},
    web::shop,
};

each_database! {
    few_records_are_done_at_once, many_records_run_in_the_background, requests_are_known_again,
    a_preview_changes_nothing, every_mistake_is_named, another_task_in_the_way_is_a_conflict,
    links_are_changed_in_bulk, a_selection_of_another_size_is_refused, a_key_that_no_record_has,
}

const UPDATE: &str = "/api/v1/resources/book/bulk-update";
const DELETE: &str = "/api/v1/resources/book/bulk-delete";

async fn status_of(api: &Client, key: u32) -> Value {
    api.get(&format!("/api/v1/resources/book/records/{key}")).await.expect(200).json["fields"]["status"].clone()
}

async fn few_records_are_done_at_once(database: TestDatabase) {
    let (_, api) = open(database).await;
    let body = json!({"ids": [5, "6", ["7"]], "changes": {"status": "archived", "price": 9.90}});
    api.post(UPDATE, body).await.expect(422);
    let body = json!({"ids": [5, "6", 6], "changes": {"status": "archived", "price": 9.90, "notes": null}});
    let task = api.post(UPDATE, body).await.expect(200).json;
    assert_eq!(
        (&task["status"], &task["total_records"], &task["succeeded_records"]),
        (&json!("SUCCESS"), &json!(2), &json!(2))
    );
    assert_eq!(task["errors"], json!([]));
    assert_eq!((status_of(&api, 5).await, status_of(&api, 7).await), (json!("archived"), json!("published")));
    // All or nothing at once: one of them is on an order.
    let task = api.post(DELETE, json!({"ids": [3, 4]})).await.expect(200).json;
    assert_eq!((&task["status"], &task["errors"][0]["record_key"]), (&json!("FAILURE"), &json!("3")));
    assert_eq!(task["errors"][0]["code"], "FOREIGN_KEY");
    api.get("/api/v1/resources/book/records/4").await.expect(200);
    let task = api.post(DELETE, json!({"filter": {"id__in": [4, "8"], "status": "draft"}})).await.expect(200).json;
    assert_eq!((&task["status"], &task["succeeded_records"]), (&json!("SUCCESS"), &json!(2)));
    api.get("/api/v1/resources/book/records/8").await.expect(404);
}

async fn many_records_run_in_the_background(database: TestDatabase) {
    let (app, api) = open(database).await;
    let accepted = api.post(DELETE, json!({"all": true})).await.expect(202);
    let place = accepted.header("location").to_owned();
    assert_eq!(place, format!("/api/v1/tasks/{}", accepted.json["id"].as_str().unwrap()));
    assert_eq!((accepted.header("retry-after"), &accepted.json["status"]), ("1", &json!("PENDING")));
    assert_eq!(api.get(&place).await.expect(200).json["progress_percent"], 0);
    let id = accepted.json["id"].as_str().unwrap().parse().unwrap();
    app.worker().run_task(id, &CancellationToken::new()).await.expect("a worker");
    let task = api.get(&place).await.expect(200).json;
    assert_eq!(
        (&task["status"], &task["succeeded_records"], &task["failed_records"]),
        (&json!("PARTIAL"), &json!(57), &json!(3))
    );
    assert_eq!(task["errors"].as_array().unwrap().len(), 3);
    let page = api.get(&format!("{place}/errors?page_size=2")).await.expect(200).json;
    assert_eq!(
        (page["errors"].as_array().unwrap().len(), &page["has_next"], &page["count"]),
        (2, &json!(true), &json!(3))
    );
    let page = api.get(&format!("{place}/errors?page_size=2&page=2")).await.expect(200).json;
    assert_eq!((&page["errors"][0]["record_key"], &page["has_next"]), (&json!("3"), &json!(false)));
    // However few, where that is asked for.
    api.post(UPDATE, json!({"ids": [1], "changes": {"status": "draft"}, "background": true})).await.expect(202);
}

async fn requests_are_known_again(database: TestDatabase) {
    let (app, api) = open(database).await;
    let body = json!({"filter": {"status": "draft"}, "changes": {"status": "archived"}, "request_id": "one"});
    let first = api.post(UPDATE, body.clone()).await.expect(202).json;
    // While it is active, in another order of keys.
    let again = r#"{"request_id": "one", "changes": {"status": "archived"}, "filter": {"status": "draft"}}"#.to_owned();
    let second = api.send(axum::http::Method::POST, UPDATE, Some(again)).await.expect(202);
    assert_eq!((&second.json["id"], second.header("location").is_empty()), (&first["id"], false));
    let id = first["id"].as_str().unwrap().parse().unwrap();
    app.worker().run_task(id, &CancellationToken::new()).await.expect("a worker");
    // After its end, when nothing would match any more.
    let ended = api.post(UPDATE, body.clone()).await.expect(200).json;
    assert_eq!((&ended["id"], &ended["status"]), (&first["id"], &json!("SUCCESS")));
    let mut other = body.clone();
    other["changes"]["status"] = json!("published");
    api.post(UPDATE, other.clone()).await.expect_problem(422, "REQUEST_ID_REUSED", &["one"]);
    // Somebody else's "one" is another request, and so is the same one under another name.
    let ann = api.with_token(&token_of(&app, user("ann", false), &[Scope::Bulk]).await);
    ann.post(UPDATE, body.clone()).await.expect_problem(422, "NOTHING_SELECTED", &[]);
    let few = json!({"ids": [9], "changes": {"notes": "x"}, "request_id": "few"});
    let done = api.post(UPDATE, few.clone()).await.expect(200).json;
    assert_eq!(api.post(UPDATE, few.clone()).await.expect(200).json["id"], done["id"]);
    // A preview spends no name.
    let mut preview = few.clone();
    preview["validate_only"] = json!(true);
    preview["request_id"] = json!("seen");
    api.post(UPDATE, preview.clone()).await.expect(200);
    preview["validate_only"] = json!(false);
    assert_ne!(api.post(UPDATE, preview).await.expect(200).json["id"], done["id"]);
    // Ten at the same instant are one.
    let body = json!({"all": true, "changes": {"notes": "ten"}, "request_id": "ten"});
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (api, body) = (api.clone(), body.clone());
        asked.spawn(async move { api.post(UPDATE, body).await.expect(202).json["id"].clone() });
    }
    let ids = asked.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

async fn a_preview_changes_nothing(database: TestDatabase) {
    let (_, api) = open(database).await;
    let body = json!({"filter": {"id__lte": 30}, "changes": {"status": "draft"}, "validate_only": true});
    let preview = api.post(UPDATE, body).await.expect(200).json;
    assert_eq!((&preview["total_records"], &preview["unchanged_records"]), (&json!(30), &json!(15)));
    assert_eq!(preview["background"], true);
    let sample = &preview["samples"][0];
    assert_eq!((&sample["key"], &sample["label"]), (&json!("1"), &json!("Book 01")));
    assert_eq!(sample["changes"], json!([{"field": "status", "before": "published", "after": "draft"}]));
    let preview = api.post(DELETE, json!({"ids": [1, 2, 9], "validate_only": true})).await.expect(200).json;
    assert_eq!((&preview["total_records"], &preview["blocked_records"]), (&json!(3), &json!(2)));
    assert_eq!(
        preview["referrers"],
        json!([{"table": "order_line", "columns": ["book_id"], "records": 2, "action": "restrict"}])
    );
    assert_eq!(api.get("/api/v1/tasks").await.expect(200).json["count"], 0);
    assert_eq!(status_of(&api, 1).await, "published");
}

async fn every_mistake_is_named(database: TestDatabase) {
    let (_, api) = open(database).await;
    let change = json!({"status": "draft"});
    for (body, code, texts) in [
        (json!({"changes": change}), "INVALID", &["exactly one of: ids, filter, all"][..]),
        (json!({"ids": [1], "all": true, "changes": change}), "INVALID", &["exactly one of"]),
        (json!({"ids": [1]}), "INVALID", &["\"changes\"", "must be there"]),
        (json!({"ids": [1], "changes": {}}), "INVALID", &["NO_CHANGES", "allowed are: "]),
        (json!({"ids": [], "changes": change}), "NOTHING_SELECTED", &[]),
        (json!({"ids": "1", "changes": change}), "INVALID", &["an array of keys"]),
        (json!({"ids": [true], "changes": change}), "INVALID", &["\"ids\"", "INVALID_TYPE"]),
        (json!({"ids": ["x"], "changes": change}), "INVALID", &["INVALID_KEY"]),
        (json!({"all": false, "changes": change}), "INVALID", &["can only be true"]),
        (json!({"all": 1, "changes": change}), "INVALID", &["\"all\"", "INVALID_TYPE"]),
        (json!({"filter": {}, "changes": change}), "INVALID", &["holds no condition"]),
        (json!({"filter": {"q": " "}, "changes": change}), "INVALID", &["holds no condition"]),
        (json!({"filter": {"title__contains": ""}, "changes": change}), "INVALID", &["holds no condition"]),
        (json!({"filter": {"nope": 1}, "changes": change}), "INVALID", &["UNKNOWN_FIELD"]),
        (json!({"filter": {"price__almost": 1}, "changes": change}), "INVALID", &["UNKNOWN_OPERATOR"]),
        (json!({"filter": {"price": null}, "changes": change}), "INVALID", &["__isnull"]),
        (json!({"filter": {"page": 1}, "changes": change}), "INVALID", &["page__exact"]),
        (json!({"filter": {"id__in": ["1,2"]}, "changes": change}), "INVALID", &["comma"]),
        (json!({"all": true, "changes": {"id": 5}}), "INVALID", &["READ_ONLY_FIELD"]),
        (json!({"all": true, "changes": {"isbn": "same"}}), "INVALID", &["UNIQUE"]),
        (json!({"all": true, "changes": {"price": null}}), "INVALID", &["NOT_NULL"]),
        (json!({"all": true, "changes": {"author_id": 77}}), "INVALID", &["FOREIGN_KEY", "no author with id 77"]),
        (json!({"all": true, "changes": 5}), "INVALID", &["\"changes\"", "an object of field names"]),
        (
            json!({"all": true, "changes": change, "force": true}),
            "INVALID",
            &["UNKNOWN_KEY", "allowed are: ids, filter"],
        ),
        (
            json!({"all": true, "changes": change, "validate_only": "yes"}),
            "INVALID",
            &["\"validate_only\"", "true or false"],
        ),
        (json!({"all": true, "changes": change, "request_id": ""}), "INVALID", &["1 to 200 characters"]),
    ] {
        api.post(UPDATE, body).await.expect_problem(422, code, texts);
    }
    api.post(DELETE, json!({"all": true, "changes": {}})).await.expect_problem(422, "INVALID", &["UNKNOWN_KEY"]);
    api.post("/api/v1/resources/nope/bulk-delete", json!({"all": true})).await.expect_problem(
        404,
        "UNKNOWN_RESOURCE",
        &[],
    );
    assert_eq!(api.get("/api/v1/tasks").await.expect(200).json["count"], 0);
}

async fn links_are_changed_in_bulk(database: TestDatabase) {
    let number = if database.kind == Kind::Sqlite { "INTEGER" } else { "INT" };
    let tables = format!(
        "CREATE TABLE tag (id {number} NOT NULL PRIMARY KEY, name VARCHAR(20)); INSERT INTO tag VALUES (1, 'red'), (2, 'blue'), (3, 'old');"
    );
    let join = format!(
        "CREATE TABLE book_tag (book_id {number} NOT NULL, tag_id {number} NOT NULL, PRIMARY KEY (book_id, tag_id),
           FOREIGN KEY (book_id) REFERENCES book (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
         INSERT INTO book_tag VALUES (5, 3), (6, 1);"
    );
    shop(&database).await;
    database.execute(&tables).await;
    database.execute(&join).await;
    let app = PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("a shop");
    let api = Client::nobody(app.router());
    let links = &api.get("/api/v1/resources/book").await.expect(200).json["many_to_many"];
    assert_eq!((&links[0]["name"], &links[0]["reference"]["table"]), (&json!("tags"), &json!("tag")));
    let links = async || rows(&database, "book_tag", &["book_id * 10 + tag_id"]).await.into_keys().collect::<Vec<_>>();
    let body = json!({"ids": [5, 6], "changes": {"tags": {"add": [1, "2"], "remove": [3]}}});
    let task = api.post(UPDATE, body).await.expect(200).json;
    assert_eq!((&task["status"], &task["changes"]["tags"]["remove"]), (&json!("SUCCESS"), &json!({"3": "old"})));
    assert_eq!(links().await, ["51", "52", "61", "62"]);
    api.post(UPDATE, json!({"ids": [5], "changes": {"tags": [3]}})).await.expect(200);
    api.post(UPDATE, json!({"ids": [6], "changes": {"tags": {"clear": true}}})).await.expect(200);
    assert_eq!(links().await, ["53"]);
    for (tags, code) in [
        (json!({"add": "1"}), "INVALID_TYPE"),
        (json!({"add": [77]}), "FOREIGN_KEY"),
        (json!({"toggle": [1]}), "UNKNOWN_OPERATION"),
        (json!({"add": [1], "replace": [2]}), "CONTRADICTION"),
    ] {
        api.post(UPDATE, json!({"ids": [5], "changes": {"tags": tags}})).await.expect_problem(422, "INVALID", &[code]);
    }
}

async fn another_task_in_the_way_is_a_conflict(database: TestDatabase) {
    let (app, api) = open(database).await;
    let ann = api.with_token(&token_of(&app, user("ann", false), &[Scope::Bulk, Scope::Write]).await);
    let first = api.post(UPDATE, json!({"all": true, "changes": {"notes": "a"}})).await.expect(202).json;
    let other = json!({"ids": [5], "changes": {"notes": "b"}});
    let conflict = api.post(UPDATE, other.clone()).await.expect_problem(409, "CONFLICT", &[]);
    assert_eq!(conflict.json["task"], first["id"]);
    // Whose it is stays with those who may see it.
    let conflict = ann.post(UPDATE, other).await.expect_problem(409, "CONFLICT", &["somebody else's"]);
    assert_eq!(conflict.json["task"], Value::Null);
    let record = "/api/v1/resources/book/records/5";
    assert_eq!(
        api.patch(record, json!({"notes": "c"})).await.expect_problem(409, "RECORD_HELD", &[]).json["task"],
        first["id"]
    );
    assert_eq!(ann.delete(record).await.expect_problem(409, "RECORD_HELD", &[]).json["task"], Value::Null);
    let task =
        powercrud::task::store::get(&app, &User::operator(), first["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!(task.unwrap().status, Status::Pending);
}

async fn a_selection_of_another_size_is_refused(database: TestDatabase) {
    let (_, api) = open(database).await;
    let asked = |count: u64| json!({"filter": {"status": "draft"}, "changes": {"notes": "x"}, "expected_count": count, "request_id": "one"});
    let told = &["The selection has 30 books now, not 29"];
    api.post(UPDATE, asked(29)).await.expect_problem(409, "SELECTION_CHANGED", told);
    let count = json!({"all": true, "expected_count": -1});
    api.post(DELETE, count).await.expect_problem(422, "INVALID", &["expected_count", "whole number"]);
    api.post(DELETE, json!({"all": true, "expected_count": 61})).await.expect_problem(409, "SELECTION_CHANGED", &[]);
    let list = api.get("/api/v1/resources/book/records?notes=x").await.expect(200).json;
    assert_eq!(list["records"], json!([]));
    // The name is still free: nothing was done under it.
    let task = api.post(UPDATE, asked(30)).await.json;
    assert_eq!(task["total_records"], 30);
}

/// It is counted with the others, by the preview and by the task, and named.
async fn a_key_that_no_record_has(database: TestDatabase) {
    let (_, api) = open(database).await;
    let asked = |more: (&str, Value)| {
        let mut body = json!({"ids": [1, 999, 2], "changes": {"notes": "y"}});
        body[more.0] = more.1;
        body
    };
    let seen = api.post(UPDATE, asked(("validate_only", json!(true)))).await.expect(200).json;
    let count = |name: &str| seen[name].as_u64().expect("a number");
    assert_eq!((count("total_records"), count("changing_records"), count("failing_records")), (3, 2, 1), "{seen}");
    assert_eq!(seen["failures"][0]["code"], "NOT_FOUND");
    assert_eq!(seen["failures"][0]["message"], "there is no book with the key 999");
    let told = &["The selection has 3 books now, not 2"];
    api.post(UPDATE, asked(("expected_count", json!(2)))).await.expect_problem(409, "SELECTION_CHANGED", told);
    let task = api.post(UPDATE, asked(("expected_count", json!(count("total_records"))))).await.expect(200).json;
    assert_eq!((&task["total_records"], &task["failed_records"]), (&json!(3), &json!(1)), "{task}");
    assert_eq!(task["status"], "PARTIAL", "the others are done, as the preview said");
    let seen = api.post(DELETE, json!({"ids": [59, 999], "validate_only": true})).await.expect(200).json;
    assert_eq!((&seen["total_records"], &seen["missing_records"]), (&json!(2), &json!(1)), "{seen}");
    assert_eq!((&seen["changing_records"], &seen["failing_records"]), (&json!(1), &json!(0)), "{seen}");
}
