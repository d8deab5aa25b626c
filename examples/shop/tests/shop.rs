//! The shop as its users meet it.

use std::{path::PathBuf, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use powercrud::testing;
use powercrud_example_shop::{
    administration, application, backend::InProcess, fill, login, notifier::Chat, policy::Tenants, rules::StockRules,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

struct Shop {
    router: Router,
    chat: Chat,
    stop: CancellationToken,
    folder: PathBuf,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn open(name: &str) -> Shop {
    let folder = std::env::temp_dir().join(format!("powercrud-shop-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let url = format!("sqlite:{}?mode=rwc", folder.join("shop.db").display());
    let connection = sea_orm::Database::connect(&url).await.expect("a database");
    fill(&connection).await.expect("tables");
    let chat = Chat::default();
    let powercrud = administration(connection, chat.clone()).await.expect("no mistakes");
    let stop = CancellationToken::new();
    tokio::spawn(powercrud.worker().run(stop.clone()));
    Shop { router: application(&powercrud), chat, stop, folder }
}

impl Shop {
    async fn send(&self, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, String) {
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    /// The cookie of somebody who signs in.
    async fn sign_in(&self, name: &str) -> String {
        let request = Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let (status, headers, text) =
            self.send(request.body(Body::from(format!("name={name}"))).expect("a request")).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let cookie = headers[header::SET_COOKIE].to_str().expect("a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    async fn get(&self, cookie: &str, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).expect("a request");
        let (status, _, text) = self.send(request).await;
        (status, text)
    }

    async fn json(&self, cookie: &str, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
        let request = request.header(header::CONTENT_TYPE, "application/json").header("sec-fetch-site", "same-origin");
        let (status, _, text) = self.send(request.body(Body::from(body.to_string())).expect("a request")).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The task once it has ended.
    async fn end(&self, cookie: &str, task: &Value) -> Value {
        let path = format!("/admin/api/v1/tasks/{}", task["id"].as_str().expect("a task"));
        for _ in 0..6_000 {
            let (_, text) = self.get(cookie, &path).await;
            let task: Value = serde_json::from_str(&text).expect("JSON");
            if task["completed_at"].is_string() {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("in vain: {task}")
    }
}

const PRODUCTS: &str = "/admin/api/v1/resources/product";

#[tokio::test(flavor = "multi_thread")]
async fn tenants_see_their_own() {
    let shop = open("tenants").await;
    assert_eq!(shop.get("", PRODUCTS).await.0, StatusCode::UNAUTHORIZED);
    let (ann, ben, cleo) = (shop.sign_in("ann").await, shop.sign_in("ben").await, shop.sign_in("cleo").await);
    for (cookie, tenant, sees_cost) in [(&ann, 1, true), (&ben, 1, false), (&cleo, 2, false)] {
        let (status, text) = shop.get(cookie, &format!("{PRODUCTS}/records?page_size=1000")).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let list: Value = serde_json::from_str(&text).expect("JSON");
        let records = list["records"].as_array().expect("records");
        assert_eq!(records.len(), 100);
        assert!(records.iter().all(|record| record["fields"]["tenant_id"] == tenant), "{text}");
        for field in ["cost", "margin"] {
            assert_eq!(records[0]["fields"].get(field).is_some(), sees_cost);
        }
    }
    // What is computed is sorted and filtered by as anything else, by whoever sees it.
    let sorted = format!("{PRODUCTS}/records?ordering=-margin&margin__gte=7900");
    let (status, text) = shop.get(&ann, &sorted).await;
    let list: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &list["records"][0]["fields"]["margin"]), (StatusCode::OK, &json!(8000)), "{text}");
    assert_eq!(shop.get(&ben, &sorted).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    // The shop's own template, and its pages under its own path, with what one may do.
    for (cookie, deletes) in [(&ann, true), (&ben, false)] {
        let (status, page) = shop.get(cookie, "/admin/resources/product/records/2").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("🛒") && page.contains("/admin/resources/product/records/2/edit"), "{page}");
        assert!(page.contains("Restock") && page.contains("Reorder"), "{page}");
        assert_eq!(page.contains("/records/2/delete"), deletes, "{page}");
    }
    let (status, _) = shop.json(&ben, Method::POST, &format!("{PRODUCTS}/bulk-delete"), json!({"ids": [2]})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_and_out_by_the_shops_own_pages() {
    let shop = open("login").await;
    let location = |headers: &axum::http::HeaderMap| headers[header::LOCATION].to_str().expect("a text").to_owned();
    let request = Request::get("/admin/tasks").body(Body::empty()).expect("a request");
    let (status, headers, _) = shop.send(request).await;
    assert_eq!((status, location(&headers).as_str()), (StatusCode::SEE_OTHER, "/login?next=%2Fadmin%2Ftasks"));
    let (status, page) = shop.get("", &location(&headers)).await;
    assert!(status == StatusCode::OK && page.contains("value=\"/admin/tasks\""), "{page}");
    for (next, expected) in [("/admin/tasks", "/admin/tasks"), ("//evil.example", "/admin"), ("", "/admin")] {
        let form = Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = form.body(Body::from(format!("name=ann&next={next}"))).expect("a request");
        assert_eq!(location(&shop.send(form).await.1), expected);
    }
    let ann = shop.sign_in("ann").await;
    let (_, page) = shop.get(&ann, "/admin").await;
    assert!(page.contains("<form method=\"post\" action=\"/logout\""), "{page}");
    let out = Request::post("/logout").header(header::COOKIE, &ann).body(Body::empty()).expect("a request");
    assert_eq!(location(&shop.send(out).await.1), "/login");
    assert_eq!(shop.get(&ann, "/admin").await.0, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_shops_own() {
    let shop = open("page").await;
    let (ann, cleo) = (shop.sign_in("ann").await, shop.sign_in("cleo").await);
    for (cookie, own, others, is_manager) in [(&ann, 0, 1, true), (&cleo, 1, 0, false)] {
        let (status, page) = shop.get(cookie, "/admin/pages/running-low").await;
        assert!(status == StatusCode::OK && page.contains("🛒"), "{page}");
        assert!(page.contains("aria-current=\"true\""), "the menu leads here: {page}");
        // Product n has n % 7 in stock and is tenant (1 + n % 2)'s.
        let low = |parity| (1..=200).filter(move |n| n % 7 <= 1 && n % 2 == parity);
        assert!(page.contains(&format!("{} products", low(own).count())), "{page}");
        let href = |n| format!("/admin/resources/product/records/{n}\"");
        assert!(low(own).take(10).all(|n| page.contains(&href(n))), "{page}");
        assert!(!low(others).any(|n| page.contains(&href(n))), "{page}");
        assert_eq!(page.contains("product?status=archived"), is_manager);
    }
    assert_eq!(shop.get("", "/admin/pages/running-low").await.0, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_rules_and_the_chat() {
    let shop = open("actions").await;
    let ann = shop.sign_in("ann").await;
    let ask = async |path: &str, body: Value| shop.json(&ann, Method::POST, &format!("{PRODUCTS}/{path}"), body).await;
    // A rule holds for all and for each.
    let (status, answer) = ask("bulk-update", json!({"all": true, "changes": {"price": 5000}})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let task = shop.end(&ann, &answer).await;
    let counts = ["status", "succeeded_records", "failed_records"].map(|name| task[name].clone());
    // Products of 200, 400 … 20,000: those of more than 10,000 would fall by more than half.
    assert_eq!(counts, [json!("PARTIAL"), json!(50), json!(50)], "{task}");
    assert_eq!((&task["errors"][0]["code"], &task["errors"][0]["field"]), (&json!("FALLS_TOO_FAR"), &json!("price")));
    // Statements, in the background, over the shop's own channel.
    let (status, answer) = ask("actions/restock", json!({"all": true, "values": {"copies": -3}})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let task = shop.end(&ann, &answer).await;
    let failed = task["failed_records"].as_u64().expect("a number");
    assert!(failed > 0 && task["errors"][0]["code"] == "NEGATIVE", "{task}");
    // Code for each.
    let (status, answer) = ask("actions/reorder", json!({"ids": [2, 4, 6]})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // What goes to the chat is what was not answered in the request.
    for _ in 0..6_000 {
        if shop.chat.lines().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lines = shop.chat.lines();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("ann: ")), "{lines:?}");
}

/// What the shop plugs in keeps what its traits promise.
#[tokio::test(flavor = "multi_thread")]
async fn promises_are_kept() {
    let tables = powercrud_example_shop::TABLES;
    let app = testing::app(tables, |builder| builder).await.expect("no mistakes");
    let users = ["ann", "ben", "cleo"].map(|name| login::account(name).expect("an account").user());
    testing::policy(&app, &Tenants).users(users).check().await.unwrap();
    testing::validate(&app, "product", &StockRules).check().await.unwrap();
    let channel = InProcess::default();
    testing::backend(&app, || channel.clone()).check().await.unwrap();
    let answer = powercrud::bulk::update(&app, "product").set("stock", 3).keys([2]).run().await.expect("a task");
    let chat = Chat::default();
    let suite = testing::notifier(&app, answer.task().id, &chat);
    suite.received(|| chat.lines().len()).check().await.unwrap();
}
