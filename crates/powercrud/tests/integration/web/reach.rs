//! What is somebody's own is reached by nobody else, whichever way they take: every address of the router and of the JSON API is tried,
//! as the router and the document of the API list them, so that a new address can't be forgotten here.

use axum::http::Method;
use powercrud::{
    PowerCrud, Resource, Selection, User,
    bulk::BulkRequest,
    task::{BulkTask, Status, store},
    token::{self, Scope},
};

use super::browser::{Answer, Browser};
use crate::{
    api::{Client, token_of},
    shop::{count, items, queue, update, work},
    support::{TestDatabase, each_database},
};

each_database! { no_address_leads_to_what_is_anothers }

/// What can be had without signing in.
const OPEN: [&str; 2] = ["/assets/{*file}", "/login"];

fn user(name: &str) -> User {
    User::new(name, name)
}

/// What ann has.
struct Anns {
    task: BulkTask,
    message: String,
    token: String,
}

impl Anns {
    /// The addresses that an address with placeholders stands for.
    fn addresses(&self, route: &str) -> Vec<String> {
        let id = match route {
            _ if route.contains("/messages/") => &self.message,
            _ if route.contains("/tokens/") => &self.token,
            _ => &self.task.id.to_string(),
        };
        let fixed = route
            .replace("{id}", id)
            .replace("{resource}", "item")
            .replace("{key}", "1")
            .replace("{field}", "status")
            .replace("{*file}", "icon.svg");
        let several = [
            ("{file}", &["succeeded.csv", "failed.csv", "failed.jsonl", "unprocessed.csv"][..]),
            ("{action}", &["cancel", "requeue", "release"]),
        ];
        for (placeholder, words) in several {
            if fixed.contains(placeholder) {
                return words.iter().map(|word| fixed.replace(placeholder, word)).collect();
            }
        }
        assert!(!fixed.contains('{'), "nothing is known to put into {route}");
        // What has to be said beside the address.
        let needed = if route.ends_with("/results") { "?outcome=failed" } else { "" };
        vec![format!("{fixed}{needed}")]
    }
}

/// What tells an operator how the process does: not about anybody.
const OPERATOR: [&str; 3] = ["/metrics", "/healthz", "/readyz"];

/// The pages' addresses, each with whether it is got and whether it is posted to.
fn pages(app: &PowerCrud) -> Vec<(String, bool, bool)> {
    let is_page = |path: &str| !path.starts_with("/api/v1") && path != "/api/openapi.json" && !OPERATOR.contains(&path);
    let routes = app.routes().into_iter().filter(|(path, _)| is_page(path)).map(|(path, methods)| {
        let has = |method: &str| methods.iter().any(|other| other == method);
        (path, has("GET"), has("POST"))
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() > 40 && routes.contains(&("/tasks/{id}".to_owned(), true, false)), "{routes:?}");
    routes
}

/// The addresses of the JSON API with their methods.
async fn endpoints(client: &Client) -> Vec<(String, Method)> {
    let document = client.get("/api/openapi.json").await.expect(200).json;
    let paths = document["paths"].as_object().expect("addresses").clone();
    let found = paths.into_iter().flat_map(|(path, operations)| {
        let methods: Vec<_> = operations.as_object().expect("operations").keys().cloned().collect();
        methods
            .into_iter()
            .map(move |method| (path.clone(), Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method")))
    });
    let found: Vec<_> = found.collect();
    assert!(found.contains(&("/api/v1/tasks/{id}/cancel".to_owned(), Method::POST)), "{found:?}");
    found
}

async fn no_address_leads_to_what_is_anothers(database: TestDatabase) {
    items(&database, 60).await;
    let app = PowerCrud::builder(database.clone())
        .resource(Resource::table("item").bulk_revert(true))
        .user(|parts| Some(user(parts.headers.get("x-user")?.to_str().ok()?)))
        .token_user(async |id: String| Some(user(&id)))
        .build()
        .await
        .expect("no mistakes");
    let ann = Client::new(app.router(), &token_of(&app, user("ann"), &[Scope::Admin]).await);
    let bob = Client::new(app.router(), &token_of(&app, user("bob"), &[Scope::Admin]).await);
    // One that has ended, of which ann was told, and one that is still to come.
    let ended = anns_task(&app, "her first").await;
    database.execute("DELETE FROM item WHERE id = 4;").await;
    let ended = work(&app, &ended).await;
    assert_eq!((ended.status, ended.failed_records), (Status::Partial, 1));
    let page = Browser::new(app.router()).with("x-user", "ann").get("/").await.expect(200);
    let (_, message) = page.text.split_once("data-seen-href=\"/messages/").expect("a toast");
    let message = message.split_once('/').expect("an address").0.to_owned();
    let token = token::list(&app, &user("ann")).await.expect("tokens")[0].id.to_string();
    let mut hers = Anns { task: ended, message, token };
    refused_by_every_address(&database, &app, &hers, &bob).await;
    reached_by_their_owner(&app, &hers, &ann).await;
    hers.task = anns_task(&app, "her second").await;
    refused_by_every_address(&database, &app, &hers, &bob).await;
    reached_by_nobody(&app, &hers).await;
}

async fn anns_task(app: &PowerCrud, note: &str) -> BulkTask {
    let request = update("item", Selection::All, [("note", Some(note))]);
    queue(app, BulkRequest { user: user("ann"), ..request }).await
}

/// Bob asks for everything, by the pages and by the API.
async fn refused_by_every_address(database: &TestDatabase, app: &PowerCrud, hers: &Anns, bob: &Client) {
    let state = async || {
        let task = store::get(app, &User::operator(), hers.task.id).await.expect("the task");
        let seen = count(database, "powercrud_message WHERE seen_at IS NOT NULL").await;
        let tokens = token::list(app, &user("ann")).await.expect("tokens");
        let revoked = tokens.iter().filter(|token| token.revoked_at.is_some()).count();
        (task, seen, revoked, count(database, "powercrud_bulk_task").await)
    };
    let before = state().await;
    let mut browser = Browser::new(app.router()).with("x-user", "bob");
    let id = hers.task.id.to_string();
    let check = |answer: &Answer, what: &str| {
        assert!(!answer.status.is_server_error(), "{what}: {}", answer.text);
        // The records are everybody's; what is said of the task is not.
        assert!(!answer.text.contains("Note → her"), "{what}: {}", answer.text);
    };
    for (route, is_got, is_posted) in pages(app) {
        for address in hers.addresses(&route) {
            if is_got {
                let answer = browser.get(&address).await;
                check(&answer, &address);
                if route.contains("{id}") {
                    assert!(matches!(answer.status.as_u16(), 403 | 404), "GET {address}: {}", answer.status);
                } else {
                    assert!(!answer.text.contains(&id), "GET {address}: {}", answer.text);
                }
                // Nor where the task is named beside the address.
                let outcomes = ["selected", "succeeded", "failed", "unprocessed"];
                let mut queries: Vec<_> = outcomes.iter().map(|outcome| format!("in_task={id}.{outcome}")).collect();
                queries.extend([format!("place=page&watch={id}"), "user=id%3Aann".to_owned(), "q=her".to_owned()]);
                for query in queries {
                    let named = format!("{address}?{query}");
                    check(&browser.get(&named).await, &named);
                }
            }
            if is_posted && route.contains("{id}") {
                let answer = browser.post(&address, "reason=because").await;
                check(&answer, &address);
                let told = route.starts_with("/messages/");
                let refused = matches!(answer.status.as_u16(), 403 | 404);
                assert!(refused || told, "POST {address}: {}", answer.status);
            }
        }
    }
    for (route, method) in endpoints(bob).await {
        for address in hers.addresses(&route) {
            if route.contains("{id}") {
                let answer = bob.send(method.clone(), &address, None).await;
                assert!(matches!(answer.status, 403 | 404), "{method} {address}: {:#}", answer.json);
            } else if method == Method::GET {
                let answer = bob.get(&address).await;
                assert!(!answer.json.to_string().contains(&id), "{method} {address}: {:#}", answer.json);
            }
        }
    }
    assert_eq!(state().await, before, "nothing of hers has changed");
}

/// The addresses that bob was refused at are those at which ann finds what is hers.
async fn reached_by_their_owner(app: &PowerCrud, hers: &Anns, ann: &Client) {
    let mut browser = Browser::new(app.router()).with("x-user", "ann");
    for (route, is_got, _) in pages(app) {
        if is_got && route.starts_with("/tasks/{id}") {
            for address in hers.addresses(&route) {
                browser.get(&address).await.expect(200);
            }
        }
    }
    for (route, method) in endpoints(ann).await {
        if method == Method::GET && route.contains("{id}") {
            for address in hers.addresses(&route) {
                let (status, _, text) = ann.text(&address).await;
                assert_eq!(status, 200, "{address}: {text}");
            }
        }
    }
}

/// Who has not signed in reaches nothing at all.
async fn reached_by_nobody(app: &PowerCrud, hers: &Anns) {
    let mut browser = Browser::new(app.router());
    let nobody = Client::nobody(app.router());
    for (route, is_got, is_posted) in pages(app) {
        if OPEN.contains(&&*route) {
            continue;
        }
        for address in hers.addresses(&route) {
            // Of an application with a login of its own these are not there.
            let there = !matches!(&*route, "/logout" | "/account");
            let expected = if there { 401 } else { 404 };
            if is_got {
                browser.get(&address).await.expect(expected);
            }
            if is_posted {
                browser.post(&address, "reason=because").await.expect(expected);
            }
        }
    }
    let someone = Client::new(app.router(), &token_of(app, user("bob"), &[Scope::Read]).await);
    for (route, method) in endpoints(&someone).await {
        for address in hers.addresses(&route) {
            nobody.send(method.clone(), &address, None).await.expect(401);
        }
    }
}
