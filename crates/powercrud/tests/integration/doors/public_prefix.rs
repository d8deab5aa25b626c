//! Behind a proxy that takes a part of the path away, or that asks under another host.

use axum::{Router, http::Method};
use powercrud::{
    Error, PowerCrud, Resource, Selection, User,
    account::{self, NewAccount},
};

use super::{Answer, send};
use crate::{
    shop::{items, queue, update},
    support::{Kind, TestDatabase, run},
};

const PROXY: Option<&str> = Some("10.0.0.5:4711");
const OUTSIDE: &str = "/tools/admin";

/// What a page leads to: every attribute that holds a path.
fn addresses(html: &str) -> Vec<String> {
    let found = html.split("=\"").skip(1).filter(|rest| rest.starts_with('/'));
    found.map(|rest| rest.split('"').next().unwrap_or_default().replace("&amp;", "&")).collect()
}

async fn shop(database: &TestDatabase) -> PowerCrud {
    items(database, 30).await;
    let builder = PowerCrud::builder(database.clone()).resource(Resource::table("item").bulk_fields(["stock"]));
    builder.open_to_everybody().trusted_proxies(["10.0.0.0/8"]).build().await.expect("a shop")
}

/// A proxy takes `/tools` away; whatever pages lead to has it, and is found under it.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_pages_lead_to_is_reached_through_the_proxy() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let app = shop(&database).await;
        let task = queue(&app, update("item", Selection::All, [("stock", Some("7"))])).await.id;
        let router: Router = app.router_at("/admin");
        let ask = async |path: &str| {
            let inside = path.strip_prefix("/tools").expect("an address outside");
            send(&router, PROXY, Method::GET, inside, &[("x-forwarded-prefix", "/tools")], "").await
        };
        let mut seen = Vec::new();
        for page in [
            "",
            "/resources/item?ordering=-stock&page=2",
            "/resources/item/records/1",
            "/resources/item/records/1/edit",
            "/resources/item/new",
            "/resources/item/bulk-edit",
            "/resources/nothing",
            "/tasks",
            &format!("/tasks/{task}"),
            "/messages",
            "/tokens",
            "/staff",
            "/staff/audit",
            "/api",
        ] {
            let answer = ask(&format!("{OUTSIDE}{page}")).await;
            assert!([200, 404, 422].contains(&answer.status), "{page}: {}", answer.text);
            let led_to = addresses(&answer.text);
            assert!(led_to.len() > 10, "{page} leads to {led_to:?}");
            for address in &led_to {
                let rest = address.strip_prefix(OUTSIDE);
                let is_under = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
                assert!(is_under, "{page} leads to {address}");
            }
            seen.extend(led_to);
        }
        seen.sort();
        seen.dedup();
        assert!(seen.iter().any(|address| address.contains("/tasks/events?")), "{seen:?}");
        for address in seen {
            let status = ask(&address).await.status;
            assert!(!matches!(status, 404 | 500..), "{address}: {status}");
        }
        assert_eq!(ask("/tools/admin/").await.expect(308).headers["location"], OUTSIDE);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_cookies_and_the_api_have_it_too() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let app = shop(&database).await;
        let router: Router = app.router_at("/admin");
        let ask = async |method: Method, path: &str, headers: &[(&str, &str)], body: &str| {
            let headers = [&[("x-forwarded-prefix", "/tools/")], headers].concat();
            send(&router, PROXY, method, path, &headers, body).await
        };
        let text = |answer: &Answer, name: &str| answer.headers[name].to_str().expect("a text").to_owned();
        let ticked = ask(Method::POST, "/admin/resources/item/selection", &[], "action=add&key=1").await;
        assert!(text(&ticked, "set-cookie").contains("; Path=/tools/admin;"), "{}", text(&ticked, "set-cookie"));
        let gone = ask(Method::POST, "/admin/resources/item/records/30/delete", &[], "").await.expect(303);
        assert!(text(&gone, "location").starts_with("/tools/admin/resources/item"), "{}", text(&gone, "location"));
        let document = ask(Method::GET, "/admin/api/openapi.json", &[], "").await.expect(200);
        let document: serde_json::Value = serde_json::from_str(&document.text).expect("JSON");
        assert_eq!(document["servers"][0]["url"], OUTSIDE);
        let body = "{\"name\": \"new\", \"status\": \"new\", \"touched\": 0, \"stock\": 1}";
        let json = [("content-type", "application/json")];
        let made = ask(Method::POST, "/admin/api/v1/resources/item/records", &json, body).await.expect(201);
        let made = text(&made, "location");
        assert!(made.starts_with("/tools/admin/api/v1/resources/item/records/"), "{made}");

        // PowerCRUD's own login, and an application's.
        let builder = || PowerCrud::builder(database.clone()).discover(true).trusted_proxies(["10.0.0.5"]);
        let own = builder().login().build().await.expect("a shop");
        let password = "correct horse".to_owned();
        let new = NewAccount { name: "ann".into(), email: None, password, is_staff: true };
        account::create(&database, &User::operator(), new).await.expect("a user");
        let router: Router = own.router_at("/admin");
        let prefix = [("x-forwarded-prefix", "/tools")];
        let sent = send(&router, PROXY, Method::GET, "/admin/tasks", &prefix, "").await.expect(303);
        assert_eq!(text(&sent, "location"), "/tools/admin/login?next=%2Ftools%2Fadmin%2Ftasks");
        let form = "name=ann&password=correct+horse&next=/tools/admin/tasks";
        let inside = send(&router, PROXY, Method::POST, "/admin/login", &prefix, form).await.expect(303);
        assert_eq!(text(&inside, "location"), "/tools/admin/tasks");
        assert!(text(&inside, "set-cookie").contains("; Path=/tools/admin;"));
        // Its path is the application's, and a proxy takes the same away.
        let apps = builder().user(|_| None).login_url("/login").build().await.expect("a shop");
        let sent = send(&apps.router_at("/admin"), PROXY, Method::GET, "/admin/tasks", &prefix, "").await.expect(303);
        assert_eq!(text(&sent, "location"), "/tools/login?next=%2Ftools%2Fadmin%2Ftasks");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_says_nothing_about_the_path() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let router: Router = shop(&database).await.router_at("/admin");
        let ask = async |router: &Router, from: Option<&str>, headers: &[(&str, &str)]| {
            let page = send(router, from, Method::GET, "/admin/tasks", headers, "").await.expect(200);
            let (before, _) = page.text.split_once("/admin/resources/item\"").expect("the menu");
            before.rsplit('"').next().unwrap_or_default().to_owned()
        };
        let prefix = |value| [("x-forwarded-prefix", value)];
        assert_eq!(ask(&router, PROXY, &prefix("/tools")).await, "/tools");
        for from in [None, Some("192.0.2.1:1"), Some("127.0.0.1:1")] {
            assert_eq!(ask(&router, from, &prefix("/tools")).await, "", "{from:?}");
        }
        // What is no path is not taken, and of several the nearest proxy's.
        for wrong in ["//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/..", "/\"><script>"] {
            assert_eq!(ask(&router, PROXY, &prefix(wrong)).await, "", "{wrong}");
        }
        assert_eq!(ask(&router, PROXY, &prefix("/made-up, /tools")).await, "/tools");
        let two = [("x-forwarded-prefix", "/made-up"), ("x-forwarded-prefix", "/tools")];
        assert_eq!(ask(&router, PROXY, &two).await, "/tools");

        // Where the proxy says nothing, the settings do.
        let builder = || PowerCrud::builder(database.clone()).resource(Resource::table("item")).open_to_everybody();
        let said = builder().public_prefix("/shop/").trusted_proxies(["10.0.0.5"]).build().await.expect("a shop");
        let router: Router = said.router_at("/admin");
        assert_eq!(ask(&router, None, &[]).await, "/shop");
        assert_eq!(ask(&router, None, &prefix("/tools")).await, "/shop");
        assert_eq!(ask(&router, PROXY, &prefix("/tools")).await, "/tools");
        let wrong = builder().public_prefix("shop").trusted_origins(["shop.example.org"]).build().await;
        let Err(Error::Configuration(mistakes)) = wrong else { panic!("it was built") };
        assert!(
            mistakes.len() == 2 && mistakes[0].starts_with("public_prefix: \"shop\" is not allowed"),
            "{mistakes:?}"
        );
        assert!(mistakes[1].starts_with("trusted_origins: \"shop.example.org\" is not allowed"), "{mistakes:?}");
    })
    .await;
}

/// A proxy that asks under a name of its own: forms come from the public one.
#[tokio::test(flavor = "multi_thread")]
async fn forms_come_from_the_public_host() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let builder = || PowerCrud::builder(database.clone()).resource(Resource::table("item")).open_to_everybody();
        let plain = builder().build().await.expect("a shop");
        let named = builder().trusted_origins(["https://Shop.example.org:443"]).build().await.expect("a shop");
        let based = builder().base_url("https://shop.example.org/admin").build().await.expect("a shop");
        let send_form = async |app: &PowerCrud, origin: &str, site: Option<&str>| {
            let mut headers = vec![("host", "inside:3000"), ("origin", origin)];
            headers.extend(site.map(|site| ("sec-fetch-site", site)));
            send(&app.router(), None, Method::POST, "/resources/item/selection", &headers, "action=add&key=1")
                .await
                .status
        };
        let (public, evil) = ("https://shop.example.org", "https://evil.example");
        for app in [&named, &based] {
            assert!(send_form(app, public, None).await < 400);
            for site in [None, Some("cross-site"), Some("same-site")] {
                assert_eq!(send_form(app, evil, site).await, 403, "{site:?}");
                assert_eq!(send_form(app, "http://shop.example.org", site).await, 403, "{site:?}");
                assert_eq!(send_form(app, "https://shop.example.org.evil.example", site).await, 403, "{site:?}");
            }
        }
        assert_eq!(send_form(&plain, public, None).await, 403);
        assert!(send_form(&plain, "http://inside:3000", None).await < 400);
    })
    .await;
}
