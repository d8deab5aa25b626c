//! Pages of an application's own within the frame, and entries of the menu, each for whom it is.

use axum::{Router, extract::State, http::StatusCode, response::Response, routing};
use powercrud::{
    Builder, Error, PowerCrud, Resource, User,
    page::{Frame, Link, Page},
    policy::{Permission, Policy, Rows},
    query,
};

use super::{browser::Browser, shop};
use crate::{
    shop::count,
    support::{Kind, TestDatabase, each_database, run},
};

each_database! { a_page_is_within_the_frame }

/// Ann sees everything, Bob no authors.
struct NoAuthors;

impl Policy for NoAuthors {
    fn may(&self, user: &User, _permission: Permission<'_>, resource: &Resource) -> bool {
        user.name == "ann" || resource.name != "author"
    }

    fn rows(&self, user: &User, resource: &Resource) -> Rows {
        let is_part = user.name != "ann" && resource.name == "book";
        if is_part { Rows::equal("id", "1") } else { Rows::All }
    }
}

async fn stock(State(greeting): State<&'static str>, frame: Frame) -> Response {
    let powercrud = frame.powercrud();
    let books = powercrud.resource("book").expect("books");
    let books = query::count(powercrud, books, &Default::default()).await.expect("a count");
    let list = frame.href("/resources/book");
    frame.html("Stock", format!("<h1>{greeting}</h1><p>{books} books, <a href=\"{list}\">here</a></p>")).await
}

fn builder(database: &TestDatabase) -> Builder {
    let user = |head: &axum::http::request::Parts| {
        let name = head.headers.get("x-user")?.to_str().ok()?;
        Some(User::new(name, name))
    };
    PowerCrud::builder(database.clone()).discover(true).user(user).policy(NoAuthors)
}

async fn a_page_is_within_the_frame(database: TestDatabase) {
    shop(&database).await;
    let pages = Router::new()
        .route("/", routing::get(stock))
        .route("/count", routing::post(async |frame: Frame| format!("counted by {}\n", frame.user().name)))
        .with_state("How many there are");
    let app = builder(&database)
        .login_url("/login")
        .page(Page::new("stock", pages).label("Our stock"))
        .page(
            Page::new("authors", Router::new().route("/", routing::get("all"))).label("Our authors").resource("author"),
        )
        .page(Page::new("unseen", Router::new().route("/", routing::get("unseen"))))
        .page(
            Page::new("secret", Router::new().route("/", routing::get("secret")))
                .label("A secret")
                .may(|user| user.name == "ann"),
        )
        .link(Link::within("Sold out", "/resources/book?stock=0").resource("book"))
        .link(Link::new("Reports", "/reports").may(|user| user.name == "ann"))
        .link(Link::new("The shop", "https://shop.example.org"))
        .public_prefix("/tools")
        .build()
        .await
        .expect("a shop");
    let router = Router::new().nest("/admin", app.router());
    let ann = || Browser::new(router.clone()).with("x-user", "ann");
    let bob = || Browser::new(router.clone()).with("x-user", "bob");

    // With the menu, the user and the messages of other pages, and with what its user sees.
    let page = ann().get("/admin/pages/stock").await.expect(200);
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    page.holds(&[
        "<h1>How many there are</h1><p>60 books, <a href=\"/tools/admin/resources/book\">here</a>",
        "<title>Stock · PowerCRUD</title>",
        "<a href=\"/tools/admin/pages/stock\" aria-current=\"true\"",
        "href=\"/tools/admin/pages/authors\"",
        "href=\"/tools/admin/resources/book?stock=0\"",
        "href=\"/tools/reports\"",
        "href=\"https://shop.example.org/\"",
        "Signed in as ann",
        "/tools/admin/messages",
    ])
    .lacks(&["/pages/unseen"]);
    bob().get("/admin/pages/stock").await.expect(200).holds(&["<p>1 books"]);
    // For htmx the content alone.
    let part = ann().with("hx-request", "true").get("/admin/pages/stock").await.expect(200);
    part.holds(&["<p>60 books"]).lacks(&["<html", "Signed in"]);
    assert_eq!(ann().get("/admin/pages/unseen").await.expect(200).text, "unseen");
    assert_eq!(ann().post("/admin/pages/stock/count", "").await.expect(200).text, "counted by ann\n");

    // What is not for somebody is neither in the menu nor to be had, and the trail tells who tried.
    let seen = ["/pages/authors", "/pages/secret", "/reports\""];
    ann().get("/admin/resources/book").await.expect(200).holds(&seen);
    bob().get("/admin/resources/book").await.expect(200).holds(&["/pages/stock", "?stock=0"]).lacks(&seen);
    for page in ["secret", "authors"] {
        ann().get(&format!("/admin/pages/{page}")).await.expect(200);
        bob().get(&format!("/admin/pages/{page}")).await.expect(403).holds(&["Not allowed"]).lacks(&seen);
    }
    assert_eq!(count(&database, "powercrud_audit WHERE action = 'refused' AND user_name = 'bob'").await, 2);
    // Nobody reaches any of it, nor does a form of another site.
    for path in ["/admin/pages/stock", "/admin/pages/secret"] {
        let login = Browser::new(router.clone()).get(path).await.location();
        assert_eq!(login, format!("/tools/login?next=%2Ftools{}", path.replace('/', "%2F")));
    }
    Browser::new(router.clone()).with("accept", "text/plain").post("/admin/pages/stock/count", "").await.expect(401);
    ann().with("sec-fetch-site", "cross-site").post("/admin/pages/stock/count", "").await.expect(403);
    ann().get("/admin/pages/nothing").await.expect(404).holds(&["There is no such page."]);
    ann().get("/admin/pages/stock/nothing").await.expect(404).holds(&["There is no such page."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_template_is_the_applications() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        shop(&database).await;
        let folder = std::env::temp_dir().join(format!("powercrud-own-pages-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let template = "{% extends layout %}{% block content %}<p>{{ view.name }}</p>{% endblock %}";
        std::fs::write(folder.join("greeting.html"), template).expect("a template");
        let greet =
            async |frame: Frame| frame.render("Greeting", "greeting.html", &serde_json::json!({"name": "<b>"})).await;
        let fail = async |frame: Frame| frame.render("Greeting", "nothing.html", &()).await;
        let panics = async || -> StatusCode { panic!("in an application's page") };
        let routes = Router::new()
            .route("/", routing::get(greet))
            .route("/fails", routing::get(fail))
            .route("/panics", routing::get(panics));
        let app = builder(&database).settings(|settings| settings.templates_dir = Some(folder.clone()));
        let app = app.page(Page::new("greeting", routes)).build().await.expect("a shop");
        let mut ann = Browser::new(app.router()).with("x-user", "ann");
        ann.get("/pages/greeting").await.expect(200).holds(&["<p>&lt;b&gt;</p>", "Signed in as ann"]);
        for path in ["/pages/greeting/fails", "/pages/greeting/panics"] {
            ann.get(path).await.expect(500).holds(&["Something went wrong here"]).lacks(&["nothing.html"]);
        }
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_at_once() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        shop(&database).await;
        let built = builder(&database)
            .page(Page::new("a b", Router::new()))
            .page(Page::new("twice", Router::new()))
            .page(Page::new("twice", Router::new()))
            .page(Page::new("lost", Router::new()).resource("nothing"))
            .link(Link::new("Astray", "javascript:alert(1)"))
            .link(Link::within("Away", "https://shop.example.org"))
            .build()
            .await;
        let Err(Error::Configuration(mistakes)) = built else { panic!("it was built") };
        let parts = ["page \"a b\"", "page \"twice\"", "page \"lost\"", "link \"Astray\"", "link \"Away\""];
        assert_eq!(mistakes.len(), parts.len(), "{mistakes:#?}");
        for (mistake, part) in mistakes.iter().zip(parts) {
            assert!(mistake.starts_with(part), "{mistake}");
        }
    })
    .await;
}
