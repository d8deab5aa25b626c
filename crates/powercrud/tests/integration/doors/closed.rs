//! Nobody is let in before the application has said who its users are, or that everybody may come in.

use axum::http::Method;
use powercrud::{Error, MetricsAccess, PowerCrud, Resource, User, bulk, task::Status, token::Scope};

use super::send;
use crate::{
    api::{Client, token_of},
    shop::{count, items, touched_once, work},
    support::{Kind, TestDatabase, each_database, run},
    web::browser::Browser,
};

each_database! { code_and_workers_need_no_word }

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_answered_without_a_word() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let builder = || PowerCrud::builder(database.clone()).resource(Resource::table("item"));
        let open = builder().open_to_everybody().build().await.expect("a shop");
        let token = format!("Bearer {}", token_of(&open, User::operator(), &[Scope::Admin]).await);
        let closed = builder().build().await.expect("a shop");
        let router = closed.router();
        let of_everybody = ["/assets/{*file}", "/healthz", "/readyz"];
        let routes = closed.routes();
        assert!(routes.len() > 50, "{routes:?}");
        for (route, methods) in routes.iter().filter(|(route, _)| !of_everybody.contains(&&**route)) {
            let path = route.replace("{resource}", "item").replace("{key}", "1").replace("{id}", "1");
            for method in methods {
                let method = Method::from_bytes(method.as_bytes()).expect("a method");
                for headers in [&[][..], &[("authorization", token.as_str())], &[("hx-request", "true")]] {
                    let answer = send(&router, None, method.clone(), &path, headers, "").await;
                    assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {}", answer.text);
                    assert!(!answer.text.contains("item 1") && !answer.text.contains("Items"), "{}", answer.text);
                }
            }
        }
        assert_eq!(count(&database, "item").await, 3);
        // The developer, who is the first to see it, learns what to say.
        let mut browser = Browser::new(router.clone());
        let words = ["open_to_everybody()", ".user(…)", ".login()"];
        browser.get("/").await.expect(403).holds(&words).lacks(&["Sign in", "/resources/item"]);
        let answer = Client::nobody(router).send(Method::GET, "/api/v1/resources", None).await.expect(403);
        assert_eq!((answer.json["code"].as_str(), answer.json["status"].as_u64()), (Some("NOT_OPEN"), Some(403)));
        for path in ["/healthz", "/readyz", "/assets/powercrud.css"] {
            browser.get(path).await.expect(200);
        }
        let counts = builder().settings(|settings| settings.metrics = MetricsAccess::Anyone);
        let counts = counts.build().await.expect("a shop").operator_router::<()>();
        Browser::new(counts).get("/metrics").await.expect(200);

        // With the word everybody is the operator.
        let mut browser = Browser::new(open.router());
        browser.get("/resources/item").await.expect(200).holds(&["item 1", "Staff"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_thing_is_said_and_not_two() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let builder = || PowerCrud::builder(database.clone()).open_to_everybody();
        for both in [builder().user(|_| None), builder().user_async(async |_| None::<User>), builder().login()] {
            let Err(Error::Configuration(mistakes)) = both.build().await else { panic!("it was built") };
            assert!(mistakes.len() == 1 && mistakes[0].starts_with("open_to_everybody: "), "{mistakes:?}");
        }
    })
    .await;
}

/// Programs alone may come in, with tokens of whom the application knows.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_may_be_for_tokens_alone() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let app = PowerCrud::builder(database)
            .resource(Resource::table("item"))
            .token_user(async |id| (id == "ann").then(|| User::new("ann", "Ann")))
            .build()
            .await
            .expect("a shop");
        let [ann, bob] = ["ann", "bob"].map(|name| User::new(name, name));
        Client::new(app.router(), &token_of(&app, ann, &[Scope::Read]).await)
            .get("/api/v1/resources")
            .await
            .expect(200);
        Client::new(app.router(), &token_of(&app, bob, &[Scope::Read]).await)
            .get("/api/v1/resources")
            .await
            .expect(401);
        Client::nobody(app.router()).get("/api/v1/resources").await.expect(401);
        Browser::new(app.router()).get("/").await.expect(401);
    })
    .await;
}

async fn code_and_workers_need_no_word(database: TestDatabase) {
    items(&database, 60).await;
    let app = PowerCrud::builder(database.clone()).resource(Resource::table("item")).build().await.expect("a worker");
    let answer = bulk::update(&app, "item").set("stock", 777).all().in_background().run().await;
    let task = work(&app, answer.expect("it is queued").task()).await;
    assert_eq!((task.status, touched_once(&database).await), (Status::Success, 60));
}
