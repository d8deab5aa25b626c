//! Health, metrics and the pages for staff, on each database.

use axum::http::Method;
use powercrud::{MetricsAccess, PowerCrud, Resource, Selection, Settings, User, task::Status};

use super::send;
use crate::{
    shop::{items, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { load_balancers_and_operators_are_answered }

async fn load_balancers_and_operators_are_answered(database: TestDatabase) {
    items(&database, 60).await;
    let settings = Settings { metrics: MetricsAccess::Anyone, ..Settings::default() };
    let item = Resource::table("item").bulk_chunk_size(20u64).bulk_revert(true);
    let hook = |parts: &axum::http::request::Parts| {
        let name = parts.headers.get("x-user")?.to_str().ok()?.to_owned();
        Some(User::new(&name, &name).staff(name == "ann"))
    };
    let app =
        PowerCrud::builder(database).all_settings(settings).resource(item).user(hook).build().await.expect("a shop");
    let done = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    assert_eq!(work(&app, &done).await.status, Status::Success);
    let waiting = queue(&app, update("item", Selection::All, [("note", Some("y"))])).await;

    for router in [app.router(), app.operator_router()] {
        let get = async |path| send(&router, None, Method::GET, path, &[], "").await;
        assert_eq!(get("/healthz").await.expect(200).text, "ok\n");
        let ready = get("/readyz").await.expect(200).text;
        assert!(ready.starts_with("ready"), "{ready}");
        let metrics = get("/metrics").await.expect(200).text;
        for line in [
            "powercrud_database_up 1",
            "powercrud_tasks{status=\"PENDING\"} 1",
            "powercrud_tasks{status=\"SUCCESS\"} 1",
            "powercrud_records_total{operation=\"update\",outcome=\"succeeded\"} 60",
        ] {
            assert!(metrics.lines().any(|other| other == line), "{line} is not in {metrics}");
        }
    }
    let router = app.router();
    let (done, waiting) = (done.id, waiting.id);
    for (path, texts) in [
        ("/staff".to_owned(), &["item"][..]),
        ("/staff?all=1".to_owned(), &[]),
        ("/staff/audit".to_owned(), &["operator"]),
        ("/staff/audit?user=&action=bulk_submitted".to_owned(), &[]),
        (format!("/staff/audit?from=2020-01-01&to=2100-01-01&resource=item&task={done}"), &[]),
        ("/staff/purge".to_owned(), &[]),
        (format!("/staff/tasks/{waiting}/cancel"), &[]),
        (format!("/staff/tasks/{waiting}/requeue"), &[]),
        (format!("/staff/tasks/{waiting}/release"), &[]),
        (format!("/tasks/{done}"), &["60"]),
        ("/tasks".to_owned(), &["60"]),
        ("/tokens".to_owned(), &[]),
        ("/messages".to_owned(), &[]),
        ("/api".to_owned(), &["/api/v1/resources"]),
        ("/resources/item".to_owned(), &["60"]),
        ("/resources/item/records/1".to_owned(), &["History"]),
    ] {
        let answer = send(&router, None, Method::GET, &path, &[("x-user", "ann")], "").await;
        // What is asked of the wrong task is refused in words, what is not there is not found; nothing fails.
        assert!(answer.status < 500, "{path}: {}", answer.text);
        if !texts.is_empty() {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        for text in texts {
            assert!(
                answer.text.to_lowercase().contains(&text.to_lowercase()),
                "{text} is not in {path}: {}",
                answer.text
            );
        }
        let other = send(&router, None, Method::GET, &path, &[("x-user", "bob")], "").await;
        assert!(!path.starts_with("/staff") || other.status == 403, "{path}: {}", other.status);
    }
}
