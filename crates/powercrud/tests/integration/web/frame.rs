//! What holds for every page: links lead somewhere, wherever the router is nested; headers, assets, who asks, overridden templates.

use std::collections::BTreeSet;

use axum::Router;
use powercrud::{PowerCrud, User, worker};
use tokio_util::sync::CancellationToken;

use super::{browser::Browser, open, shop};
use crate::support::{Kind, TestDatabase, each_database, oddities, run};

each_database! { every_link_leads_to_a_page, odd_tables_have_pages }
each_database! { [sqlite] it_is_nested_in_a_router_of_any_state, many_resources_can_be_found }

/// Follows every link from the start page, three steps deep.
async fn every_link_leads_to_a_page(database: TestDatabase) {
    shop(&database).await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("a shop");
    let browser = Browser::new(Router::new().nest("/my/admin", app.router()));
    let seen = crawl(browser, "/my/admin", 3, &[]).await;
    for page in
        ["/my/admin/resources/book/records/1/edit", "/my/admin/tasks", "/my/admin/resources/book?ordering=-price"]
    {
        assert!(seen.contains(page), "nothing leads to {page}: {seen:?}");
    }
}

/// In the order that people expect, and by a box where they are many.
async fn many_resources_can_be_found(database: TestDatabase) {
    let tables: Vec<_> = (1..=20).map(|number| format!("CREATE TABLE t{number} (id INTEGER PRIMARY KEY);")).collect();
    database.execute(&tables.join(" ")).await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("tables");
    let page = Browser::new(app.router()).get("/").await.expect(200);
    let place = |name: &str| page.text.rfind(&format!("href=\"/resources/{name}\"")).expect("a link");
    assert!(place("t2") < place("t10") && place("t10") < place("t19"), "{}", page.text);
    assert_eq!(page.text.matches("data-find=").count(), 2, "in the menu and over the table: {}", page.text);
}

/// And is found with a slash at the end of its path too.
async fn it_is_nested_in_a_router_of_any_state(database: TestDatabase) {
    #[derive(Clone)]
    struct State;
    shop(&database).await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("a shop");
    for path in ["/admin", "/admin/"] {
        let mut browser = Browser::new(Router::<State>::new().merge(app.router_at(path)).with_state(State));
        browser.get("/admin").await.expect(200);
        browser.get("/admin/resources/book").await.expect(200);
        assert_eq!(browser.get("/admin/").await.expect(308).header("location"), "/admin");
        assert_eq!(browser.get("/admin/?q=1").await.expect(308).header("location"), "/admin?q=1");
    }
    let mut browser = Browser::new(Router::<State>::new().merge(app.router_at("/")).with_state(State));
    browser.get("/").await.expect(200);
}

/// Tables whose names, keys and cells are as odd as databases allow have lists, records and forms like any other.
async fn odd_tables_have_pages(database: TestDatabase) {
    let kind = database.kind;
    oddities(&database).await;
    let app = PowerCrud::builder(database).open_to_everybody().discover(true).build().await.expect("discovery");
    // A view over a table that is gone can't be read by anybody.
    let broken = if kind == Kind::Postgres { &[][..] } else { &["/resources/broken"][..] };
    let seen = crawl(Browser::new(app.router()), "/", 3, broken).await;
    assert!(seen.iter().filter(|page| page.ends_with("/edit")).count() > 10, "{seen:?}");
}

/// Follows links of our own pages and fails where one is an error.
async fn crawl(mut browser: Browser, start: &str, depth: usize, except: &[&str]) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut next = vec![start.to_owned()];
    for _ in 0..=depth {
        for path in std::mem::take(&mut next) {
            let answer = browser.get(&path).await;
            if except.iter().any(|part| path.contains(part)) {
                continue;
            }
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            for link in answer.links() {
                // `..` or an empty segment would not come back from a browser as they were sent.
                assert!(
                    link.starts_with('#') || link.starts_with('/') && !link.contains("/../") && !link.contains("//"),
                    "{path}: {link:?}"
                );
                if link.starts_with('/') && seen.len() < 400 && seen.insert(link.clone()) {
                    next.push(link);
                }
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_guarded_by_headers() {
    run(Kind::Sqlite, |database| async {
        let (_, mut browser) = open(database).await;
        for path in ["/", "/nope", "/resources/book", "/tasks"] {
            let answer = browser.get(path).await;
            assert!(answer.header("content-security-policy").contains("default-src 'self'"), "{path}");
            assert!(!answer.header("content-security-policy").contains("unsafe"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
            answer.lacks(&["<script>", " style=\"", " onclick=\"", "javascript:"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_kept_by_their_hash() {
    run(Kind::Sqlite, |database| async {
        let (_, mut browser) = open(database).await;
        let page = browser.get("/").await;
        let sheet = page.text.split('"').find(|part| part.contains("powercrud.css")).expect("a style sheet").to_owned();
        let hashed = browser.get(&sheet).await.expect(200);
        assert!(hashed.header("cache-control").contains("immutable"), "{sheet}");
        assert!(hashed.header("content-type").starts_with("text/css"));
        let stale = browser.get("/assets/powercrud.css?v=old").await.expect(200);
        assert!(!stale.header("cache-control").contains("immutable"));
        browser.get("/assets/../Cargo.toml").await.expect(404);
        browser.get("/assets/no.css").await.expect(404).holds(&["There is no such file"]);
        for script in page.text.split('"').filter(|part| part.contains(".js?v=")) {
            browser.get(script).await.expect(200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_in_plain_text() {
    run(Kind::Sqlite, |database| async {
        let (app, mut browser) = open(database).await;
        assert_eq!(browser.get("/healthz").await.expect(200).text, "ok\n");
        let told = browser.get("/readyz").await.expect(200).text;
        assert_eq!(told, "ready; no worker is alive: bulk tasks wait in the database\nbackend database: reached\n");
        let stop = CancellationToken::new();
        let working = tokio::spawn(app.worker().run(stop.clone()));
        while worker::alive(&app).await.expect("a list").is_empty() {
            tokio::task::yield_now().await;
        }
        let ready = browser.get("/readyz").await.expect(200).text;
        assert_eq!(ready, "ready\nworkers alive: 1\nbackend database: reached\n");
        stop.cancel();
        working.await.expect("no panic").expect("a worker");
    })
    .await;
}

/// The application says who asks: nobody sees nothing, and nobody sees others' tasks.
#[tokio::test(flavor = "multi_thread")]
async fn users_see_what_is_theirs() {
    run(Kind::Sqlite, |database| async {
        shop(&database).await;
        let hook = |parts: &axum::http::request::Parts| {
            let name = parts.headers.get("x-user")?.to_str().ok()?.to_owned();
            Some(User::new(&name, &name).staff(name == "staff"))
        };
        let app = PowerCrud::builder(database).discover(true).user(hook).build().await.expect("a shop");
        let nobody = Browser::new(app.router());
        for path in ["/", "/resources/book", "/tasks"] {
            nobody.clone().get(path).await.expect(401).holds(&["Not signed in"]).lacks(&["Books", "Book 01"]);
        }
        let (mut ann, mut bob, mut staff) =
            (nobody.with("x-user", "ann"), nobody.with("x-user", "bob"), nobody.with("x-user", "staff"));
        ann.post("/resources/book/selection", "action=add&key=5").await.location();
        let dialog = ann.get("/resources/book/bulk-edit").await.expect(200);
        let form = format!("change=price&set.price=1&selection={}", dialog.hidden("selection"));
        let done = ann.post("/resources/book/bulk-edit", &form).await.expect(200);
        let task = done.links().into_iter().find(|link| link.starts_with("/tasks/")).expect("a link to the task");
        ann.get(&task).await.expect(200).holds(&["Price → 1 on 1 book"]);
        staff.get(&task).await.expect(200);
        bob.get(&task).await.expect(404).lacks(&["1 book"]);
        bob.post(&format!("{task}/cancel"), "").await.expect(404);
        bob.get("/tasks").await.expect(200).lacks(&[&task]);
    })
    .await;
}

/// A folder's templates replace the built-in ones, whole or by single blocks.
#[tokio::test(flavor = "multi_thread")]
async fn templates_can_be_overridden() {
    run(Kind::Sqlite, |database| async {
        shop(&database).await;
        let folder = std::env::temp_dir().join(format!("powercrud-templates-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let list = "{% extends \"!list.html\" %}{% block list_actions %}Ours for {{ view.resource.label_plural }}{% endblock %}";
        std::fs::write(folder.join("list.html"), list).expect("a template");
        // What is set leaves the rest as it is.
        let builder = PowerCrud::builder(database).open_to_everybody().title("Our shop").discover(true);
        let app = builder.settings(|settings| settings.templates_dir = Some(folder.clone())).build().await.expect("a shop");
        let mut browser = Browser::new(app.router());
        browser.get("/resources/book").await.expect(200).holds(&["Our shop", "Ours for Books", "Book 01"]).lacks(&["New book"]);
        // One resource's own, which adds to the one for all; dialogs and records have theirs as well.
        std::fs::create_dir_all(folder.join("author")).expect("a folder");
        let own = "{% extends \"list.html\" %}{% block list_actions %}{{ super() }} and only authors{% endblock %}";
        std::fs::write(folder.join("author/list.html"), own).expect("a template");
        std::fs::write(folder.join("author/detail.html"), "{% extends \"!detail.html\" %}{% block content %}Who wrote{% endblock %}")
            .expect("a template");
        browser.get("/resources/author").await.expect(200).holds(&["Ours for Authors and only authors"]);
        browser.get("/resources/book").await.expect(200).lacks(&["only authors"]);
        browser.get("/resources/author/records/1").await.expect(200).holds(&["Who wrote"]);
        browser.get("/resources/book/records/1").await.expect(200).lacks(&["Who wrote"]);
        // What a bulk operation for the background is answered with: queued, and refused.
        let queued = "{% extends \"!async_queue_success.html\" %}{% block message %}Ours: {{ view.message }}{% endblock %}";
        std::fs::write(folder.join("async_queue_success.html"), queued).expect("a template");
        let refused = "<p>Ours: {{ view.conflict.title }}</p>";
        std::fs::write(folder.join("async_queue_failure.html"), refused).expect("a template");
        for (status, says, lacks) in [(200, "Ours: Processing 60 books", "You can go on"), (409, "Ours: Another", "Try again")] {
            browser.post("/resources/book/selection", "action=all").await.location();
            let dialog = browser.in_dialog().get("/resources/book/bulk-edit").await.expect(200);
            let form = format!("change=price&set.price={status}&selection={}", dialog.hidden("selection"));
            let answer = browser.in_dialog().post("/resources/book/bulk-edit", &form).await.expect(status);
            answer.holds(&[says]).lacks(&[lacks]);
        }
        std::fs::write(folder.join("tasks.html"), "{{ no.such.thing }}").expect("a template");
        browser.get("/tasks").await.expect(500).lacks(&["no.such.thing"]).holds(&["Something went wrong here"]);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    })
    .await;
}
