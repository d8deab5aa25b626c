//! Wherever the router is put, whole or in parts.

use axum::{Router, routing::get};
use powercrud::{PowerCrud, User, token::Scope};

use super::{browser::Browser, shop};
use crate::{
    api::{Client, token_of},
    support::{Kind, TestDatabase, run},
};

async fn open(database: &TestDatabase) -> PowerCrud {
    shop(database).await;
    PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("a shop")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_found_however_it_is_nested() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let app = open(&database).await;
        let at_root = [Router::new().merge(app.router()), Router::new().fallback_service(app.router::<()>())];
        for router in at_root {
            Browser::new(router).get("/").await.expect(200).holds(&["href=\"/resources/book\""]);
        }
        let inner = || Router::new().merge(app.router_at("/admin"));
        let nested = [
            ("/admin", Router::new().nest_service("/admin", app.router::<()>())),
            ("/admin", Router::new().nest("/admin", app.router()).fallback(get("own"))),
            ("/admin", inner()),
            ("/our/admin", Router::new().nest("/our", inner())),
            ("/our/admin", Router::new().nest_service("/our", inner())),
            ("/our/admin", Router::new().merge(app.router_at("/our/admin/"))),
        ];
        for (number, (base, router)) in nested.into_iter().enumerate() {
            let mut browser = Browser::new(router);
            let list = format!("{base}/resources/book");
            for path in [base, &list, &format!("{base}/api")] {
                browser.get(path).await.expect(200).holds(&[&format!("href=\"{list}\""), &format!("\"{base}/assets/")]);
            }
            let nothing = browser.get(&format!("{base}/nothing")).await.expect(404);
            // Of a router that is nested within a nested one, axum keeps no fallback.
            if number != 3 {
                nothing.holds(&["There is no such page.", &list]);
            }
            let with_slash = browser.get(&format!("{base}/")).await;
            match (number, with_slash.status.as_u16()) {
                // As axum has it: the path with a slash is not the nested router's.
                (1, 200) => assert_eq!(with_slash.text, "own"),
                (_, 200) => drop(with_slash.holds(&[&format!("href=\"{list}\"")])),
                (_, status) => assert_eq!((status, with_slash.header("location")), (308, base), "{number}"),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_served_apart() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let app = open(&database).await;
        let router: Router = Router::new()
            .route("/", get("The shop"))
            .nest_service("/admin", app.pages_router::<()>())
            .nest_service("/programs", app.api_router::<()>())
            .merge(app.operator_router())
            .fallback(get("Nothing of ours"));
        let mut browser = Browser::new(router.clone());
        for (path, text) in [("/", "The shop"), ("/elsewhere", "Nothing of ours"), ("/healthz", "ok\n")] {
            assert_eq!(browser.get(path).await.expect(200).text, text, "{path}");
        }
        browser.get("/metrics").await.expect(200).holds(&["powercrud_build_info"]);
        browser.get("/readyz").await.expect(200);
        // Pages lead to nothing that is elsewhere.
        browser
            .get("/admin")
            .await
            .expect(200)
            .holds(&["/admin/resources/book", "/admin/tokens"])
            .lacks(&["/admin/api"]);
        browser.get("/admin/tokens").await.expect(200).lacks(&["/admin/api"]);
        browser.get("/admin/healthz").await.expect(200);
        for path in ["/admin/api", "/admin/api/v1/resources", "/admin/metrics", "/programs/tasks", "/programs/healthz"]
        {
            browser.get(path).await.expect(404);
        }
        let token = token_of(&app, User::operator(), &[Scope::Read]).await;
        let client = Client::new(router, &token);
        assert_eq!(client.get("/programs/api/v1/resources").await.expect(200).json["resources"][0]["name"], "author");
        assert_eq!(client.get("/programs/api/openapi.json").await.expect(200).json["servers"][0]["url"], "/programs");
        let missing = client.get("/programs/api/v1/nothing").await.expect(404);
        assert_eq!(missing.headers["content-type"], "application/problem+json");
        // By itself as well.
        Browser::new(app.operator_router()).get("/nothing").await.expect(404);
        assert_eq!(
            Browser::new(app.pages_router()).get("/nothing").await.expect(404).header("content-type"),
            "text/html; charset=utf-8"
        );
    })
    .await;
}
