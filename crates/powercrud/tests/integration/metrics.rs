//! What operators read of tasks: counts by this process, gauges by the database, and who may read them.

use powercrud::{
    MetricsAccess, PowerCrud, Resource, Selection, Settings, User,
    db::Database,
    task::{Status, store},
    token::Scope,
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Client, token_of},
    shop::{carry_out, counts, items, keys, queue, update, when, work},
    support::{Kind, TestDatabase, each_database, run},
    web::browser::Browser,
};

each_database! { what_workers_do_is_counted, a_lost_lease_is_counted }

async fn app(database: impl Into<Database>, metrics: MetricsAccess) -> PowerCrud {
    let item = Resource::table("item").bulk_chunk_size(20u64);
    let settings = Settings { metrics, ..Settings::default() };
    PowerCrud::builder(database)
        .open_to_everybody()
        .all_settings(settings)
        .resource(item)
        .build()
        .await
        .expect("no mistakes")
}

/// The number behind a name with its labels, as Prometheus would read it.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("{series} is not in {text}"));
    found.parse().unwrap_or_else(|_| panic!("{found:?} is no number"))
}

async fn what_workers_do_is_counted(database: TestDatabase) {
    items(&database, 60).await;
    let app = app(database.clone(), MetricsAccess::Staff).await;
    let text = app.metrics_text().await.expect("a text");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(value(&text, &format!("powercrud_build_info{{version=\"{version}\"}}")), 1.0);
    // What has not happened is nothing, not absent.
    for series in [
        "powercrud_records_total{operation=\"delete\",outcome=\"failed\"}",
        "powercrud_tasks{status=\"PAUSED\"}",
        "powercrud_lease_losses_total",
        "powercrud_queue_seconds_count",
        "powercrud_oldest_pending_seconds",
        "powercrud_workers",
    ] {
        assert_eq!(value(&text, series), 0.0, "{series}");
    }

    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let text = app.metrics_text().await.expect("a text");
    assert_eq!(value(&text, "powercrud_tasks{status=\"PENDING\"}"), 1.0);
    assert_eq!(work(&app, &task).await.status, Status::Success);
    // Records that are gone by then fail.
    let gone = queue(&app, update("item", keys(1..=50), [("note", Some("y"))])).await;
    database.execute("DELETE FROM item WHERE id > 45;").await;
    assert_eq!(counts(&work(&app, &gone).await), (45, 5, 0));
    // Few records: at once, all or nothing, and nobody has to be told.
    let few = carry_out(&app, update("item", keys(1..=3), [("note", Some("z"))])).await;
    assert_eq!(few.status, Status::Success);
    let cancelled = queue(&app, update("item", Selection::All, [("note", None)])).await;
    store::cancel(&app, &User::operator(), cancelled.id).await.expect("cancelled");

    let text = app.metrics_text().await.expect("a text");
    for (series, expected) in [
        ("powercrud_records_total{operation=\"update\",outcome=\"succeeded\"}", 60.0 + 45.0 + 3.0),
        ("powercrud_records_total{operation=\"update\",outcome=\"failed\"}", 5.0),
        ("powercrud_records_total{operation=\"update\",outcome=\"unprocessed\"}", 0.0),
        ("powercrud_chunk_seconds_count{operation=\"update\"}", 3.0 + 3.0 + 1.0),
        ("powercrud_queue_seconds_count", 2.0),
        ("powercrud_notices_total{channel=\"messages\",outcome=\"sent\"}", 3.0),
        ("powercrud_tasks{status=\"SUCCESS\"}", 2.0),
        ("powercrud_tasks{status=\"PARTIAL\"}", 1.0),
        ("powercrud_tasks{status=\"CANCELLED\"}", 1.0),
        ("powercrud_database_up", 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series} in {text}");
    }
    assert!(value(&text, "powercrud_chunk_seconds_sum{operation=\"update\"}") > 0.0);
    // Another PowerCRUD, as of another process, has its own counts and the same database.
    let other = self::app(database, MetricsAccess::Staff).await.metrics_text().await.expect("a text");
    assert_eq!(value(&other, "powercrud_records_total{operation=\"update\",outcome=\"succeeded\"}"), 0.0);
    assert_eq!(value(&other, "powercrud_tasks{status=\"SUCCESS\"}"), 2.0);
}

async fn a_lost_lease_is_counted(database: TestDatabase) {
    items(&database, 3_000).await;
    let item = Resource::table("item").bulk_chunk_size(1u64);
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.expect("no mistakes");
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let overtaken = tokio::spawn({
        let (app, id) = (app.clone(), task.id);
        async move { app.worker().run_task(id, &CancellationToken::new()).await }
    });
    when(&app, &task, |task| task.processed_records >= 3).await;
    database.execute("UPDATE powercrud_bulk_task SET attempt = attempt + 1, lease_expires_at = 99999999999999;").await;
    overtaken.await.expect("no panic").expect_err("the lease is lost");
    let text = app.metrics_text().await.expect("a text");
    assert_eq!(value(&text, "powercrud_lease_losses_total"), 1.0, "{text}");
    let done = when(&app, &task, |_| true).await.succeeded_records as f64;
    assert_eq!(value(&text, "powercrud_records_total{operation=\"update\",outcome=\"succeeded\"}"), done);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_staff_unless_the_settings_say_otherwise() {
    run(Kind::Sqlite, |database| async move {
        items(&database, 1).await;
        let hook = |parts: &axum::http::request::Parts| {
            let name = parts.headers.get("x-user")?.to_str().ok()?.to_owned();
            Some(User::new(&name, &name).staff(name == "staff"))
        };
        let with = async |metrics| {
            let settings = Settings { metrics, discover: true, ..Settings::default() };
            let tokens_user = async |id: String| Some(User::new(&id, &id).staff(id == "scraper"));
            let builder = PowerCrud::builder(database.clone()).all_settings(settings).user(hook);
            builder.token_user(tokens_user).build().await.expect("no mistakes")
        };
        let app = with(MetricsAccess::Staff).await;
        for router in [app.router(), app.operator_router()] {
            let nobody = Browser::new(router.clone());
            let told = nobody.with("x-user", "staff").get("/metrics").await.expect(200);
            assert_eq!(told.headers["content-type"], "text/plain; version=0.0.4");
            assert!(told.text.contains("# TYPE powercrud_tasks gauge"), "{}", told.text);
            // A program is refused, not led to a page.
            Client::nobody(router.clone()).get("/metrics").await.expect_problem(401, "NOT_SIGNED_IN", &[]);
            nobody.with("x-user", "bob").get("/metrics").await.expect(403).holds(&["for staff"]);
            let token = |user: User| token_of(&app, user, &[Scope::Read]);
            let scrape = |token: String| Box::leak(format!("Bearer {token}").into_boxed_str()) as &'static str;
            let staff = scrape(token(User::new("scraper", "scraper").staff(true)).await);
            nobody.with("authorization", staff).get("/metrics").await.expect(200);
            let other = scrape(token(User::new("bob", "bob")).await);
            nobody.with("authorization", other).get("/metrics").await.expect(403);
            nobody.with("authorization", "Bearer pcr_0").get("/metrics").await.expect(401);
        }
        let mut anyone = Browser::new(with(MetricsAccess::Anyone).await.router());
        anyone.get("/metrics").await.expect(200).holds(&["powercrud_database_up 1"]);
        let nobody = Browser::new(with(MetricsAccess::Nobody).await.router());
        nobody.with("x-user", "staff").get("/metrics").await.expect(404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_leaves_what_the_process_counted() {
    run(Kind::Sqlite, |database| async move {
        items(&database, 3).await;
        let own = Database::connect(&database.url).await.expect("a database that answers");
        let app = app(own, MetricsAccess::Anyone).await;
        carry_out(&app, update("item", Selection::All, [("note", Some("x"))])).await;
        app.database().connection().clone().close().await.expect("closed");
        let text = Browser::new(app.router()).get("/metrics").await.expect(200).text;
        assert_eq!(value(&text, "powercrud_database_up"), 0.0);
        assert_eq!(value(&text, "powercrud_records_total{operation=\"update\",outcome=\"succeeded\"}"), 3.0);
        assert!(!text.contains("powercrud_tasks"), "{text}");
    })
    .await;
}
