//! Actions by the JSON API.

use powercrud::{Action, ActionField, AppError, PowerCrud, Resource, User, token::Scope};
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Client, token_of},
    support::{TestDatabase, each_database},
    web::shop,
};

each_database! { it_is_described_and_done, its_mistakes_are_named, many_run_in_the_background }

async fn open(database: TestDatabase) -> (PowerCrud, Client) {
    shop(&database).await;
    let discount = Action::statements("discount", |chunk| {
        let by = chunk.values().integer("percent").ok_or_else(|| AppError::failed("no percentage"))?;
        let mut update = chunk.update();
        update.value("price", Expr::col("price").mul(100 - by).div(100));
        Ok(vec![update.into()])
    })
    .label("Give a discount")
    .permission("discount_book")
    .field(ActionField::integer("percent").required().help("From 1 to 99"))
    .field(ActionField::choice("why", [("sale", "A sale"), ("old", "It is old")]).default("sale"));
    let publish = Action::for_each("publish", |book| {
        Box::pin(async move {
            if book.text("published").is_none() {
                return Err(AppError::new("NO_DATE", "has no date").field("published"));
            }
            book.transaction().execute(book.update().value("status", "published")).await?;
            Ok(())
        })
    });
    let archive = Action::set("archive", [("status", Some("archived"))]).confirm("Archived books are not sold.");
    let book = Resource::table("book").action(archive).action(discount).action(publish);
    let app =
        PowerCrud::builder(database).open_to_everybody().discover(true).resource(book).build().await.expect("a shop");
    let client = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Bulk]).await);
    (app, client)
}

const ARCHIVE: &str = "/api/v1/resources/book/actions/archive";
const DISCOUNT: &str = "/api/v1/resources/book/actions/discount";

async fn it_is_described_and_done(database: TestDatabase) {
    let (_, api) = open(database).await;
    let book = api.get("/api/v1/resources/book").await.expect(200).json;
    assert_eq!(
        book["actions"][0],
        json!({"name": "archive", "label": "Archive", "confirm": "Archived books are not sold.", "permission": null, "fields": []})
    );
    let discount = &book["actions"][1];
    assert_eq!((&discount["label"], &discount["permission"]), (&json!("Give a discount"), &json!("discount_book")));
    assert_eq!(
        discount["fields"][1],
        json!({"name": "why", "label": "Why", "help_text": "", "type": "choice", "required": false, "default": "sale", "choices": ["sale", "old"]})
    );
    let document = api.get("/api/openapi.json").await.expect(200).json;
    assert!(document["paths"]["/api/v1/resources/{resource}/actions/{action}"]["post"].is_object());
    let preview = api.post(ARCHIVE, json!({"ids": [1, 2, 99], "validate_only": true})).await.expect(200).json;
    assert_eq!((&preview["changing_records"], &preview["failures"][0]["code"]), (&json!(2), &json!("NOT_FOUND")));
    assert_eq!(
        preview["samples"][0]["changes"][0],
        json!({"field": "status", "before": "published", "after": "archived"})
    );
    let task = api.post(ARCHIVE, json!({"ids": [1, 2], "request_id": "a"})).await.expect(200).json;
    assert_eq!((&task["status"], &task["operation"]), (&json!("SUCCESS"), &json!("action:archive")));
    assert_eq!((&task["changes"], &task["values"]), (&json!({"status": "archived"}), &json!({})));
    let again = api.post(ARCHIVE, json!({"ids": [1, 2], "request_id": "a"})).await.expect(200).json;
    assert_eq!(again["id"], task["id"]);
    let other = api.post(DISCOUNT, json!({"ids": [1, 2], "values": {"percent": 50}, "request_id": "a"})).await;
    other.expect(422);
    let body = json!({"ids": [2, 4], "values": {"percent": 50, "why": "old"}});
    let task = api.post(DISCOUNT, body).await.expect(200).json;
    assert_eq!(
        (&task["status"], &task["values"]),
        (&json!("SUCCESS"), &json!({"percent": "50", "why": "old"})),
        "{task}"
    );
    let four = api.get("/api/v1/resources/book/records/4").await.expect(200).json;
    assert_eq!(four["fields"]["price"], "2.25");
    let preview = api
        .post(DISCOUNT, json!({"all": true, "values": {"percent": "5"}, "validate_only": true}))
        .await
        .expect(200)
        .json;
    assert_eq!((&preview["total_records"], &preview["unknown"]), (&json!(60), &json!(["the action itself"])));
}

async fn its_mistakes_are_named(database: TestDatabase) {
    let (app, api) = open(database).await;
    let problem = api.post("/api/v1/resources/book/actions/burn", json!({"all": true})).await.expect(404).json;
    assert_eq!(problem["code"], "UNKNOWN_ACTION");
    let body = json!({"ids": [1], "values": {"percent": "many", "why": "new", "colour": 5}, "changes": {}});
    let problem = api.post(DISCOUNT, body).await.expect(422).json;
    assert_eq!(problem["errors"][0]["code"], "UNKNOWN_KEY", "{problem}");
    let body = json!({"ids": [1], "values": {"percent": "many", "why": "new", "colour": 5}});
    let problem = api.post(DISCOUNT, body).await.expect(422).json;
    let errors: Vec<_> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| (error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(errors, [("colour", "UNKNOWN_FIELD"), ("percent", "INVALID_TYPE"), ("why", "INVALID_CHOICE")]);
    let problem = api.post(DISCOUNT, json!({"ids": [1]})).await.expect(422).json;
    assert_eq!(
        problem["errors"][0],
        json!({"field": "percent", "code": "NOT_NULL", "message": "must have a value; it can't be empty"})
    );
    api.post(ARCHIVE, json!({"values": {}})).await.expect(422);
    let reader = api.with_token(&token_of(&app, User::operator(), &[Scope::Write]).await);
    reader.post(ARCHIVE, json!({"ids": [1]})).await.expect(403);
}

async fn many_run_in_the_background(database: TestDatabase) {
    let (app, api) = open(database).await;
    let body = json!({"filter": {"id__lte": 40}});
    let answer = api.post("/api/v1/resources/book/actions/publish", body).await.expect(202);
    let id = answer.json["id"].as_str().expect("an id").parse().expect("an id");
    app.worker().run_task(id, &CancellationToken::new()).await.expect("a worker");
    let task = api.get(&format!("/api/v1/tasks/{id}")).await.expect(200).json;
    assert_eq!((&task["status"], &task["succeeded_records"]), (&json!("SUCCESS"), &json!(40)), "{task}");
}
