//! An application with a login of its own says where it is: people are sent there and come back, programs are refused.

use axum::{Router, http::Method};
use powercrud::{Builder, Error, PowerCrud, Resource, User};

use super::send;
use crate::{
    shop::{count, items},
    support::{Kind, TestDatabase, run},
    web::browser::Browser,
};

fn builder(database: &TestDatabase) -> Builder {
    PowerCrud::builder(database.clone())
        .resource(Resource::table("item"))
        .user(|head| head.headers.get("x-user").and_then(|name| name.to_str().ok()).map(|name| User::new(name, name)))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_sent_to_the_login_page_and_come_back() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let app = builder(&database).login_url("/login").logout_url("/logout").build().await.expect("a shop");
        let mut nobody = Browser::new(Router::new().nest("/admin", app.router()));
        let login = nobody.get("/admin/resources/item?q=a+b").await.location();
        assert_eq!(login, "/login?next=%2Fadmin%2Fresources%2Fitem%3Fq%3Da%2Bb");
        assert_eq!(nobody.get("/admin").await.location(), "/login");
        // A form is not sent again: back to where it stood, if that is a page of these.
        let form = "/admin/resources/item/records/1/delete";
        for (referer, location) in [
            (
                "http://shop.example/admin/resources/item/records/1",
                "/login?next=%2Fadmin%2Fresources%2Fitem%2Frecords%2F1",
            ),
            ("http://shop.example/elsewhere", "/login"),
            ("http://evil.example//evil.example/admin", "/login"),
            ("/\\evil.example", "/login"),
        ] {
            assert_eq!(nobody.with("referer", referer).post(form, "").await.location(), location, "{referer}");
        }
        assert_eq!(count(&database, "item").await, 3);
        // htmx leaves for it as a page.
        let htmx = nobody.with("hx-request", "true").with("hx-current-url", "http://shop.example/admin/tasks?page=2");
        let answer = htmx.clone().get("/admin/tasks/badge").await.expect(401);
        assert_eq!(answer.header("hx-redirect"), "/login?next=%2Fadmin%2Ftasks%3Fpage%3D2");
        assert_eq!((answer.header("location"), answer.text.as_str()), ("", ""));
        // Programs are refused.
        let router = app.router::<()>();
        for (path, headers) in [
            ("/api/v1/resources", &[][..]),
            ("/api/v1/resources", &[("accept", "text/html")]),
            ("/resources/item", &[("accept", "application/json")]),
            ("/metrics", &[]),
        ] {
            let answer = send(&router, None, Method::GET, path, headers, "").await.expect(401);
            assert!(!answer.headers.contains_key("location"), "{path}");
        }
        let answer = send(&router, None, Method::GET, "/api/v1/resources", &[], "").await;
        assert_eq!(answer.headers["content-type"], "application/problem+json");

        // Who is signed in signs out by a form.
        let page = nobody.with("x-user", "ann").get("/admin/resources/item").await.expect(200);
        let policy = page.header("content-security-policy").to_owned();
        assert!(policy.ends_with("form-action 'self'"), "{policy}");
        page.holds(&["<form method=\"post\" action=\"/logout\"", "Signed in as ann"]).lacks(&["/account", "/tokens"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_may_be_elsewhere() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let app = builder(&database)
            .login_url("https://id.example.org/login?app=shop")
            .logout_url("https://out.example.org/bye")
            .token_user(async |id| Some(User::new(id, "Ann")))
            .build()
            .await
            .expect("a shop");
        let mut browser = Browser::new(app.router());
        assert_eq!(
            browser.get("/resources/item").await.location(),
            "https://id.example.org/login?app=shop&next=%2Fresources%2Fitem"
        );
        let page = browser.with("x-user", "ann").get("/").await.expect(200);
        // Browsers look at where a form's redirects lead, too.
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with("form-action 'self' https://id.example.org https://out.example.org"), "{policy}");
        page.holds(&["<a href=\"https://out.example.org/bye\">Sign out</a>", "href=\"/tokens\""]).lacks(&["/account"]);
        // Without one, people are refused as ever.
        let app = builder(&database).build().await.expect("a shop");
        Browser::new(app.router()).get("/").await.expect(401).lacks(&["Sign out"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_astray_is_a_mistake() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let wrong = builder(&database).login_url("//evil.example").logout_url("javascript:alert(1)").build().await;
        let Err(Error::Configuration(mistakes)) = wrong else { panic!("it was built") };
        assert!(mistakes.len() == 2, "{mistakes:?}");
        assert!(mistakes[0].starts_with("login_url: \"//evil.example\" is not allowed; allowed is"), "{mistakes:?}");
        assert!(mistakes[1].starts_with("logout_url: "), "{mistakes:?}");
        let own = PowerCrud::builder(database.clone()).login().login_url("/login").build().await;
        let Err(Error::Configuration(mistakes)) = own else { panic!("it was built") };
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("login_url: goes with"), "{mistakes:?}");
    })
    .await;
}
